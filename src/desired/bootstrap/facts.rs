//! `/etc/windlass/node.json`: what an instance must know of itself and of its cluster, for scripts of its image, for
//! people who look at it, and for the sandbox. The scripts themselves read the shorter `node.env`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{node_labels, parameters};
use crate::desired::builder::Builder;
use crate::desired::{control_plane, dns, names};
use crate::resource::{Address, Kind};
use crate::spec::{Member, NodeGroup, Role};

/// Version of `/etc/windlass/node.json`; raised when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// For what a document is made.
pub(super) enum Machine<'a> {
    Member,
    Node(&'a NodeGroup),
}

/// What an instance must know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facts {
    format: u32,
    pub(super) cluster: String,
    pub(super) region: String,
    /// `control-plane`, `node`, `admin` or `bastion`.
    pub(super) role: &'static str,
    /// Of the member or the group.
    pub(super) name: String,
    kubernetes_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<Parameters>,
    pub(super) api: Api,
    node_labels: BTreeMap<String, String>,
    taints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) control_plane: Option<ControlPlane>,
    hooks: Hooks,
}

/// Systems Manager parameters: full names.
#[derive(Serialize)]
pub(super) struct Parameters {
    /// All of the cluster's lie beneath it.
    pub(super) path: String,
    /// Without one of these the instance does not come up.
    pub(super) read: Vec<String>,
    /// The bootstrap token: members write it, nodes read it.
    pub(super) join: String,
    /// What a member writes about what it has installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
}

/// Where the API is.
#[derive(Serialize)]
pub(super) struct Api {
    pub(super) host: String,
    pub(super) port: u16,
    names: Vec<String>,
}

/// What only members need.
#[derive(Serialize)]
pub(super) struct ControlPlane {
    /// The tags of the member's own network interface, which must be the instance's primary one.
    interface: Tags,
    /// The tags of the member's own volume.
    pub(super) volume: Tags,
    /// The tags of each member's network interface, whose address is the member's for ever.
    pub(super) members: BTreeMap<String, Tags>,
}

/// The tags that tell an object of this cluster from all others.
pub(super) type Tags = BTreeMap<&'static str, String>;

/// Scripts around the bootstrap, by path, in order.
#[derive(Serialize)]
pub(super) struct Hooks {
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

impl Facts {
    pub(super) fn of_member(builder: &Builder<'_>, member: &Member, hooks: Hooks) -> Self {
        let spec = builder.spec();
        let interface = |it: &Member| found_by(builder, Kind::NetworkInterface, &control_plane::thing(it));
        let members = spec.control_plane.members.iter().map(|it| (it.name.to_string(), interface(it))).collect();
        Self {
            parameters: Some(Parameters {
                path: names::parameter_path(builder.name()),
                read: parameters::of_member(builder, member).into_iter().map(|(name, _)| name).collect(),
                join: parameters::join(builder),
                status: Some(parameters::status(builder, member)),
            }),
            node_labels: spec.control_plane.node_labels.clone(),
            // kubeadm's own for the control plane.
            taints: vec![String::from("node-role.kubernetes.io/control-plane:NoSchedule")],
            control_plane: Some(ControlPlane {
                interface: interface(member),
                volume: found_by(builder, Kind::Volume, &control_plane::volume(member)),
                members,
            }),
            ..Self::common(builder, "control-plane", member.name.as_str(), hooks)
        }
    }

    pub(super) fn of_node(builder: &Builder<'_>, group: &NodeGroup, hooks: Hooks) -> Self {
        let role = group.spec.role;
        let common = Self::common(builder, role.as_str(), group.metadata.name.as_str(), hooks);
        match role {
            Role::Node | Role::Admin => Self {
                parameters: Some(Parameters {
                    path: names::parameter_path(builder.name()),
                    read: vec![parameters::trust(builder)],
                    join: parameters::join(builder),
                    status: None,
                }),
                node_labels: node_labels(group),
                taints: group.spec.taints.iter().map(ToString::to_string).collect(),
                ..common
            },
            Role::Bastion => common,
        }
    }

    fn common(builder: &Builder<'_>, role: &'static str, name: &str, hooks: Hooks) -> Self {
        let spec = builder.spec();
        Self {
            format: FORMAT,
            cluster: builder.name().to_string(),
            region: spec.aws.region.to_string(),
            role,
            name: name.to_owned(),
            kubernetes_version: spec.kubernetes.version.to_string(),
            parameters: None,
            api: api(builder),
            node_labels: BTreeMap::new(),
            taints: Vec::new(),
            control_plane: None,
            hooks,
        }
    }
}

/// Where nodes find the API, and all its names.
pub(super) fn api(builder: &Builder<'_>) -> Api {
    let spec = builder.spec();
    let cluster = builder.name();
    let port = dns::api_port(&spec.api);
    let host = dns::internal_name(cluster.as_str());
    let more = spec.api.additional_names.iter().map(ToString::to_string);
    let names = [format!("api.{cluster}"), host.clone()].into_iter().chain(more).collect();
    Api { host, port, names }
}

fn found_by(builder: &Builder<'_>, kind: Kind, name: &str) -> Tags {
    BTreeMap::from([
        ("windlass.dev/cluster", builder.name().to_string()),
        ("windlass.dev/address", Address::new(kind, name).to_string()),
    ])
}
