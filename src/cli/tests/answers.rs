//! Rows 3 to 7: answers that are lost, throttled, refused or late, at every call.

use std::collections::BTreeSet;

use super::row::{Row, at_call, now_and_then, number, share};
use super::story::{CREATE, DESTROY, Fate, RENEW, ROLL, Story, UPDATE, rotation};
use crate::fault::{At, FaultPlan, Kind, Rule};

/// One kind after the other at a share of the calls of the undisturbed run; each begins at another call, so that together
/// they meet all.
fn each(story: &'static Story, every: usize, kinds: &[Kind]) -> Vec<FaultPlan> {
    let calls = story.undisturbed.calls.len();
    let places = |shift: usize| share(calls, every).into_iter().map(move |index| (index + shift) % calls);
    let of = |(shift, kind): (usize, &Kind)| {
        let kind = *kind;
        places(shift).map(move |index| at_call(index, kind)).collect::<Vec<_>>()
    };
    kinds.iter().enumerate().flat_map(of).collect()
}

fn lost(story: &'static Story, every: usize) {
    Row { row: "row 3", story, fate: Fate::SatOut }.holds(each(story, every, &[Kind::LostResponse]));
}

#[test]
fn lost_answers_are_found_out_in_a_create() {
    lost(&CREATE, 2);
}

#[test]
fn lost_answers_are_found_out_in_an_update() {
    lost(&UPDATE, 1);
}

#[test]
fn lost_answers_are_found_out_in_a_renewal() {
    lost(&RENEW, 1);
}

#[test]
fn lost_answers_are_found_out_in_each_step_of_a_rotation() {
    for step in rotation() {
        lost(step, 1);
    }
}

#[test]
fn lost_answers_are_found_out_in_a_roll() {
    lost(&ROLL, 2);
}

#[test]
fn lost_answers_are_found_out_in_a_destroy() {
    lost(&DESTROY, 3);
}

/// Too fast once, five and thirty times in a row. At most twice the calls: what is refused must not set others going.
fn throttled(story: &'static Story, every: usize) {
    let kinds = [Kind::Throttle(0), Kind::Throttle(4), Kind::Throttle(29)];
    let row = Row { row: "row 4", story, fate: Fate::SatOut };
    let most = story.undisturbed.calls.len() * 2;
    for seen in row.holds(each(story, every, &kinds)) {
        assert!(seen.calls <= most.max(story.undisturbed.calls.len() + 30), "{} calls instead of {most}", seen.calls);
    }
}

#[test]
fn throttles_are_sat_out_in_a_create() {
    throttled(&CREATE, 6);
}

#[test]
fn throttles_are_sat_out_in_an_update() {
    throttled(&UPDATE, 3);
}

#[test]
fn throttles_are_sat_out_in_a_renewal() {
    throttled(&RENEW, 2);
}

#[test]
fn throttles_are_sat_out_in_each_step_of_a_rotation() {
    for step in rotation() {
        throttled(step, 2);
    }
}

#[test]
fn throttles_are_sat_out_in_a_roll() {
    throttled(&ROLL, 6);
}

#[test]
fn throttles_are_sat_out_in_a_destroy() {
    throttled(&DESTROY, 10);
}

/// Half of everything, throughout. It takes longer, and is looked at more often: at most half as many calls more get through
/// than in an undisturbed run, and at most a quarter more of those that change something.
#[test]
fn half_of_all_calls_may_be_throttled() {
    for story in [&*CREATE, &*UPDATE, &*RENEW, &*ROLL, &*DESTROY].into_iter().chain(rotation()) {
        let plans = share(24, 2).into_iter().map(|seed| now_and_then(number(seed), 0.5, Kind::Throttle(0)));
        let (answered, changed) = (story.undisturbed.answered(), story.undisturbed.changed());
        for seen in (Row { row: "row 4", story, fate: Fate::SatOut }).holds(plans) {
            let told = format!("{}: {seen:?} instead of {answered} calls, {changed} changes", story.name);
            assert!(seen.answered <= answered * 3 / 2 && seen.changed <= changed * 5 / 4, "{told}");
        }
    }
}

fn broken(story: &'static Story, every: usize) {
    let kinds = [Kind::ServerError, Kind::ServerErrorAfter, Kind::Reset];
    Row { row: "row 5", story, fate: Fate::SatOut }.holds(each(story, every, &kinds));
}

#[test]
fn servers_that_fail_are_sat_out_in_a_create() {
    broken(&CREATE, 4);
}

#[test]
fn servers_that_fail_are_sat_out_in_an_update() {
    broken(&UPDATE, 2);
}

#[test]
fn servers_that_fail_are_sat_out_in_a_renewal() {
    broken(&RENEW, 1);
}

#[test]
fn servers_that_fail_are_sat_out_in_each_step_of_a_rotation() {
    for step in rotation() {
        broken(step, 1);
    }
}

#[test]
fn servers_that_fail_are_sat_out_in_a_roll() {
    broken(&ROLL, 4);
}

#[test]
fn servers_that_fail_are_sat_out_in_a_destroy() {
    broken(&DESTROY, 7);
}

/// Credentials whose session ends in the middle: an end in order, and the same command goes on with new ones.
fn expired(story: &'static Story) {
    let calls = story.undisturbed.calls.len();
    let from = |index: usize| At::Calls { from: number(index), count: 1_000_000 };
    let plans = share(calls, 10).into_iter().map(|index| FaultPlan::one(from(index), Kind::ExpiredCredentials));
    Row { row: "row 5", story, fate: Fate::GivesUp }.holds(plans);
}

#[test]
fn expired_credentials_end_a_create_in_order() {
    expired(&CREATE);
}

#[test]
fn expired_credentials_end_an_update_in_order() {
    expired(&UPDATE);
}

/// What it had begun to delete is on its way out for minutes: the next run does not end before that is gone.
#[test]
fn what_a_run_had_begun_to_delete_is_seen_off_by_the_next() {
    let calls = &UPDATE.undisturbed.calls;
    let deletion = calls.iter().position(|call| call.operation == "DeleteAutoScalingGroup").expect("a group goes");
    let from = |index: usize| At::Calls { from: number(index), count: 1_000_000 };
    let plans = [1, 2].map(|after| FaultPlan::one(from(deletion + after), Kind::ExpiredCredentials));
    Row { row: "row 5", story: &UPDATE, fate: Fate::GivesUp }.holds(plans);
}

#[test]
fn expired_credentials_end_a_renewal_in_order() {
    expired(&RENEW);
}

#[test]
fn expired_credentials_end_each_step_of_a_rotation_in_order() {
    for step in rotation() {
        expired(step);
    }
}

#[test]
fn expired_credentials_end_a_roll_in_order() {
    expired(&ROLL);
}

#[test]
fn expired_credentials_end_a_destroy_in_order() {
    expired(&DESTROY);
}

/// What changes is seen late, by up to a minute: all of a few changes, nearly all of many.
fn lag(story: &Story, seed: usize) -> Rule {
    let probability = if story.undisturbed.changes() < 10 { 1.0 } else { 0.95 };
    Rule {
        at: At::Probability { probability, only_changes: true },
        kind: Kind::Lag(u32::try_from(seed * 7 % 61).expect("small")),
    }
}

/// Objects and access that others see late, by up to a minute; also of a run that is killed meanwhile.
fn late(story: &'static Story, seeds: usize, every: usize) {
    let seeds = share(seeds, every);
    let plans = seeds.iter().map(|seed| FaultPlan { seed: number(*seed), rules: vec![lag(story, *seed)] });
    Row { row: "row 7", story, fate: Fate::SatOut }.holds(plans.collect::<Vec<_>>());
    // Who sees objects late may ask less often in all: counted are the changes, which are the same ones.
    let changes = story.undisturbed.changes();
    let killed = |seed: &usize| {
        let kill = Rule { at: At::Change(number(seed * 13 % changes)), kind: Kind::StopBefore };
        FaultPlan { seed: number(*seed), rules: vec![kill, lag(story, *seed)] }
    };
    Row { row: "row 7", story, fate: Fate::Killed }.holds(seeds.iter().map(killed).collect::<Vec<_>>());
}

#[test]
fn what_is_seen_late_is_made_once_in_a_create() {
    late(&CREATE, 120, 2);
}

#[test]
fn what_is_seen_late_is_made_once_in_an_update() {
    late(&UPDATE, 80, 1);
}

#[test]
fn what_is_seen_late_is_issued_once_in_a_renewal() {
    late(&RENEW, 60, 1);
}

#[test]
fn what_is_seen_late_is_issued_once_in_each_step_of_a_rotation() {
    for step in rotation() {
        late(step, 60, 1);
    }
}

#[test]
fn what_is_seen_late_is_replaced_once_in_a_roll() {
    late(&ROLL, 40, 2);
}

/// Who comes right after a run that gave up does not see yet what that has made, and has in its records.
#[test]
fn what_is_seen_late_is_made_once_by_a_run_that_broke_off_and_the_next() {
    for story in [&*CREATE, &*UPDATE] {
        let calls = story.undisturbed.calls.len();
        let plans = share(40, 1).into_iter().map(|seed| {
            let at = At::Calls { from: number(calls / 4 + seed * 17 % (calls * 3 / 4)), count: 1_000_000 };
            let rules = vec![Rule { at, kind: Kind::ExpiredCredentials }, lag(story, seed)];
            FaultPlan { seed: number(seed), rules }
        });
        Row { row: "row 7", story, fate: Fate::GivesUp }.holds(plans);
    }
}

#[test]
fn what_is_seen_late_is_gone_after_a_destroy() {
    late(&DESTROY, 80, 2);
}

/// No permission for one action: it is named, nothing is tried twice, and the same command goes on when it is given.
#[test]
fn a_missing_permission_is_named_and_never_tried_again() {
    let (mut cases, mut early) = (0, 0);
    // The shortest one first: a mistake on purpose ends it.
    for story in [&*RENEW, &*CREATE, &*UPDATE, &*ROLL, &*DESTROY].into_iter().chain(rotation()) {
        let mut actions: BTreeSet<&str> = story.undisturbed.calls.iter().map(|call| call.operation.as_str()).collect();
        // Without it there is no check before the run; the run itself does not need it.
        actions.remove("SimulatePrincipalPolicy");
        let plans =
            actions.iter().map(|action| FaultPlan::one(At::Operation((*action).to_owned()), Kind::AccessDenied));
        for (action, seen) in actions.iter().zip((Row { row: "row 6", story, fate: Fate::Refused }).holds(plans)) {
            let usual = story.undisturbed.calls.iter().filter(|call| call.operation == **action).count();
            // Two who ask at the same time are no repeat.
            assert!(seen.strikes <= usual.max(2), "{}: {action} was refused {} times", story.name, seen.strikes);
            cases += 1;
            early += usize::from(seen.changes == 0);
        }
    }
    say!("row 6: {early} of {cases} missing permissions are named before anything is changed");
    assert!(
        early * 100 >= cases * 95,
        "only {early} of {cases} missing permissions are named before anything is changed"
    );
}
