//! The user's checkout, index, hooks and habits are never touched, and never touch us.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use windlass::state::{Location, Store};

use super::bench::{self, Bench};
use crate::support::git;

/// A repository with everything in it that could get in the way; what runs writes into `traces`.
fn hostile(bench: &Bench) -> (PathBuf, PathBuf) {
    let project = bench.project("ann");
    let traces = bench.path().join("traces");
    std::fs::create_dir(&traces).expect("a folder");
    for name in [
        "pre-push",
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "pre-auto-gc",
        "push-to-checkout",
    ] {
        git::hook(&project.join(".git"), name, &format!("touch {}/{name}; exit 1", traces.display()));
    }
    // Set last: from here on git itself would start it.
    std::fs::write(project.join("staged"), "staged\n").expect("a file");
    git::git(&project, &["-c", "core.hooksPath=/dev/null", "add", "staged"]);
    std::fs::write(project.join("windlass.yaml"), "# changed\n").expect("a file");
    std::fs::write(project.join("untracked"), "untracked\n").expect("a file");
    let monitor = traces.join("monitor.sh");
    std::fs::write(&monitor, format!("#!/bin/sh\ntouch {}/fsmonitor\nexit 1\n", traces.display())).expect("a file");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&monitor, std::fs::Permissions::from_mode(0o755)).expect("an executable file");
    for (key, value) in [
        ("core.fsmonitor", monitor.to_string_lossy().as_ref()),
        ("commit.gpgSign", "true"),
        ("push.gpgSign", "true"),
        ("push.followTags", "true"),
        ("fetch.prune", "true"),
        ("gc.auto", "1"),
        ("receive.denyCurrentBranch", "refuse"),
        ("user.name", "Ann"),
    ] {
        git::git(&project, &["-c", "core.hooksPath=/dev/null", "config", key, value]);
    }
    (project, traces)
}

/// Everything that the user could see change, byte by byte. Objects and the state branches may be added.
fn photograph(project: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![project.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(project).expect("inside").to_string_lossy().into_owned();
            let is_ours = name.contains("windlass-state") || name == ".windlass" || name == ".git/objects";
            if is_ours {
            } else if path.is_dir() {
                folders.push(path);
            } else {
                seen.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_user_is_touched_and_no_hook_runs() {
    for location in [Location::Local, Location::Remote(String::from("origin")), Location::Sandbox] {
        let bench = Bench::new();
        let (project, traces) = hostile(&bench);
        let before = photograph(&project);
        assert!(before.contains_key(".git/index") && before.contains_key(".git/logs/HEAD"));
        let store = Store::open(bench.settings(&project, location.clone())).await.expect("a store");
        bench::make(&store, bench.clock, "r1", "a").await;
        let lease = bench::acquire(&store, "r2").await.expect("the lock");
        store.unlock(lease.epoch(), "ann@laptop").await.expect("an unlock");
        assert_eq!(store.fsck().await.expect("a check"), []);
        let after = photograph(&project);
        let changed: Vec<_> =
            after.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)).map(|(n, _)| n).collect();
        assert_eq!(changed, Vec::<&String>::new(), "{location:?}");
        assert_eq!(before.len(), after.len(), "{location:?}");
        let ran: Vec<_> =
            std::fs::read_dir(&traces).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(ran, ["monitor.sh"], "{location:?}");
        let status =
            git::git(&project, &["-c", "core.fsmonitor=false", "--no-optional-locks", "status", "--porcelain"]);
        assert_eq!(
            status,
            " M windlass.yaml\nA  staged\n?? untracked"
                .replace(" M windlass.yaml\nA  staged", "A  staged\n M windlass.yaml")
        );
    }
}
