//! kubeconfigs: issued from git alone, merged into what is there, read by kubectl.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

const THEIRS: &str = "apiVersion: v1
kind: Config
current-context: theirs
clusters:
- name: theirs
  cluster: {server: 'https://theirs.example:443', tls-server-name: other.example}
contexts:
- name: theirs
  context: {cluster: theirs, user: theirs, namespace: web}
users:
- name: theirs
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks], interactiveMode: Never}}
";

/// kubectl, which must be there: it is the one that has to understand the file.
fn kubectl(file: &std::path::Path, arguments: &[&str]) -> String {
    let mut command = Command::new("kubectl");
    command.env("KUBECONFIG", file).args(arguments);
    let output = command.output().expect("these tests need kubectl in PATH (Debian package kubernetes-client)");
    assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
}

fn with_file(fleet: &Fleet, arguments: &[&str]) -> Ran {
    let mut command = fleet.command(arguments);
    Ran::of(command.env("KUBECONFIG", fleet.path().join("kubeconfig")).output().expect("windlass runs"))
}

#[test]
fn a_kubeconfig_joins_what_is_there_and_kubectl_reads_it() {
    Fleet::new().sandboxed(&["kubeconfig", CLUSTER]).exits(11).warns("no cluster authority yet");
    let fleet = Fleet::created(CLUSTER);
    fleet.write("kubeconfig", THEIRS);
    with_file(&fleet, &["--sandbox", "kubeconfig", CLUSTER, "--keep-current", "--user", "ann"])
        .exits(0)
        .warns("ann may");
    let file = fleet.path().join("kubeconfig");
    assert_eq!(kubectl(&file, &["config", "current-context"]).trim(), "theirs");
    with_file(&fleet, &["--sandbox", "kubeconfig", CLUSTER, "--user", "ann", "--ttl", "1h"]).exits(0);
    assert_eq!(kubectl(&file, &["config", "current-context"]).trim(), CLUSTER);
    let view: Value = serde_json::from_str(&kubectl(&file, &["config", "view", "--raw", "-o", "json"])).expect("JSON");
    assert_eq!(view["contexts"].as_array().map(Vec::len), Some(2), "{view}");
    // kubectl sorts them by name.
    let named = |list: &str, name: &str| -> Value {
        let items = view[list].as_array().expect("a list");
        items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name} in {view}")).clone()
    };
    assert_eq!(named("clusters", "theirs")["cluster"]["tls-server-name"], "other.example");
    assert_eq!(named("users", "theirs")["user"]["exec"]["command"], "aws");
    assert_eq!(named("contexts", "theirs")["context"]["namespace"], "web");
    assert_eq!(named("clusters", CLUSTER)["cluster"]["server"], format!("https://api.{CLUSTER}:6443"));
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let leftovers: Vec<_> =
        std::fs::read_dir(fleet.path()).expect("a folder").flatten().map(|it| it.file_name()).collect();
    assert!(!leftovers.iter().any(|name| name.to_string_lossy().starts_with("kubeconfig.")), "{leftovers:?}");
}

#[test]
fn a_file_that_is_no_kubeconfig_is_not_touched() {
    let fleet = Fleet::created(CLUSTER);
    fleet.write("kubeconfig", "- a list\n");
    with_file(&fleet, &["--sandbox", "kubeconfig", CLUSTER]).exits(1).warns("was not changed");
    assert_eq!(fleet.read("kubeconfig"), "- a list\n");
    fleet.write("kubeconfig", THEIRS);
    fleet.write("kubeconfig.lock", "");
    with_file(&fleet, &["--sandbox", "kubeconfig", CLUSTER]).exits(1).warns("kubeconfig.lock");
    assert_eq!(fleet.read("kubeconfig"), THEIRS);
}

#[test]
fn the_longest_life_and_odd_names_are_refused_and_breaking_the_glass_is_recorded() {
    let fleet = Fleet::created(CLUSTER);
    fleet.sandboxed(&["kubeconfig", CLUSTER, "--ttl", "25h"]).exits(11).warns("up to 24h");
    fleet.sandboxed(&["kubeconfig", CLUSTER, "--user", "system:admin"]).exits(11).warns("no name for a person");
    fleet.sandboxed(&["kubeconfig", CLUSTER, "--break-glass", "--print"]).exits(11).warns("--yes");
    let before = fleet.sandboxed(&["history", CLUSTER]).exits(0).stdout;
    let printed = fleet.sandboxed(&["kubeconfig", CLUSTER, "--print"]).exits(0);
    assert!(printed.stdout.contains("client-key-data"), "{}", printed.stdout);
    assert_eq!(fleet.sandboxed(&["history", CLUSTER]).exits(0).stdout, before, "an ordinary one needs no lock");
    let ran = fleet.sandboxed(&["kubeconfig", CLUSTER, "--break-glass", "--print", "--yes", "--user", "ann"]).exits(0);
    ran.warns("system:masters");
    fleet.sandboxed(&["history", CLUSTER]).exits(0).says("kubeconfig --break-glass");
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
}
