//! Runs of saved plans, and what runs tell other programs.

use serde_json::Value;

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

#[test]
fn a_saved_plan_is_applied_as_it_is_or_refused_as_stale() {
    let fleet = Fleet::new();
    fleet.sandboxed(&["plan", CLUSTER, "--out", "plan.json"]).exits(0).warns("--plan plan.json");
    fleet.sandboxed(&["apply", CLUSTER, "--plan", "plan.json", "--yes"]).exits(0);
    fleet.sandboxed(&["apply", CLUSTER, "--plan", "plan.json", "--yes"]).exits(14).warns("stale");
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
