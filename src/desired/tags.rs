//! Tags on everything: the manifests', `Name`, and those that Kubernetes' own controllers look for.

use super::builder::Builder;
use crate::name::ClusterName;
use crate::resource::Tags;

/// How many tags of windlass' own come on top: cluster, uid, address, generation.
pub(super) const OWN: usize = 4;

/// The tag by which Kubernetes' cloud controllers know what belongs to a cluster (cloud-provider-aws, "Prerequisites").
pub(super) fn cluster_tag(cluster: &ClusterName) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}

/// For resources that Kubernetes has nothing to do with.
pub(super) fn plain(builder: &Builder<'_>, thing: &str) -> Tags {
    let mut tags = builder.spec().tags.clone();
    tags.insert(String::from("Name"), format!("{thing}.{}", builder.name()));
    tags
}

/// For resources that Kubernetes may see as the cluster's own.
pub(super) fn owned(builder: &Builder<'_>, thing: &str) -> Tags {
    let mut tags = plain(builder, thing);
    tags.insert(cluster_tag(builder.name()), String::from("owned"));
    tags
}
