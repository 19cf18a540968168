//! Snapshots of etcd, and the way back to one, as a user runs them.

use serde_json::Value;

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

fn world(fleet: &Fleet) -> Value {
    serde_json::from_str(&fleet.read(".windlass/sandbox.json")).expect("the world is JSON")
}

/// What is on the members' disks: the data of etcd.
fn data(fleet: &Fleet) -> Vec<String> {
    let world = world(fleet);
    let disks = world["boot"]["disks"].as_object().expect("disks").values();
    disks.map(|disk| disk["data"].as_str().expect("data").to_owned()).collect()
}

#[test]
fn a_snapshot_is_taken_listed_and_restored_on_all_members() {
    let fleet = Fleet::created(CLUSTER);
    fleet.sandboxed(&["etcd", "list", CLUSTER]).exits(0).warns("there is no snapshot beneath s3://foo-etcd-backups/");
    fleet.sandboxed(&["etcd", "restore", CLUSTER, "--snapshot", "latest", "--yes"]).exits(10).warns("no snapshot");
    let taken = fleet.sandboxed(&["etcd", "snapshot", CLUSTER]).exits(0).warns("stored s3://foo-etcd-backups/").stdout;
    let key = taken.trim();
    fleet.sandboxed(&["sandbox", "advance", "3h"]).exits(0);
    let listed = fleet.sandboxed(&["etcd", "list", CLUSTER, "--output", "json"]).exits(0).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("the list is JSON");
    assert_eq!(listed["snapshots"][0]["key"], key);
    assert!(listed["snapshots"][0]["age"].as_u64().is_some_and(|age| age >= 3 * 3600), "{listed}");
    fleet.sandboxed(&["etcd", "list", CLUSTER]).exits(0).says("3 h").says(key);

    let planned = fleet.sandboxed(&["etcd", "restore", CLUSTER, "--snapshot", key, "--dry-run"]).exits(0).stdout;
    for step in ["1. stop", "2. load", "3. start", "is lost"] {
        assert!(planned.contains(step), "{step} is not in\n{planned}");
    }
    assert!(data(&fleet).iter().all(|data| data == CLUSTER), "a dry run changes nothing");
    fleet.sandboxed(&["etcd", "restore", CLUSTER, "--snapshot", key]).exits(11).warns("--yes");

    let restored = fleet.sandboxed(&["etcd", "restore", CLUSTER, "--snapshot", "latest", "--yes"]).exits(0);
    for member in ["a", "b", "c"] {
        restored.stderr.contains(&format!("member {member}: start done")).then_some(()).expect("each member says so");
    }
    let after = data(&fleet);
    assert_eq!(after.len(), 3);
    assert!(after.iter().all(|data| data.contains(key)), "{after:?}");
    // The cluster works again, and can take another snapshot.
    fleet.sandboxed(&["sandbox", "advance", "2m"]).exits(0);
    fleet.sandboxed(&["etcd", "snapshot", CLUSTER]).exits(0);
    fleet.sandboxed(&["history", CLUSTER]).exits(0).says("etcd restore");
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_restore_that_fails_halfway_says_where_it_stands_and_goes_on() {
    let fleet = Fleet::created(CLUSTER);
    let key = fleet.sandboxed(&["etcd", "snapshot", CLUSTER]).exits(0).stdout.trim().to_owned();
    // The snapshot is damaged while nobody looks.
    let path = fleet.path().join(".windlass/sandbox.json");
    let whole = world(&fleet);
    let mut damaged = whole.clone();
    damaged["s3"]["buckets"]["foo-etcd-backups"]["objects"][&key]["content"] = Value::from("AAAA");
    std::fs::write(&path, damaged.to_string()).expect("the world can be written");
    let failed = fleet.sandboxed(&["etcd", "restore", CLUSTER, "--snapshot", &key, "--yes"]).exits(17);
    let failed = failed.warns("stopped at step load").warns("is damaged").warns("member b");
    assert!(failed.stderr.contains("windlass etcd restore"), "{}", failed.stderr);
    // Nothing was started on half of it.
    fleet.sandboxed(&["sandbox", "list"]).exits(0).says("stopped for a restore");
    let mut mended = world(&fleet);
    mended["s3"] = whole["s3"].clone();
    std::fs::write(&path, mended.to_string()).expect("the world can be written");
    fleet.sandboxed(&["etcd", "restore", CLUSTER, "--snapshot", &key, "--yes"]).exits(0);
    assert!(data(&fleet).iter().all(|data| data.contains(&key)));
}

#[test]
fn a_missing_backup_and_a_bucket_of_somebody_else_are_told() {
    let fleet = Fleet::created(CLUSTER);
    let fleet_vars = fleet.read("vars/common.yaml");
    fleet.write("vars/common.yaml", &fleet_vars.replace("foo-etcd-backups", "somebody-elses-backups"));
    let denied = fleet.sandboxed(&["etcd", "list", CLUSTER]).exits(15);
    denied.warns("another account's");
    fleet.write("vars/common.yaml", &fleet_vars.replace("foo-etcd-backups", "no-such-bucket"));
    fleet.sandboxed(&["etcd", "list", CLUSTER]).exits(15).warns("make the bucket no-such-bucket");
    fleet.write("vars/common.yaml", &fleet_vars);
    let template = fleet.read("templates/1_cluster.yaml.j2");
    let (before, rest) = template.split_once("  backup:\n").expect("the template has a backup");
    let (_, after) = rest.split_once("\n\n").expect("and something after it");
    fleet.write("templates/1_cluster.yaml.j2", &format!("{before}{after}"));
    for command in [&["snapshot"][..], &["list"], &["restore", "--snapshot", "latest", "--yes"]] {
        let mut arguments = vec!["etcd", command[0], CLUSTER];
        arguments.extend(&command[1..]);
        fleet.sandboxed(&arguments).exits(10).warns("spec.backup.bucket");
    }
}
