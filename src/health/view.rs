//! A cluster at one moment: what `status` judges, and what a roll decides on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kubernetes::{Budget, Node, Pod};

/// A cluster at one moment. A recorded one replays a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct View {
    /// When it was looked at.
    pub now: Timestamp,
    /// Auto Scaling groups by the name of their manifest: `spot-nodes-4x-32gb`, `control-plane-a`.
    pub groups: BTreeMap<String, Group>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// Pods, sorted by namespace and name.
    pub pods: Vec<Pod>,
    /// Budgets, sorted by namespace and name.
    pub budgets: Vec<Budget>,
    /// Why the API server gave no answer; what Kubernetes says is then as it was seen last.
    pub unreachable: Option<String>,
    /// etcd and the members around it; `None`: not asked for this time.
    pub control_plane: Option<ControlPlane>,
    /// Launches that failed within the last hour, the newest first.
    pub capacity: Vec<CapacityFailure>,
    /// What the configured probes say.
    pub probes: Vec<Probe>,
}

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Its name in AWS.
    pub auto_scaling_group: String,
    /// What its machines are.
    pub role: GroupRole,
    /// Fewest instances.
    pub min: u32,
    /// Most instances.
    pub max: u32,
    /// How many it tries to have.
    pub desired: u32,
    /// Suspended processes, such as `AZRebalance`.
    pub suspended: BTreeSet<String>,
    /// Version of the launch template that new machines get.
    pub template_version: String,
    /// Its machines by instance id.
    pub machines: BTreeMap<String, Machine>,
    /// The group that takes over when this one gets no capacity.
    pub fallback: Option<String>,
    /// Zones that it launches in.
    pub zones: BTreeSet<String>,
}

/// What the machines of a group are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupRole {
    /// One member of the control plane, by name.
    Member(String),
    /// Nodes that run pods.
    Nodes,
    /// Machines that are no nodes.
    Bastion,
}

/// A machine of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machine {
    /// `i-…`.
    pub id: String,
    /// Zone name.
    pub zone: String,
    /// Instance type.
    pub machine_type: String,
    /// Whether it was bought as spot.
    pub spot: bool,
    /// Where Auto Scaling has it.
    pub lifecycle: Lifecycle,
    /// Whether Auto Scaling holds it for healthy.
    pub healthy: bool,
    /// Version of the launch template that it was launched from, where known.
    pub template_version: Option<String>,
    /// When it was launched.
    pub launched: Option<Timestamp>,
}

/// Where Auto Scaling has a machine (Auto Scaling user guide, "Instance lifecycle").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lifecycle {
    /// It is coming.
    Pending,
    /// It counts.
    InService,
    /// It is going: terminating or being detached.
    Leaving,
    /// Somebody set it aside: standby.
    Standby,
    /// It waits in a warm pool.
    Warm,
}

/// etcd and the members around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlPlane {
    /// Members by name; those of the manifest that nobody could ask are missing in it.
    pub members: BTreeMap<String, Member>,
    /// When the newest snapshot that was read back was taken.
    pub snapshot: Option<Timestamp>,
    /// Whether `/readyz` of the API answers through its load balancer or name.
    pub ready_from_outside: bool,
}

/// A member of etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// The instance that it runs on.
    pub instance: String,
    /// Whether it answers and is in sync with the leader.
    pub healthy: bool,
    /// Whether it leads.
    pub leader: bool,
    /// Raft term: another one means another leader since.
    pub term: u64,
    /// Why it is not healthy.
    pub trouble: Option<String>,
}

impl Member {
    /// Why it is not healthy; `None`: it is.
    #[must_use]
    pub fn sickness(&self) -> Option<&str> {
        let why = || self.trouble.as_deref().unwrap_or("it is not in sync");
        (!self.healthy).then(why)
    }
}

/// A launch that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapacityFailure {
    /// When it failed.
    pub at: Timestamp,
    /// Name of the Auto Scaling group in AWS.
    pub auto_scaling_group: String,
    /// The scaling activity that tells it.
    pub activity: String,
    /// Why.
    pub reason: CapacityReason,
    /// Instance type, where the message says it.
    pub machine_type: Option<String>,
    /// Zone, where it is said.
    pub zone: Option<String>,
    /// Whether spot was asked for, where it is said.
    pub spot: Option<bool>,
    /// AWS' own words.
    pub message: String,
}

/// Why a launch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CapacityReason {
    /// AWS has none of it there now.
    NoCapacity,
    /// A quota of the account is used up: waiting does not help.
    Quota,
    /// Spot costs more than the manifests allow.
    Price,
    /// The type is not offered there.
    NotOffered,
    /// Anything else that keeps a group from launching: a bad template, no permission, no free address.
    Other,
}

/// A configured probe (`spec.rolling.gates`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// What was asked: the URL, or the query.
    pub name: String,
    /// `None`: it is green. Else why not.
    pub red: Option<String>,
    /// The groups whose rolls it holds up, by the names of their manifests; `None`: all, the control plane's too.
    #[serde(default)]
    pub groups: Option<BTreeSet<String>>,
}

impl std::fmt::Display for CapacityReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::NoCapacity => "no capacity",
            Self::Quota => "a quota is used up",
            Self::Price => "spot costs more than is allowed",
            Self::NotOffered => "not offered there",
            Self::Other => "the launch failed",
        })
    }
}

impl View {
    /// The group that takes over from a group, and its name.
    #[must_use]
    pub fn fallback_of<'view>(&'view self, group: &Group) -> Option<(&'view str, &'view Group)> {
        let (name, fallback) = self.groups.get_key_value(group.fallback.as_ref()?)?;
        Some((name, fallback))
    }

    /// The node that runs on an instance.
    #[must_use]
    pub fn node_of(&self, instance: &str) -> Option<&Node> {
        self.nodes.values().find(|node| node.instance.as_deref() == Some(instance))
    }
}

impl Group {
    /// Machines that count: in service and healthy.
    pub fn in_service(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values().filter(|it| it.lifecycle == Lifecycle::InService && it.healthy)
    }

    /// Whether a machine was launched from another version of the template than new ones are. One whose version nobody
    /// knows is not.
    #[must_use]
    pub fn is_stale(&self, machine: &Machine) -> bool {
        machine.template_version.as_ref().is_some_and(|version| *version != self.template_version)
    }
}
