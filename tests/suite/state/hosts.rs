//! Hosts with rules of their own, hosts that lose answers, and hosts that are gone.

use std::time::Duration;

use windlass::exit::Exit;
use windlass::state::{Error, Location, RunResult, Store};

use super::bench::{self, Bench};
use crate::support::git::{self, Host};

/// Refuses what is no fast-forward, and every delete.
pub const PROTECTED: &str = r#"
case "$3" in *[!0]*) ;; *) echo "deletes are not allowed" >&2; exit 1;; esac
case "$2" in *[!0]*) [ "$(git merge-base "$2" "$3")" = "$2" ] || { echo "no force" >&2; exit 1; };; esac
"#;

/// Takes branches and tags only.
pub const HEADS_AND_TAGS: &str =
    r#"case "$1" in refs/heads/*|refs/tags/*) ;; *) echo "not this namespace" >&2; exit 1;; esac"#;

#[tokio::test(start_paused = true)]
async fn the_protocol_needs_no_force_no_delete_no_other_namespace_and_no_atomic_push() {
    for rules in ["", PROTECTED, HEADS_AND_TAGS] {
        let bench = Bench::new();
        git::git(&bench.host(), &["config", "receive.advertiseAtomic", "false"]);
        if rules == PROTECTED {
            git::git(&bench.host(), &["config", "receive.denyNonFastForwards", "true"]);
            git::git(&bench.host(), &["config", "receive.denyDeletes", "true"]);
        }
        git::hook(&bench.host(), "update", rules);
        let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
        bench::make(&ann, bench.clock, "r1", "a").await;
        let mut dead = bench::acquire(&ann, "r2").await.expect("the lock");
        bob.unlock(2, "bob@laptop").await.expect("an unlock");
        tokio::time::advance(Duration::from_secs(200)).await;
        assert!(matches!(dead.beat_if_due().await, Err(Error::LeaseEnded(_))), "{rules}");
        bench::make(&bob, bench.clock, "r3", "b").await;
        assert_eq!(bob.fsck().await.expect("a check"), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_against_us_is_told_in_the_hosts_words() {
    let bench = Bench::new();
    let script = "echo 'GH006: Protected branch update failed for refs/heads/windlass-state.' >&2; exit 1";
    git::hook(&bench.host(), "pre-receive", script);
    let store = bench.store("ann").await;
    let error = bench::acquire(&store, "r1").await.expect_err("it is protected");
    let Error::Refused { words, branch, .. } = &error else { panic!("{error:?}") };
    assert_eq!(branch, bench::BRANCH);
    assert_eq!(
        words,
        "[remote rejected] (pre-receive hook declined): GH006: Protected branch update failed for \
         refs/heads/windlass-state."
    );
    assert!(error.hint().expect("a hint").contains("branch protection"));
    assert_eq!(store.read().await.expect("records").tip, None, "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn a_push_whose_answer_is_lost_was_a_push() {
    let bench = Bench::new();
    let host = Host::serving(bench.path());
    let project = bench.project("ann");
    let store = Store::open(bench.settings(&project, Location::Remote(host.url("host.git")))).await.expect("a store");
    host.fault("lose-answer");
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock, though nobody said so");
    assert!(!host.fault_is_pending());
    assert_eq!(bench.subjects().len(), 1);
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    host.fault("lose-answer");
    lease.write("wave 1/1", vec![bench::create("a", 1)], Vec::new()).await.expect("intents");
    assert_eq!(bench.subjects().len(), 2);
    lease.write("results", Vec::new(), vec![bench::made("a", 1)]).await.expect("results");
    host.fault("lose-answer");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert!(!host.fault_is_pending());
    assert_eq!(bench.subjects().len(), 4, "nothing was written twice");
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_never_arrived_is_tried_again() {
    let bench = Bench::new();
    let host = Host::serving(bench.path());
    let project = bench.project("ann");
    let store = Store::open(bench.settings(&project, Location::Remote(host.url("host.git")))).await.expect("a store");
    for (number, fault) in ["lose-request", "refuse"].into_iter().enumerate() {
        host.fault(fault);
        let mut lease = bench::acquire(&store, &format!("r{number}")).await.expect("the lock");
        assert!(!host.fault_is_pending(), "{fault}");
        if number == 0 {
            lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
        }
        host.fault(fault);
        let name = fault;
        lease.write("wave 1/1", vec![bench::create(name, 1)], Vec::new()).await.expect("intents");
        host.fault(fault);
        lease.write("results", Vec::new(), vec![bench::made(name, 1)]).await.expect("results");
        host.fault(fault);
        lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
        assert!(!host.fault_is_pending(), "{fault}");
    }
    assert_eq!(bench.subjects().len(), 8);
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_dropped_on_its_way_is_found_again() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    // The hook lets the push through and holds the answer back, so that the wait can be dropped in between.
    let marker = bench.path().join("received");
    let script = format!("touch {}; sleep 1", marker.display());
    git::hook(&bench.host(), "post-receive", &script);
    {
        let write = lease.write("wave 1/1", vec![bench::create("a", 1)], Vec::new());
        tokio::pin!(write);
        loop {
            tokio::select! {
                biased;
                result = &mut write => panic!("the answer came too early: {result:?}"),
                () = tokio::task::yield_now() => {}
            }
            if marker.exists() {
                break;
            }
            // The write waits ten seconds of virtual time first; then git works on another thread.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    git::hook(&bench.host(), "post-receive", "true");
    lease.write("results", Vec::new(), vec![bench::made("a", 1)]).await.expect("results, on top of our own push");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(
        bench.subjects(),
        [
            "apply(prod.k8s.example): done",
            "apply(prod.k8s.example): results",
            "apply(prod.k8s.example): wave 1/1",
            "apply(prod.k8s.example): acquire",
        ]
    );
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_push_any_more_leaves_a_bundle_and_the_command_that_replays_it() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    lease.write("wave 1/1", vec![bench::create("a", 1)], Vec::new()).await.expect("intents");
    let away = bench.path().join("away.git");
    std::fs::rename(bench.host(), &away).expect("the host is gone");
    tokio::time::advance(Duration::from_secs(100)).await;
    lease.beat_if_due().await.expect("a missed beat is no error");
    let begin = bench.clock.since_boot();
    let error = lease.write("results", Vec::new(), vec![bench::made("a", 1)]).await.expect_err("nobody answers");
    let waited = bench.clock.since_boot() - begin;
    assert!(
        waited > Duration::from_secs(120) && waited < Duration::from_secs(210),
        "it tries as long as the lease: {waited:?}"
    );
    let Error::Unpushed { bundle, replay, .. } = &error else { panic!("{error:?}") };
    assert_eq!(error.exit(), Exit::Resumable);
    let project = bench.path().join("ann/project");
    let beside = project.parent().expect("a parent").canonicalize().expect("a folder");
    assert_eq!(bundle.parent(), Some(beside.as_path()));
    assert_eq!(git::git(&project, &["status", "--porcelain"]), "");

    std::fs::rename(&away, bench.host()).expect("the host is back");
    let status = std::process::Command::new("sh").arg("-c").arg(replay).current_dir(&project).status();
    assert!(status.expect("a shell").success(), "{replay}");
    assert_eq!(bench.subjects()[0], "apply(prod.k8s.example): results");
    let next = bench.store("bob").await;
    let records = next.read().await.expect("records");
    assert_eq!(records.resources.len(), 1);
    next.unlock(1, "bob@laptop").await.expect("an unlock");
    assert_eq!(next.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_was_moved_by_force_is_not_acted_on() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    bench::make(&store, bench.clock, "r1", "a").await;
    let good = bench.tip();
    let back = format!("{}~2", bench::BRANCH);
    git::git(&bench.host(), &["update-ref", &format!("refs/heads/{}", bench::BRANCH), &back]);
    let error = bench::acquire(&store, "r2").await.expect_err("the past changed");
    assert!(error.to_string().contains(&format!("{good} was its tip")), "{error}");
    assert!(matches!(&error, Error::Corrupt(_)) && error.exit() == Exit::Refused);
    git::git(&bench.host(), &["update-ref", &format!("refs/heads/{}", bench::BRANCH), &good]);
    bench::make(&store, bench.clock, "r2", "b").await;
}
