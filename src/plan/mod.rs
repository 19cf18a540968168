//! Desired × observed × recorded → [`Plan`]: a value that leaves nothing to decide. It is shown, checked by guards,
//! saved and applied as it is. Nothing here calls anything.

mod add_on;
mod cascade;
mod chosen;
mod claims;
mod decide;
pub mod difference;
mod digest;
mod forced;
mod guard;
mod implied;
mod intents;
mod lent;
mod make;
mod order;
mod ours;
mod refusal;
mod rolls;
mod saved;
mod shared;
#[cfg(test)]
mod tests;
mod world;

pub use add_on::{AddOnChange, AddOns};
pub use guard::{Guards, Protection};
pub use intents::begun;
pub use make::plan;
pub use refusal::Refusal;
pub use rolls::Outdated;
pub use saved::{Staleness, VERSION};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::ClusterName;
use crate::resource::{Address, Found, Observed, Resource};
use crate::state::Records;

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The cluster.
    pub cluster: &'a ClusterName,
    /// Account id of the credentials, 12 digits.
    pub account: &'a str,
    /// Region that the calls go to.
    pub region: &'a str,
    /// The cluster's uid; `None` before the first apply, when nothing observed can be ours.
    pub uid: Option<&'a str>,
    /// Why the plan is made.
    pub purpose: Purpose,
    /// What should exist; empty for a destroy.
    pub desired: &'a BTreeMap<Address, Resource>,
    /// What exists.
    pub observed: &'a Observed,
    /// What the state branch says.
    pub records: &'a Records,
    /// Commit of the configuration, see [`Basis::config`].
    pub config: Option<&'a str>,
}

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
    /// Machines that a roll has to replace, now or once this plan is applied; nothing here replaces them.
    #[serde(default)]
    pub rolls: Vec<Outdated>,
    /// What changes inside the cluster; looked at apart from AWS.
    #[serde(default)]
    pub add_ons: AddOns,
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
    /// The fields that differ, by path; those of a new resource for creates, none for deletes and adoptions.
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
    /// Dotted path: `tags.Name`, `tags["kubernetes.io/role/elb"]`. Elements of a list by what they are for, where they
    /// have a key (`routes[0.0.0.0/0].target`, `blockDevices[/dev/xvda].size`), else by index in their own side.
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

/// How many changes of each kind a plan has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// New.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Deleted and made anew.
    pub replace: usize,
    /// Deleted.
    pub delete: usize,
    /// Records written for what exists.
    pub adopt: usize,
    /// Records dropped of what no longer exists.
    pub forget: usize,
}

impl Counts {
    /// Deletes and replacements: what guards and prompts count.
    #[must_use]
    pub const fn destructive(&self) -> usize {
        self.replace + self.delete
    }

    /// Whether AWS will be asked to change anything.
    #[must_use]
    pub const fn changes_aws(&self) -> bool {
        self.create + self.update + self.replace + self.delete > 0
    }
}

impl Plan {
    /// How many changes of each kind there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            *match change.action {
                Action::Delete => &mut counts.delete,
                Action::Replace => &mut counts.replace,
                Action::Update => &mut counts.update,
                Action::Create => &mut counts.create,
                Action::Adopt => &mut counts.adopt,
                Action::Forget => &mut counts.forget,
            } += 1;
        }
        counts
    }

    /// The same plan without the changes of other addresses. What stays must not wait for what goes.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&Address) -> bool) -> Self {
        self.changes.retain(|change| keep(&change.address));
        self.drift.retain(|drift| keep(&drift.address));
        self.rolls.retain(|roll| keep(&roll.group));
        for wave in &mut self.waves {
            wave.retain(|operation| keep(&operation.address));
        }
        self.waves.retain(|wave| !wave.is_empty());
        self
    }

    /// Whether there is nothing to do, neither in AWS nor in the cluster nor in the records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.add_ons.is_empty()
    }

    /// Whether AWS or the cluster will be asked to change anything.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        self.counts().changes_aws() || !self.add_ons.changes.is_empty()
    }
}
