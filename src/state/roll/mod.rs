//! The record of a roll: what it must remember beside what it sees: one file on the state branch, written before what it announces is done.

mod memory;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use memory::{Lacking, LeaderSeen, MemberInWork, Memory, Replace, RestartsSeen, Termination};

/// `roll.json`: a roll that is not at its end. What can be seen in the cluster is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Id of the run that began it.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// Who began it: `user@host`.
    pub by: String,
    /// Whether it goes on.
    pub state: State,
    /// What is rolled, by the name of its manifest.
    pub groups: BTreeSet<String>,
    /// Instance ids that are replaced although their template is the newest.
    pub forced: BTreeSet<String>,
    /// Whether budgets are overridden after the drain timeout: somebody asked for it.
    pub ignore_budgets: bool,
    /// How the cluster was before: what is no worse than that is no fault of the roll.
    pub baseline: Baseline,
    /// Processes that the roll has switched off: group → names.
    pub suspended: BTreeMap<String, BTreeSet<String>>,
    /// Groups that are larger than they should be, for the time of the roll.
    pub surged: BTreeMap<String, Surge>,
    /// Fallback groups that stand in: fallback → for whom, and by how many.
    pub raised: BTreeMap<String, Raise>,
    /// Groups whose canary has come up.
    pub canaries: BTreeSet<String>,
    /// Since when a gate that concerns all has been red.
    pub red_since: Option<Timestamp>,
    /// Since when gates of single groups have been red, by group.
    #[serde(default)]
    pub red_groups: BTreeMap<String, Timestamp>,
    /// What was done so far, over all its runs.
    pub done: Done,
    /// What `decide` keeps for itself between two looks.
    #[serde(default)]
    pub memory: Memory,
}

impl Record {
    /// A roll that begins now.
    #[must_use]
    pub fn new(id: &str, started: Timestamp, by: &str, groups: BTreeSet<String>) -> Self {
        Self {
            id: id.to_owned(),
            started,
            by: by.to_owned(),
            state: State::Running,
            groups,
            forced: BTreeSet::new(),
            ignore_budgets: false,
            baseline: Baseline::default(),
            suspended: BTreeMap::new(),
            surged: BTreeMap::new(),
            raised: BTreeMap::new(),
            canaries: BTreeSet::new(),
            red_since: None,
            red_groups: BTreeMap::new(),
            done: Done::default(),
            memory: Memory::default(),
        }
    }

    /// The same with what was asked for, and how the cluster is.
    #[must_use]
    pub fn with(self, forced: BTreeSet<String>, ignore_budgets: bool, baseline: Baseline) -> Self {
        Self { forced, ignore_budgets, baseline, ..self }
    }
}

/// Whether a roll goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Yes.
    Running,
    /// Not before somebody says so: who paused it, when.
    #[serde(rename_all = "camelCase")]
    Paused {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// It is being undone: what is not drained stays, what was switched off is switched on.
    #[serde(rename_all = "camelCase")]
    Aborting {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// How a cluster was before a roll.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Baseline {
    /// Pods for which there was no place.
    pub pending: u32,
    /// Pods of kube-system that were not ready, by controller or name.
    pub not_ready: BTreeSet<String>,
    /// Restarts of containers in kube-system.
    pub restarts: u32,
}

/// A group that is larger than it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Surge {
    /// By how many machines its desired size was raised and has not fallen yet.
    pub by: u32,
    /// Its maximum before.
    pub max_before: u32,
    /// Its desired size before: whether the larger one was set at all is seen, not assumed.
    pub size_before: u32,
}

/// A fallback group that stands in for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Raise {
    /// The group that gets no capacity.
    pub instead_of: String,
    /// By how many machines.
    pub by: u32,
    /// Its desired size before: whether the larger one was set at all is seen, not assumed.
    pub size_before: u32,
    /// Since when.
    pub since: Timestamp,
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Done {
    /// Machines that the roll terminated.
    pub replaced: u32,
    /// Stale machines that went without the roll: reclaimed, scaled in, terminated by hand.
    pub gone_otherwise: u32,
    /// Pods evicted.
    pub evicted: u32,
    /// Times that a drain was held by a budget for its whole timeout.
    pub blocked: u32,
    /// Times that a fallback group was raised.
    pub fallbacks: u32,
}
