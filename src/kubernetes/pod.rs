//! A pod, as far as windlass is concerned with it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A pod at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pod {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `spec.nodeName`; `None`: not placed yet.
    pub node: Option<String>,
    /// `status.phase`.
    pub phase: PodPhase,
    /// The condition `Ready`.
    pub ready: bool,
    /// When its deletion was asked for, plus the grace: `metadata.deletionTimestamp`.
    pub deleted_at: Option<Timestamp>,
    /// Whether finalizers hold it.
    pub has_finalizers: bool,
    /// Why the scheduler found no place: message of the condition `PodScheduled`.
    pub unschedulable: Option<String>,
    /// The controller that replaces it; `None`: a bare pod, which nobody makes anew.
    pub controller: Option<Controller>,
    /// Whether the kubelet runs it from a file (annotation `kubernetes.io/config.mirror`): it cannot be evicted.
    pub mirror: bool,
    /// `spec.priority`.
    pub priority: i32,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// CPU requests of its containers, thousandths of a core.
    pub cpu: u64,
    /// Memory requests of its containers, bytes.
    pub memory: u64,
    /// Names of `emptyDir` (not in memory) and `hostPath` volumes, and persistent volumes bound to one node.
    pub local_volumes: Vec<String>,
    /// Host ports: another pod with one of them cannot run beside it.
    pub host_ports: Vec<u16>,
    /// Images of its containers.
    pub images: Vec<String>,
    /// Restarts of all its containers.
    pub restarts: u32,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
}

/// Who makes a pod anew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Controller {
    /// `ReplicaSet`, `StatefulSet`, `DaemonSet`, `Job`, `Node`, ….
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodPhase {
    /// Not placed, or its containers are being made.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers have ended well.
    Succeeded,
    /// A container has ended badly.
    Failed,
    /// Its node says nothing.
    Unknown,
}

impl Pod {
    /// Whether draining its node waits for it: it runs or will run there, and neither a `DaemonSet` nor the kubelet
    /// itself would make it anew on the same node (kubectl drain, `--ignore-daemonsets`).
    #[must_use]
    pub fn holds_node(&self) -> bool {
        let ended = matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed);
        !ended && !self.mirror && !self.is_daemon()
    }

    /// Whether it is one of the cluster's own: in `kube-system`.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.namespace == "kube-system"
    }

    /// Whether it should be ready and is not: it is neither over nor on its way out.
    #[must_use]
    pub const fn is_not_ready(&self) -> bool {
        let ended = matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed);
        !ended && !self.ready && !self.is_terminating()
    }

    /// Whether a `DaemonSet` made it.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.controller.as_ref().is_some_and(|it| it.kind == "DaemonSet")
    }

    /// Whether its deletion was asked for.
    #[must_use]
    pub const fn is_terminating(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// `namespace/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)
    }
}
