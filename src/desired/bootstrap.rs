//! The seam to the bootstrap of an instance: everything that it must know, as a versioned cloud-init document. What
//! the instance does with it is its image's matter. No secret is in it: anyone who may describe launch templates reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::builder::Builder;
use super::{control_plane, dns, names, policies, security};
use crate::resource::{Address, Kind};
use crate::spec::{ApiLoadBalancer, Kubelet, Kubernetes, Member, NodeGroup, Role, UserData};

/// Version of `/etc/windlass/node.json`; raised when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// What an instance must know of itself and of its cluster.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    format: u32,
    cluster: &'a str,
    region: &'a str,
    role: &'a str,
    /// Of the member or the group.
    name: &'a str,
    kubernetes_version: String,
    /// Systems Manager path: members read their keys beneath it, nodes `join` only.
    parameters: String,
    join_parameter: String,
    api: Api,
    /// Every field written out, so that a new default of windlass is a change that a plan shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    kubelet: Option<Kubelet>,
    node_labels: BTreeMap<String, String>,
    taints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<ControlPlane<'a>>,
    hooks: Hooks,
}

/// Where the API is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Api {
    host: String,
    port: u16,
    names: Vec<String>,
}

/// What only members need.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ControlPlane<'a> {
    /// The tags of the member's own volume.
    volume: BTreeMap<&'static str, String>,
    /// The tags of each member's network interface, whose address is the member's for ever.
    members: BTreeMap<String, BTreeMap<&'static str, String>>,
    #[serde(rename = "podCIDR")]
    pod_cidr: String,
    #[serde(rename = "serviceCIDR")]
    service_cidr: String,
    etcd: &'a crate::spec::Etcd,
    kubernetes: &'a Kubernetes,
}

/// Scripts around the bootstrap, by path, in order.
#[derive(Serialize)]
struct Hooks {
    before: Vec<String>,
    after: Vec<String>,
}

/// The user data of a control-plane member.
pub(super) fn member(builder: &Builder<'_>, member: &Member) -> String {
    let spec = builder.spec();
    let members = spec
        .control_plane
        .members
        .iter()
        .map(|it| (it.name.to_string(), found_by(builder, Kind::NetworkInterface, &control_plane::thing(it))))
        .collect();
    let node = Node {
        kubelet: Some(spec.kubernetes.kubelet.over(&Kubelet::production())),
        node_labels: spec.control_plane.node_labels.clone(),
        // kubeadm's own for the control plane.
        taints: vec![String::from("node-role.kubernetes.io/control-plane:NoSchedule")],
        control_plane: Some(ControlPlane {
            volume: found_by(builder, Kind::Volume, &control_plane::volume(member)),
            members,
            pod_cidr: spec.network.pod_cidr.to_string(),
            service_cidr: spec.network.service_cidr.to_string(),
            etcd: &spec.control_plane.etcd,
            kubernetes: &spec.kubernetes,
        }),
        ..common(builder, "control-plane", member.name.as_str())
    };
    document(builder, node, &spec.control_plane.user_data)
}

/// The user data of a group's nodes.
pub(super) fn node(builder: &Builder<'_>, group: &NodeGroup) -> String {
    let role = group.spec.role;
    let common = common(builder, role.as_str(), group.metadata.name.as_str());
    let node = match role {
        Role::Node | Role::Admin => Node {
            kubelet: Some(group.spec.kubelet.over(&builder.spec().kubernetes.kubelet).over(&Kubelet::production())),
            node_labels: node_labels(group),
            taints: group.spec.taints.iter().map(ToString::to_string).collect(),
            ..common
        },
        Role::Bastion => common,
    };
    document(builder, node, &group.spec.user_data)
}

/// A node's labels: the group's own, and which group and role it is of.
pub(super) fn node_labels(group: &NodeGroup) -> BTreeMap<String, String> {
    let mut labels = group.spec.node_labels.clone();
    labels.insert(String::from("windlass.dev/group"), group.metadata.name.to_string());
    labels.insert(String::from("windlass.dev/role"), group.spec.role.as_str().to_owned());
    if let Some(application) = &group.spec.application {
        labels.insert(String::from("windlass.dev/application"), application.clone());
    }
    labels
}

fn common<'a>(builder: &Builder<'a>, role: &'a str, name: &'a str) -> Node<'a> {
    let spec = builder.spec();
    let cluster = builder.name();
    let parameters = names::parameter_path(cluster);
    let port = match spec.api.load_balancer {
        ApiLoadBalancer::Internal => spec.api.port,
        ApiLoadBalancer::Public | ApiLoadBalancer::None => security::API_PORT,
    };
    let host = dns::internal_name(cluster.as_str());
    let more = spec.api.additional_names.iter().map(ToString::to_string);
    let names = [format!("api.{cluster}"), host.clone()].into_iter().chain(more).collect();
    Node {
        format: FORMAT,
        cluster: cluster.as_str(),
        region: spec.aws.region.as_str(),
        role,
        name,
        kubernetes_version: spec.kubernetes.version.to_string(),
        join_parameter: format!("{parameters}{}", policies::JOIN_PARAMETER),
        parameters,
        api: Api { host, port, names },
        kubelet: None,
        node_labels: BTreeMap::new(),
        taints: Vec::new(),
        control_plane: None,
        hooks: Hooks { before: Vec::new(), after: Vec::new() },
    }
}

/// The tags that tell an object of this cluster from all others.
fn found_by(builder: &Builder<'_>, kind: Kind, name: &str) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("windlass.dev/cluster", builder.name().to_string()),
        ("windlass.dev/address", Address::new(kind, name).to_string()),
    ])
}

/// The cloud-init document (its documentation, "Cloud config data: write_files").
fn document(builder: &Builder<'_>, mut node: Node<'_>, hooks: &UserData) -> String {
    let mut files: Vec<(String, &'static str, String)> = Vec::new();
    let mut place = |phase: &str, names: &[crate::spec::value::HookName]| -> Vec<String> {
        let mut paths = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let path = format!("/etc/windlass/hooks/{phase}-{index:02}-{name}");
            // The specification's check has made sure that every hook is declared.
            let script = builder.spec().hooks.get(name).cloned().unwrap_or_default();
            files.push((path.clone(), "0700", script));
            paths.push(path);
        }
        paths
    };
    node.hooks = Hooks { before: place("before", &hooks.before), after: place("after", &hooks.after) };
    // Plain data with string keys always serializes.
    let mut facts = serde_json::to_value(&node).unwrap_or(Value::Null);
    // The kubelet's settings are there once already, with every default.
    if let Some(kubernetes) = facts.pointer_mut("/controlPlane/kubernetes").and_then(Value::as_object_mut) {
        kubernetes.shift_remove("kubelet");
    }
    let facts = serde_json::to_string_pretty(&facts).unwrap_or_default();
    files.insert(0, (String::from("/etc/windlass/node.json"), "0600", facts + "\n"));
    let mut text = format!("#cloud-config\n# windlass format {FORMAT}\nwrite_files:\n");
    for (path, permissions, content) in files {
        // Quoted, because a bare 0600 is the number 384.
        let _ = write!(text, "- path: {path}\n  permissions: '{permissions}'\n  content: ");
        scalar(&mut text, &content);
    }
    text
}

/// A text as a YAML scalar: line by line where that keeps it unchanged, so that diffs can be read; else quoted.
fn scalar(text: &mut String, content: &str) {
    let printable = content.chars().all(|c| c == '\n' || !c.is_control());
    let plain = content.ends_with('\n') && !content.ends_with("\n\n") && !content.starts_with([' ', '\n']);
    if printable && plain {
        text.push_str("|\n");
        for line in content.lines() {
            if !line.is_empty() {
                text.push_str("    ");
                text.push_str(line);
            }
            text.push('\n');
        }
    } else {
        // JSON's strings are YAML's double-quoted ones.
        text.push_str(&Value::from(content).to_string());
        text.push('\n');
    }
}
