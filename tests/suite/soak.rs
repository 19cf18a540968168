//! Two virtual years of a cluster, as a nightly job spends them: time passes, `apply` renews what is due, `certs check`
//! must never complain. In between the cluster's and etcd's authorities are replaced.

use serde_json::Value;

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// One night: what is due is renewed, has an hour to arrive, and then all must be good for another month.
fn night(fleet: &Fleet) {
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["sandbox", "advance", "2h"]).exits(0);
    fleet.sandboxed(&["certs", "check", CLUSTER, "--fail-under", "31d"]).exits(0);
}

/// Serial numbers of all certificates that an authority has signed and that are in use.
fn signed_by(fleet: &Fleet, authority: &str) -> Vec<String> {
    let list = fleet.sandboxed(&["certs", "list", CLUSTER, "--output", "json"]).exits(0);
    let list: Value = serde_json::from_str(&list.stdout).expect("JSON");
    let all = list["certificates"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.filter(|it| it["authority"] == authority && it["place"] != "git")
        .inspect(|it| assert_eq!(it["mismatch"], false, "{it}"))
        .map(|it| text(&it["serial"]))
        .collect()
}

/// A rotation from its first to its last step, with a check after each.
fn rotate(fleet: &Fleet, authority: &str) {
    let before = signed_by(fleet, authority);
    let step = |more: &[&str]| {
        let arguments = [&["certs", "rotate-ca", CLUSTER, "--authority", authority, "--yes"], more].concat();
        fleet.sandboxed(&arguments).exits(0);
        // Workers have fetched it by then, and no kubeconfig lives longer than a day.
        fleet.sandboxed(&["sandbox", "advance", "26h"]).exits(0);
        fleet.sandboxed(&["certs", "check", CLUSTER]).exits(0);
    };
    step(&[]);
    step(&[]);
    step(&["--verified"]);
    let after = signed_by(fleet, authority);
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|serial| !before.contains(serial)), "something of the old authority is in use");
}

#[test]
fn two_years_of_nights_and_two_rotations_have_no_expiry_and_no_alert() {
    let fleet = Fleet::created(CLUSTER);
    let first = signed_by(&fleet, "cluster");
    for period in 0..12 {
        night(&fleet);
        match period {
            4 => rotate(&fleet, "cluster"),
            6 => rotate(&fleet, "etcd"),
            _ => {}
        }
        fleet.sandboxed(&["sandbox", "advance", "61d"]).exits(0);
    }
    night(&fleet);
    assert!(signed_by(&fleet, "cluster").iter().all(|serial| !first.contains(serial)));
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
    fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
}
