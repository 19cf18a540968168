//! The form of scenario files. They are written by hand, and read like a description of the cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A cluster, what runs on it, and what goes wrong when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// What it is about, for people.
    #[serde(default)]
    pub description: String,
    /// Where everything random comes from. Default: 1.
    #[serde(default = "one")]
    pub seed: u64,
    /// The cluster's name. Default: `scenario.example.com`.
    #[serde(default = "cluster")]
    pub cluster: String,
    /// Its zones, all of eu-west-3.
    #[serde(default = "zones")]
    pub zones: Vec<String>,
    /// Its version, `1.34.2`.
    #[serde(default = "version")]
    pub kubernetes: String,
    /// Version of kubelets that are stale. Default: the cluster's.
    #[serde(default)]
    pub stale_kubernetes: Option<String>,
    /// The control plane.
    #[serde(default)]
    pub control_plane: ControlPlane,
    /// Groups of nodes.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// What runs.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// The cluster-autoscaler. Default: there is none.
    #[serde(default)]
    pub autoscaler: Option<Autoscaler>,
    /// Whether Auto Scaling evens zones out. Default: it does.
    #[serde(default = "yes")]
    pub az_rebalance: bool,
    /// Whether a cloud controller deletes nodes of terminated instances. Default: there is none.
    #[serde(default)]
    pub cloud_controller: bool,
    /// What goes wrong, counted from the beginning.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// The control plane: single-machine groups `control-plane-<letter>`, one zone after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControlPlane {
    /// How many. Default: 3.
    pub members: u32,
    /// Their type. Default: `m6i.large`.
    pub machine_type: String,
    /// How many run the first version of their template.
    pub stale: Stale,
    /// Seconds from launch to Ready.
    pub boot_seconds: (i64, i64),
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self { members: 3, machine_type: "m6i.large".to_owned(), stale: Stale::Number(0), boot_seconds: boot() }
    }
}

/// How many machines run the first version of their template while the second is current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stale {
    /// So many of each group.
    Number(u32),
    /// `all`.
    Word(All),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum All {
    /// All machines.
    All,
}

impl Stale {
    /// Whether the machine of that number, from 0, is stale.
    #[must_use]
    pub const fn covers(self, number: u32) -> bool {
        match self {
            Self::Number(count) => number < count,
            Self::Word(All::All) => true,
        }
    }
}

impl Default for Stale {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// A group of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Name of its manifest.
    pub name: String,
    /// Machines at the beginning.
    pub size: u32,
    /// Fewest. Default: 0.
    #[serde(default)]
    pub min: u32,
    /// Most. Default: twice the size.
    #[serde(default)]
    pub max: Option<u32>,
    /// Instance types, the preferred one first. Default: `m6i.xlarge`.
    #[serde(default = "types")]
    pub machine_types: Vec<String>,
    /// Whether they are bought as spot.
    #[serde(default)]
    pub spot: bool,
    /// Its zones. Default: all.
    #[serde(default)]
    pub zones: Option<Vec<String>>,
    /// The group that stands in for it; its tag is `windlass.dev/fallback`.
    #[serde(default)]
    pub fallback: Option<String>,
    /// Taints, `key=value:Effect`.
    #[serde(default)]
    pub taints: Vec<String>,
    /// Labels beside `windlass.dev/group`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How many run the first version of the template.
    #[serde(default)]
    pub stale: Stale,
    /// Seconds from launch to Ready.
    #[serde(default = "boot")]
    pub boot_seconds: (i64, i64),
}

/// Something that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workload {
    /// Its name, and the value of the label `app` of its pods.
    pub name: String,
    /// Default: `default`.
    #[serde(default = "namespace")]
    pub namespace: String,
    /// What makes its pods.
    #[serde(default)]
    pub kind: Kind,
    /// Pods; of no meaning to a `DaemonSet`. Default: 1.
    #[serde(default = "pods")]
    pub replicas: u32,
    /// Requested by each pod. Default: `100m`.
    #[serde(default = "cpu")]
    pub cpu: String,
    /// Requested by each pod. Default: `128Mi`.
    #[serde(default = "memory")]
    pub memory: String,
    /// Priority of its pods.
    #[serde(default)]
    pub priority: i64,
    /// Seconds until a placed pod is Ready. Default: 5 to 20.
    #[serde(default)]
    pub start_seconds: Option<(i64, i64)>,
    /// Seconds until a deleted pod has stopped. Default: 1 to 20.
    #[serde(default)]
    pub stop_seconds: Option<(i64, i64)>,
    /// Evenly over `zone` or `hostname`, with a skew of 1.
    #[serde(default)]
    pub spread: Option<Topology>,
    /// Never two in one `zone` or on one `hostname`.
    #[serde(default)]
    pub anti_affinity: Option<Topology>,
    /// Labels that its nodes must have.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// As in Kubernetes.
    #[serde(default)]
    pub tolerations: Vec<Value>,
    /// Its disruption budget. Default: none.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// A finalizer of its pods, which nobody takes off.
    #[serde(default)]
    pub finalizer: Option<String>,
}

/// What makes pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// Interchangeable pods.
    #[default]
    Deployment,
    /// Pods with names.
    StatefulSet,
    /// One pod on each node.
    DaemonSet,
    /// Pods that end.
    Job,
    /// Pods that nobody makes anew.
    Pod,
}

/// A topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Topology {
    /// `topology.kubernetes.io/zone`.
    Zone,
    /// `kubernetes.io/hostname`.
    Hostname,
}

impl Topology {
    /// The label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Zone => "topology.kubernetes.io/zone",
            Self::Hostname => "kubernetes.io/hostname",
        }
    }
}

/// A disruption budget: one of both, a number or a share such as `10%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// Pods that stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<Value>,
    /// Pods that may be away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<Value>,
}

/// The cluster-autoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Autoscaler {
    /// Groups in the order in which they are raised, as names with `*` and `?`; others come last.
    #[serde(default)]
    pub priorities: Vec<String>,
    /// Whether it removes nodes that are hardly used. Default: it does.
    #[serde(default = "yes")]
    pub scale_down: bool,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// When, counted from the beginning: `90s`, `5m`, `1h`.
    #[serde(default, deserialize_with = "seconds")]
    pub at: i64,
    /// What: exactly one.
    #[serde(flatten)]
    pub what: What,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum What {
    /// EC2 takes spot instances back, two minutes after it said so.
    Reclaim {
        /// The group.
        group: String,
        /// How many.
        count: u32,
    },
    /// Hardware fails below instances: they are terminated.
    Terminate {
        /// The group.
        group: String,
        /// How many.
        count: u32,
    },
    /// There is no capacity, or little.
    Capacity {
        /// Instance type with `*` and `?`.
        #[serde(default = "any")]
        machine_type: String,
        /// Zone with `*` and `?`.
        #[serde(default = "any")]
        zone: String,
        /// Only spot (true), only on demand (false), or both.
        #[serde(default)]
        spot: Option<bool>,
        /// So many instances at most; those that run count. Default: none.
        #[serde(default)]
        at_most: u32,
        /// For how long.
        #[serde(rename = "for", deserialize_with = "seconds")]
        seconds: i64,
    },
    /// The API server does not answer.
    ApiDown {
        /// For how long.
        #[serde(rename = "for", deserialize_with = "seconds")]
        seconds: i64,
    },
    /// The next machines of a group do not become Ready.
    NodeNeverReady {
        /// The group.
        group: String,
        /// How many.
        count: u32,
    },
    /// Kubelets of Ready nodes stop.
    KubeletStops {
        /// The group.
        group: String,
        /// How many.
        count: u32,
        /// For how long.
        #[serde(rename = "for", deserialize_with = "seconds")]
        seconds: i64,
    },
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let read = match &value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            let (number, unit) = text.split_at(end);
            let factor = match unit {
                "" | "s" => Some(1),
                "m" => Some(60),
                "h" => Some(3600),
                _ => None,
            };
            factor.and_then(|factor: i64| number.parse::<i64>().ok()?.checked_mul(factor))
        }
        _ => None,
    };
    read.ok_or_else(|| serde::de::Error::custom(format!("{value} is no duration such as 90s, 5m or 1h")))
}

fn any() -> String {
    "*".to_owned()
}

const fn one() -> u64 {
    1
}

const fn pods() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

/// One to two minutes: what a baked image takes.
const fn boot() -> (i64, i64) {
    (60, 120)
}

fn cluster() -> String {
    "scenario.example.com".to_owned()
}

fn zones() -> Vec<String> {
    ["a", "b", "c"].iter().map(|letter| format!("eu-west-3{letter}")).collect()
}

fn version() -> String {
    "1.34.2".to_owned()
}

fn types() -> Vec<String> {
    vec!["m6i.xlarge".to_owned()]
}

fn namespace() -> String {
    "default".to_owned()
}

fn cpu() -> String {
    "100m".to_owned()
}

fn memory() -> String {
    "128Mi".to_owned()
}
