//! The main job, as a user runs it: every example cluster through its whole life in the sandbox.

use serde_json::Value;

use crate::support::Fleet;

const CLUSTERS: [&str; 3] = ["prod-customer.k8s.foo.bar", "prod-video.k8s.foo.bar", "staging-customer.k8s.foo.bar"];

/// The live objects of the sandbox's account, for comparison.
fn account(fleet: &Fleet) -> Value {
    let live = fleet.sandboxed(&["sandbox", "list", "--output", "json"]).exits(0);
    serde_json::from_str(&live.stdout).expect("the list is JSON")
}

fn unprotect(fleet: &Fleet, cluster: &str) {
    // The second cluster finds it done.
    if fleet.read("windlass.yaml").contains("deletionProtection: true") {
        fleet.edit("windlass.yaml", "deletionProtection: true", "deletionProtection: false");
    }
    let vars = format!("vars/{cluster}.yaml");
    fleet.write(&vars, &format!("{}\nprotection:\n  deletion: false\n", fleet.read(&vars)));
    fleet.commit("this cluster may go");
}

#[test]
fn every_example_cluster_lives_from_create_to_destroy_and_leaves_the_account_as_it_was() {
    let fleet = Fleet::with_add_ons();
    let before = account(&fleet);
    for cluster in CLUSTERS {
        let planned = fleet.sandboxed(&["plan", cluster]).exits(0);
        assert!(planned.stdout.trim_end().ends_with("0 to change, 0 to replace, 0 to destroy."), "{}", planned.stdout);
        fleet.sandboxed(&["apply", cluster, "--yes"]).exits(0).warns("done:");
        fleet
            .sandboxed(&["plan", cluster, "--detailed-exitcode"])
            .exits(0)
            .says("Plan: 0 to create, 0 to change, 0 to replace, 0 to destroy.");
        fleet.sandboxed(&["state", "fsck", cluster]).exits(0);
        fleet.sandboxed(&["status", cluster]).exits(0).says("no pending change");
    }
    for cluster in CLUSTERS {
        if cluster.starts_with("prod-") {
            fleet.sandboxed(&["destroy", cluster, "--yes"]).exits(11).warns("protect");
            unprotect(&fleet, cluster);
            fleet.sandboxed(&["apply", cluster, "--yes"]).exits(0);
        }
        fleet.sandboxed(&["destroy", cluster, "--yes"]).exits(0);
        fleet.sandboxed(&["state", "fsck", cluster]).exits(0);
    }
    assert_eq!(account(&fleet), before);
}

#[test]
fn a_second_apply_makes_no_run_and_no_change() {
    let cluster = "staging-customer.k8s.foo.bar";
    let fleet = Fleet::created(cluster);
    let history = fleet.sandboxed(&["history", cluster, "--output", "json"]).exits(0).stdout;
    let before = account(&fleet);
    fleet.sandboxed(&["apply", cluster, "--yes"]).exits(0).says("Plan: 0 to create");
    assert_eq!(fleet.sandboxed(&["history", cluster, "--output", "json"]).exits(0).stdout, history);
    assert_eq!(account(&fleet), before);
}

#[test]
fn a_cluster_can_be_created_again_after_its_destroy() {
    let fleet = Fleet::new();
    let cluster = "staging-customer.k8s.foo.bar";
    for _ in 0..2 {
        fleet.sandboxed(&["apply", cluster, "--yes"]).exits(0);
        fleet.sandboxed(&["destroy", cluster, "--yes"]).exits(0);
    }
    let history = fleet.sandboxed(&["history", cluster]).exits(0).stdout;
    assert_eq!(history.matches("destroy").count(), 2, "{history}");
}
