//! Runs that meet others, are killed, interrupted, or refused.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

#[test]
fn a_saved_plan_is_applied_as_it_is_or_refused_as_stale() {
    let fleet = Fleet::new();
    fleet.sandboxed(&["plan", CLUSTER, "--out", "plan.json"]).exits(0).warns("--plan plan.json");
    fleet.sandboxed(&["apply", CLUSTER, "--plan", "plan.json", "--yes"]).exits(0);
    fleet.sandboxed(&["apply", CLUSTER, "--plan", "plan.json", "--yes"]).exits(14).warns("stale");
}

#[test]
fn a_create_that_was_killed_goes_on_and_makes_nothing_twice() {
    let whole = Fleet::new();
    whole.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    let expected = kinds(&whole);
    for call in [45, 60, 75, 90, 110] {
        for when in ["before", "after"] {
            let fleet = Fleet::new();
            let mut command = fleet.command(&["--sandbox", "apply", CLUSTER, "--yes"]);
            command.env("WINDLASS_SANDBOX_FAULT", format!("kill-{when}@{call}"));
            let killed = Ran::of(command.output().expect("windlass runs"));
            assert_eq!(killed.code, None, "it was not killed at call {call}: {}", killed.stderr);
            let epoch = held_epoch(&fleet);
            fleet.sandboxed(&["unlock", CLUSTER, "--epoch", &epoch]).exits(0);
            fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
            assert_eq!(kinds(&fleet), expected, "killed {when} call {call}");
            fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
            fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
        }
    }
}

/// The epoch that a refused apply names.
fn held_epoch(fleet: &Fleet) -> String {
    let refused = fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(13);
    let (_, rest) = refused.stderr.split_once("--epoch ").expect("the message names the epoch");
    rest.chars().take_while(char::is_ascii_digit).collect()
}

/// How many live objects of each kind the account has.
fn kinds(fleet: &Fleet) -> std::collections::BTreeMap<String, usize> {
    let live = fleet.sandboxed(&["sandbox", "list", "--output", "json"]).exits(0);
    let live: Value = serde_json::from_str(&live.stdout).expect("the list is JSON");
    let mut counts = std::collections::BTreeMap::new();
    for object in live.as_array().expect("the list is an array") {
        let kind = object["kind"].as_str().expect("an object has a kind");
        *counts.entry(kind.to_owned()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn of_two_applies_from_two_clones_one_works_and_the_other_names_the_holder() {
    let fleet = Fleet::new();
    let mut first = fleet.command(&["--sandbox", "apply", CLUSTER, "--yes"]);
    // Stopped in the middle: the lock is held for as long as we look.
    first.env("WINDLASS_SANDBOX_FAULT", "stop@60").stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = first.spawn().expect("windlass runs");
    let second = loop {
        let second = fleet.sandboxed(&["apply", CLUSTER, "--yes"]);
        assert!(first.try_wait().expect("its state is known").is_none(), "the first apply ended");
        if second.code == Some(13) {
            break second;
        }
    };
    second.warns("tester@").warns("apply");
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
}

#[test]
fn the_events_of_a_run_are_json_lines() {
    let fleet = Fleet::new();
    let ran = fleet.sandboxed(&["apply", CLUSTER, "--yes", "--output", "json", "--json-into", "events.jsonl"]).exits(0);
    let lines: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(lines.first().map(|line| &line["event"]["version"]), Some(&Value::from(1)));
    assert_eq!(lines.last().map(|line| &line["event"]["result"]), Some(&Value::from("done")));
    assert_eq!(fleet.read("events.jsonl"), ran.stdout);
}
