//! Row 9: dates that jump, and processes that stand still.

use super::account::Account;
use super::row::{Row, at_call, number, share};
use super::story::{CREATE, Fate, LEASE, RENEW, Story, created, killed_amid};
use crate::exit::Exit;
use crate::fault::{At, FaultPlan, Kind};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Whatever the machine's date does, certificates say when they were made, and the run ends or gives up in order.
fn jumps(story: &'static Story) {
    let calls = story.undisturbed.calls.len();
    let kinds = [HOUR, -HOUR, 400 * DAY, -400 * DAY].map(Kind::ClockJump);
    let places = share(calls, calls / 4);
    let plans = kinds.iter().flat_map(|kind| places.iter().map(|index| at_call(*index, *kind)));
    Row { row: "row 9", story, fate: Fate::GivesUp }.holds(plans.collect::<Vec<_>>());
}

#[test]
fn a_create_with_a_date_that_jumps_issues_no_wrong_certificate() {
    jumps(&CREATE);
}

#[test]
fn a_renewal_with_a_date_that_jumps_issues_no_wrong_certificate() {
    jumps(&RENEW);
}

/// A date that jumps makes nobody believe that a lease has ended.
#[test]
fn a_lease_is_taken_over_after_its_time_only_whatever_the_date_says() {
    let dead = killed_amid(&CREATE);
    dead.elsewhere();
    let kinds = [HOUR, -HOUR, DAY, -DAY, 400 * DAY, -400 * DAY].map(Kind::ClockJump);
    let mut cases = 0;
    for kind in kinds {
        for command in [0, 3, 6, 9, 12] {
            let mut account: Account = dead.fork();
            let ran = account.run_with("apply CLUSTER --yes --lock-timeout 4m", FaultPlan::one(At::Git(command), kind));
            // Locked, or the date is found to be wrong first.
            let refused = matches!(ran.exit, Some(Exit::Locked | Exit::Provider));
            assert!(refused, "{kind:?} at git command {command}: {:?}\n{}", ran.exit, ran.text);
            assert!(ran.took.as_secs() < LEASE && ran.changes() == 0, "{kind:?}: {:?}", ran.took);
            assert_eq!(account.subjects(), dead.subjects(), "{kind:?} at git command {command}: it has written");
            cases += 1;
        }
    }
    say!("proof: row 9: {cases} cases (leases)");
}

/// A holder that stood still for longer than its lease starts no call any more, and the same command goes on.
#[test]
fn a_holder_that_stood_still_changes_nothing_after_its_lease() {
    let commands = usize::try_from(CREATE.undisturbed.git_commands).expect("few");
    let kind = Kind::Pause(u32::try_from(LEASE).expect("small") + 100);
    let plans = share(commands, 4).into_iter().map(|index| FaultPlan::one(At::Git(number(index)), kind));
    Row { row: "row 9", story: &CREATE, fate: Fate::GivesUp }.holds(plans);
}

/// Leaf certificates live for about a year, and are due after two thirds of it.
#[test]
fn an_apply_renews_what_is_due_and_nothing_before() {
    let mut account = created(super::account::Git::Imitated);
    account.later(100 * DAY);
    assert_eq!(account.exits("apply CLUSTER --yes", Exit::Done).changes(), 0);
    account.later(200 * DAY);
    let ran = account.exits("apply CLUSTER --yes", Exit::Done);
    assert!(ran.calls.iter().any(|call| call.operation == "PutParameter"), "{}", ran.text);
}

#[test]
fn a_cluster_made_before_is_not_touched_with_a_wrong_date() {
    let mut account = created(super::account::Git::Imitated);
    let ran = account.run_with("certs renew CLUSTER --all --yes", at_call(0, Kind::ClockJump(400 * DAY)));
    assert_eq!((ran.exit, ran.changes()), (Some(Exit::Provider), 0), "{}", ran.text);
    assert!(ran.text.contains("clock"), "{}", ran.text);
}
