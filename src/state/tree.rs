//! The files of the branch at one commit, read as records, with everything that is wrong with them.
//!
//! The same reading serves what was fetched and what is about to be pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::finding::{Finding, FindingKind};
use super::journal::Journal;
use super::reading::{self, Body, Part, Reading};
use super::record::{AddOnRecord, ResourceRecord};
use super::roll;
use super::{Records, keys, layout};
use crate::name::ClusterName;
use crate::resource::{Address, Kind};

/// A file as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Its bytes, and what they say.
    Read(Arc<Body>),
    /// It is there, and nobody needed it.
    Unread,
    /// It is a link, an executable or a submodule: git's mode.
    Odd(String),
}

/// Path → content.
pub(super) type Files = BTreeMap<String, Content>;

/// Path → new content; `None`: removed.
pub(super) type Changes = BTreeMap<String, Option<Arc<Body>>>;

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// For the reader.
    pub(super) records: Records,
    /// All journals, that of the lock's holder too.
    pub(super) journals: BTreeMap<String, Journal>,
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
            Some(content) => {
                if let Some(Content::Read(before)) = files.get(path) {
                    content.follows(before);
                }
                files.insert(path.clone(), Content::Read(Arc::clone(content)))
            }
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
    if tip.is_some() || !files.is_empty() {
        reader.whole(files);
    }
    let View { records, journals, .. } = &mut reader.view;
    let holder = records.lock.as_ref().map(|lock| lock.run.as_str());
    let open = journals.iter().filter(|(run, _)| Some(run.as_str()) != holder);
    records.open_journals = open.map(|(run, journal)| (run.clone(), journal.lines().to_vec())).collect();
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

/// Puts what the files say together.
struct Reader<'a> {
    cluster: &'a ClusterName,
    view: View,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, content: &Content) {
        let here;
        let reading = match content {
            Content::Read(body) => body.reading(self.cluster, path),
            Content::Unread => {
                here = Reading::unread(self.cluster, path);
                &here
            }
            Content::Odd(mode) => {
                here = Reading::odd(self.cluster, path, mode);
                &here
            }
        };
        self.findings.extend_from_slice(&reading.flaws);
        self.part(&reading.part);
    }

    fn part(&mut self, part: &Part) {
        let View { records, journals, runs, former } = &mut self.view;
        match part {
            Part::Nothing => {}
            Part::Cluster(record) => records.cluster = Some(record.clone()),
            Part::Lock(record) => records.lock = Some(record.clone()),
            Part::Retired(generations) => records.retired.clone_from(generations),
            Part::Resource(address, record) => {
                records.resources.insert(address.clone(), ResourceRecord::clone(record));
            }
            Part::Journal(run, journal) => {
                journals.insert(run.clone(), journal.clone());
            }
            Part::Run(run) => {
                runs.insert(run.clone());
            }
            Part::Former(uid) => {
                former.insert(uid.clone());
            }
            Part::Keys(keys) => records.keys = keys.clone(),
            Part::Certificate(record) => records.certificates.push(record.clone()),
            Part::Secret(name, ciphertext) => {
                records.secrets.insert(name.clone(), Arc::clone(ciphertext));
            }
            Part::Roll(record) => records.roll = Some(roll::Record::clone(record)),
            Part::AddOn(record) => {
                records.add_ons.insert(record.name.clone(), AddOnRecord::clone(record));
            }
            Part::Request(id, request) => {
                records.requests.insert(id.clone(), request.clone());
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
        if !files.contains_key(layout::KEYS) && !self.view.records.secrets.is_empty() {
            self.flaw(FindingKind::Missing, layout::KEYS, String::from("missing, and there are secrets"));
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
                twins.push((
                    layout::resource(address),
                    format!("has the id of {other}: {}", reading::short(&record.id)),
                ));
            }
        }
        for (path, message) in twins {
            self.flaw(FindingKind::Contradiction, &path, message);
        }
    }

    fn flaw(&mut self, kind: FindingKind, path: &str, message: String) {
        self.findings.push(reading::flaw(self.cluster, kind, path, message));
    }
}
