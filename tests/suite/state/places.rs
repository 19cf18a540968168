//! The same life at every place that state can be kept in.

use windlass::state::{Location, RunResult, Store};

use super::bench::{self, Bench};
use crate::support::git::{self, Host};

/// A whole life of a cluster's state, the same wherever it is.
async fn live(bench: &Bench, location: Location) {
    let project = bench.project("ann");
    let store = Store::open(bench.settings(&project, location)).await.expect("a store");
    assert_eq!(store.read().await.expect("empty records"), Default::default());
    assert_eq!(store.fsck().await.expect("a check"), []);

    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    assert_eq!((lease.epoch(), lease.run()), (1, "r1"));
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    let manifests = [(String::from("1_cluster.yaml"), String::from("kind: Cluster\n"))].into();
    lease.stage_manifests(&manifests).expect("manifests");
    lease.write("wave 1/2", vec![bench::create("a", 1), bench::create("b", 1)], Vec::new()).await.expect("intents");
    assert_eq!(store.read().await.expect("records").lock.map(|lock| lock.run).as_deref(), Some("r1"));
    lease
        .write("wave 2/2", vec![bench::create("c", 1)], vec![bench::made("a", 1), bench::made("b", 1)])
        .await
        .expect("both");
    lease.write("results", Vec::new(), vec![bench::made("c", 1)]).await.expect("results");
    let tip = lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");

    let records = store.read().await.expect("records");
    assert_eq!(records.tip, Some(tip));
    assert_eq!(records.lock, None);
    assert_eq!(records.open_journals.len(), 0);
    let names: Vec<_> = records.resources.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["internet-gateway/a", "internet-gateway/b", "internet-gateway/c"]);
    assert_eq!(records.cluster.and_then(|cluster| cluster.config).as_deref(), Some("0123abcd"));
    assert_eq!(store.fsck().await.expect("a check"), []);

    // Another clone, or another run here, goes on from there.
    let lease = bench::acquire(&store, "r2").await.expect("the lock");
    assert_eq!(lease.epoch(), 2);
    lease.release(bench::run(bench.clock, RunResult::Failed)).await.expect("the release");
    assert_eq!(store.history().await.expect("a history").runs.len(), 2);
    assert_eq!(git::git(&project, &["status", "--porcelain"]), "", "nothing of windlass shows in the checkout");
}

#[tokio::test(start_paused = true)]
async fn in_a_remote_by_its_name() {
    let bench = Bench::new();
    live(&bench, Location::Remote(String::from("origin"))).await;
    assert_eq!(
        bench.files(),
        [
            "cluster.json",
            "format.json",
            "manifests/1_cluster.yaml",
            "resources/internet-gateway/a.json",
            "resources/internet-gateway/b.json",
            "resources/internet-gateway/c.json",
            "runs/r1.json",
            "runs/r2.json",
        ]
    );
    assert_eq!(
        bench.subjects(),
        [
            "apply(prod.k8s.example): failed",
            "apply(prod.k8s.example): acquire",
            "apply(prod.k8s.example): done",
            "apply(prod.k8s.example): results",
            "apply(prod.k8s.example): wave 2/2",
            "apply(prod.k8s.example): wave 1/2",
            "apply(prod.k8s.example): acquire",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn in_a_repository_by_its_path_or_file_url() {
    let bench = Bench::new();
    live(&bench, Location::Remote(bench.host().to_string_lossy().into_owned())).await;
    let bench = Bench::new();
    live(&bench, Location::Remote(format!("file://{}", bench.host().display()))).await;
}

#[tokio::test(start_paused = true)]
async fn on_a_host_that_speaks_smart_http() {
    let bench = Bench::new();
    let host = Host::serving(bench.path());
    live(&bench, Location::Remote(host.url("host.git"))).await;
    assert_eq!(bench.subjects().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn in_the_repository_of_the_project_without_a_remote() {
    let bench = Bench::new();
    live(&bench, Location::Local).await;
    let project = bench.path().join("ann/project");
    assert_eq!(git::git(&project, &["log", "--format=%s", bench::BRANCH]).lines().count(), 7);
}

#[tokio::test(start_paused = true)]
async fn in_the_sandbox_without_touching_any_repository_of_the_user() {
    let bench = Bench::new();
    live(&bench, Location::Sandbox).await;
    let project = bench.path().join("ann/project");
    assert_eq!(git::git(&project, &["branch", "--list", "windlass-state/*"]), "");
    assert_eq!(git::git(&bench.host(), &["branch", "--list", "windlass-state/*"]), "");
    assert!(project.join(".windlass/sandbox-state.git").is_dir());
}

#[tokio::test(start_paused = true)]
async fn a_push_url_wins_and_relative_paths_begin_at_the_top_of_the_checkout() {
    let bench = Bench::new();
    let project = bench.project("ann");
    git::git(&project, &["config", "remote.origin.url", "/nowhere/at/all"]);
    git::git(&project, &["config", "remote.origin.pushurl", "../../host.git"]);
    let folder = project.join("clusters");
    std::fs::create_dir(&folder).expect("a folder");
    let store = Store::open(bench.settings(&folder, Location::Remote(String::from("origin")))).await.expect("a store");
    bench::make(&store, bench.clock, "r1", "a").await;
    assert_eq!(bench.subjects().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn rules_for_urls_and_headers_of_the_project_apply() {
    let bench = Bench::new();
    let project = bench.project("ann");
    let rule = format!("url.{}.insteadOf", bench.host().display());
    git::git(&project, &["config", &rule, "company:state"]);
    let store = Store::open(bench.settings(&project, Location::Remote(String::from("company:state")))).await;
    bench::make(&store.expect("a store"), bench.clock, "r1", "a").await;
    assert_eq!(bench.subjects().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_shallow_clone_an_empty_repository_and_a_worktree_are_as_good_as_any() {
    let bench = Bench::new();
    let project = bench.project("ann");
    git::git(&project, &["commit", "--quiet", "--allow-empty", "--message", "More"]);
    git::git(&project, &["push", "--quiet", "origin", "main"]);
    let url = format!("file://{}", bench.host().display());
    git::git(bench.path(), &["clone", "--quiet", "--depth=1", "--branch=main", &url, "shallow"]);
    let shallow = bench.path().join("shallow");
    assert_eq!(git::git(&shallow, &["rev-parse", "--is-shallow-repository"]), "true");
    for location in [Location::Remote(String::from("origin")), Location::Local] {
        let store = Store::open(bench.settings(&shallow, location)).await.expect("a store");
        bench::make(&store, bench.clock, "r1", "a").await;
        assert_eq!(store.fsck().await.expect("a check"), []);
    }

    let empty = bench.path().join("empty");
    git::git(bench.path(), &["init", "--quiet", "empty"]);
    let store = Store::open(bench.settings(&empty, Location::Local)).await.expect("a store");
    bench::make(&store, bench.clock, "r1", "a").await;
    assert_eq!(store.read().await.expect("records").resources.len(), 1);

    git::git(&project, &["worktree", "add", "--quiet", "../other"]);
    let other = Store::open(bench.settings(&bench.path().join("ann/other"), Location::Local)).await.expect("a store");
    bench::make(&other, bench.clock, "r1", "a").await;
    let main = Store::open(bench.settings(&project, Location::Local)).await.expect("a store");
    assert_eq!(main.read().await.expect("records").resources.len(), 1, "worktrees share one repository");
}

#[tokio::test(start_paused = true)]
async fn a_repository_with_sha256_objects_works_too() {
    let bench = Bench::new();
    let project = bench.path().join("modern");
    git::git(bench.path(), &["init", "--quiet", "--object-format=sha256", "modern"]);
    let store = Store::open(bench.settings(&project, Location::Local)).await.expect("a store");
    bench::make(&store, bench.clock, "r1", "a").await;
    assert_eq!(store.read().await.expect("records").tip.map(|tip| tip.len()), Some(64));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_said_before_anything_is_done() {
    let bench = Bench::new();
    let outside = bench.path().join("outside");
    std::fs::create_dir(&outside).expect("a folder");
    for location in [Location::Local, Location::Remote(String::from("origin"))] {
        let error = Store::open(bench.settings(&outside, location)).await.expect_err("no repository");
        assert!(error.to_string().ends_with("is not in a git repository, and the state lives in git"), "{error}");
        assert!(error.hint().expect("a hint").contains("git init"));
    }
    let project = bench.project("ann");
    let error = Store::open(bench.settings(&project, Location::Remote(String::from("upstream")))).await;
    let error = error.expect_err("no such remote");
    assert_eq!(error.to_string(), "the git repository has no remote called \"upstream\" (it has origin)");
    let store = Store::open(bench.settings(&project, Location::Remote(String::from("../../no-such.git")))).await;
    let error = store.expect("a store").read().await.expect_err("nothing is there");
    assert!(error.to_string().starts_with("cannot reach the state in "), "{error}");
    assert!(error.hint().expect("a hint").contains("git ls-remote"));
}
