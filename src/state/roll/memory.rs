//! What a decision keeps for the next one: facts that the cluster does not tell, or not any more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What `decide` keeps for itself between two looks. Nobody else writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Memory {
    /// Stale machines seen: instance ids. One that is missing later is gone, whoever did it.
    pub stale: BTreeSet<String>,
    /// Machines whose termination was asked for, by instance id, until they are gone.
    pub terminated: BTreeMap<String, Termination>,
    /// Machines that are gone and whose node is still there: instance ids.
    pub gone: BTreeSet<String>,
    /// New machines seen: instance ids. The node of one that is missing later is deleted too.
    pub fresh: BTreeSet<String>,
    /// New machines whose node was Ready once: instance ids.
    pub joined: BTreeSet<String>,
    /// Nodes that are protected from the cluster-autoscaler for the time of the roll.
    pub protected: BTreeSet<String>,
    /// Machines with which surge or a fallback is given back: instance ids.
    pub shrinking: BTreeSet<String>,
    /// Since when nodes are drained that somebody else has cordoned: instance ids.
    pub foreign: BTreeMap<String, Timestamp>,
    /// Machines whose drain was held for its whole timeout: each counts once.
    pub blocked: BTreeSet<String>,
    /// Since when a group has been short of machines because launches fail.
    pub short_since: BTreeMap<String, Timestamp>,
    /// Groups that lack machines, and how many they had since when: launches that neither come nor fail are no progress for
    /// ever.
    #[serde(default)]
    pub lacking: BTreeMap<String, Lacking>,
    /// The member of the control plane in work.
    pub member: Option<MemberInWork>,
    /// Who leads etcd, and since when that was seen.
    pub leader: Option<LeaderSeen>,
    /// Restarts in kube-system, and when they last rose.
    pub restarts: Option<RestartsSeen>,
    /// Whether it is being stopped: what was switched off is switched on, and nothing is switched off again.
    pub stopping: bool,
    /// Since when nothing has been under way although something is left to do.
    pub idle_since: Option<Timestamp>,
}

/// A termination that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Termination {
    /// The group.
    pub group: String,
    /// What the group does.
    pub replace: Replace,
    /// When it was asked for last.
    pub at: Timestamp,
}

/// What a group does when a machine of it is terminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Replace {
    /// It launches another one.
    Launch,
    /// Its desired size falls by one.
    Shrink,
}

/// The one member of the control plane that is being replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberInWork {
    /// Its group.
    pub group: String,
    /// Its name in etcd.
    pub member: String,
    /// The machine that goes.
    pub instance: String,
    /// Uid of the node that goes, if there was one.
    pub node_uid: Option<String>,
    /// Since when; from its termination on, since that.
    pub since: Timestamp,
    /// Since when everything but the leader's patience is well again.
    pub back: Option<Timestamp>,
}

/// Who leads etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeaderSeen {
    /// The member's name.
    pub member: String,
    /// Raft term.
    pub term: u64,
    /// Since when it was seen to lead in that term.
    pub since: Timestamp,
}

/// Restarts in kube-system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestartsSeen {
    /// How many, over the pods that are older than the roll.
    pub count: u32,
    /// When they last rose.
    pub rose: Option<Timestamp>,
}

/// A group that lacks machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lacking {
    /// How many are there.
    pub present: u32,
    /// Since when it is no more than that.
    pub since: Timestamp,
}
