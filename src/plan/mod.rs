//! Desired × observed × recorded → [`Plan`]: a value that leaves nothing to decide. It is shown, checked by guards,
//! saved and applied as it is. Nothing here calls anything.

mod refusal;

pub use refusal::Refusal;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::ClusterName;
use crate::resource::{Address, Found, Resource};

/// What will happen to one cluster, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Version of this format: 1.
    pub version: u32,
    /// The cluster.
    pub cluster: ClusterName,
    /// Account id.
    pub account: String,
    /// Region name.
    pub region: String,
    /// The cluster's 128-bit id in hexadecimal; `None` before the first apply.
    pub uid: Option<String>,
    /// Whether this plan creates and updates, or tears down.
    pub purpose: Purpose,
    /// What the plan was made from; a saved plan is stale when it is no longer so.
    pub basis: Basis,
    /// All changes; deletes first, then replacements, changes, creates, adoptions, each sorted by address.
    pub changes: Vec<Change>,
    /// The operations in waves: all of a wave may run at the same time, after those of the waves before it.
    pub waves: Vec<Vec<Operation>>,
    /// Somebody changed AWS by hand: fields whose observed value is not the one that was last applied.
    pub drift: Vec<Drift>,
}

/// Why a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// Reach what the manifests say.
    Apply,
    /// Tear the cluster down.
    Destroy,
}

/// What a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Basis {
    /// Commit of the configuration, with `-dirty` when the checkout had changes; `None` outside a git checkout.
    pub config: Option<String>,
    /// Digest of the desired resources (SHA-256, hexadecimal).
    pub desired: String,
    /// Digest of what was observed.
    pub observed: String,
    /// Tip of the state branch; `None` before the first apply.
    pub state: Option<String>,
}

/// What happens to one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// Which.
    pub address: Address,
    /// What.
    pub action: Action,
    /// The fields that differ, by path; empty for deletes and adoptions.
    pub fields: Vec<FieldChange>,
    /// Why, where the fields do not say it: `no longer in the manifests`, `vpc/main is replaced`, `duplicate of …`.
    pub reason: Option<String>,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Deletes it.
    Delete,
    /// Deletes it and makes it anew.
    Replace,
    /// Changes it in place.
    Update,
    /// Makes it.
    Create,
    /// It exists with our tags but is not in the records (a crash, lost state): writes the record, calls nothing.
    Adopt,
    /// It is in the records but no longer exists and is no longer wanted: drops the record, calls nothing.
    Forget,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldChange {
    /// Dotted path with indexes: `routes[0].target`, `tags.Name`.
    pub path: String,
    /// Observed value; `None`: absent.
    pub before: Option<Value>,
    /// Desired value; `None`: removed.
    pub after: Option<Value>,
    /// Whether this field forces the replacement.
    pub forces_replacement: bool,
    /// Why it differs.
    pub cause: Cause,
}

/// Why a field differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// git moved on: the desired value is not the one that was last applied.
    Pending,
    /// Somebody changed AWS: the observed value is not the one that was last applied.
    Drift,
    /// Both.
    Both,
}

/// A resource that somebody changed by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// Which.
    pub address: Address,
    /// Whether it vanished altogether.
    pub vanished: bool,
    /// What differs from what was last applied.
    pub fields: Vec<DriftedField>,
}

/// One field that somebody changed by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DriftedField {
    /// As in [`FieldChange::path`].
    pub path: String,
    /// Last applied value; `None`: it was absent.
    pub applied: Option<Value>,
    /// Observed value; `None`: absent.
    pub observed: Option<Value>,
}

/// One thing to do, complete: apply looks nothing up and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// Which.
    pub address: Address,
    /// What to do.
    pub act: Act,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Act {
    /// Makes it, with this generation in its tags and its client token.
    #[serde(rename_all = "camelCase")]
    Create {
        /// What to make.
        resource: Box<Resource>,
        /// 1 for the first; raised by every replacement.
        generation: u32,
    },
    /// Changes it in place.
    #[serde(rename_all = "camelCase")]
    Update {
        /// What is there.
        found: Box<Found>,
        /// What it becomes.
        resource: Box<Resource>,
    },
    /// Deletes it, and drops its record.
    #[serde(rename_all = "camelCase")]
    Delete {
        /// What is there.
        found: Box<Found>,
    },
    /// Deletes a duplicate of the address, or an object of an older generation; the address's record stays.
    #[serde(rename_all = "camelCase")]
    Discard {
        /// What is there.
        found: Box<Found>,
    },
    /// Writes the record of what exists.
    #[serde(rename_all = "camelCase")]
    Adopt {
        /// What is there.
        found: Box<Found>,
        /// What to record as applied: the desired resource, which the found one equals.
        resource: Box<Resource>,
    },
    /// Drops the record of what no longer exists.
    Forget,
}
