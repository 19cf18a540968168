//! The `NodeGroup` document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::image::Image;
use super::kubelet::Kubelet;
use super::metadata::{ApiVersion, NodeGroupKind, NodeGroupMetadata};
use super::rolling::Rolling;
use super::scaling::{MixedInstances, ScalingProcess, Schedule, WarmPool};
use super::user_data::UserData;
use super::value::{Duration, GroupName, MachineType, SecurityGroupId, SubnetName, Taint};
use super::volume::Volume;
use crate::name::ClusterName;

/// One group of nodes: an Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeGroup {
    /// `windlass/v1`.
    pub api_version: ApiVersion,
    /// `NodeGroup`.
    pub kind: NodeGroupKind,
    /// Name and labels.
    pub metadata: NodeGroupMetadata,
    /// What it should be.
    pub spec: NodeGroupSpec,
}

/// What a node group should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeGroupSpec {
    /// The cluster that it belongs to, by name.
    pub cluster: ClusterName,
    /// What the group is for. Default: `node`.
    #[serde(default)]
    pub role: Role,
    /// The application whose pods run here; groups of one application are compared with each other. Default: none.
    #[serde(default)]
    pub application: Option<String>,
    /// Subnets by name; instances are spread over their zones.
    pub subnets: Vec<SubnetName>,
    /// Fewest instances.
    pub min_size: u32,
    /// Most instances. Between the two the cluster-autoscaler decides.
    pub max_size: u32,
    /// Instance types in order of preference; at most 40.
    pub machine_types: Vec<MachineType>,
    /// Spot and on-demand instances in one group. Default: all on demand.
    #[serde(default)]
    pub mixed_instances: Option<MixedInstances>,
    /// The group that takes over when this one gets no capacity. Default: none.
    #[serde(default)]
    pub fallback: Option<GroupName>,
    /// Labels of the nodes. The autoscaler knows them, so that the group can grow from nothing.
    #[serde(default)]
    pub node_labels: BTreeMap<String, String>,
    /// Taints of the nodes, as `key=value:Effect`. The autoscaler knows them.
    #[serde(default)]
    pub taints: Vec<Taint>,
    /// Settings of the kubelet, over the cluster's.
    #[serde(default)]
    pub kubelet: Kubelet,
    /// Machine image. Default: the control plane's.
    #[serde(default)]
    pub image: Option<Image>,
    /// The root disk. Default: 100 GiB of `gp3`.
    #[serde(default = "default_root_volume")]
    pub root_volume: Volume,
    /// Tags on the group, its instances and volumes, beside the cluster's.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Processes of the Auto Scaling group that are switched off. Default: `AZRebalance`, which terminates instances
    /// without asking Kubernetes.
    #[serde(default = "default_suspend_processes")]
    pub suspend_processes: Vec<ScalingProcess>,
    /// Instances kept ready beside the group. Default: none.
    #[serde(default)]
    pub warm_pool: Option<WarmPool>,
    /// Changes of the size at times of the week.
    #[serde(default)]
    pub schedules: Vec<Schedule>,
    /// Scripts around the bootstrap.
    #[serde(default)]
    pub user_data: UserData,
    /// How nodes are replaced, over the cluster's.
    #[serde(default)]
    pub rolling: Rolling,
    /// Existing security groups for the nodes, beside the cluster's own.
    #[serde(default)]
    pub additional_security_groups: Vec<SecurityGroupId>,
    /// ARNs of IAM managed policies for the nodes, beside what every node needs. Default: none.
    #[serde(default)]
    pub managed_policies: Vec<String>,
    /// Whether instances get public addresses. Default: only those of role `bastion`.
    #[serde(default, rename = "associatePublicIP")]
    pub associate_public_ip: Option<bool>,
    /// Whether a spot instance at risk is replaced before it is reclaimed. Default: true.
    #[serde(default = "yes")]
    pub capacity_rebalance: bool,
    /// Age at which Auto Scaling replaces an instance, without asking Kubernetes: `1d` to `365d` (Auto Scaling API
    /// reference, CreateAutoScalingGroup), less than the life of its certificates. Default: never.
    #[serde(default)]
    pub max_instance_lifetime: Option<Duration>,
    /// CloudWatch measures every minute instead of every five (paid). Default: false.
    #[serde(default)]
    pub detailed_instance_monitoring: bool,
}

/// What a node group is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Runs applications.
    #[default]
    Node,
    /// Runs what the cluster itself needs (monitoring, ingress, autoscaler): on demand, never on spot.
    Admin,
    /// A way in by SSH or Session Manager; not a node of the cluster.
    Bastion,
}

impl Role {
    /// As manifests write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Admin => "admin",
            Self::Bastion => "bastion",
        }
    }
}

impl NodeGroupSpec {
    /// Whether any instance of the group can be a spot instance.
    #[must_use]
    pub fn buys_spot(&self) -> bool {
        self.mixed_instances.as_ref().is_some_and(MixedInstances::buys_spot)
    }

    /// Whether instances get public addresses, with the default filled in.
    #[must_use]
    pub fn public_address(&self) -> bool {
        self.associate_public_ip.unwrap_or(self.role == Role::Bastion)
    }
}

fn default_root_volume() -> Volume {
    Volume::gp3(100)
}

fn default_suspend_processes() -> Vec<ScalingProcess> {
    vec![ScalingProcess::AzRebalance]
}

const fn yes() -> bool {
    true
}
