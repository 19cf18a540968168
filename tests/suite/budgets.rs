//! How many calls the main job may cost: the budgets of the design.

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "prod-customer.k8s.foo.bar";

/// The number behind `name=` in the last log line that says `what`.
fn logged(ran: &Ran, what: &str, name: &str) -> f64 {
    let line =
        ran.stderr.lines().rev().find(|line| line.contains(what)).unwrap_or_else(|| panic!("no {what:?}: {ran:?}"));
    let (_, rest) = line.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

#[test]
fn a_create_and_a_plan_without_changes_stay_within_their_budgets() {
    let fleet = Fleet::new();
    let created = fleet.sandboxed(&["-v", "apply", CLUSTER, "--yes"]).exits(0);
    let (calls, operations) =
        (logged(&created, "ran the plan", "calls"), logged(&created, "ran the plan", "operations"));
    assert!(calls <= 2.2 * operations, "{calls} calls for {operations} objects");

    let planned = fleet.sandboxed(&["-v", "plan", CLUSTER]).exits(0);
    let (calls, deep) = (logged(&planned, "looked at AWS", "calls"), logged(&planned, "looked at AWS", "deep"));
    assert!(calls <= 25.0, "{calls} calls");
    assert!(deep <= 3.0, "{deep} deep");
}
