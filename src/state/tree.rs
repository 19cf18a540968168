//! The files of the branch at one commit, read as records, with everything that is wrong with them.
//!
//! The same reading serves what was fetched and what is about to be pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::finding::{Finding, FindingKind};
use super::layout::{self, File};
use super::record::{
    CertificateRecord, ClusterRecord, JournalLine, KeyRecords, LockRecord, RequestRecord, ResourceRecord, RunRecord,
};
use super::{Records, journal, keys, secret};
use crate::name::ClusterName;
use crate::resource::{Address, Kind};

/// A file as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Its bytes.
    Read(Arc<[u8]>),
    /// It is there, and nobody needed it.
    Unread,
    /// It is a link, an executable or a submodule: git's mode.
    Odd(String),
}

/// Path → content.
pub(super) type Files = BTreeMap<String, Content>;

/// Path → new content; `None`: removed.
pub(super) type Changes = BTreeMap<String, Option<Vec<u8>>>;

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// For the reader.
    pub(super) records: Records,
    /// All journals, that of the lock's holder too.
    pub(super) journals: BTreeMap<String, Vec<JournalLine>>,
    /// The closed runs.
    pub(super) runs: BTreeSet<String>,
    /// Uids of clusters of this name that were destroyed.
    pub(super) former: BTreeSet<String>,
}

/// The files with some changed.
pub(super) fn changed(files: &Files, changes: &Changes) -> Files {
    let mut files = files.clone();
    for (path, content) in changes {
        match content {
            Some(content) => files.insert(path.clone(), Content::Read(Arc::from(content.as_slice()))),
            None => files.remove(path),
        };
    }
    files
}

/// A record as it stands in its file: readable in a diff.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // All records are structs with string keys, which always serialize. Should one not, the empty file is refused by
    // the check that precedes every push.
    let mut content = serde_json::to_vec_pretty(value).unwrap_or_default();
    content.push(b'\n');
    content
}

/// Reads all files. The findings have no commit yet.
pub(super) fn read(cluster: &ClusterName, tip: Option<&str>, files: &Files) -> (View, Vec<Finding>) {
    let mut reader = Reader { cluster, view: View::default(), findings: Vec::new() };
    reader.view.records.tip = tip.map(str::to_owned);
    for (path, content) in files {
        reader.file(path, content);
    }
    if !files.is_empty() {
        reader.whole(files);
    }
    let View { records, journals, .. } = &mut reader.view;
    let holder = records.lock.as_ref().map(|lock| lock.run.as_str());
    records.open_journals =
        journals.iter().filter(|(run, _)| Some(run.as_str()) != holder).map(|(r, l)| (r.clone(), l.clone())).collect();
    (reader.view, reader.findings)
}

/// What is wrong with each file by itself.
pub(super) fn read_apart(cluster: &ClusterName, files: &Files) -> Vec<Finding> {
    let mut reader = Reader { cluster, view: View::default(), findings: Vec::new() };
    for (path, content) in files {
        reader.file(path, content);
    }
    reader.findings
}

/// How a file is repaired.
pub(super) fn repair(cluster: &ClusterName, path: &str) -> String {
    format!(
        "`windlass state recover {cluster} {path}` puts its last good version back, or removes it if there is \
         none."
    )
}

struct Reader<'a> {
    cluster: &'a ClusterName,
    view: View,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, content: &Content) {
        let content = match content {
            Content::Odd(mode) => {
                return self.flaw(FindingKind::NotAFile, path, format!("not a plain file (git mode {mode})"));
            }
            Content::Read(content) => Some(content.as_ref()),
            Content::Unread => None,
        };
        let Some(file) = File::of(path) else {
            return self.flaw(FindingKind::Unknown, path, String::from("windlass writes no such file"));
        };
        match (&file, content) {
            (File::Secret(_), Some(content)) if !secret::is_encrypted(content) => {
                return self.flaw(FindingKind::NotEncrypted, path, String::from("not age ciphertext"));
            }
            (File::Secret(_), _) | (_, None) => {}
            (_, Some(content)) => {
                if let Some(secret::Secret { line, what }) = secret::find(content) {
                    self.flaw(FindingKind::Secret, path, format!("line {line} holds {what}"));
                    if let Some(finding) = self.findings.last_mut() {
                        finding.repair.push_str(" It stays in the history: replace that secret where it is used");
                    }
                    return;
                }
            }
        }
        self.record(path, file, content);
    }

    fn record(&mut self, path: &str, file: File, content: Option<&[u8]>) {
        match (file, content) {
            (File::Run(run), content) => {
                if let Some(record) = content.and_then(|content| self.parse::<RunRecord>(path, content))
                    && record.run != run
                {
                    self.flaw(FindingKind::Misplaced, path, format!("the record of run {:?}", record.run));
                }
                self.view.runs.insert(run);
            }
            (File::Format, Some(content)) => {
                self.parse::<super::format::Format>(path, content);
            }
            (File::Cluster, Some(content)) => self.cluster(path, content),
            (File::Lock, Some(content)) => {
                self.view.records.lock = self.parse::<LockRecord>(path, content);
                if self.view.records.lock.as_ref().is_some_and(|lock| !layout::is_id(&lock.run)) {
                    self.flaw(FindingKind::Unreadable, path, String::from("its run is no run id"));
                }
            }
            (File::Generations, Some(content)) => {
                self.view.records.retired = self.parse::<BTreeMap<Address, u32>>(path, content).unwrap_or_default();
            }
            (File::Resource(address), Some(content)) => self.resource(path, address, content),
            (File::Journal(run), Some(content)) => self.journal(path, run, content),
            (File::Former(uid), Some(content)) => {
                if let Some(record) = self.parse::<ClusterRecord>(path, content)
                    && record.uid != uid
                {
                    self.flaw(FindingKind::Misplaced, path, String::from("the record of another uid"));
                }
                self.view.former.insert(uid);
            }
            (File::Keys, Some(content)) => {
                self.view.records.keys = self.parse::<KeyRecords>(path, content).unwrap_or_default();
            }
            (File::Certificate(authority, serial), Some(content)) => {
                let Some(record) = self.parse::<CertificateRecord>(path, content) else { return };
                if (record.authority, &record.serial) != (authority, &serial) {
                    let message =
                        format!("the record of {} of the authority {}", short(&record.serial), record.authority);
                    self.flaw(FindingKind::Misplaced, path, message);
                }
                self.view.records.certificates.push(record);
            }
            (File::Roll, Some(content)) => self.view.records.roll = self.parse(path, content),
            (File::Request(id), Some(content)) => {
                if let Some(request) = self.parse::<RequestRecord>(path, content) {
                    self.view.records.requests.insert(id, request);
                }
            }
            (File::Secret(name), Some(content)) => {
                self.view.records.secrets.insert(name, Arc::from(content));
            }
            (File::Manifest, _) | (_, None) => {}
        }
    }

    fn cluster(&mut self, path: &str, content: &[u8]) {
        let Some(record) = self.parse::<ClusterRecord>(path, content) else { return };
        if record.name != *self.cluster {
            self.flaw(FindingKind::Misplaced, path, format!("the record of cluster {}", record.name));
        } else if !layout::is_id(&record.uid) {
            self.flaw(FindingKind::Unreadable, path, String::from("its uid is no id"));
        }
        self.view.records.cluster = Some(record);
    }

    fn resource(&mut self, path: &str, address: Address, content: &[u8]) {
        let Some(record) = self.parse::<ResourceRecord>(path, content) else { return };
        if record.address != address {
            self.flaw(FindingKind::Misplaced, path, format!("the record of {}", record.address));
        } else if record.applied.kind() != address.kind() {
            self.flaw(FindingKind::Misplaced, path, format!("the record of a {}", record.applied.kind()));
        }
        self.view.records.resources.insert(address, record);
    }

    fn journal(&mut self, path: &str, run: String, content: &[u8]) {
        match journal::read(content) {
            Ok(lines) => {
                if let Some(line) = journal::orphan_result(&lines) {
                    self.flaw(FindingKind::Result, path, format!("line {line} is a result without an earlier intent"));
                }
                self.view.journals.insert(run, lines);
            }
            Err(journal::Damage { line, why }) => {
                self.flaw(FindingKind::Unreadable, path, format!("line {line} is no journal line: {}", short(&why)));
            }
        }
    }

    /// What the files say about each other.
    fn whole(&mut self, files: &Files) {
        if !files.contains_key(layout::FORMAT) {
            self.flaw(FindingKind::Missing, layout::FORMAT, String::from("missing"));
        }
        if !files.contains_key(layout::CLUSTER) && !self.view.records.resources.is_empty() {
            self.flaw(FindingKind::Missing, layout::CLUSTER, String::from("missing, and there are resources"));
        }
        let uid = self.view.records.cluster.as_ref().map(|cluster| cluster.uid.clone());
        if uid.is_some_and(|uid| self.view.former.contains(&uid)) {
            let message = String::from("has the uid of a cluster that was destroyed");
            self.flaw(FindingKind::Identity, layout::CLUSTER, message);
        }
        if let Some(lock) = self.view.records.lock.clone()
            && self.view.runs.contains(&lock.run)
        {
            let message = format!("held by run {}, which is closed", lock.run);
            self.flaw(FindingKind::Contradiction, layout::LOCK, message);
        }
        let holder = self.view.records.lock.as_ref().map(|lock| lock.run.clone());
        // A damaged lock hides its holder.
        let has_lock = holder.is_some() || !files.contains_key(layout::LOCK);
        let is_lost = |run: &&String| has_lock && holder.as_ref() != Some(*run) && !self.view.runs.contains(*run);
        let lost: Vec<String> = self.view.journals.keys().filter(is_lost).cloned().collect();
        for run in lost {
            let message = format!("a journal without a run: {run} neither holds the lock nor was closed");
            self.flaw(FindingKind::Contradiction, &layout::journal(&run), message);
        }
        self.twins();
        for flaw in keys::flaws(&self.view.records) {
            self.flaw(flaw.kind, &flaw.path, flaw.message);
        }
    }

    /// Ids that EC2 makes are one object's alone. Other kinds go by names that need a place to be unique.
    fn twins(&mut self) {
        let mut seen: BTreeMap<(Kind, String), Address> = BTreeMap::new();
        let mut twins = Vec::new();
        for (address, record) in &self.view.records.resources {
            let is_unique = matches!(
                address.kind(),
                Kind::Vpc
                    | Kind::Subnet
                    | Kind::InternetGateway
                    | Kind::ElasticIp
                    | Kind::NatGateway
                    | Kind::RouteTable
                    | Kind::SecurityGroup
                    | Kind::NetworkInterface
                    | Kind::Volume
            );
            let key = (address.kind(), record.id.clone());
            if is_unique && let Some(other) = seen.insert(key, address.clone()) {
                twins.push((layout::resource(address), format!("has the id of {other}: {}", short(&record.id))));
            }
        }
        for (path, message) in twins {
            self.flaw(FindingKind::Contradiction, &path, message);
        }
    }

    fn parse<T: DeserializeOwned>(&mut self, path: &str, content: &[u8]) -> Option<T> {
        match serde_json::from_slice(content) {
            Ok(value) => Some(value),
            Err(error) => {
                self.flaw(FindingKind::Unreadable, path, format!("cannot be read: {}", short(&error.to_string())));
                None
            }
        }
    }

    fn flaw(&mut self, kind: FindingKind, path: &str, message: String) {
        let repair = repair(self.cluster, path);
        self.findings.push(Finding { kind, path: Some(path.to_owned()), commit: String::new(), message, repair });
    }
}

/// Fit for a message, whatever is in the file.
fn short(text: &str) -> String {
    let plain: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain
}
