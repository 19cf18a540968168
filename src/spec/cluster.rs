//! The `Cluster` document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::addon::Addon;
use super::api::Api;
use super::backup::Backup;
use super::bootstrap::Bootstrap;
use super::control_plane::ControlPlane;
use super::dns::Dns;
use super::kubernetes::Kubernetes;
use super::metadata::{ApiVersion, ClusterKind, ClusterMetadata};
use super::network::Network;
use super::pki::Pki;
use super::protection::Protection;
use super::rolling::Rolling;
use super::value::{AccountId, HookName, Region};

/// One cluster: everything that is not a node group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// `windlass/v1`.
    pub api_version: ApiVersion,
    /// `Cluster`.
    pub kind: ClusterKind,
    /// Name and labels.
    pub metadata: ClusterMetadata,
    /// What it should be.
    pub spec: ClusterSpec,
}

/// What a cluster should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// The account and region that it lives in; any other is refused.
    pub aws: AwsAccount,
    /// Version and settings of Kubernetes' components.
    pub kubernetes: Kubernetes,
    /// VPC, subnets, ways out, ranges of pods and services.
    pub network: Network,
    /// How the Kubernetes API is reached.
    #[serde(default)]
    pub api: Api,
    /// The members that run etcd and the API servers.
    pub control_plane: ControlPlane,
    /// Records in Route 53.
    pub dns: Dns,
    /// Certificates: lifetimes, algorithm, warnings.
    #[serde(default)]
    pub pki: Pki,
    /// Where etcd snapshots go. Default: nowhere.
    #[serde(default)]
    pub backup: Option<Backup>,
    /// How nodes are replaced; node groups may differ field by field.
    #[serde(default)]
    pub rolling: Rolling,
    /// What may not happen by accident.
    #[serde(default)]
    pub protection: Protection,
    /// What is installed into the cluster; `needs` says what waits for what.
    #[serde(default)]
    pub addons: Vec<Addon>,
    /// How an instance becomes a node: packages, container images, own scripts.
    #[serde(default)]
    pub bootstrap: Bootstrap,
    /// Shell scripts by name, which `userData` of the control plane and of node groups runs around the bootstrap.
    #[serde(default)]
    pub hooks: BTreeMap<HookName, String>,
    /// Tags on every AWS object of the cluster, beside windlass' own. At most 50 in all.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Where a cluster lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsAccount {
    /// Region, such as `eu-west-3`.
    pub region: Region,
    /// Account id, 12 digits in quotes. With credentials of another account windlass stops before it changes anything.
    pub account: AccountId,
}
