//! The kinds of object that Kubernetes itself knows: scope, plural, and the type that says what their fields are.
//!
//! Source: the published API of Kubernetes 1.37, out of which the crate k8s-openapi is made. Of versions that are not
//! stable nothing is known here: they are off unless somebody switches them on.

use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling, batch::v1 as batch,
    certificates::v1 as certificates, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    flowcontrol::v1 as flowcontrol, networking::v1 as networking, node::v1 as node, policy::v1 as policy,
    rbac::v1 as rbac, resource::v1 as resource, scheduling::v1 as scheduling, storage::v1 as storage,
    storagemigration::v1 as storagemigration,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource};
use serde::de::DeserializeOwned;

use crate::render::yaml::Node;
use crate::spec::{Fault, Reading, read_node};

/// A kind of object in one version of its API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// API group; empty: the core group.
    pub(super) group: &'static str,
    /// Version of the API.
    pub(super) version: &'static str,
    /// As manifests write it.
    pub(super) kind: &'static str,
    /// As URLs write it; a test compares it with [`plural`].
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of plurals asks for it"))]
    pub(super) plural: &'static str,
    /// Whether its objects live in a namespace.
    pub(super) namespaced: bool,
    /// The first minor version of Kubernetes 1 that serves it, where that is newer than what windlass takes.
    pub(super) since: u32,
    /// Reads an object of it, to find out what does not fit.
    pub(super) read: Read,
}

/// Reads a part into a type, to find out what does not fit.
pub(super) type Read = for<'de> fn(&'de Node, Reading<'de>) -> Result<(), Fault>;

/// Whether objects live in a namespace.
trait Scope {
    const NAMESPACED: bool;
}

impl Scope for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

impl Scope for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

const fn kind<T>() -> Kind
where
    T: Resource + DeserializeOwned,
    T::Scope: Scope,
{
    since::<T>(0)
}

const fn since<T>(since: u32) -> Kind
where
    T: Resource + DeserializeOwned,
    T::Scope: Scope,
{
    Kind {
        group: T::GROUP,
        version: T::VERSION,
        kind: T::KIND,
        plural: T::URL_PATH_SEGMENT,
        namespaced: <T::Scope as Scope>::NAMESPACED,
        since,
        read: read::<T>,
    }
}

/// Reads a part into its type, to find out what does not fit.
pub(super) fn read<'de, T: DeserializeOwned>(node: &'de Node, how: Reading<'de>) -> Result<(), Fault> {
    read_node::<T>(node, how).map(drop)
}

static KINDS: [Kind; 62] = [
    since::<admission::MutatingAdmissionPolicy>(36),
    since::<admission::MutatingAdmissionPolicyBinding>(36),
    kind::<admission::MutatingWebhookConfiguration>(),
    kind::<admission::ValidatingAdmissionPolicy>(),
    kind::<admission::ValidatingAdmissionPolicyBinding>(),
    kind::<admission::ValidatingWebhookConfiguration>(),
    kind::<apiextensions::CustomResourceDefinition>(),
    kind::<apiregistration::APIService>(),
    kind::<apps::ControllerRevision>(),
    kind::<apps::DaemonSet>(),
    kind::<apps::Deployment>(),
    kind::<apps::ReplicaSet>(),
    kind::<apps::StatefulSet>(),
    kind::<autoscaling::v1::HorizontalPodAutoscaler>(),
    kind::<autoscaling::v2::HorizontalPodAutoscaler>(),
    kind::<batch::CronJob>(),
    kind::<batch::Job>(),
    kind::<certificates::CertificateSigningRequest>(),
    since::<certificates::ClusterTrustBundle>(37),
    since::<certificates::PodCertificateRequest>(37),
    kind::<coordination::Lease>(),
    kind::<core::ConfigMap>(),
    kind::<core::Endpoints>(),
    kind::<core::LimitRange>(),
    kind::<core::Namespace>(),
    kind::<core::Node>(),
    kind::<core::PersistentVolume>(),
    kind::<core::PersistentVolumeClaim>(),
    kind::<core::Pod>(),
    kind::<core::PodTemplate>(),
    kind::<core::ReplicationController>(),
    kind::<core::ResourceQuota>(),
    kind::<core::Secret>(),
    kind::<core::Service>(),
    kind::<core::ServiceAccount>(),
    kind::<discovery::EndpointSlice>(),
    kind::<flowcontrol::FlowSchema>(),
    kind::<flowcontrol::PriorityLevelConfiguration>(),
    since::<networking::IPAddress>(33),
    kind::<networking::Ingress>(),
    kind::<networking::IngressClass>(),
    kind::<networking::NetworkPolicy>(),
    since::<networking::ServiceCIDR>(33),
    kind::<node::RuntimeClass>(),
    kind::<policy::PodDisruptionBudget>(),
    kind::<rbac::ClusterRole>(),
    kind::<rbac::ClusterRoleBinding>(),
    kind::<rbac::Role>(),
    kind::<rbac::RoleBinding>(),
    since::<resource::DeviceClass>(34),
    since::<resource::DeviceTaintRule>(37),
    since::<resource::ResourceClaim>(34),
    since::<resource::ResourceClaimTemplate>(34),
    since::<resource::ResourceSlice>(34),
    kind::<scheduling::PriorityClass>(),
    kind::<storage::CSIDriver>(),
    kind::<storage::CSINode>(),
    kind::<storage::CSIStorageCapacity>(),
    kind::<storage::StorageClass>(),
    kind::<storage::VolumeAttachment>(),
    since::<storage::VolumeAttributesClass>(34),
    since::<storagemigration::StorageVersionMigration>(37),
];

/// The kind of a group and version.
pub(super) fn find(group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
    of_name(kind).find(|known| known.group == group && known.version == version)
}

/// All kinds of a name.
pub(super) fn of_name(kind: &str) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(move |known| known.kind == kind)
}

/// The names of all kinds of a group.
pub(super) fn names_in(group: &str) -> Vec<&'static str> {
    KINDS.iter().filter(|known| known.group == group).map(|known| known.kind).collect()
}

/// Whether a group is Kubernetes' own.
pub(super) fn is_own_group(group: &str) -> bool {
    group == "extensions" || KINDS.iter().any(|known| known.group == group)
}

/// A group and version as manifests write them.
pub(super) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The plural of a kind of Kubernetes' own, as URLs write it.
pub(super) fn plural(kind: &str) -> String {
    let word = kind.to_ascii_lowercase();
    if word == "endpoints" {
        word
    } else if let Some(stem) = word.strip_suffix('y') {
        format!("{stem}ies")
    } else if word.ends_with('s') {
        format!("{word}es")
    } else {
        format!("{word}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_those_of_the_api() {
        for known in &KINDS {
            assert_eq!(plural(known.kind), known.plural);
        }
    }

    #[test]
    fn scopes_are_known() {
        let namespaced = |group, kind| find(group, "v1", kind).map(|kind| kind.namespaced);
        assert_eq!(namespaced("apps", "Deployment"), Some(true));
        assert_eq!(namespaced("rbac.authorization.k8s.io", "ClusterRole"), Some(false));
        assert_eq!(namespaced("", "Namespace"), Some(false));
        assert_eq!(namespaced("", "Deployment"), None);
    }
}
