//! The documents that kubeadm, kubelet, kube-proxy and kube-apiserver read, as types: JSON, which is YAML too.
//!
//! kubeadm issues nothing here: its phases `certs`, `kubeconfig` and `bootstrap-token` are not run.

mod arguments;
mod audit;
mod authentication;
mod cluster;
mod hardening;
mod kubelet;
mod node;
mod objects;
mod proxy;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::facts::Machine;
use crate::desired::builder::Builder;
use crate::spec::{Member, NodeGroup};

/// Templates that the scripts fill in and give to kubeadm.
const TEMPLATES: &str = "/etc/windlass/kubeadm";
/// What kube-apiserver reads besides keys; its pod sees the folder.
const CONFIG: &str = "/etc/kubernetes/config";

/// Put in by the scripts: what only the instance knows.
mod word {
    /// The member's address.
    pub(super) const ADDRESS: &str = "@ADDRESS@";
    /// The node's name: the private DNS name.
    pub(super) const NODE: &str = "@NODE@";
    /// `a=https://…:2380,b=…`.
    pub(super) const INITIAL_CLUSTER: &str = "@INITIAL_CLUSTER@";
    /// The availability zone: `eu-west-3a`.
    pub(super) const ZONE: &str = "@ZONE@";
    /// The instance type: `m6i.large`.
    pub(super) const MACHINE_TYPE: &str = "@MACHINE_TYPE@";
    /// `aws:///zone/instance`.
    pub(super) const PROVIDER_ID: &str = "@PROVIDER_ID@";
}

/// Path → content, for a member.
pub(super) fn of_member(builder: &Builder<'_>, member: &Member) -> Vec<(String, String)> {
    let machine = Machine::Member;
    let documents = [
        json(&node::init(builder)),
        json(&cluster::configuration(builder, member)),
        json(&kubelet::configuration(builder, &machine)),
        json(&proxy::configuration(builder)),
    ];
    let spec = builder.spec();
    let mut files = vec![
        (format!("{TEMPLATES}/config.yaml"), documents.join("---\n")),
        (format!("{TEMPLATES}/patches/etcd1+strategic.json"), json(&cluster::etcd_patch())),
        (patch(), json(&kubelet::member_patch())),
        (String::from("/etc/windlass/objects.json"), json(&objects::list())),
        (format!("{CONFIG}/audit-policy.yaml"), json(&audit::policy(&spec.kubernetes.api_server.audit))),
    ];
    if let Some(configuration) = authentication::configuration(&spec.kubernetes) {
        files.push((format!("{CONFIG}/authentication.yaml"), json(&configuration)));
    }
    files
}

/// Path → content, for a node.
pub(super) fn of_worker(builder: &Builder<'_>, group: &NodeGroup) -> Vec<(String, String)> {
    let machine = Machine::Node(group);
    vec![
        (format!("{TEMPLATES}/config.yaml"), json(&node::join(builder, group))),
        (patch(), json(&kubelet::worker_patch(builder, &machine))),
    ]
}

/// The kubelet's configuration of this machine, over what the cluster has in its ConfigMap (kubeadm documentation,
/// "Customizing with patches").
fn patch() -> String {
    format!("{TEMPLATES}/patches/kubeletconfiguration1+merge.json")
}

/// A document. Plain data with string keys always serializes.
fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}
