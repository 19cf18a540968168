//! A node, as far as windlass is concerned with it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A node at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: another one under the same name is another node.
    pub uid: String,
    /// EC2 instance id, out of `spec.providerID` (`aws:///<zone>/<instance>`); `None` while nobody has said it.
    pub instance: Option<String>,
    /// Value of `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
    /// The condition `Ready`.
    pub ready: Ready,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// Whether it has the label `node-role.kubernetes.io/control-plane`.
    pub control_plane: bool,
    /// `status.nodeInfo.kubeletVersion`, as `v1.34.2`.
    pub kubelet_version: String,
    /// Allocatable CPU, thousandths of a core.
    pub cpu: u64,
    /// Allocatable memory, bytes.
    pub memory: u64,
    /// Most pods that may run on it.
    pub pods: u32,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations` that begin with `windlass.dev/` or `cluster-autoscaler.kubernetes.io/`.
    pub annotations: BTreeMap<String, String>,
    /// Taints as `key=value:Effect`.
    pub taints: Vec<String>,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
}

/// The condition `Ready` of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ready {
    /// Since then.
    Yes(Timestamp),
    /// The kubelet says no: its reason and message.
    No(String),
    /// The kubelet says nothing any more (`Unknown`), or has said nothing yet.
    Unknown,
}

impl Node {
    /// Whether the kubelet says that it can run pods.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.ready, Ready::Yes(_))
    }

    /// Whether new pods may be placed on it: ready and not cordoned.
    #[must_use]
    pub const fn is_schedulable(&self) -> bool {
        self.is_ready() && !self.unschedulable
    }
}
