//! Missing permissions are named before anything is changed, all of them at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Fleet, Ran, proof};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// What is in the account.
fn account(fleet: &Fleet) -> Value {
    let listed = fleet.sandboxed(&["sandbox", "list", "--output", "json"]).exits(0);
    serde_json::from_str(&listed.stdout).expect("the list is JSON")
}

/// Runs a command whose calls of these operations are refused.
fn without(fleet: &Fleet, operations: &[&str], arguments: &[&str]) -> Ran {
    let rules: Vec<Value> =
        operations.iter().map(|it| json!({ "at": { "operation": it }, "kind": "accessDenied" })).collect();
    let faults = json!({ "rules": rules }).to_string();
    let mut command = fleet.command(&["--sandbox"]);
    command.args(arguments).env("WINDLASS_SANDBOX_FAULT", faults);
    Ran::of(command.output().expect("windlass runs"))
}

#[test]
fn what_is_missing_is_named_before_anything_is_changed() {
    let fleet = Fleet::new();
    let before = account(&fleet);
    let mut cases = 0;
    // Each call by which a create changes something is refused before the first one.
    let makes = BTreeMap::from([
        ("AllocateAddress", "ec2:AllocateAddress"),
        ("AttachInternetGateway", "ec2:AttachInternetGateway"),
        ("ChangeResourceRecordSets", "route53:ChangeResourceRecordSets"),
        ("CreateAutoScalingGroup", "autoscaling:CreateAutoScalingGroup"),
        ("CreateListener", "elasticloadbalancing:CreateListener"),
        ("CreateLoadBalancer", "elasticloadbalancing:CreateLoadBalancer"),
        ("CreateRole", "iam:CreateRole"),
        ("CreateVpc", "ec2:CreateVpc"),
        ("GetChange", "route53:GetChange"),
        ("PutParameter", "ssm:PutParameter"),
    ]);
    for (operation, action) in &makes {
        let refused = without(&fleet, &[operation], &["apply", CLUSTER, "--yes"]).exits(15);
        refused.warns(action).warns("nothing was changed").warns("docs/reference/iam/apply.json");
        cases += 1;
    }
    let many: Vec<&str> = makes.keys().copied().collect();
    let mut refused = without(&fleet, &many, &["apply", CLUSTER, "--yes"]).exits(15);
    for action in makes.values() {
        refused = refused.warns(action);
        cases += 1;
    }
    assert_eq!(account(&fleet), before, "something was changed");
    let history = fleet.sandboxed(&["history", CLUSTER]).exits(0).stdout;
    assert_eq!(history, "", "a run was begun");
    proof::report("permissions before a run", cases, 20);
}

#[test]
fn who_may_not_ask_is_told_and_goes_on() {
    let fleet = Fleet::new();
    without(&fleet, &["SimulatePrincipalPolicy"], &["apply", CLUSTER, "--yes"])
        .exits(0)
        .warns("permissions are not checked before the run");
    // Whoever knows better goes on, and meets the refusal half-way.
    without(&fleet, &["DeleteVpc"], &["destroy", CLUSTER, "--yes"]).exits(15).warns("nothing was changed");
    without(&fleet, &["DeleteVpc"], &["destroy", CLUSTER, "--yes", "--skip-permission-check"])
        .exits(15)
        .warns("DeleteVpc failed");
    fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
}
