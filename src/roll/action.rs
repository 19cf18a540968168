//! What a roll does: each action may be repeated, and none decides anything.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::state::roll::Replace;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Switches processes of a group off, so that nothing but the roll replaces its machines.
    #[serde(rename_all = "camelCase")]
    Suspend {
        /// The group's name in the manifests.
        group: String,
        /// Such as `AZRebalance`.
        processes: BTreeSet<String>,
    },
    /// Switches them on again.
    #[serde(rename_all = "camelCase")]
    Resume {
        /// The group.
        group: String,
        /// Such as `AZRebalance`.
        processes: BTreeSet<String>,
    },
    /// Sets a group's desired size and its maximum; never makes it smaller than it is, because Auto Scaling would choose
    /// whom to terminate.
    #[serde(rename_all = "camelCase")]
    Resize {
        /// The group.
        group: String,
        /// Machines that it should have.
        desired: u32,
        /// Most machines.
        max: u32,
    },
    /// Keeps the cluster-autoscaler from removing a node, or gives it back to it.
    #[serde(rename_all = "camelCase")]
    Protect {
        /// The node's name.
        node: String,
        /// Whether it is protected from now on.
        on: bool,
    },
    /// Lets no new pods onto a node, and notes when in an annotation.
    #[serde(rename_all = "camelCase")]
    Cordon {
        /// The node's name.
        node: String,
        /// Its uid: another node of that name is left alone.
        uid: String,
    },
    /// Lets pods onto a node again.
    #[serde(rename_all = "camelCase")]
    Uncordon {
        /// The node's name.
        node: String,
        /// Its uid.
        uid: String,
    },
    /// Asks for a pod's eviction; budgets may refuse.
    #[serde(rename_all = "camelCase")]
    Evict {
        /// Its namespace.
        namespace: String,
        /// Its name.
        pod: String,
        /// Its uid: another pod of that name is left alone.
        uid: String,
        /// Where it runs.
        node: String,
    },
    /// Deletes a pod whatever its budget says: only when somebody asked for that.
    #[serde(rename_all = "camelCase")]
    DeletePod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        pod: String,
        /// Its uid.
        uid: String,
        /// Where it runs.
        node: String,
    },
    /// Terminates a machine in its group.
    #[serde(rename_all = "camelCase")]
    Terminate {
        /// The group.
        group: String,
        /// `i-…`.
        instance: String,
        /// Whether the group shrinks by it, or launches another.
        replace: Replace,
    },
    /// Deletes the node of a machine that is gone: a successor of the same name would inherit its identity.
    #[serde(rename_all = "camelCase")]
    DeleteNode {
        /// The node's name.
        node: String,
        /// Its uid.
        uid: String,
    },
    /// Takes a snapshot of etcd on a healthy member, and reads it back.
    #[serde(rename_all = "camelCase")]
    Snapshot {
        /// The member's instance.
        instance: String,
    },
    /// Hands etcd's leadership from one member to another.
    #[serde(rename_all = "camelCase")]
    MoveLeader {
        /// Who leads: name of the member.
        from: String,
        /// Who shall lead.
        to: String,
    },
}
