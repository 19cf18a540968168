//! What an open roll has changed for its own time.

use jiff::Timestamp;

use super::small;
use super::world::World;
use crate::plan::{Act, Plan};
use crate::resource::{AutoScalingGroup, Resource, attribute};
use crate::state::roll::{Record, Surge};

const GROUP: &str = "auto-scaling-group/spot";

/// A roll has raised the maximum by two and switched a process off.
fn rolling() -> World {
    let mut world = World::applied(small::cluster());
    let max_before = group(&mut world).max_size;
    group(&mut world).max_size = max_before + 2;
    group(&mut world).suspended_processes.insert("ReplaceUnhealthy".into());
    let mut record = Record::new("roll-1", Timestamp::UNIX_EPOCH, "somebody", ["spot".to_owned()].into());
    record.surged.insert("spot".into(), Surge { by: 2, max_before, size_before: max_before });
    record.suspended.insert("spot".into(), ["ReplaceUnhealthy".to_owned()].into());
    world.records.roll = Some(record);
    world
}

fn group(world: &mut World) -> &mut AutoScalingGroup {
    match &mut world.found(GROUP).resource {
        Resource::AutoScalingGroup(group) => group,
        other => panic!("{other:?} is no group"),
    }
}

fn lent(plan: &Plan) -> Vec<Option<&str>> {
    let operations = plan.waves.iter().flatten();
    let updates = operations.filter_map(|operation| match &operation.act {
        Act::Update { found, .. } => Some(found.attributes.get(attribute::LENT_MAXIMUM).map(String::as_str)),
        _ => None,
    });
    updates.collect()
}

#[test]
fn what_a_roll_has_lent_is_neither_drift_nor_a_change() {
    let mut world = rolling();
    let plan = world.plan().expect("a plan");
    assert!(plan.is_empty() && plan.drift.is_empty(), "{plan:#?}");
    // Without the roll it is drift, and is put back.
    world.records.roll = None;
    let plan = world.plan().expect("a plan");
    assert_eq!(plan.drift.len(), 1);
    assert_eq!(lent(&plan), [None]);
}

#[test]
fn what_somebody_else_changed_is_drift_during_a_roll_too() {
    let mut world = rolling();
    group(&mut world).max_size = 1;
    group(&mut world).suspended_processes.insert("Launch".into());
    let plan = world.plan().expect("a plan");
    let fields: Vec<&str> = plan.drift.iter().flat_map(|it| &it.fields).map(|it| it.path.as_str()).collect();
    assert_eq!(fields, ["maxSize", "suspendedProcesses"]);
}

#[test]
fn a_group_that_is_changed_during_a_roll_stays_as_large_as_it_needs_to_be() {
    let mut world = rolling();
    let needed = group(&mut world).max_size.to_string();
    if let Resource::AutoScalingGroup(group) = world.want(GROUP) {
        group.health_check_grace_period += 60;
    }
    assert_eq!(lent(&world.plan().expect("a plan")), [Some(needed.as_str())]);
}
