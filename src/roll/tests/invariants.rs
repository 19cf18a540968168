//! Runs a roll to its end and checks at every step what must never be broken.

use std::collections::BTreeMap;

use super::world::{STEP, World};
use crate::health::{GroupRole, Lifecycle};
use crate::kubernetes::Node;
use crate::roll::decide::{PROTECT_ANNOTATION, decide};
use crate::roll::{Action, Outcome, Policy, Record};

/// A roll that is run to its end.
pub(super) struct Run {
    pub(super) outcome: Outcome,
    pub(super) record: Record,
    pub(super) seconds: i64,
    pub(super) actions: Vec<Action>,
}

/// What happens beside the roll.
pub(super) struct Beside<'a> {
    /// The run is killed before this action.
    pub(super) kill_at: Option<usize>,
    /// Nodes that others may take from a group without it being the roll's fault.
    pub(super) allowance: u32,
    /// Called before each decision.
    pub(super) event: &'a mut dyn FnMut(&mut World, &mut Record),
}

/// Sizes before the roll.
struct Before {
    groups: BTreeMap<String, (u32, u32)>,
}

/// Runs a roll until it says that it is over.
pub(super) fn run(world: &mut World, policy: &Policy, record: Record) -> Run {
    run_beside(world, policy, record, Beside { kill_at: None, allowance: 0, event: &mut |_, _| {} })
}

/// The same, while other things happen.
pub(super) fn run_beside(world: &mut World, policy: &Policy, mut record: Record, beside: Beside<'_>) -> Run {
    let before =
        Before { groups: world.view.groups.iter().map(|(name, it)| (name.clone(), (it.desired, it.max))).collect() };
    let start = world.now;
    let mut actions: Vec<Action> = Vec::new();
    let mut killed = false;
    // Twenty hours of virtual time: whatever is not over then never ends.
    for _ in 0..7200 {
        (beside.event)(world, &mut record);
        let decision = decide(&world.view, policy, &record);
        assert_eq!(decision, decide(&world.view, policy, &record), "the same look gave another decision");
        record = decision.record.clone();
        for action in &decision.actions {
            if !killed && beside.kill_at == Some(actions.len()) {
                killed = true;
                break;
            }
            world.act(action);
            actions.push(action.clone());
            check(world, policy, &before, beside.allowance);
        }
        if decision.outcome != Outcome::Going {
            let seconds = world.now - start;
            if matches!(decision.outcome, Outcome::Done | Outcome::Aborted) {
                put_back(world, &before, &decision.outcome);
            }
            return Run { outcome: decision.outcome.clone(), record, seconds, actions };
        }
        world.pass(STEP);
    }
    let last = decide(&world.view, policy, &record);
    panic!("the roll never ends; it waits for {:?}, record {:?}", last.waiting, last.record);
}

fn check(world: &World, policy: &Policy, before: &Before, allowance: u32) {
    let mut down = 0;
    let mut members = 0;
    for (name, group) in &world.view.groups {
        let (size, _) = before.groups[name];
        match group.role {
            GroupRole::Member(_) => {
                members += 1;
                let up = group.machines.values().any(|it| {
                    it.lifecycle == Lifecycle::InService
                        && world.fates[&it.id].ready_at.is_some_and(|ready| ready <= world.now)
                });
                down += u32::from(!up);
            }
            GroupRole::Nodes if policy.groups.contains_key(name) => {
                let its = &policy.groups[name];
                let surge = its.max_surge.of(size);
                let unavailable = its.unavailable(size);
                let ready: usize = world
                    .view
                    .groups
                    .iter()
                    .filter(|(other, _)| *other == name || group.fallback.as_ref() == Some(*other))
                    .flat_map(|(_, it)| it.machines.values())
                    .filter(|it| it.lifecycle == Lifecycle::InService)
                    .filter(|it| world.view.node_of(&it.id).is_some_and(Node::is_schedulable))
                    .count();
                let floor = size.saturating_sub(unavailable).saturating_sub(allowance);
                assert!(ready as u32 >= floor, "group {name} has {ready} ready nodes, its floor is {floor}");
                let lent =
                    group.fallback.is_none() && world.view.groups.values().any(|it| it.fallback.as_ref() == Some(name));
                assert!(lent || group.desired <= size + surge, "group {name} has surged to {}", group.desired);
            }
            _ => {}
        }
    }
    assert!(down <= 1, "{down} members are down at once");
    assert!(members == 0 || members - down > members / 2, "quorum is lost");
}

fn put_back(world: &World, before: &Before, outcome: &Outcome) {
    for (name, group) in &world.view.groups {
        let (desired, max) = before.groups[name];
        assert_eq!((group.desired, group.max), (desired, max), "size and maximum of {name}");
        assert!(group.suspended.is_empty(), "{name} has {:?} suspended", group.suspended);
        for machine in group.machines.values() {
            let node = world.view.node_of(&machine.id);
            assert!(*outcome == Outcome::Aborted || !group.is_stale(machine), "{} is stale", machine.id);
            let cordoned =
                node.is_some_and(|node| node.unschedulable && !node.annotations.contains_key("test/foreign"));
            assert!(!cordoned, "{} is cordoned", machine.id);
            assert!(
                !node.is_some_and(|node| node.annotations.contains_key(PROTECT_ANNOTATION)),
                "{} is protected",
                machine.id
            );
        }
    }
    let machine = |id: &String| world.view.groups.values().any(|it| it.machines.contains_key(id));
    for node in world.view.nodes.values() {
        assert!(node.instance.as_ref().is_some_and(machine), "node {} has no machine", node.name);
    }
}
