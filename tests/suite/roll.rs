//! Rolling updates of a cluster that windlass made, by the command: killed, refused, paused, asked from elsewhere.

use serde_json::Value;

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

fn outlook(fleet: &Fleet) -> Value {
    let ran = fleet.sandboxed(&["roll", CLUSTER, "--dry-run", "--output", "json"]).exits(0);
    serde_json::from_str(&ran.stdout).expect("a document")
}

#[test]
fn a_roll_that_was_killed_goes_on_until_every_machine_is_new() {
    let planned = Fleet::to_update(CLUSTER).sandboxed(&["plan", CLUSTER]).exits(0);
    planned.says("the machine of control-plane-a will have to be replaced because tags changed");
    let fleet = Fleet::outdated(CLUSTER);
    let before = outlook(&fleet);
    assert_eq!(before["machines"], 7, "{before}");
    fleet.sandboxed(&["plan", CLUSTER]).exits(0).says("must be replaced because tags changed");

    for change in [5, 25] {
        fleet.killed(&["roll", CLUSTER, "--yes"], &format!(r#"{{"change":{change}}}"#));
        fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
        // What the roll has lent is no drift, and an apply does not take it away.
        fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    }
    let done = fleet.sandboxed(&["roll", CLUSTER, "--yes"]).exits(0);
    assert!(done.stderr.contains("goes on with"), "{}", done.stderr);

    assert_eq!(outlook(&fleet)["machines"], 0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
    fleet.sandboxed(&["history", CLUSTER]).exits(0).says("roll");
    let status = fleet.sandboxed(&["status", CLUSTER, "--wait", "5m", "--output", "json"]).exits(0);
    let status: Value = serde_json::from_str(&status.stdout).expect("a document");
    assert_eq!(status["nodes"]["ready"], status["nodes"]["all"], "{status}");
    assert!(status["roll"].is_null(), "{status}");
    fleet.sandboxed(&["roll", CLUSTER, "--yes"]).exits(0).says("No machine of");
}

#[test]
fn a_paused_roll_is_refused_until_it_is_resumed_or_given_up() {
    let fleet = Fleet::outdated(CLUSTER);
    fleet.sandboxed(&["roll", "pause", CLUSTER]).exits(11).warns("no roll of");
    fleet.sandboxed(&["roll", "abort", CLUSTER, "--yes"]).exits(11).warns("no roll of");
    fleet.killed(&["roll", CLUSTER, "--yes", "--only", "spot-*"], r#"{"change":2}"#);
    // Nobody is at it, and the lock says that somebody is: what is asked for waits on the branch.
    fleet.sandboxed(&["roll", "pause", CLUSTER]).exits(0).warns("was asked");
    fleet.unlock(CLUSTER, &["roll", CLUSTER, "--yes"]);
    fleet.sandboxed(&["roll", "pause", CLUSTER]).exits(0).warns("roll resume");
    fleet.sandboxed(&["roll", CLUSTER, "--yes"]).exits(11).warns("was paused by");
    fleet.sandboxed(&["status", CLUSTER]).exits(0).says("paused by");
    fleet.sandboxed(&["roll", "abort", CLUSTER, "--yes"]).exits(0);
    let after = outlook(&fleet);
    assert!(after["machines"].as_u64().is_some_and(|machines| machines >= 5), "{after}");
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_done() {
    let fleet = Fleet::new();
    fleet.sandboxed(&["roll", CLUSTER, "--yes"]).exits(11).warns("does not exist yet");
    fleet.sandboxed(&["roll", CLUSTER]).exits(11).warns("--yes");
    fleet.sandboxed(&["roll"]).exits(10);
    fleet.sandboxed(&["roll", "pause"]).exits(10);
}
