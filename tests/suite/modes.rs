//! Files that say more than others need are their owner's alone, whatever the umask and whatever was there before.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Fleet, Ran, proof};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o777
}

/// Runs `windlass --sandbox` with a umask.
fn with_umask(fleet: &Fleet, umask: &str, arguments: &[&str]) -> Ran {
    let windlass = fleet.command(arguments);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("umask {umask}; exec \"$@\"")).arg("sh").arg(windlass.get_program());
    command.arg("--sandbox").args(arguments).current_dir(fleet.path()).env_clear();
    for (name, value) in windlass.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.env("KUBECONFIG", fleet.path().join("below/kubeconfig"));
    Ran::of(command.output().expect("sh runs"))
}

#[test]
fn what_is_the_owner_s_stays_the_owner_s() {
    let mut cases = 0;
    for umask in ["000", "022", "077"] {
        let fleet = Fleet::new();
        let at = |name: &str| fleet.path().join(name);
        // Somebody made the folder and a plan before, for everybody to read.
        fs::create_dir(at(".windlass")).expect("a folder");
        fs::set_permissions(at(".windlass"), fs::Permissions::from_mode(0o777)).expect("permissions");
        fs::write(at("saved.json"), "old").expect("a file");
        fs::set_permissions(at("saved.json"), fs::Permissions::from_mode(0o666)).expect("permissions");
        with_umask(&fleet, umask, &["plan", CLUSTER, "--out", "saved.json"]).exits(0);
        with_umask(&fleet, umask, &["apply", CLUSTER, "--yes"]).exits(0);
        with_umask(&fleet, umask, &["kubeconfig", CLUSTER]).exits(0);
        with_umask(&fleet, umask, &["secrets", "keygen", "--out", "key.txt"]).exits(0);
        for (name, wanted) in [
            (".windlass", 0o700),
            (".windlass/sandbox.json", 0o600),
            (".windlass/sandbox.json.lock", 0o600),
            (".windlass/sandbox-age-key.txt", 0o600),
            ("saved.json", 0o600),
            ("below", 0o700),
            ("below/kubeconfig", 0o600),
            ("key.txt", 0o600),
        ] {
            assert_eq!(format!("{:o}", mode(&at(name))), format!("{wanted:o}"), "{name} with umask {umask}");
            cases += 1;
        }
        // A kubeconfig that is loose by now is tightened by the next change.
        fs::set_permissions(at("below/kubeconfig"), fs::Permissions::from_mode(0o644)).expect("permissions");
        with_umask(&fleet, umask, &["kubeconfig", CLUSTER, "--user", "other"]).exits(0);
        assert_eq!(mode(&at("below/kubeconfig")), 0o600);
        let drafts = fs::read_dir(at("below")).expect("a folder").count();
        assert_eq!(drafts, 1, "nothing half-written stays beside it");
        cases += 2;
    }
    proof::report("file modes", cases, 30);
}

#[test]
fn an_identity_that_others_may_read_opens_nothing() {
    let fleet = Fleet::new();
    let key = fleet.path().join("key.txt");
    fleet.windlass(&["secrets", "keygen", "--out", "key.txt"]).exits(0);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("permissions");
    let mut command = fleet.command(&["secrets", "list", CLUSTER]);
    fleet.edit("windlass.yaml", "  remote: origin", "  remote: none");
    let list = Ran::of(command.env("WINDLASS_AGE_KEY_FILE", &key).output().expect("windlass runs"));
    let mut command = fleet.command(&["secrets", "rotate", CLUSTER, "--yes"]);
    let refused = Ran::of(command.env("WINDLASS_AGE_KEY_FILE", &key).output().expect("windlass runs"));
    let all = list.stderr + &refused.stderr;
    assert!(all.contains("others may read") && all.contains("chmod 600"), "{all}");
}
