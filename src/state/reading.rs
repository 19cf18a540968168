//! What one file of the branch says, whatever stands around it.
//!
//! A file is read once, however many commits leave it as it is: what it says is kept beside its bytes. A journal that
//! only grew is read from where it grew.

use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;

use super::finding::{Finding, FindingKind};
use super::journal::{Damage, Journal};
use super::layout::{self, File};
use super::record::{
    AddOnRecord, CertificateRecord, ClusterRecord, KeyRecords, LockRecord, RequestRecord, ResourceRecord, RunRecord,
};
use super::roll;
use super::{keys, secret, tree};
use crate::name::ClusterName;
use crate::resource::Address;

/// The bytes of a file at one path of one branch, and what they were read as.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    reading: OnceLock<Reading>,
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Body {}

impl Body {
    pub(super) fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { bytes, reading: OnceLock::new() })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is in the file. Always asked for the same cluster and path.
    pub(super) fn reading(&self, cluster: &ClusterName, path: &str) -> &Reading {
        self.reading.get_or_init(|| Reader::read(cluster, path, &self.bytes))
    }

    /// Uses what the file said before it became this one, if it was a journal and only grew.
    pub(super) fn follows(&self, before: &Self) {
        let Some(Reading { part: Part::Journal(run, journal), flaws }) = before.reading.get() else { return };
        if !flaws.is_empty() || self.reading.get().is_some() || !self.bytes.starts_with(&before.bytes) {
            return;
        }
        let added = &self.bytes[before.bytes.len()..];
        // Anything odd in it is told by reading all of it, with the right line.
        if secret::find(added).is_none()
            && let Ok(journal) = journal.grown(added)
            && journal.orphan_result().is_none()
        {
            let _ = self.reading.set(Reading { part: Part::Journal(run.clone(), journal), flaws: Vec::new() });
        }
    }
}

/// What is in a file, and what is wrong with it by itself. The findings have no commit yet.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) part: Part,
    pub(super) flaws: Vec<Finding>,
}

/// A file as a record.
#[derive(Debug, Default)]
pub(super) enum Part {
    /// Nothing that anybody needs, or nothing that can be used.
    #[default]
    Nothing,
    Cluster(ClusterRecord),
    Lock(LockRecord),
    Retired(std::collections::BTreeMap<Address, u32>),
    Resource(Address, Box<ResourceRecord>),
    Journal(String, Journal),
    Run(String),
    Former(String),
    Keys(KeyRecords),
    Certificate(CertificateRecord),
    Secret(String, Arc<[u8]>),
    Roll(Box<roll::Record>),
    Request(String, RequestRecord),
    AddOn(Box<AddOnRecord>),
}

impl Reading {
    /// A file that nobody needed the content of.
    pub(super) fn unread(cluster: &ClusterName, path: &str) -> Self {
        match File::of(path) {
            Some(File::Run(run)) => Self { part: Part::Run(run), flaws: Vec::new() },
            Some(_) => Self::default(),
            None => unknown(cluster, path),
        }
    }

    /// What is no plain file; git's mode says what it is.
    pub(super) fn odd(cluster: &ClusterName, path: &str, mode: &str) -> Self {
        let message = format!("not a plain file (git mode {mode})");
        Self { part: Part::Nothing, flaws: vec![flaw(cluster, FindingKind::NotAFile, path, message)] }
    }
}

/// A finding in a file.
pub(super) fn flaw(cluster: &ClusterName, kind: FindingKind, path: &str, message: String) -> Finding {
    Finding { kind, path: Some(path.to_owned()), commit: String::new(), message, repair: tree::repair(cluster, path) }
}

fn unknown(cluster: &ClusterName, path: &str) -> Reading {
    let message = String::from("windlass writes no such file");
    Reading { part: Part::Nothing, flaws: vec![flaw(cluster, FindingKind::Unknown, path, message)] }
}

struct Reader<'a> {
    cluster: &'a ClusterName,
    path: &'a str,
    flaws: Vec<Finding>,
}

impl Reader<'_> {
    fn read(cluster: &ClusterName, path: &str, content: &[u8]) -> Reading {
        let Some(file) = File::of(path) else { return unknown(cluster, path) };
        let mut reader = Reader { cluster, path, flaws: Vec::new() };
        let part = if reader.is_fit(&file, content) { reader.part(file, content) } else { Part::Nothing };
        Reading { part, flaws: reader.flaws }
    }

    /// Whether it may be looked into: secrets are sealed, and nothing else holds one.
    fn is_fit(&mut self, file: &File, content: &[u8]) -> bool {
        if matches!(file, File::Secret(_)) {
            let is_encrypted = secret::is_encrypted(content);
            if !is_encrypted {
                self.flaw(FindingKind::NotEncrypted, String::from("not age ciphertext"));
            }
            return is_encrypted;
        }
        let Some(secret::Secret { line, what }) = secret::find(content) else { return true };
        self.flaw(FindingKind::Secret, format!("line {line} holds {what}"));
        if let Some(finding) = self.flaws.last_mut() {
            finding.repair.push_str(" It stays in the history: replace that secret where it is used");
        }
        false
    }

    fn part(&mut self, file: File, content: &[u8]) -> Part {
        match file {
            File::Run(run) => {
                if let Some(record) = self.parse::<RunRecord>(content)
                    && record.run != run
                {
                    self.flaw(FindingKind::Misplaced, format!("the record of run {:?}", record.run));
                }
                Part::Run(run)
            }
            File::Format => {
                self.parse::<super::format::Format>(content);
                Part::Nothing
            }
            File::Cluster => self.cluster(content),
            File::Lock => {
                let Some(lock) = self.parse::<LockRecord>(content) else { return Part::Nothing };
                if !layout::is_id(&lock.run) {
                    self.flaw(FindingKind::Unreadable, String::from("its run is no run id"));
                }
                Part::Lock(lock)
            }
            File::Generations => self.parse(content).map_or(Part::Nothing, Part::Retired),
            File::Resource(address) => self.resource(address, content),
            File::Journal(run) => self.journal(run, content),
            File::Former(uid) => {
                if let Some(record) = self.parse::<ClusterRecord>(content)
                    && record.uid != uid
                {
                    self.flaw(FindingKind::Misplaced, String::from("the record of another uid"));
                }
                Part::Former(uid)
            }
            File::Keys => self.parse(content).map_or(Part::Nothing, Part::Keys),
            File::Certificate(authority, serial) => {
                let Some(record) = self.parse::<CertificateRecord>(content) else { return Part::Nothing };
                if (record.authority, &record.serial) != (authority, &serial) {
                    let message =
                        format!("the record of {} of the authority {}", short(&record.serial), record.authority);
                    self.flaw(FindingKind::Misplaced, message);
                }
                if let Some(message) = keys::difference(&record) {
                    self.flaw(FindingKind::Certificate, message);
                }
                Part::Certificate(record)
            }
            File::Roll => self.parse(content).map_or(Part::Nothing, |record| Part::Roll(Box::new(record))),
            File::Request(id) => self.parse(content).map_or(Part::Nothing, |request| Part::Request(id, request)),
            File::Secret(name) => Part::Secret(name, Arc::from(content)),
            File::Manifest => Part::Nothing,
            File::AddOn(name) => {
                let Some(record) = self.parse::<AddOnRecord>(content) else { return Part::Nothing };
                if record.name != name {
                    self.flaw(FindingKind::Misplaced, format!("the record of add-on {}", short(&record.name)));
                }
                Part::AddOn(Box::new(record))
            }
        }
    }

    fn cluster(&mut self, content: &[u8]) -> Part {
        let Some(record) = self.parse::<ClusterRecord>(content) else { return Part::Nothing };
        if record.name != *self.cluster {
            self.flaw(FindingKind::Misplaced, format!("the record of cluster {}", record.name));
        } else if !layout::is_id(&record.uid) {
            self.flaw(FindingKind::Unreadable, String::from("its uid is no id"));
        }
        Part::Cluster(record)
    }

    fn resource(&mut self, address: Address, content: &[u8]) -> Part {
        let Some(record) = self.parse::<ResourceRecord>(content) else { return Part::Nothing };
        if record.address != address {
            self.flaw(FindingKind::Misplaced, format!("the record of {}", record.address));
        } else if record.applied.kind() != address.kind() {
            self.flaw(FindingKind::Misplaced, format!("the record of a {}", record.applied.kind()));
        }
        Part::Resource(address, Box::new(record))
    }

    fn journal(&mut self, run: String, content: &[u8]) -> Part {
        match Journal::read(content) {
            Ok(journal) => {
                if let Some(line) = journal.orphan_result() {
                    self.flaw(FindingKind::Result, format!("line {line} is a result without an earlier intent"));
                }
                Part::Journal(run, journal)
            }
            Err(Damage { line, why }) => {
                self.flaw(FindingKind::Unreadable, format!("line {line} is no journal line: {}", short(&why)));
                Part::Nothing
            }
        }
    }

    fn parse<T: DeserializeOwned>(&mut self, content: &[u8]) -> Option<T> {
        match serde_json::from_slice(content) {
            Ok(value) => Some(value),
            Err(error) => {
                self.flaw(FindingKind::Unreadable, format!("cannot be read: {}", short(&error.to_string())));
                None
            }
        }
    }

    fn flaw(&mut self, kind: FindingKind, message: String) {
        self.flaws.push(flaw(self.cluster, kind, self.path, message));
    }
}

/// Fit for a message, whatever is in the file.
pub(super) fn short(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(intent: &str) -> String {
        format!("{intent}\n")
    }

    fn cluster() -> ClusterName {
        "prod.example".parse().expect("a name")
    }

    const PATH: &str = "journal/20261128T010203Z-abcdef.jsonl";

    #[test]
    fn a_journal_that_grew_says_what_all_of_it_says() {
        let intent =
            r#"{"intent":{"address":"vpc/main","operation":"create","generation":1,"at":"2026-11-28T01:02:03Z"}}"#;
        let result = r#"{"outcome":{"address":"vpc/main","at":"2026-11-28T01:02:03Z"}}"#;
        assert!(matches!(File::of(PATH), Some(File::Journal(_))), "the path of a journal");
        let before = Body::new(line(intent).into_bytes());
        assert!(matches!(before.reading(&cluster(), PATH).part, Part::Journal(..)), "{before:?}");
        let cases = [
            (format!("{intent}\n{result}\n"), 2, 0),
            // Not a line, a result without an intent, a secret: told with its line.
            (format!("{intent}\n{{\n"), 0, 1),
            (format!("{intent}\n{result}\n{result}\n"), 3, 1),
            (format!("{intent}\n-----BEGIN {}-----\n", "PRIVATE KEY"), 0, 1),
            // It did not grow, it changed.
            (line(result), 1, 1),
        ];
        for (text, lines, flaws) in cases {
            let whole = Body::new(text.clone().into_bytes());
            let grown = Body::new(text.clone().into_bytes());
            grown.follows(&before);
            let (whole, grown) = (whole.reading(&cluster(), PATH), grown.reading(&cluster(), PATH));
            assert_eq!(format!("{whole:?}"), format!("{grown:?}"), "{text}");
            assert_eq!(grown.flaws.len(), flaws, "{text}: {grown:?}");
            let count = if let Part::Journal(_, journal) = &grown.part { journal.lines().len() } else { 0 };
            assert_eq!(count, lines, "{text}: {grown:?}");
        }
    }
}
