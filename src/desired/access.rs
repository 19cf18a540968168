//! IAM roles and instance profiles: one for members, one per role of nodes, and one for each group with policies of its
//! own. Their path names the cluster, so that discovery and permissions can be scoped to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::builder::Builder;
use super::{names, policies, tags};
use crate::resource::{InstanceProfile, Kind, Reference, Role};
use crate::spec::{self, NodeGroup};

/// The profile of the members.
pub(super) const CONTROL_PLANE: &str = "control-plane";

/// Adds roles and profiles.
pub(super) fn add(builder: &mut Builder<'_>) {
    let members = BTreeMap::from([
        (String::from("member"), policies::member(builder)),
        (String::from("cloud-controller"), policies::cloud_controller(builder)),
    ]);
    add_role(builder, CONTROL_PLANE, members, BTreeSet::new());
    let mut done = BTreeSet::new();
    for group in &builder.specification.node_groups {
        let name = profile_name(group);
        if done.insert(name.clone()) {
            let documents = documents(builder, group.spec.role);
            add_role(builder, &name, documents, group.spec.managed_policies.iter().cloned().collect());
        }
    }
}

/// The profile of a group's instances.
pub(super) fn profile(group: &NodeGroup) -> Reference {
    Reference::to(Kind::InstanceProfile, profile_name(group))
}

fn profile_name(group: &NodeGroup) -> String {
    let shared = match group.spec.role {
        spec::Role::Node => "nodes",
        spec::Role::Admin => "admin-nodes",
        spec::Role::Bastion => "bastion",
    };
    if group.spec.managed_policies.is_empty() { shared.to_owned() } else { format!("{shared}-{}", group.metadata.name) }
}

fn documents(builder: &Builder<'_>, role: spec::Role) -> BTreeMap<String, Value> {
    match role {
        spec::Role::Node => BTreeMap::from([(String::from("node"), policies::node(builder))]),
        spec::Role::Admin => BTreeMap::from([
            (String::from("node"), policies::node(builder)),
            (String::from("cluster-autoscaler"), policies::autoscaler(builder)),
        ]),
        spec::Role::Bastion => BTreeMap::from([(String::from("session-manager"), policies::session_manager())]),
    }
}

fn add_role(
    builder: &mut Builder<'_>,
    thing: &str,
    policies: BTreeMap<String, Value>,
    managed_policies: BTreeSet<String>,
) {
    let cluster = builder.name();
    let name = names::name(thing, cluster, names::ROLE_LIMIT);
    let path = names::parameter_path(cluster);
    let role = Role {
        name: name.clone(),
        path: path.clone(),
        trust: policies::trust(builder),
        policies,
        managed_policies,
        tags: tags::plain(builder, thing),
    };
    let role = builder.add(thing, role);
    let profile = InstanceProfile { name, path, role: Some(role), tags: tags::plain(builder, thing) };
    builder.add(thing, profile);
}
