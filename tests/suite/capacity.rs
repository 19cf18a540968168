//! Capacity that fails over, tried in a copy of the sandbox.

use serde_json::Value;

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";
/// At most so many seconds after it happened, a launch that failed is told (row C3).
const TOLD: i64 = 30;

#[test]
fn every_declared_fallback_takes_over_and_gives_back() {
    let fleet = Fleet::created(CLUSTER);
    // Everything that costs something or is in somebody's way, and which machines are short of supply.
    let account = || {
        let world: Value = serde_json::from_str(&fleet.read(".windlass/sandbox.json")).expect("JSON");
        (fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout, world["ec2"]["capacity"].clone(), world["now"].clone())
    };
    let before = account();

    let ran = fleet.sandboxed(&["capacity", "test-fallback", CLUSTER, "--output", "json"]).exits(0);
    let report: Value = serde_json::from_str(&ran.stdout).expect("a document");
    let trials = report["trials"].as_array().expect("a list");
    let groups: Vec<&str> = trials.iter().filter_map(|trial| trial["group"].as_str()).collect();
    assert_eq!(groups, ["metrics-store-spot", "spot-nodes-4x-32gb", "spot-nodes-8x"], "{report}");
    for trial in trials {
        assert!(trial["tried"] == true && trial["problem"].is_null(), "{trial}");
        let told = trial["toldSeconds"].as_i64().expect("a number");
        assert!((0..=TOLD).contains(&told), "{trial}");
    }
    assert_eq!(account(), before, "the trial left something behind");

    let only = ["capacity", "test-fallback", CLUSTER, "--group", "spot-nodes-8x"];
    let ran = fleet.sandboxed(&only).exits(0).says("on-demand-nodes-8x");
    assert!(!ran.stdout.contains("4x-32gb"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_tried_is_told() {
    let fleet = Fleet::new();
    let outside = fleet.windlass(&["capacity", "test-fallback", CLUSTER]).exits(10);
    outside.warns("in the sandbox only");
    let unknown = ["capacity", "test-fallback", CLUSTER, "--group", "admin-nodes"];
    fleet.sandboxed(&unknown).exits(10).warns("these have one: metrics-store-spot, spot-nodes-4x-32gb");
}
