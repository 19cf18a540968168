//! Who did what, when: from the branch's records and its log.

use windlass::state::RunResult;

use super::bench::{self, Bench};
use crate::support::git;

#[tokio::test(start_paused = true)]
async fn runs_are_listed_newest_first_with_the_commit_that_closed_them() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    assert_eq!(store.history().await.expect("a history"), Default::default());
    bench::make(&store, bench.clock, "r1", "a").await;
    let first = bench.tip();
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let lease = bench::acquire(&store, "r2").await.expect("the lock");
    lease.release(bench::run(bench.clock, RunResult::Failed)).await.expect("the release");
    let _holder = bench::acquire(&store, "r3").await.expect("the lock");

    let history = store.history().await.expect("a history");
    assert_eq!(history.current.map(|lock| lock.run).as_deref(), Some("r3"));
    let runs: Vec<_> = history.runs.iter().map(|run| (run.record.run.as_str(), run.record.result)).collect();
    assert_eq!(runs, [("r2", RunResult::Failed), ("r1", RunResult::Done)]);
    let oldest = &history.runs[1];
    assert_eq!(oldest.commit, first);
    assert_eq!((oldest.record.epoch, oldest.record.config.as_deref()), (1, Some("0123abcd")));
}

#[tokio::test(start_paused = true)]
async fn the_log_of_the_branch_is_an_audit_log() {
    let bench = Bench::new();
    let project = bench.project("ann");
    git::git(&project, &["config", "user.name", "Ann Example"]);
    git::git(&project, &["config", "user.email", "ann@example.org"]);
    let origin = windlass::state::Location::Remote(String::from("origin"));
    let store = windlass::state::Store::open(bench.settings(&project, origin)).await.expect("a store");
    bench::make(&store, bench.clock, "r1", "a").await;
    let log = git::git(&bench.host(), &["log", "-1", "--format=%an <%ae> %cd%n%B", "--date=unix", bench::BRANCH]);
    let log = without_operation(&log);
    insta::assert_snapshot!(log, @"
    Ann Example <ann@example.org> 1795168820
    apply(prod.k8s.example): done

    Windlass-Cluster: prod.k8s.example
    Windlass-Epoch: 1
    Windlass-Run: r1
    Windlass-Op: …
    Windlass-Phase: release
    Windlass-Config: 0123abcd
    Windlass-Actor: r1@laptop
    ");
}

/// Without the random operation.
fn without_operation(log: &str) -> String {
    let lines = log.lines().map(|line| if line.starts_with("Windlass-Op: ") { "Windlass-Op: …" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}
