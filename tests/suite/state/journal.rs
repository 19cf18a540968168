//! Intents before acts, results after them, and what the next run makes of a dead run's journal.

use windlass::state::{
    Error, FindingKind, Intent, IntentKind, JournalLine, KeyChange, Lease, Records, RunResult, SealedSecret, Store,
};

use super::bench::{self, Bench};

/// A run that dies with intents for `names`, of which those in `answered` got a result.
async fn die(store: &Store, run: &str, names: &[&str], answered: &[&str]) {
    let mut lease = bench::acquire(store, run).await.expect("the lock");
    if lease.records().cluster.is_none() {
        lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    }
    let intents = names.iter().map(|name| bench::create(name, 1)).collect();
    lease.write("wave 1/2", intents, Vec::new()).await.expect("intents");
    let outcomes = answered.iter().map(|name| bench::made(name, 1)).collect();
    lease.write("wave 2/2", Vec::new(), outcomes).await.expect("results");
}

/// Another run, which does not wait for the dead one's lease to end.
async fn next(store: &Store, run: &str) -> Lease {
    let epoch = store.read().await.expect("records").lock.expect("the dead run's lock").epoch;
    store.unlock(epoch, "bob@laptop").await.expect("an unlock");
    bench::acquire(store, run).await.expect("the lock")
}

fn open(records: &Records) -> Vec<(String, String)> {
    let lines = records.open_journals.iter().flat_map(|(run, lines)| lines.iter().map(move |line| (run, line)));
    lines
        .map(|(run, line)| match line {
            JournalLine::Intent(Intent { address, .. }) => (run.clone(), address.name().to_owned()),
            JournalLine::Outcome(outcome) => (run.clone(), format!("result of {}", outcome.address.name())),
        })
        .collect()
}

fn pair(run: &str, name: &str) -> (String, String) {
    (run.to_owned(), name.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_dead_run_is_closed_and_what_it_began_stays_open_until_it_is_answered() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    die(&store, "r1", &["a", "b", "c"], &["a"]).await;
    assert_eq!(open(&store.read().await.expect("records")), [], "it may still be alive");
    let mut lease = next(&store, "r2").await;
    assert_eq!(open(lease.records()), [pair("r1", "b"), pair("r1", "c")]);
    assert_eq!(store.history().await.expect("a history").runs[0].record.result, RunResult::Abandoned);

    // b is there, c is made again.
    let adoption = Intent { operation: IntentKind::Adopt, ..bench::create("b", 1) };
    lease.write("wave 1/2", vec![adoption], Vec::new()).await.expect("intents");
    lease.write("wave 2/2", vec![bench::create("c", 1)], vec![bench::made("b", 1)]).await.expect("intents");
    assert_eq!(open(&store.read().await.expect("records")), [pair("r1", "c")]);
    lease.write("results", Vec::new(), vec![bench::made("c", 1)]).await.expect("results");
    assert_eq!(open(&store.read().await.expect("records")), []);
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(store.read().await.expect("records").resources.len(), 3);
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn what_two_dead_runs_began_is_not_lost() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    die(&store, "r1", &["a", "b"], &[]).await;
    let mut lease = next(&store, "r2").await;
    lease.write("wave 1/1", vec![bench::create("b", 1), bench::create("c", 1)], Vec::new()).await.expect("intents");
    drop(lease);
    let lease = next(&store, "r3").await;
    assert_eq!(open(lease.records()), [pair("r1", "a"), pair("r1", "b"), pair("r2", "b"), pair("r2", "c")]);
    lease.release(bench::run(bench.clock, RunResult::Failed)).await.expect("the release");
    assert_eq!(open(&store.read().await.expect("records")).len(), 4, "a failed run has not seen everything");
    let lease = bench::acquire(&store, "r4").await.expect("the lock");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(open(&store.read().await.expect("records")), [], "a complete run has");
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_leaves_its_unanswered_intents() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    lease.write("wave 1/1", vec![bench::create("a", 1), bench::create("b", 1)], Vec::new()).await.expect("intents");
    lease.write("results", Vec::new(), vec![bench::made("a", 1)]).await.expect("results");
    lease.release(bench::run(bench.clock, RunResult::Interrupted)).await.expect("the release");
    let records = store.read().await.expect("records");
    assert_eq!(open(&records), [pair("r1", "b")]);
    assert_eq!(records.lock, None);
    assert_eq!(bench.file("journal/r1.jsonl").lines().count(), 1);
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn a_result_without_an_intent_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    let error = lease.write("results", Vec::new(), vec![bench::made("a", 1)]).await.expect_err("no intent");
    let Error::Invalid(findings) = &error else { panic!("{error:?}") };
    assert_eq!(findings.0.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::Result]);
    // The mistake is forgotten, the rest goes on.
    lease.write("wave 1/1", vec![bench::create("a", 1)], Vec::new()).await.expect("intents");
    lease.write("results", Vec::new(), vec![bench::made("a", 1)]).await.expect("results");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn generations_of_deleted_objects_are_remembered() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    bench::make(&store, bench.clock, "r1", "a").await;
    let mut lease = bench::acquire(&store, "r2").await.expect("the lock");
    lease.write("wave 1/2", vec![bench::delete("a", 1)], Vec::new()).await.expect("intents");
    // A replacement: the delete's result and the create's intent in one push.
    lease.write("wave 2/2", vec![bench::create("a", 2)], vec![bench::gone("a")]).await.expect("both");
    assert_eq!(lease.records().retired.get(&bench::address("a")), Some(&1));
    lease.write("results", Vec::new(), vec![bench::made("a", 2)]).await.expect("results");
    // A create that failed for certain: its token is not used again.
    lease.write("wave", vec![bench::create("b", 3)], Vec::new()).await.expect("intents");
    lease.write("results", Vec::new(), vec![bench::gone("b")]).await.expect("results");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    let records = store.read().await.expect("records");
    let retired: Vec<_> = records.retired.iter().map(|(address, generation)| (address.name(), *generation)).collect();
    assert_eq!(retired, [("a", 1), ("b", 3)]);
    assert_eq!(records.resources.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_destroy_the_branch_stays_and_a_new_cluster_gets_a_new_uid() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    bench::make(&store, bench.clock, "r1", "a").await;
    let mut lease = bench::acquire(&store, "r2").await.expect("the lock");
    assert!(matches!(lease.stage_retirement(), Err(Error::Invalid(_))), "a resource is left");
    lease.write("wave 1/1", vec![bench::delete("a", 1)], Vec::new()).await.expect("intents");
    lease.write("results", Vec::new(), vec![bench::gone("a")]).await.expect("results");
    lease.stage_retirement().expect("nothing is left");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    let records = store.read().await.expect("records");
    assert_eq!((records.cluster, records.resources.len(), records.retired.len()), (None, 0, 0));
    assert_eq!(bench.files(), ["format.json", "former/u1.json", "runs/r1.json", "runs/r2.json"]);

    let mut lease = bench::acquire(&store, "r3").await.expect("the lock");
    let error = lease.stage_cluster(bench::cluster("u1")).expect_err("the uid of a former cluster");
    assert!(error.to_string().contains("the uid of a cluster that was destroyed"), "{error}");
    lease.stage_cluster(bench::cluster("u2")).expect("a new uid");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(store.fsck().await.expect("a check"), []);

    let mut lease = bench::acquire(&store, "r4").await.expect("the lock");
    for other in
        [bench::cluster("u3"), windlass::state::ClusterRecord { region: String::from("x"), ..bench::cluster("u2") }]
    {
        let Err(Error::Invalid(findings)) = lease.stage_cluster(other) else { panic!("an identity changed") };
        assert_eq!(findings.0[0].kind, FindingKind::Identity);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_that_looks_like_a_secret_is_ever_written() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    let pem = ["-----BEGIN EC ", "PRIVATE KEY-----\nMHcCAQEE\n"].concat();
    let manifests = [(String::from("cluster.yaml"), format!("key: |\n{pem}"))].into();
    let error = lease.stage_manifests(&manifests).expect_err("a key");
    assert!(error.to_string().contains("manifests/cluster.yaml: line 2 holds a PEM private key"), "{error}");
    assert!(!error.to_string().contains("MHcCAQEE"));
    let sealed = SealedSecret {
        name: String::from("ca"),
        ciphertext: pem.into_bytes(),
        recipients: vec![String::from("age1a")],
    };
    let change = KeyChange { sealed: vec![sealed], ..KeyChange::default() };
    let error = lease.stage_keys(change).expect_err("plain text");
    assert!(error.to_string().contains("secrets/ca.age: not age ciphertext"), "{error}");
    let odd = [(String::from("../lock.json"), String::new())].into();
    assert!(matches!(lease.stage_manifests(&odd), Err(Error::Invalid(_))));
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(bench.files(), ["format.json", "runs/r1.json"]);
}

#[tokio::test(start_paused = true)]
async fn manifests_are_replaced_as_a_whole() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    for (run, name) in [("r1", "a.yaml"), ("r2", "b.yaml")] {
        let mut lease = bench::acquire(&store, run).await.expect("the lock");
        let files = ["common.yaml", name].map(|name| (name.to_owned(), format!("run: {run}\n")));
        lease.stage_manifests(&files.into()).expect("manifests");
        lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    }
    let manifests: Vec<_> = bench.files().into_iter().filter(|path| path.starts_with("manifests/")).collect();
    assert_eq!(manifests, ["manifests/b.yaml", "manifests/common.yaml"]);
    assert_eq!(bench.file("manifests/common.yaml"), "run: r2");
}
