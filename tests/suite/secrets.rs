//! What is sealed: for whom, by whom it is opened, and what is refused before anything is made.

use std::process::Command;

use windlass::secret::Identities;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

#[test]
fn the_sandbox_needs_no_key_of_anybody() {
    let fleet = Fleet::new();
    let recipients = fleet.read("windlass.yaml").lines().last().expect("the recipients").to_owned();
    fleet.edit("windlass.yaml", &recipients, "");
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["secrets", "list", CLUSTER]).exits(0).says("authority-cluster-1").says("encryption-1");
    let key = fleet.sandboxed(&["secrets", "reveal", CLUSTER, "authority-etcd-1"]).exits(0).warns("leaves its seal");
    assert!(key.stdout.starts_with("-----BEGIN PRIVATE KEY-----"));
    fleet.sandboxed(&["secrets", "reveal", CLUSTER, "nothing"]).exits(11).warns("authority-etcd-1");
}

#[test]
fn whoever_leaves_is_no_recipient_any_more_and_what_he_may_have_read_is_named() {
    let fleet = Fleet::created(CLUSTER);
    fleet.sandboxed(&["secrets", "rotate", CLUSTER, "--yes"]).exits(0).warns("every secret is sealed for");
    let (_, newcomer) = Identities::generate();
    let text = fleet.read("windlass.yaml");
    let line = text.lines().find(|line| line.starts_with("ageRecipients")).expect("the recipients").to_owned();
    let (first, _) = line.split_once(", ").expect("two recipients");
    let leaver = line.rsplit(", ").next().expect("the second").trim_end_matches(']').to_owned();
    fleet.edit("windlass.yaml", &line, &format!("{first}, {newcomer}]"));
    fleet.sandboxed(&["secrets", "list", CLUSTER]).exits(0).says("NO").warns("windlass secrets rotate");
    // The second commit is the one that seals them: what fails there says how to go on.
    let rotate = ["secrets", "rotate", CLUSTER, "--yes"];
    let full = fleet.disturbed(&rotate, r#"{"occurrence":{"operation":"git:fast-import","index":1}}"#, "diskFull");
    full.exits(17).warns("No space left on device").warns("run the same command again");
    let ran = fleet.sandboxed(&rotate).exits(0);
    ran.warns(&format!("{leaver} may no longer"))
        .warns(&format!("{newcomer} may open"))
        .warns("certs rotate-ca staging-customer.k8s.foo.bar --authority etcd")
        .warns("--service-account")
        .warns("--encryption");
    fleet.sandboxed(&["secrets", "list", CLUSTER]).exits(0).says(&newcomer);
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
    fleet.sandboxed(&["history", CLUSTER]).exits(0).says("secrets rotate");
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}

/// A command outside the sandbox, which cannot reach any AWS.
fn alone(fleet: &Fleet, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Ran {
    let mut command = fleet.command(arguments);
    command
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    prepare(&mut command);
    Ran::of(command.output().expect("windlass runs"))
}

#[test]
fn an_identity_is_made_where_windlass_looks_for_it_and_never_overwritten() {
    let fleet = Fleet::new();
    let made = alone(&fleet, &["secrets", "keygen", "--out", "keys.txt"], |_| {}).exits(0).warns("keys.txt");
    assert!(made.stdout.starts_with("age1") && made.stdout.trim().len() == 62, "{}", made.stdout);
    let identities = Identities::from_file(&fleet.path().join("keys.txt")).expect("a key");
    assert_eq!(identities.recipients(), [made.stdout.trim()]);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(fleet.path().join("keys.txt")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    alone(&fleet, &["secrets", "keygen", "--out", "keys.txt"], |_| {}).exits(1);
}
