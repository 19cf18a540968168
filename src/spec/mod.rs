//! YAML text → typed cluster: the manifests `Cluster` and `NodeGroup` of `windlass/v1`, read strictly, with all
//! mistakes at once and each at its place. Pure: it reads no file and calls nothing.
//!
//! The types are the one source of the manifests' format: JSON Schemas and reference are made from them. One file per
//! concern; values with rules of their own are in [`value`].

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod value;

mod addon;
mod api;
mod backup;
mod bootstrap;
mod cluster;
mod control_plane;
mod defaults;
mod dns;
mod image;
mod kubelet;
mod kubernetes;
mod metadata;
mod network;
mod node_group;
mod overlay;
mod pki;
mod protection;
mod read;
pub mod reference;
mod rolling;
mod rules;
mod scaling;
pub mod schema;
#[cfg(test)]
mod tests;
mod user_data;
mod volume;

pub use addon::{Addon, Chart};
pub use api::{Api, ApiLoadBalancer, MEMBER_PORT};
pub use backup::Backup;
pub use bootstrap::{Apt, AptSource, Bootstrap, Packages};
pub use cluster::{AwsAccount, Cluster, ClusterSpec};
pub use control_plane::{ControlPlane, ControlPlaneVolumes, Etcd, Member};
pub use defaults::{minimal, with_defaults};
pub use dns::{Dns, Record, RecordType, RecordWeight, Traffic};
pub use image::{Image, ImageId, ImageSearch, SsmParameter};
pub use kubelet::{CpuManagerPolicy, Kubelet, ResolvedKubelet};
pub use kubernetes::{
    ApiServer, Audit, AuditLevel, ControllerManager, KubeProxy, Kubernetes, Oidc, ProxyMode, Scheduler,
};
pub use metadata::{ApiVersion, ClusterKind, ClusterMetadata, NodeGroupKind, NodeGroupMetadata};
pub use network::{Cni, Nat, Network, Subnet, SubnetType, Vpc};
pub use node_group::{NodeGroup, NodeGroupSpec, Role};
pub use pki::{KeyAlgorithm, Lifetimes, Pki, Thresholds};
pub use protection::Protection;
pub use read::read;
pub(crate) use read::{
    Document, Fault, FaultKind, File, Reading, Step, cluster_places, explain_fault, read_node, steps, traced,
    with_places,
};
pub use rolling::{Gate, MaintenanceWindow, PromQlGate, ResolvedRolling, Rolling};
pub use scaling::{MixedInstances, ScalingProcess, Schedule, WarmPool};
pub use user_data::UserData;
pub use volume::{Volume, VolumeType};

#[cfg(test)]
pub(crate) use rules::bootstrap::FILES as OVERRIDABLE;

use crate::problem::Problem;

/// One cluster as its manifests say it, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specification {
    /// The one `Cluster` document.
    pub cluster: Cluster,
    /// The `NodeGroup` documents, sorted by name.
    pub node_groups: Vec<NodeGroup>,
    /// What is allowed but unwise.
    pub warnings: Vec<Problem>,
}

impl Specification {
    /// The node group called `name`.
    #[must_use]
    pub fn node_group(&self, name: &value::GroupName) -> Option<&NodeGroup> {
        self.node_groups.iter().find(|group| &group.metadata.name == name)
    }

    /// The kubelet's settings of `group`: its own over the cluster's over the defaults.
    #[must_use]
    pub fn kubelet(&self, group: &NodeGroup) -> ResolvedKubelet {
        group.spec.kubelet.over(&self.cluster.spec.kubernetes.kubelet).resolve()
    }

    /// How the nodes of `group` are replaced: its own settings over the cluster's over the defaults.
    #[must_use]
    pub fn rolling(&self, group: &NodeGroup) -> ResolvedRolling {
        group.spec.rolling.over(&self.cluster.spec.rolling).resolve()
    }

    /// The image of `group`: its own, or the control plane's.
    #[must_use]
    pub fn image<'a>(&'a self, group: &'a NodeGroup) -> &'a Image {
        group.spec.image.as_ref().unwrap_or(&self.cluster.spec.control_plane.image)
    }
}
