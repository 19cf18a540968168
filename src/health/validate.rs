//! Whether a cluster is as it should be: what `status` says. It looks at one view and judges; it never acts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::view::{GroupRole, Lifecycle, Machine, View};
use crate::duration;
use crate::kubernetes::{Node, Pod};

/// How much a finding matters. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Something is broken, or will be.
    Bad,
    /// Somebody should look.
    Warning,
    /// Worth to know.
    Notice,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The group, machine, node, pod or budget.
    pub about: String,
    /// What was found, as a sentence without its subject.
    pub what: String,
}

/// What a cluster should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Version of Kubernetes, as `v1.34.2`: nodes should run it. `None`: any.
    pub kubelet_version: Option<String>,
}

/// How long a machine may be in service without a Ready node: the default of `readyTimeout` (`spec.rolling`).
const BOOTS: u64 = 600;
/// How long a pod of kube-system may take to become ready after it was made: pull, start and first probes.
const STARTS: u64 = 120;
/// How far the zones of a group may be apart: Auto Scaling itself rebalances from two on.
const UNEVEN: u32 = 2;

/// Judges a cluster; the worst findings first.
#[must_use]
pub fn findings(view: &View, expectation: &Expectation) -> Vec<Finding> {
    let mut all = Vec::new();
    if let Some(why) = &view.unreachable {
        add(&mut all, Severity::Bad, "kubernetes", format!("the API server does not answer: {why}"));
    }
    machines(view, expectation, &mut all);
    strangers(view, &mut all);
    control_plane(view, &mut all);
    system(view, &mut all);
    balance(view, &mut all);
    capacity(view, &mut all);
    for probe in &view.probes {
        if let Some(why) = &probe.red {
            add(&mut all, Severity::Bad, &probe.name, format!("the probe is red: {why}"));
        }
    }
    all.sort();
    all
}

/// Machines by zone over all groups of nodes.
fn zones(view: &View) -> BTreeMap<String, u32> {
    let mut zones = BTreeMap::new();
    let groups = view.groups.values().filter(|group| group.role == GroupRole::Nodes);
    for machine in groups.flat_map(super::view::Group::in_service) {
        *zones.entry(machine.zone.clone()).or_default() += 1;
    }
    zones
}

/// Adds a finding.
pub(crate) fn add(all: &mut Vec<Finding>, severity: Severity, about: impl Into<String>, what: impl Into<String>) {
    all.push(Finding { severity, about: about.into(), what: what.into() });
}

fn age(view: &View, machine: &Machine) -> u64 {
    let seconds = machine.launched.map(|at| view.now.as_second().saturating_sub(at.as_second()));
    seconds.and_then(|it| u64::try_from(it).ok()).unwrap_or(u64::MAX)
}

fn machines(view: &View, expectation: &Expectation, all: &mut Vec<Finding>) {
    let nodes: HashMap<&str, &Node> =
        view.nodes.values().filter_map(|node| Some((node.instance.as_deref()?, node))).collect();
    for (name, group) in &view.groups {
        let count = u32::try_from(group.in_service().count()).unwrap_or(u32::MAX);
        if count < group.desired {
            add(all, Severity::Bad, name, format!("{count} of {} machines are in service", group.desired));
        } else if count > group.desired {
            add(all, Severity::Notice, name, format!("{count} machines are in service, {} are desired", group.desired));
        }
        let stale = group.in_service().filter(|it| group.is_stale(it)).count();
        if stale > 0 {
            add(all, Severity::Notice, name, format!("{stale} machines have an older template: a roll replaces them"));
        }
        if group.role == GroupRole::Bastion {
            continue;
        }
        for machine in group.machines.values().filter(|it| it.lifecycle == Lifecycle::InService) {
            judge_node(view, expectation, machine, nodes.get(machine.id.as_str()).copied(), all);
        }
    }
}

fn judge_node(view: &View, expectation: &Expectation, machine: &Machine, node: Option<&Node>, all: &mut Vec<Finding>) {
    let boots = age(view, machine) < BOOTS;
    let severity = if boots { Severity::Notice } else { Severity::Bad };
    let since =
        machine.launched.map_or_else(String::new, |_| format!(" after {}", duration::seconds(age(view, machine))));
    let Some(node) = node else {
        add(all, severity, &machine.id, format!("it is in service and no node{since}"));
        return;
    };
    if !node.is_ready() {
        add(all, severity, &node.name, format!("the node is not Ready{since}"));
    }
    if node.unschedulable {
        add(all, Severity::Notice, &node.name, "the node is cordoned");
    }
    if let Some(version) = expectation.kubelet_version.as_ref().filter(|it| **it != node.kubelet_version) {
        add(all, Severity::Warning, &node.name, format!("its kubelet is {}, not {version}", node.kubelet_version));
    }
}

/// Nodes whose machine is gone.
fn strangers(view: &View, all: &mut Vec<Finding>) {
    let known: BTreeSet<&str> = view.groups.values().flat_map(|it| it.machines.keys().map(String::as_str)).collect();
    for node in view.nodes.values() {
        if let Some(id) = node.instance.as_deref().filter(|id| !known.contains(id)) {
            add(all, Severity::Warning, &node.name, format!("the node's machine {id} is in none of the groups"));
        }
    }
}

fn control_plane(view: &View, all: &mut Vec<Finding>) {
    let Some(control_plane) = &view.control_plane else { return };
    for group in view.groups.values() {
        let GroupRole::Member(name) = &group.role else { continue };
        let Some(member) = control_plane.members.get(name) else {
            add(all, Severity::Bad, name, "the member gives no answer");
            continue;
        };
        if let Some(why) = member.sickness() {
            add(all, Severity::Bad, name, format!("the member is not healthy: {why}"));
        }
    }
    if !control_plane.members.is_empty() && !control_plane.members.values().any(|member| member.leader) {
        add(all, Severity::Bad, "control plane", "etcd has no leader");
    }
    if !control_plane.ready_from_outside {
        add(all, Severity::Bad, "control plane", "the API does not answer through its load balancer or name");
    }
}

fn system(view: &View, all: &mut Vec<Finding>) {
    let bad = |pod: &&Pod| {
        let age = u64::try_from(view.now.as_second().saturating_sub(pod.created.as_second())).unwrap_or(0);
        pod.is_system() && pod.is_not_ready() && age >= STARTS
    };
    for pod in view.pods.iter().filter(bad) {
        let what = pod
            .unschedulable
            .as_ref()
            .map_or_else(|| "the pod is not ready".to_owned(), |why| format!("there is no place for the pod: {why}"));
        add(all, Severity::Bad, pod.full_name(), what);
    }
}

/// Zones of a group that are uneven, and the share of the fullest zone over all groups.
fn balance(view: &View, all: &mut Vec<Finding>) {
    for (name, group) in view.groups.iter().filter(|(_, group)| group.role == GroupRole::Nodes && group.zones.len() > 1)
    {
        let mut zones: BTreeMap<&str, u32> = group.zones.iter().map(|zone| (zone.as_str(), 0)).collect();
        for machine in group.in_service() {
            *zones.entry(&machine.zone).or_default() += 1;
        }
        let most = zones.values().max().copied().unwrap_or(0);
        let least = zones.values().min().copied().unwrap_or(0);
        if most - least >= UNEVEN {
            let each: Vec<String> = zones.iter().map(|(zone, count)| format!("{zone} {count}")).collect();
            add(all, Severity::Notice, name, format!("its zones are uneven: {}", each.join(", ")));
        }
    }
    let zones = zones(view);
    let sum: u32 = zones.values().sum();
    if let Some((zone, most)) = zones.iter().max_by_key(|(_, count)| **count) {
        // More than half of all nodes in one of several zones: its loss takes the cluster's majority.
        if zones.len() > 1 && most * 2 > sum {
            let share = u64::from(*most) * 100 / u64::from(sum.max(1));
            add(all, Severity::Warning, zone, format!("{share} % of all nodes are in this zone"));
        }
    }
}

fn capacity(view: &View, all: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for failure in &view.capacity {
        let name = view.groups.iter().find(|(_, it)| it.auto_scaling_group == failure.auto_scaling_group);
        let name = name.map_or(&failure.auto_scaling_group, |(name, _)| name);
        if !seen.insert((name, failure.reason, &failure.machine_type, &failure.zone)) {
            continue;
        }
        let option = if failure.spot == Some(true) { " spot" } else { "" };
        let of = failure.machine_type.as_deref().unwrap_or("a machine");
        let zone = failure.zone.as_deref().map_or_else(String::new, |zone| format!(" in {zone}"));
        let what = format!("no launch of{option} {of}{zone} at {}: {}", failure.at, failure.message);
        add(all, Severity::Warning, name, what);
    }
    for (name, group) in &view.groups {
        let Some((_, fallback)) = view.fallback_of(group) else { continue };
        let left = fallback.in_service().filter(|it| !it.spot).count();
        let whole = group.in_service().count() >= group.desired as usize;
        let wants_spot = group.machines.values().any(|it| it.spot);
        if whole && wants_spot && fallback.desired > fallback.min && left > 0 {
            let what = format!("{left} on-demand machines are left in its fallback, although it has capacity");
            add(all, Severity::Notice, name, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::tests::{World, at};

    fn whats(view: &View, expectation: &Expectation) -> Vec<String> {
        findings(view, expectation).into_iter().map(|it| format!("{}: {}", it.about, it.what)).collect()
    }

    fn world() -> World {
        let mut world = World::new(1).members().group("nodes", GroupRole::Nodes, 3);
        for group in world.view.groups.values_mut() {
            group.template_version = "1".to_owned();
        }
        world
    }

    #[test]
    fn a_cluster_that_is_well_has_no_findings() {
        assert_eq!(whats(&world().view, &Expectation::default()), Vec::<String>::new());
    }

    #[test]
    fn a_machine_without_a_node_is_found() {
        let mut world = world();
        let name = world.view.nodes.keys().find(|it| it.starts_with("node-")).cloned().expect("three nodes");
        world.view.nodes.remove(&name);
        let found = findings(&world.view, &Expectation::default());
        assert_eq!(found[0].severity, Severity::Bad);
        assert!(found[0].what.starts_with("it is in service and no node after"), "{found:?}");
    }

    #[test]
    fn another_version_of_the_kubelet_is_found() {
        let expectation = Expectation { kubelet_version: Some("v1.35.0".to_owned()) };
        let found = whats(&world().view, &expectation);
        assert_eq!(found.len(), 6);
        assert!(found[0].ends_with("its kubelet is v1.34.2, not v1.35.0"));
    }

    #[test]
    fn missing_machines_and_a_silent_member_are_found() {
        let mut world = world();
        world.edit("nodes").desired = 5;
        if let Some(control_plane) = &mut world.view.control_plane {
            control_plane.members.remove("b");
        }
        let found = whats(&world.view, &Expectation::default());
        assert_eq!(found, ["b: the member gives no answer", "nodes: 3 of 5 machines are in service"]);
    }

    #[test]
    fn a_node_whose_machine_is_gone_is_found() {
        let mut world = world();
        let id = world.view.groups["nodes"].machines.keys().next().cloned().expect("three machines");
        world.edit("nodes").machines.remove(&id);
        let found = whats(&world.view, &Expectation::default());
        assert!(found.iter().any(|it| it.contains(&format!("machine {id} is in none of the groups"))), "{found:?}");
    }

    #[test]
    fn uneven_zones_are_found() {
        let mut world = world();
        world.edit("nodes").machines.values_mut().for_each(|it| it.zone = "a".to_owned());
        let found = whats(&world.view, &Expectation::default());
        assert_eq!(found, ["nodes: its zones are uneven: a 3, b 0, c 0"]);
    }

    #[test]
    fn a_system_pod_that_is_not_ready_is_found_after_its_start() {
        let mut world = world().application("dns", 1, None);
        for pod in &mut world.view.pods {
            (pod.namespace, pod.ready) = ("kube-system".to_owned(), false);
        }
        assert!(whats(&world.view, &Expectation::default()).is_empty());
        world.view.now = at(500);
        assert_eq!(whats(&world.view, &Expectation::default()).len(), 1);
    }
}
