//! What every manifest begins with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::GroupName;
use crate::name::ClusterName;

/// The version of the manifests' format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first and only one.
    #[default]
    #[serde(rename = "windlass/v1")]
    V1,
}

/// The `kind` of a `Cluster` document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClusterKind {
    /// Describes one cluster.
    #[default]
    Cluster,
}

/// The `kind` of a `NodeGroup` document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodeGroupKind {
    /// Describes one group of nodes.
    #[default]
    NodeGroup,
}

/// Name and labels of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterMetadata {
    /// The cluster's DNS name, at most 63 characters. It is the name of its file in `vars/`, too.
    pub name: ClusterName,
    /// What fleet commands select by: `env`, `customer`, `color`, …. Syntax of Kubernetes labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Name and labels of a node group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeGroupMetadata {
    /// Unique in the cluster.
    pub name: GroupName,
    /// For people and selectors; they do not reach the nodes (see `spec.nodeLabels`). Syntax of Kubernetes labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}
