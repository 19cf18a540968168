//! What the state branch holds: one small file per record, so that a diff is readable. Every format is versioned by
//! `format.json` of the branch.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::ClusterName;
use crate::pki::AuthorityName;
pub use crate::pki::KeyPhase;
use crate::resource::{Address, Attributes, Resource};

/// `cluster.json`: identity, and what was last applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterRecord {
    /// The cluster's name.
    pub name: ClusterName,
    /// 128 bits in hexadecimal, made once; never changes.
    pub uid: String,
    /// Account id; never changes.
    pub account: String,
    /// Region; never changes.
    pub region: String,
    /// Commit of the configuration that was last applied.
    pub config: Option<String>,
    /// Digest of the plan that was last applied.
    pub plan: Option<String>,
}

/// `lock.json`: present = held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockRecord {
    /// Grows by one with every acquire and steal.
    pub epoch: u64,
    /// The run that holds it.
    pub run: String,
    /// `user@host pid 1234`.
    pub holder: String,
    /// `apply`, `destroy`, ….
    pub operation: String,
    /// When it was acquired.
    pub started: Timestamp,
    /// Seconds that the lease lasts after the last push.
    pub ttl: u32,
    /// Counts the pushes of this holder.
    pub beat: u64,
}

/// `resources/<address>.json`: one live object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceRecord {
    /// Which.
    pub address: Address,
    /// The AWS id, ARN or name.
    pub id: String,
    /// Raised by every replacement.
    pub generation: u32,
    /// The client token that made it; `None` for kinds without one.
    pub token: Option<String>,
    /// What was applied: tells drift (AWS moved) from pending changes (git moved).
    pub applied: Resource,
    /// Facts that others need.
    pub attributes: Attributes,
    /// The run that wrote this.
    pub run: String,
    /// When it was made, if this record was written then: for a minute AWS may not show it, and that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// It was made or changed, and nobody has seen it ready since: the next apply waits for it, whoever made it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settling: bool,
}

/// `certs/<authority>/<serial>.json`: one certificate that was issued, public. It stays until it has expired, whether
/// it is still in use or not: until then it opens doors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateRecord {
    /// Who signed it; an authority's own: which it is.
    pub authority: AuthorityName,
    /// Which of the authority's keys signed it.
    pub revision: u32,
    /// Lowercase hexadecimal.
    pub serial: String,
    /// The certificate.
    pub pem: String,
    /// Its first moment, as read back from it.
    pub not_before: Timestamp,
    /// Its last moment, as read back from it.
    pub not_after: Timestamp,
    /// What it is for.
    pub role: CertificateRole,
    /// The run that issued it.
    pub run: String,
}

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateRole {
    /// It signs others.
    #[serde(rename_all = "camelCase")]
    Authority {
        /// Where it is in its life.
        phase: KeyPhase,
    },
    /// It identifies a person who may do everything, in an emergency.
    #[serde(rename_all = "camelCase")]
    Person {
        /// Who.
        name: String,
    },
    /// It identifies a component.
    #[serde(rename_all = "camelCase")]
    Leaf {
        /// The parameter that it was written to.
        address: Address,
    },
}

/// `keys.json`: the keys that are no certificates, and for whom each secret is sealed. Nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KeyRecords {
    /// Keys that sign service-account tokens, by revision.
    pub service_account: BTreeMap<u32, PublicKeyRecord>,
    /// Keys that encrypt etcd's content, by revision.
    pub encryption: BTreeMap<u32, KeyPhase>,
    /// Name of a secret (the file's name without `.age`) → the age recipients that it is sealed for, sorted.
    pub sealed: BTreeMap<String, Vec<String>>,
    /// Names of secrets that nobody has any more: their keys sign nothing, and wait to be replaced.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<String>,
}

/// The public half of a key pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublicKeyRecord {
    /// Where it is in its life.
    pub phase: KeyPhase,
    /// PEM.
    pub pem: String,
}

/// `requests/<id>.json`: what somebody asks of the run that holds the lock, from another terminal. The holder answers by
/// doing it and dropping the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestRecord {
    /// What is asked for.
    pub what: Asked,
    /// Who asks: `user@host`.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What may be asked of a run that holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// Begin nothing new, and end.
    Pause,
    /// Put back what can be put back, and end.
    Abort,
}

/// A line of `journal/<run>.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum JournalLine {
    /// Something is about to be done.
    Intent(Intent),
    /// It was done.
    Outcome(Outcome),
}

/// What recovery needs to ask AWS, without any result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Intent {
    /// Which.
    pub address: Address,
    /// What.
    pub operation: IntentKind,
    /// For creates: goes into the tags and the token.
    pub generation: u32,
    /// The client token of a create.
    pub token: Option<String>,
    /// The id of an update or a delete.
    pub id: Option<String>,
    /// What a create or an update makes of it.
    pub resource: Option<Resource>,
    /// When it was written; when its run has ended without a result, that end.
    pub at: Timestamp,
}

/// What an intent is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IntentKind {
    /// Makes it.
    Create,
    /// Changes it.
    Update,
    /// Deletes it.
    Delete,
    /// Records what exists; calls nothing.
    Adopt,
    /// Drops the record of what no longer exists; calls nothing.
    Forget,
}

/// What came of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// Which.
    pub address: Address,
    /// The record to write; `None`: it is gone, drop the record.
    pub record: Option<ResourceRecord>,
    /// When it was done.
    pub at: Timestamp,
}

/// `runs/<run>.json`: who did what, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRecord {
    /// The run's id: sorts by time.
    pub run: String,
    /// The lock's epoch.
    pub epoch: u64,
    /// `apply`, `destroy`, ….
    pub operation: String,
    /// `user@host`.
    pub actor: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Commit of the configuration.
    pub config: Option<String>,
    /// Digest of the plan.
    pub plan: Option<String>,
    /// How it ended.
    pub result: RunResult,
    /// How many of each action were done: `create` → 61.
    pub counts: BTreeMap<String, u64>,
    /// What failed, if anything did.
    pub error: Option<String>,
}

/// `addons/<name>.json`: an add-on as it was applied last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddOnRecord {
    /// Its name.
    pub name: String,
    /// Its objects as they were rendered, in the order in which they are applied.
    pub objects: Vec<serde_json::Value>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunResult {
    /// Everything was done.
    Done,
    /// An error stopped it.
    Failed,
    /// It was interrupted.
    Interrupted,
    /// It died; the next run closed its journal.
    Abandoned,
}

impl JournalLine {
    /// The intent, if the line is one.
    #[must_use]
    pub const fn intent(&self) -> Option<&Intent> {
        match self {
            Self::Intent(intent) => Some(intent),
            Self::Outcome(_) => None,
        }
    }
}
