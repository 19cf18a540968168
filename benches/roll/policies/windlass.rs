//! Ours: the product's decision, with the product's defaults, on the views that the product would see.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use windlass::roll::decide::{CORDONED_AT_ANNOTATION, PROTECT_ANNOTATION, ROLL_ANNOTATION};
use windlass::roll::{self, Action, GroupPolicy, Outcome, Record, Replace, baseline, decide};
use windlass::spec::Rolling;

use super::{Policy, Step};
use crate::world::{World, at, number};

/// How often it looks. The product looks within a second of a change in Kubernetes, and at AWS every ten seconds.
const LOOK: i64 = 5;

/// Ours.
#[derive(Default)]
pub struct Windlass {
    begun: Option<(roll::Policy, Record)>,
}

impl Policy for Windlass {
    fn name(&self) -> &'static str {
        "windlass"
    }

    fn step(&mut self, world: &mut World) -> Step {
        let view = world.view();
        let (policy, record) = self.begun.get_or_insert_with(|| {
            let names = view.groups.keys().cloned().collect();
            let record = Record::new("roll", view.now, "benchmark", names);
            (policy(world), record.with(BTreeSet::new(), false, baseline(&view)))
        });
        let decision = decide(&view, policy, record);
        *record = decision.record;
        let acted = !decision.actions.is_empty();
        for action in decision.actions {
            act(world, policy, &record.id, action);
        }
        match decision.outcome {
            Outcome::Going => Step::After(LOOK),
            // What was done last is looked at once more.
            _ if acted => Step::After(LOOK),
            Outcome::Done => Step::Done,
            Outcome::Stopped(stop) => Step::Stopped(stop.to_string()),
            Outcome::Paused | Outcome::Aborted => Step::Stopped("nobody asked for that".to_owned()),
        }
    }
}

/// The defaults of the manifests, for every group.
fn policy(world: &World) -> roll::Policy {
    let rolling = Rolling::default().resolve();
    let groups =
        world.groups.iter().map(|group| (group.name.clone(), GroupPolicy::of(&rolling, Timestamp::UNIX_EPOCH)));
    roll::Policy {
        groups: groups.collect::<BTreeMap<_, _>>(),
        forced: BTreeSet::new(),
        ignore_budgets: false,
        gate_timeout: Duration::from_secs(rolling.gate_timeout.as_seconds()),
        // The worlds have no control plane: nothing is waited for in it.
        snapshot_age: None,
        leader_stable: Duration::ZERO,
    }
}

/// Does what the product's runner would do.
fn act(world: &mut World, policy: &roll::Policy, roll: &str, action: Action) {
    match action {
        Action::Suspend { group, processes } => world.suspend(group_of(world, &group), &processes),
        Action::Resume { group, processes } => world.resume(group_of(world, &group), &processes),
        Action::Resize { group, desired, max } => world.resize(group_of(world, &group), desired, max),
        Action::Protect { node, on } => {
            world.annotate(number(&node), PROTECT_ANNOTATION, on.then(|| "true".to_owned()));
        }
        Action::Cordon { node, .. } => {
            let machine = number(&node);
            world.annotate(machine, ROLL_ANNOTATION, Some(roll.to_owned()));
            world.annotate(machine, CORDONED_AT_ANNOTATION, Some(at(world.now).to_string()));
            world.cordon(machine, true);
            check_floor(world, policy, machine);
        }
        Action::Uncordon { node, .. } => {
            let machine = number(&node);
            world.annotate(machine, ROLL_ANNOTATION, None);
            world.annotate(machine, CORDONED_AT_ANNOTATION, None);
            world.cordon(machine, false);
        }
        Action::Evict { pod, .. } => {
            world.evict(number(&pod));
        }
        Action::Terminate { instance, replace, .. } => match replace {
            Replace::Launch => world.terminate(number(&instance)),
            Replace::Shrink => world.terminate_and_shrink(number(&instance)),
        },
        Action::DeleteNode { node, .. } => world.delete_node(number(&node)),
        Action::DeletePod { .. } | Action::Snapshot { .. } | Action::MoveLeader { .. } => {
            panic!("nobody asked for {action:?}")
        }
    }
}

fn group_of(world: &World, name: &str) -> usize {
    let found = world.groups.iter().position(|group| group.name == name);
    found.expect("the decision names groups of the view")
}

/// What it cordons must never leave a group below its floor. What reclaims take is nobody's fault, and is not looked
/// at.
fn check_floor(world: &World, policy: &roll::Policy, machine: usize) {
    let group = world.machines[machine].group;
    let its = &world.groups[group];
    let floor = policy.groups.get(&its.name).map_or(0, |policy| its.size - policy.unavailable(its.size));
    let standing = world.standing(group);
    assert!(standing >= floor, "{} has {standing} ready nodes, its floor is {floor}", its.name);
}
