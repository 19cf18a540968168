//! Runs that meet others, are killed, interrupted, or refused.

use std::collections::BTreeMap;

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
    for call in [85, 115, 145] {
        for when in ["killBefore", "killAfter"] {
            let fleet = Fleet::new();
            let mut command = fleet.command(&["--sandbox", "apply", CLUSTER, "--yes"]);
            command
                .env("WINDLASS_SANDBOX_FAULT", format!(r#"{{"rules":[{{"at":{{"call":{call}}},"kind":"{when}"}}]}}"#));
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
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(13).epoch()
}

/// How many live objects of each kind the account has.
fn kinds(fleet: &Fleet) -> BTreeMap<String, usize> {
    let live = fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    let mut counts = BTreeMap::new();
    for object in live.lines() {
        let kind: Vec<&str> = object.splitn(3, '/').take(2).collect();
        *counts.entry(kind.join("/")).or_insert(0) += 1;
    }
    counts
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
