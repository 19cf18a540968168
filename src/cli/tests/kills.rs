//! Row 1: killed at every call, before and after its effect.

use super::row::{Row, at_call, share};
use super::story::{CREATE, DESTROY, DROP, Fate, PREPARE, RENEW, ROLL, SWITCH, Story, UPDATE};
use crate::fault::Kind;

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

#[test]
fn update_survives_a_kill_at_every_call() {
    killed(&UPDATE, 4);
}

#[test]
fn renewal_survives_a_kill_at_every_call() {
    killed(&RENEW, 4);
}

#[test]
fn each_step_of_a_rotation_survives_a_kill_at_every_call() {
    for step in [&*PREPARE, &*SWITCH, &*DROP] {
        killed(step, 2);
    }
}

#[test]
fn a_roll_survives_a_kill_at_every_call() {
    killed(&ROLL, 8);
}

#[test]
fn destroy_survives_a_kill_at_every_call() {
    killed(&DESTROY, 8);
}
