//! How an instance becomes a member, a node or a bastion: its user data, a cloud-init document of facts, scripts and
//! units. No secret is in it: anyone who may describe launch templates reads it.
//!
//! The scripts are files of their own in `scripts/`, the units in `units/`; a manifest may override each by its name.
//! What only the instance knows (its address, its node's name) they put in for `@WORDS@`. docs/design/bootstrap.md says
//! why things are as they are.

mod document;
mod environment;
mod facts;
mod files;
mod kubeadm;
mod parameters;
mod wire;

use std::collections::BTreeMap;

pub use facts::FORMAT;
pub use files::built_in;
pub use wire::{compressed, decompressed};

use super::builder::Builder;
use crate::spec::{Kubelet, Member, NodeGroup, Role, UserData};
use document::Document;
use facts::{Facts, Machine};

/// The user data of a control-plane member.
pub(super) fn member(builder: &Builder<'_>, member: &Member) -> String {
    let machine = Machine::Member;
    let mut document = Document::default();
    let hooks = hooks(builder, &mut document, &builder.spec().control_plane.user_data);
    files::common(builder, &mut document, &machine, &Facts::of_member(builder, member, hooks));
    files::of_member(builder, &mut document, member);
    document.finish()
}

/// The user data of a group's nodes.
pub(super) fn node(builder: &Builder<'_>, group: &NodeGroup) -> String {
    let machine = Machine::Node(group);
    let mut document = Document::default();
    let hooks = hooks(builder, &mut document, &group.spec.user_data);
    files::common(builder, &mut document, &machine, &Facts::of_node(builder, group, hooks));
    match group.spec.role {
        Role::Node | Role::Admin => files::of_worker(builder, &mut document, group),
        Role::Bastion => {}
    }
    document.finish()
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

/// The kubelet's settings of a machine, every field written out, so that a new default of windlass is a change that a
/// plan shows.
fn kubelet(builder: &Builder<'_>, machine: &Machine<'_>) -> Kubelet {
    let cluster = &builder.spec().kubernetes.kubelet;
    match machine {
        Machine::Member => cluster.over(&Kubelet::production()),
        Machine::Node(group) => group.spec.kubelet.over(cluster).over(&Kubelet::production()),
    }
}

/// Puts the hooks of an instance into its document; gives their paths, in order.
fn hooks(builder: &Builder<'_>, document: &mut Document, hooks: &UserData) -> facts::Hooks {
    let mut place = |phase: &str, names: &[crate::spec::value::HookName]| -> Vec<String> {
        let mut paths = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let path = format!("/etc/windlass/hooks/{phase}-{index:02}-{name}");
            // The specification's check has made sure that every hook is declared.
            let script = builder.spec().hooks.get(name).cloned().unwrap_or_default();
            document.script(&path, script);
            paths.push(path);
        }
        paths
    };
    facts::Hooks { before: place("before", &hooks.before), after: place("after", &hooks.after) }
}
