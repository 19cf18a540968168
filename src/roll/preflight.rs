//! What is found before a roll begins: what will block it, what it will interrupt, and what it has no room for. It
//! decides nothing: people do.

use std::collections::BTreeMap;

use super::policy::Policy;
use crate::health::{Finding, GroupRole, Lifecycle, Severity, View, add};
use crate::kubernetes::{Budget, Node, Pod};

/// Looks at a cluster before a roll; the worst findings first.
#[must_use]
pub fn preflight(view: &View, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    budgets(view, &mut findings);
    pods(view, policy, &mut findings);
    nodes(view, policy, &mut findings);
    members(view, policy, &mut findings);
    room(view, policy, &mut findings);
    findings.sort();
    findings
}

fn budgets(view: &View, findings: &mut Vec<Finding>) {
    for budget in view.budgets.iter().filter(|budget| budget.is_impossible()) {
        let what =
            format!("its budget ({}) can never allow an eviction: every drain of its pods will block", budget.rule);
        add(findings, Severity::Bad, budget.full_name(), what);
    }
}

/// Pods on nodes that will be drained.
fn pods(view: &View, policy: &Policy, findings: &mut Vec<Finding>) {
    let mut of: BTreeMap<&str, Vec<&Budget>> = BTreeMap::new();
    for budget in &view.budgets {
        of.entry(&budget.namespace).or_default().push(budget);
    }
    let drained: std::collections::BTreeSet<&str> = stale_nodes(view, policy).map(|node| node.name.as_str()).collect();
    let here = |pod: &&Pod| pod.holds_node() && pod.node.as_deref().is_some_and(|node| drained.contains(node));
    for pod in view.pods.iter().filter(here) {
        let covering: Vec<String> = of
            .get(pod.namespace.as_str())
            .into_iter()
            .flatten()
            .filter(|it| it.covers(pod))
            .map(|it| it.full_name())
            .collect();
        if covering.len() > 1 {
            let what = format!(
                "budgets {} are all about it: Kubernetes refuses its eviction for ever",
                covering.join(" and ")
            );
            add(findings, Severity::Bad, pod.full_name(), what);
        }
        if pod.controller.is_none() {
            add(findings, Severity::Warning, pod.full_name(), "a bare pod: nobody makes it anew once it is evicted");
        }
        if !pod.local_volumes.is_empty() {
            let what = format!("local volumes whose content is lost: {}", pod.local_volumes.join(", "));
            add(findings, Severity::Warning, pod.full_name(), what);
        }
        if !pod.host_ports.is_empty() {
            let ports: Vec<String> = pod.host_ports.iter().map(ToString::to_string).collect();
            let what = format!("host ports {}: it needs a node without another one of them", ports.join(", "));
            add(findings, Severity::Notice, pod.full_name(), what);
        }
    }
}

fn stale_nodes<'a>(view: &'a View, policy: &'a Policy) -> impl Iterator<Item = &'a Node> {
    let stale: std::collections::BTreeSet<&str> = policy
        .groups
        .keys()
        .filter_map(|name| view.groups.get(name))
        .flat_map(|group| group.machines.values().filter(|it| policy.replaces(group, it)))
        .map(|machine| machine.id.as_str())
        .collect();
    view.nodes.values().filter(move |node| node.instance.as_deref().is_some_and(|id| stale.contains(id)))
}

fn nodes(view: &View, policy: &Policy, findings: &mut Vec<Finding>) {
    for node in view.nodes.values().filter(|node| !node.is_ready()) {
        add(findings, Severity::Warning, &node.name, "the node is not Ready already");
    }
    for node in stale_nodes(view, policy).filter(|node| node.unschedulable) {
        add(
            findings,
            Severity::Notice,
            &node.name,
            "somebody has cordoned the node: it is drained and replaced like the others",
        );
    }
}

fn members(view: &View, policy: &Policy, findings: &mut Vec<Finding>) {
    let all = view.groups.values().filter(|group| matches!(group.role, GroupRole::Member(_))).count();
    let rolled = policy.groups.keys().filter_map(|name| view.groups.get(name)).any(|group| {
        matches!(group.role, GroupRole::Member(_)) && group.machines.values().any(|it| policy.replaces(group, it))
    });
    if !rolled {
        return;
    }
    match all {
        1 => add(findings, Severity::Warning, "control plane", "one member: the API is away while it is replaced"),
        2 => add(findings, Severity::Warning, "control plane", "two members: etcd has no quorum while one is replaced"),
        _ => {}
    }
    let Some(control_plane) = &view.control_plane else { return };
    for (name, member) in &control_plane.members {
        if let Some(why) = member.sickness() {
            add(findings, Severity::Bad, name, format!("the member is not healthy: {why}"));
        }
    }
    if control_plane.members.len() < all {
        let what = format!("{} of {all} members answer", control_plane.members.len());
        add(findings, Severity::Bad, "control plane", what);
    }
    if !control_plane.ready_from_outside {
        add(findings, Severity::Bad, "control plane", "the API does not answer through its load balancer or name");
    }
}

/// Room for pods while nodes are away, and for surge.
fn room(view: &View, policy: &Policy, findings: &mut Vec<Finding>) {
    for (name, its) in &policy.groups {
        let Some(group) = view.groups.get(name).filter(|group| group.role == GroupRole::Nodes) else { continue };
        if !group.machines.values().any(|it| policy.replaces(group, it)) {
            continue;
        }
        let surge = its.max_surge.of(group.desired);
        if surge > 0 && group.desired + surge > group.max {
            let what = format!(
                "its maximum is raised from {} to {} for the time of the roll",
                group.max,
                group.desired + surge
            );
            add(findings, Severity::Notice, name, what);
        }
        if surge == 0 && its.max_unavailable.of(group.desired) == 0 {
            let what = "its shares are less than one machine: one node at a time is unavailable";
            add(findings, Severity::Notice, name, what);
        }
        if group.suspended.contains("Launch") || group.suspended.contains("Terminate") {
            add(findings, Severity::Bad, name, "Launch or Terminate is suspended: nothing can be replaced");
        }
        if surge == 0 && group.machines.values().any(|it| it.lifecycle == Lifecycle::InService) {
            spare(view, name, findings);
        }
    }
}

/// Whether the other nodes have room for what runs on the fullest node of a group that does not surge.
fn spare(view: &View, name: &str, findings: &mut Vec<Finding>) {
    let mut used: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for pod in view.pods.iter().filter(|pod| pod.holds_node()) {
        if let Some(node) = &pod.node {
            let entry = used.entry(node).or_default();
            *entry = (entry.0 + pod.cpu, entry.1 + pod.memory);
        }
    }
    let Some(group) = view.groups.get(name) else { return };
    let own = |node: &&Node| node.instance.as_ref().is_some_and(|id| group.machines.contains_key(id));
    let of = |node: &Node| used.get(node.name.as_str()).copied().unwrap_or_default();
    let Some(fullest) = view.nodes.values().filter(own).max_by_key(|node| of(node)) else { return };
    let (cpu, memory) = of(fullest);
    let others =
        view.nodes.values().filter(|node| node.name != fullest.name && node.is_schedulable() && !node.control_plane);
    let (free_cpu, free_memory) = others.fold((0_u64, 0_u64), |(all_cpu, all_memory), node| {
        let (cpu, memory) = of(node);
        (all_cpu + node.cpu.saturating_sub(cpu), all_memory + node.memory.saturating_sub(memory))
    });
    if cpu > free_cpu || memory > free_memory {
        let what = format!("no other node has room for the pods of {}: they will be pending", fullest.name);
        add(findings, Severity::Warning, name, what);
    }
}
