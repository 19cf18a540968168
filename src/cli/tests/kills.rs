//! Row 1: killed at every call, before and after its effect.

use super::row::{Row, at_call, number, share};
use super::story::{CREATE, DESTROY, Fate, RENEW, ROLL, Story, UPDATE, rotation};
use crate::fault::{At, FaultPlan, Kind, Rule};

fn killed(story: &'static Story, every: usize) {
    let row = Row { row: "row 1", story, fate: Fate::Killed };
    let calls = share(story.undisturbed.calls.len() + story.undisturbed.kubernetes_calls, every);
    let before = calls.iter().map(|index| at_call(*index, Kind::StopBefore));
    let after = calls.iter().map(|index| at_call(*index, Kind::StopAfter));
    row.holds(before.chain(after));
}

#[test]
fn create_survives_a_kill_at_every_call() {
    killed(&CREATE, 6);
}

/// Machines are on their way: whoever breaks the lock and goes on at once has to wait for them as well.
#[test]
fn what_a_dead_run_made_is_waited_for_also_when_its_lock_is_broken() {
    for story in [&*CREATE, &*UPDATE] {
        let calls = &story.undisturbed.calls;
        let made = calls.iter().rposition(|call| call.operation == "CreateAutoScalingGroup").expect("a group is made");
        let places = share(calls.len() - made - 1, 3);
        for place in places.iter().map(|index| made + 1 + index) {
            if let Err(wrong) = story.survives_unlocked(number(place)) {
                panic!("{}, killed before call {place}: {wrong}", story.name);
            }
        }
        say!("proof: row 1: {} cases ({}, unlocked)", places.len(), story.name);
    }
}

/// Whoever takes over at once sees nothing of what was just made: it is looked for, and not made again.
#[test]
fn what_a_dead_run_made_is_found_although_it_is_seen_late() {
    for (story, every) in [(&*CREATE, 2), (&*UPDATE, 1)] {
        let row = Row { row: "row 7", story, fate: Fate::Killed };
        let changes = share(story.undisturbed.changes(), every);
        row.holds(changes.iter().map(|index| FaultPlan::one(At::Change(number(*index)), Kind::StopLate(50))));
    }
}

/// The call that nobody knows the end of may begin long after the intent: it was refused as too fast for minutes.
#[test]
fn what_a_dead_run_began_late_is_found_although_it_is_seen_late() {
    let operations = ["CreateVpc", "CreateInternetGateway", "AllocateAddress"];
    let plans = operations.into_iter().map(|operation| {
        let call = |index| At::Occurrence { operation: operation.to_owned(), index };
        let throttle = Rule { at: call(0), kind: Kind::Throttle(20) };
        FaultPlan { seed: 0, rules: vec![throttle, Rule { at: call(21), kind: Kind::StopLate(50) }] }
    });
    Row { row: "row 7", story: &CREATE, fate: Fate::Killed }.holds(plans);
}

#[test]
fn update_survives_a_kill_at_every_call() {
    killed(&UPDATE, 4);
}

#[test]
fn renewal_survives_a_kill_at_every_call() {
    killed(&RENEW, 1);
}

#[test]
fn each_step_of_a_rotation_survives_a_kill_at_every_call() {
    for step in rotation() {
        killed(step, 1);
    }
}

#[test]
fn a_roll_survives_a_kill_at_every_call() {
    killed(&ROLL, 8);
}

/// Whoever comes after a roll that died may have something else in mind.
#[test]
fn an_apply_may_come_between_a_roll_that_died_and_the_next() {
    let places = share(ROLL.undisturbed.calls.len() + ROLL.undisturbed.kubernetes_calls, 10);
    for place in &places {
        if let Err(wrong) = ROLL.survives_between(number(*place), "apply CLUSTER --yes") {
            panic!("a roll that was killed before call {place}: {wrong}");
        }
    }
    say!("proof: row 1: {} cases (ROLL, with an apply between)", places.len());
}

#[test]
fn destroy_survives_a_kill_at_every_call() {
    killed(&DESTROY, 8);
}
