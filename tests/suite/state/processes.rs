//! Real processes on the real clock: the test binary starts itself again, in the role that a variable names.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use windlass::clock::Clock;
use windlass::state::{Location, RunResult, Store, StoreSettings};

use super::bench::{self, Bench};
use crate::support::git::{self, Host};

const PROJECT: &str = "WINDLASS_TEST_PROJECT";
const NAME: &str = "WINDLASS_TEST_NAME";

/// Starts the role `role` of this file in a process of its own.
fn start(role: &str, project: &Path, name: &str, variables: &[(&str, &Path)]) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--ignored", "--exact", &format!("state::processes::{role}")]);
    command.env(PROJECT, project).env(NAME, name).stdout(Stdio::null());
    for (variable, value) in variables {
        command.env(variable, value);
    }
    command.spawn().expect("a process")
}

async fn open() -> (Store, String) {
    let project = PathBuf::from(std::env::var_os(PROJECT).expect("started by another test"));
    let name = std::env::var(NAME).expect("started by another test");
    let mut settings = StoreSettings::new(bench::cluster_name(), Location::Remote(String::from("origin")), project);
    // There is no host to spare, and the clock is real.
    settings.timing.poll = Duration::from_millis(100);
    (Store::open(settings).await.expect("a store"), name)
}

#[tokio::test]
#[ignore = "a role that another test starts"]
async fn contender() {
    let (store, name) = open().await;
    for round in 0..3 {
        let mut acquire = bench::waiting(&format!("{name}-{round}"), Duration::from_secs(240));
        acquire.operation = String::from("race");
        let lease = store.acquire(acquire, &mut |_| {}).await.expect("the lock");
        lease.release(bench::run(Clock::system(), RunResult::Done)).await.expect("the release");
    }
}

#[tokio::test]
#[ignore = "a role that another test starts"]
async fn holder() {
    let (store, name) = open().await;
    let mut lease = bench::acquire(&store, &name).await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    std::future::pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn processes_that_race_never_hold_an_epoch_together() {
    let bench = Bench::new();
    let mut processes = Vec::new();
    for name in ["ann", "bob", "cid"] {
        let project = bench.project(name);
        processes.push(start("contender", &project, name, &[]));
    }
    for mut process in processes {
        assert!(process.wait().expect("a process").success());
    }
    let history = bench.store("eve").await.history().await.expect("a history");
    let mut epochs: Vec<u64> = history.runs.iter().map(|run| run.record.epoch).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=9).collect::<Vec<_>>());
    assert_eq!(bench.store("fay").await.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_leaves_a_lock_that_says_whose_it_was() {
    let bench = Bench::new();
    let project = bench.project("ann");
    let mut process = start("holder", &project, "ann-1", &[]);
    let store = bench.store("bob").await;
    while store.read().await.expect("records").lock.is_none() {
        std::thread::yield_now();
    }
    process.kill().expect("a process to kill");
    process.wait().expect("a process");
    let mut lease =
        store.acquire(bench::waiting("bob-1", Duration::from_secs(600)), &mut |_| {}).await.expect("the lock");
    assert_eq!(lease.epoch(), 2);
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn hooks_and_habits_in_the_users_own_configuration_do_not_touch_us() {
    let bench = Bench::new();
    let hooks = bench.path().join("home");
    let trace = bench.path().join("trace");
    for name in ["pre-push", "reference-transaction", "post-commit", "pre-auto-gc"] {
        git::hook(&hooks, name, &format!("touch {}; exit 1", trace.display()));
    }
    let configuration = bench.path().join("gitconfig");
    let text = format!(
        "[core]\nhooksPath = {}\nfsmonitor = {}\n[commit]\ngpgSign = true\n[push]\ngpgSign = true\nfollowTags = true\n\
         pushOption = ci.skip\n[fetch]\nprune = true\nrecurseSubmodules = true\n[gc]\nauto = 1\n[init]\n\
         templateDir = {}\n[log]\nshowSignature = true\n[safe]\nbareRepository = explicit\n[color]\nui = always\n",
        hooks.join("hooks").display(),
        hooks.join("hooks/pre-push").display(),
        hooks.display(),
    );
    std::fs::write(&configuration, text).expect("a file");
    let project = bench.project("ann");
    // Over HTTP the host has a configuration of its own; over a path it would be the user's.
    let host = Host::serving(bench.path());
    git::git(&project, &["config", "remote.origin.url", &host.url("host.git")]);
    let index = project.join(".git/index");
    let variables = [
        ("GIT_CONFIG_GLOBAL", configuration.as_path()),
        ("GIT_DIR", Path::new("/nowhere")),
        ("GIT_INDEX_FILE", &index),
    ];
    let before = std::fs::read(&index).expect("an index");
    assert!(start("contender", &project, "ann", &variables).wait().expect("a process").success());
    assert!(!trace.exists(), "a hook ran");
    assert_eq!(std::fs::read(&index).expect("an index"), before);
    assert_eq!(bench.subjects().len(), 6);
}
