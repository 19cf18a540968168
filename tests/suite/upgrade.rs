//! Other versions of Kubernetes: what may follow what, and what stands in the way.

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";
const VARS: &str = "vars/staging-customer.k8s.foo.bar.yaml";

fn set_version(fleet: &Fleet, version: &str) {
    let vars = fleet.read(VARS);
    let (own, _) = vars.split_once("\nkubernetes:").unwrap_or((&vars, ""));
    fleet.write(VARS, &format!("{own}\nkubernetes:\n  version: {version}\n"));
    fleet.commit(version);
}

#[test]
fn an_upgrade_says_what_stands_in_its_way_and_is_never_a_step_back() {
    let fleet = Fleet::new();
    let seed = fleet.read("sandbox/seed.yaml");
    let stuck = "    - { name: ledger, namespace: shop, replicas: 2, budget: { minAvailable: 2 } }\n";
    fleet.write("sandbox/seed.yaml", &format!("{seed}{stuck}"));
    set_version(&fleet, "1.33.6");
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["status", CLUSTER, "--wait", "10m"]);

    set_version(&fleet, "1.34.2");
    let planned = fleet.sandboxed(&["plan", CLUSTER]).exits(0);
    planned.warns("budget shop/ledger (minAvailable 2) can never allow an eviction");
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0).warns("budget shop/ledger");
    // The roll says it again, and does nothing.
    fleet.sandboxed(&["roll", CLUSTER, "--yes"]).exits(11).says("shop/ledger");

    set_version(&fleet, "1.33.6");
    fleet.sandboxed(&["plan", CLUSTER]).exits(0).warns("cannot go back to 1.33.6");
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(11).warns("cannot go back to 1.33.6");
}
