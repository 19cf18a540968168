//! In which order objects are applied, so that what one of them refers to is there before it.

use super::{Object, ObjectKey};

/// Sorts objects for applying: Namespaces, definitions of kinds, what others refer to, accounts and their rights,
/// configuration, services, workloads, what acts on workloads and objects of defined kinds, and last what stands in the
/// API server's way until its own pods answer. Within one of these the order of the files is kept.
pub fn sort(objects: &mut [Object]) {
    objects.sort_by_key(rank);
}

/// Sorts keys for deleting: the other way around, so that nothing loses what it works with before it has ended.
pub fn sort_for_deleting<T>(objects: &mut [T], key: impl Fn(&T) -> &ObjectKey) {
    objects.sort_by_key(|object| {
        let ObjectKey { group, kind, .. } = key(object);
        std::cmp::Reverse(rank_of(group, kind))
    });
}

fn rank(object: &Object) -> u8 {
    rank_of(object.group(), &object.kind)
}

fn rank_of(group: &str, kind: &str) -> u8 {
    match (group, kind) {
        ("", "Namespace") => 0,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 1,
        ("scheduling.k8s.io", "PriorityClass") | ("node.k8s.io", "RuntimeClass") => 2,
        ("storage.k8s.io", _) | ("networking.k8s.io", "IngressClass") | ("", "PersistentVolume") => 2,
        ("", "ResourceQuota" | "LimitRange") | ("networking.k8s.io", "NetworkPolicy") => 2,
        ("", "ServiceAccount") => 3,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => 4,
        ("rbac.authorization.k8s.io", _) => 5,
        ("", "ConfigMap" | "Secret" | "PersistentVolumeClaim") => 6,
        ("", "Service" | "Endpoints") | ("discovery.k8s.io", _) => 7,
        ("apps" | "batch", _) | ("", "Pod" | "ReplicationController" | "PodTemplate") => 8,
        ("apiregistration.k8s.io", _) => 10,
        ("admissionregistration.k8s.io", _) => 11,
        _ => 9,
    }
}
