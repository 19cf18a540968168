//! Row 2: killed at every git command, and git that fails in every way.

use super::row::{Row, number, share};
use super::story::{CREATE, CREATE_WITH_GIT, DESTROY, DESTROY_WITH_GIT, Fate, RENEW, ROLL, Story, UPDATE, rotation};
use crate::fault::{At, FaultPlan, Kind};

fn each(story: &'static Story, every: usize, kind: Kind) -> Vec<FaultPlan> {
    let commands = usize::try_from(story.undisturbed.git_commands).expect("few");
    share(commands, every).into_iter().map(|index| FaultPlan::one(At::Git(number(index)), kind)).collect()
}

fn killed(story: &'static Story, every: usize) {
    let row = Row { row: "row 2", story, fate: Fate::Killed };
    row.holds([Kind::StopBefore, Kind::StopAfter].into_iter().flat_map(|kind| each(story, every, kind)));
}

#[test]
fn create_survives_a_kill_at_every_git_command() {
    killed(&CREATE, 1);
}

#[test]
fn update_survives_a_kill_at_every_git_command() {
    killed(&UPDATE, 2);
}

#[test]
fn renewal_survives_a_kill_at_every_git_command() {
    killed(&RENEW, 1);
}

#[test]
fn each_step_of_a_rotation_survives_a_kill_at_every_git_command() {
    for step in rotation() {
        killed(step, 1);
    }
}

#[test]
fn a_roll_survives_a_kill_at_every_git_command() {
    killed(&ROLL, 4);
}

#[test]
fn destroy_survives_a_kill_at_every_git_command() {
    killed(&DESTROY, 2);
}

/// The same with the real command.
#[test]
fn create_survives_a_kill_at_commands_of_the_real_git() {
    killed(&CREATE_WITH_GIT, 5);
}

#[test]
fn destroy_survives_a_kill_at_commands_of_the_real_git() {
    killed(&DESTROY_WITH_GIT, 5);
}

/// Answers that are lost, pushes that a rule refuses, a host that does not answer, a disk that is full.
fn failing(story: &'static Story, every: usize) {
    let kinds = [Kind::LostResponse, Kind::Reset, Kind::AccessDenied, Kind::DiskFull];
    let row = Row { row: "row 2", story, fate: Fate::GivesUp };
    row.holds(kinds.into_iter().flat_map(|kind| each(story, every, kind)));
}

#[test]
fn git_that_fails_stops_a_create_in_order() {
    failing(&CREATE, 2);
}

#[test]
fn git_that_fails_stops_an_update_in_order() {
    failing(&UPDATE, 3);
}

#[test]
fn git_that_fails_stops_a_renewal_in_order() {
    failing(&RENEW, 1);
}

#[test]
fn git_that_fails_stops_each_step_of_a_rotation_in_order() {
    for step in rotation() {
        failing(step, 1);
    }
}

#[test]
fn git_that_fails_stops_a_roll_in_order() {
    failing(&ROLL, 6);
}

#[test]
fn git_that_fails_stops_a_destroy_in_order() {
    failing(&DESTROY, 3);
}

#[test]
fn the_real_git_that_fails_stops_a_create_in_order() {
    failing(&CREATE_WITH_GIT, 9);
}

/// The imitation that most cases use does what git does: the same commits, the same files, as many commands.
#[test]
fn the_imitation_of_git_does_what_git_does() {
    for (imitated, real) in [(&*CREATE, &*CREATE_WITH_GIT), (&*DESTROY, &*DESTROY_WITH_GIT)] {
        assert_eq!(imitated.undisturbed.git_commands, real.undisturbed.git_commands, "{}", real.name);
        assert_eq!(imitated.subjects(), real.subjects(), "{}", real.name);
    }
}
