//! InitConfiguration and JoinConfiguration (`kubeadm.k8s.io/v1beta4`): one machine.

use std::collections::BTreeMap;

use serde::Serialize;

use super::arguments::{Argument, Arguments};
use super::word;
use crate::desired::bootstrap::facts::Machine;
use crate::desired::bootstrap::{kubelet, node_labels};
use crate::desired::builder::Builder;
use crate::desired::security;
use crate::spec::NodeGroup;
use crate::spec::value::{Taint, TaintEffect};

const API_VERSION: &str = "kubeadm.k8s.io/v1beta4";
/// Where containerd listens (its default).
const SOCKET: &str = "unix:///run/containerd/containerd.sock";
/// Where the scripts put patches with the machine's own values.
const PATCHES: &str = "/run/windlass/kubeadm/patches";
/// The kubeconfig with which a node joins: the script writes it, with the token and the cluster's certificates.
const JOIN_KUBECONFIG: &str = "/run/windlass/join.conf";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitConfiguration {
    api_version: &'static str,
    kind: &'static str,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: ApiEndpoint,
    node_registration: NodeRegistration,
    patches: Patches,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinConfiguration {
    api_version: &'static str,
    kind: &'static str,
    discovery: Discovery,
    node_registration: NodeRegistration,
    patches: Patches,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiEndpoint {
    advertise_address: &'static str,
    bind_port: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeRegistration {
    name: &'static str,
    cri_socket: &'static str,
    taints: Vec<NodeTaint>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kubelet_extra_args: Vec<Argument>,
}

#[derive(Serialize)]
struct NodeTaint {
    key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    effect: &'static str,
}

#[derive(Serialize)]
struct Patches {
    directory: &'static str,
}

#[derive(Serialize)]
struct Discovery {
    file: FileDiscovery,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileDiscovery {
    kube_config_path: &'static str,
}

/// Of a member.
pub(super) fn init(builder: &Builder<'_>) -> InitConfiguration {
    let spec = builder.spec();
    let taint = NodeTaint {
        key: String::from("node-role.kubernetes.io/control-plane"),
        value: String::new(),
        effect: TaintEffect::NoSchedule.as_str(),
    };
    let own = spec.kubernetes.kubelet.extra_args.clone().unwrap_or_default();
    InitConfiguration {
        api_version: API_VERSION,
        kind: "InitConfiguration",
        local_api_endpoint: ApiEndpoint { advertise_address: word::ADDRESS, bind_port: security::API_PORT },
        node_registration: registration(builder, vec![taint], &spec.control_plane.node_labels, &own),
        patches: Patches { directory: PATCHES },
    }
}

/// Of a node.
pub(super) fn join(builder: &Builder<'_>, group: &NodeGroup) -> JoinConfiguration {
    let taint =
        |taint: &Taint| NodeTaint { key: taint.key.clone(), value: taint.value.clone(), effect: taint.effect.as_str() };
    let own = kubelet(builder, &Machine::Node(group)).extra_args.unwrap_or_default();
    JoinConfiguration {
        api_version: API_VERSION,
        kind: "JoinConfiguration",
        // Not by token: that asks the API server without a name for what is in Systems Manager anyway, and so better
        // protected.
        discovery: Discovery { file: FileDiscovery { kube_config_path: JOIN_KUBECONFIG } },
        node_registration: registration(
            builder,
            group.spec.taints.iter().map(taint).collect(),
            &node_labels(group),
            &own,
        ),
        patches: Patches { directory: PATCHES },
    }
}

/// A cloud controller labels only nodes that bear its taint, so each says itself where it is; the admission plugin
/// NodeRestriction lets it (Kubernetes documentation, "Well-Known Labels", "Admission Controllers").
fn registration(
    builder: &Builder<'_>,
    taints: Vec<NodeTaint>,
    labels: &BTreeMap<String, String>,
    extra: &BTreeMap<String, String>,
) -> NodeRegistration {
    let placed = [
        ("node.kubernetes.io/instance-type", word::MACHINE_TYPE),
        ("topology.kubernetes.io/region", builder.facts.region.as_str()),
        ("topology.kubernetes.io/zone", word::ZONE),
    ];
    let own = labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let labels: Vec<String> = own.chain(placed).map(|(key, value)| format!("{key}={value}")).collect();
    let kubelet_extra_args = Arguments::default().list("node-labels", &labels).finish(extra);
    NodeRegistration { name: word::NODE, cri_socket: SOCKET, taints, kubelet_extra_args }
}
