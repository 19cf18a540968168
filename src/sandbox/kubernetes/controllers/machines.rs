//! Which cluster an instance joins, as what, and when: out of its user data, or out of the scenario that it belongs to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::super::boot::{Role, Stage};
use super::super::super::world::World;
use super::kubelet::jitter;
use super::later;

/// Seconds from the end of a node's bootstrap to Ready; with its launch that makes one to two minutes.
const NODE: (i64, i64) = (25, 60);
/// The same of a member, whose kubelet runs before its API server does.
const MEMBER: (i64, i64) = (15, 20);

/// What an instance is to Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: String,
    /// Name of the member of the control plane; `None`: it is a node.
    pub member: Option<String>,
    /// Labels beside those of every node.
    pub labels: BTreeMap<String, String>,
    /// Taints, `key=value:Effect`.
    pub taints: Vec<String>,
    /// The kubelet's version, `v1.34.2`.
    pub version: String,
    /// When its node becomes Ready.
    pub ready: Timestamp,
    /// Whether it never does.
    pub never: bool,
}

/// What the machines of an Auto Scaling group are where no user data says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machines {
    /// The cluster.
    pub cluster: String,
    /// Name of the member of the control plane; `None`: they are nodes.
    pub member: Option<String>,
    /// Labels beside those of every node.
    pub labels: BTreeMap<String, String>,
    /// Taints, `key=value:Effect`.
    pub taints: Vec<String>,
    /// The kubelet's version by version of the launch template.
    pub versions: BTreeMap<u64, String>,
    /// Seconds from launch to Ready, at least and at most.
    pub boot: (i64, i64),
    /// How many of those that come next never become Ready.
    pub never_ready: u32,
}

/// Whether a machine that comes up now is one of those that never become Ready; it is then counted.
pub fn never(world: &mut World, id: &str) -> bool {
    let group = world.ec2.instances.get(id).and_then(|it| it.tags.get("aws:autoscaling:groupName")).cloned();
    let controllers = &mut world.kubernetes.controllers;
    let Some(machines) = group.and_then(|group| controllers.machines.get_mut(&group)) else { return false };
    if machines.never_ready == 0 {
        return false;
    }
    machines.never_ready -= 1;
    true
}

/// What an instance is to Kubernetes; `None`: nothing, or nothing yet.
#[must_use]
pub fn identify(world: &World, id: &str) -> Option<Identity> {
    let instance = world.ec2.instances.get(id)?;
    let controllers = &world.kubernetes.controllers;
    if let Some(group) = instance.tags.get("aws:autoscaling:groupName")
        && let Some(machines) = controllers.machines.get(group)
    {
        let version = instance.tags.get("aws:ec2launchtemplate:version").and_then(|it| it.parse().ok()).unwrap_or(0);
        let starting = instance.since.duration_since(instance.launched_at).as_secs();
        // A stopped instance that is started again was launched long ago.
        let from = if starting < 60 { instance.launched_at } else { instance.since };
        return Some(Identity {
            cluster: machines.cluster.clone(),
            member: machines.member.clone(),
            labels: machines.labels.clone(),
            taints: machines.taints.clone(),
            version: machines.versions.get(&version).or(machines.versions.values().last()).cloned().unwrap_or_default(),
            ready: later(from, jitter(id, 4, machines.boot)),
            never: false,
        });
    }
    let machine = world.boot.machines.get(id)?;
    let (Some(facts), Stage::Serving(since)) = (&machine.facts, &machine.stage) else { return None };
    if facts.role == Role::Bastion || machine.since != instance.since {
        return None;
    }
    let member = (facts.role == Role::Member).then(|| facts.name.clone());
    let range = if member.is_some() { MEMBER } else { NODE };
    Some(Identity {
        cluster: facts.cluster.clone(),
        member,
        labels: facts.labels.clone(),
        taints: facts.taints.clone(),
        version: format!("v{}", facts.version),
        ready: later(*since, jitter(id, 4, range)),
        never: false,
    })
}
