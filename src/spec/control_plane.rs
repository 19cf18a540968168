//! The control plane: its members, their machines and disks, etcd.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::image::Image;
use super::user_data::UserData;
use super::value::{Duration, MachineType, MemberName, SecurityGroupId, SubnetName};
use super::volume::Volume;

/// The members that run etcd and the API servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlPlane {
    /// 1, 3 or 5, each in an own subnet: etcd needs a majority.
    pub members: Vec<Member>,
    /// Instance type of the members, such as `m6i.large`.
    pub machine_type: MachineType,
    /// Machine image of the members, and of every node group that names none.
    pub image: Image,
    /// Their disks.
    #[serde(default)]
    pub volumes: ControlPlaneVolumes,
    /// Settings of etcd.
    #[serde(default)]
    pub etcd: Etcd,
    /// Labels of the members' nodes, beside Kubernetes' own.
    #[serde(default)]
    pub node_labels: BTreeMap<String, String>,
    /// Existing security groups for the members, beside the cluster's own.
    #[serde(default)]
    pub additional_security_groups: Vec<SecurityGroupId>,
    /// Tags on the members' instances and volumes, beside the cluster's.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Scripts around the bootstrap.
    #[serde(default)]
    pub user_data: UserData,
    /// CloudWatch measures every minute instead of every five (paid). Default: false.
    #[serde(default)]
    pub detailed_instance_monitoring: bool,
}

/// One member: a fixed address, a fixed volume, and a group of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Unique; it never changes, because the volume belongs to it.
    pub name: MemberName,
    /// The subnet, by name.
    pub subnet: SubnetName,
    /// Private address in the subnet. Default: AWS chooses once, and the member keeps it.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
}

/// The disks of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControlPlaneVolumes {
    /// The root disk, new with every instance. Default: 50 GiB of `gp3`.
    pub root: Volume,
    /// etcd's data, which outlives instances. Default: 20 GiB of `gp3`.
    pub etcd: Volume,
}

impl Default for ControlPlaneVolumes {
    fn default() -> Self {
        Self { root: Volume::gp3(50), etcd: Volume::gp3(20) }
    }
}

/// Settings of etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Etcd {
    /// Milliseconds between heartbeats of the leader. Default: 100 (etcd's own; zones of a region are 1–2 ms apart).
    pub heartbeat_interval: u32,
    /// Milliseconds without heartbeat until an election, at least 5 heartbeats. Default: 1000 (etcd's own).
    pub election_timeout: u32,
    /// GiB at which etcd refuses writes, 1 to 8 (etcd documentation, "System limits"). Default: 8.
    #[serde(rename = "quotaBackendGB")]
    pub quota_backend_gb: u32,
    /// How much history is kept. Default: `8h`.
    pub auto_compaction_retention: Duration,
    /// Flags that have no field here: name without dashes → value.
    pub extra_args: BTreeMap<String, String>,
}

impl Default for Etcd {
    fn default() -> Self {
        Self {
            heartbeat_interval: 100,
            election_timeout: 1000,
            quota_backend_gb: 8,
            auto_compaction_retention: Duration::hours(8),
            extra_args: BTreeMap::new(),
        }
    }
}
