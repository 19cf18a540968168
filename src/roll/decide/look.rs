//! A view with what a decision looks up again and again, found once.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::draft::Draft;
use super::{CORDONED_AT_ANNOTATION, ROLL_ANNOTATION};
use crate::health::{Group, GroupRole, Lifecycle, Machine, View};
use crate::kubernetes::{Budget, Node, Pod};
use crate::roll::policy::{GroupPolicy, Policy};
use crate::state::roll::Record;

/// A view, indexed.
pub(super) struct Look<'a> {
    pub(super) view: &'a View,
    pub(super) policy: &'a Policy,
    pub(super) record: &'a Record,
    pub(super) now: Timestamp,
    nodes: HashMap<&'a str, &'a Node>,
    pods: HashMap<&'a str, Vec<&'a Pod>>,
    budgets: HashMap<&'a str, Vec<(usize, &'a Budget)>>,
    machines: HashMap<&'a str, (&'a str, &'a Machine)>,
    members: HashSet<&'a str>,
    /// Whether there is a node that has not said yet on which machine it runs.
    pub(super) unknown_nodes: bool,
}

impl<'a> Look<'a> {
    pub(super) fn at(view: &'a View, policy: &'a Policy, record: &'a Record) -> Self {
        let nodes = view.nodes.values().filter_map(|node| Some((node.instance.as_deref()?, node))).collect();
        let mut pods: HashMap<&str, Vec<&Pod>> = HashMap::new();
        for pod in &view.pods {
            if let Some(node) = &pod.node {
                pods.entry(node).or_default().push(pod);
            }
        }
        let mut budgets: HashMap<&str, Vec<(usize, &Budget)>> = HashMap::new();
        for (at, budget) in view.budgets.iter().enumerate() {
            budgets.entry(&budget.namespace).or_default().push((at, budget));
        }
        let mut machines = HashMap::new();
        for (name, group) in &view.groups {
            for (id, machine) in &group.machines {
                machines.insert(id.as_str(), (name.as_str(), machine));
            }
        }
        let member = |(name, group): (&'a String, &'a Group)| {
            matches!(group.role, GroupRole::Member(_)).then_some(name.as_str())
        };
        let members = view.groups.iter().filter_map(member).collect();
        let unknown_nodes = view.nodes.values().any(|node| node.instance.is_none());
        Self { view, policy, record, now: view.now, nodes, pods, budgets, machines, members, unknown_nodes }
    }

    /// The node that runs on a machine.
    pub(super) fn node(&self, instance: &str) -> Option<&'a Node> {
        self.nodes.get(instance).copied()
    }

    /// A machine and the name of its group.
    pub(super) fn machine(&self, instance: &str) -> Option<(&'a str, &'a Machine)> {
        self.machines.get(instance).copied()
    }

    /// All pods that are bound to a node.
    pub(super) fn pods(&self, node: &str) -> &[&'a Pod] {
        self.pods.get(node).map_or(&[], Vec::as_slice)
    }

    /// The pods that a drain of the node waits for.
    pub(super) fn holding(&self, node: &str) -> impl Iterator<Item = &'a Pod> {
        self.pods(node).iter().copied().filter(|pod| pod.holds_node())
    }

    /// The budgets about a pod, with their places in the view.
    pub(super) fn budgets(&self, pod: &Pod) -> Vec<(usize, &'a Budget)> {
        let of = self.budgets.get(pod.namespace.as_str());
        of.into_iter().flatten().filter(|(_, budget)| budget.covers(pod)).copied().collect()
    }

    /// How many members etcd has.
    pub(super) fn member_count(&self) -> usize {
        self.members.len()
    }

    /// Whether a machine is to be replaced.
    pub(super) fn is_stale(&self, group: &Group, machine: &Machine) -> bool {
        self.policy.replaces(group, machine) || self.record.forced.contains(&machine.id)
    }

    /// Groups of nodes and bastions that a decision is about: rolled ones, and fallbacks that stand in for one.
    pub(super) fn worker_groups(&self, draft: &Draft) -> Vec<&'a str> {
        let about = |(name, group): (&'a String, &'a Group)| {
            let rolled = self.policy.groups.contains_key(name);
            let ours = rolled
                || draft.record.raised.contains_key(name)
                || draft.record.surged.contains_key(name)
                || draft.memory().shrinking.iter().any(|id| group.machines.contains_key(id));
            (ours && !matches!(group.role, GroupRole::Member(_))).then_some(name.as_str())
        };
        self.view.groups.iter().filter_map(about).collect()
    }

    /// How a group is rolled: a fallback that is not rolled itself follows the group for which it stands in.
    pub(super) fn policy_of(&self, group: &str) -> Option<&'a GroupPolicy> {
        let groups = &self.policy.groups;
        let instead = || self.record.raised.get(group).and_then(|raise| groups.get(&raise.instead_of));
        groups.get(group).or_else(instead).or_else(|| groups.values().next())
    }

    /// Whether this roll has cordoned the node.
    pub(super) fn is_ours(&self, node: &Node) -> bool {
        node.unschedulable && node.annotations.get(ROLL_ANNOTATION).is_some_and(|id| *id == self.record.id)
    }

    /// When this roll has cordoned the node.
    pub(super) fn cordoned_at(&self, node: &Node) -> Option<Timestamp> {
        self.is_ours(node).then(|| node.annotations.get(CORDONED_AT_ANNOTATION)?.parse().ok()).flatten()
    }

    /// Seconds since then; none before it.
    pub(super) fn age(&self, since: Timestamp) -> u64 {
        u64::try_from(self.now.as_second().saturating_sub(since.as_second())).unwrap_or(0)
    }

    /// Machines that are there or coming.
    pub(super) fn present(group: &Group) -> u32 {
        let count = group.machines.values().filter(|it| is_present(it)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Nodes of a group onto which pods may be placed.
    pub(super) fn schedulable(&self, group: &Group, terminated: &BTreeMap<String, crate::roll::Termination>) -> u32 {
        let counts = |it: &&Machine| {
            let ready = match group.role {
                GroupRole::Bastion => true,
                _ => self.node(&it.id).is_some_and(Node::is_schedulable),
            };
            ready && it.lifecycle == Lifecycle::InService && !terminated.contains_key(&it.id)
        };
        u32::try_from(group.machines.values().filter(counts).count()).unwrap_or(u32::MAX)
    }
}

/// Whether a machine is there or coming.
pub(super) const fn is_present(machine: &Machine) -> bool {
    matches!(machine.lifecycle, Lifecycle::InService | Lifecycle::Pending)
}
