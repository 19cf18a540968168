//! What is asked of a run that holds the lock, from another process.

use std::time::Duration;

use windlass::state::{Asked, Error, RequestRecord, RunResult};

use super::bench::{self, Bench};

fn pause(bench: &Bench) -> RequestRecord {
    RequestRecord { what: Asked::Pause, by: String::from("bob@desk"), at: bench.clock.now() }
}

#[tokio::test(start_paused = true)]
async fn a_request_reaches_the_holder_and_takes_nothing_from_it() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let mut lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    let fence = lease.fence();
    let asked = bob.request(pause(&bench)).await.expect("asked");
    assert_eq!((asked.run.as_str(), asked.epoch), ("ann-1", 1));
    lease.look().await.expect("still ours");
    let (id, request) = lease.records().requests.first_key_value().expect("a request");
    assert_eq!((request.what, request.by.as_str()), (Asked::Pause, "bob@desk"));
    let id = id.clone();
    fence.permit(Duration::from_secs(60)).expect("the lease goes on");
    lease.stage_answer(&id).expect("answered");
    lease.write("wave 1/1", vec![bench::create("a", 1)], Vec::new()).await.expect("a push on top of the request");
    assert!(!bench.files().iter().any(|file| file.starts_with("requests/")), "{:?}", bench.files());
    lease.release(bench::run(bench.clock, RunResult::Interrupted)).await.expect("released");
    assert_eq!(
        bench.subjects(),
        [
            "apply(prod.k8s.example): interrupted",
            "apply(prod.k8s.example): wave 1/1",
            "apply(prod.k8s.example): pause, asks bob@desk",
            "apply(prod.k8s.example): acquire",
        ]
    );
    assert_eq!(bob.fsck().await.expect("readable"), []);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_only_pushes_meets_the_request_as_well() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let mut lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    bob.request(pause(&bench)).await.expect("asked");
    bob.request(RequestRecord { what: Asked::Abort, ..pause(&bench) }).await.expect("asked again");
    lease.write("wave 1/1", vec![bench::create("a", 1)], Vec::new()).await.expect("pushed");
    let asked: Vec<Asked> = lease.records().requests.values().map(|it| it.what).collect();
    assert_eq!(asked.len(), 2);
    assert_eq!(bench.files().iter().filter(|file| file.starts_with("requests/")).count(), 2);
    // A lease lives from its own pushes, not from what others push onto it.
    tokio::time::advance(Duration::from_secs(250)).await;
    bob.request(pause(&bench)).await.expect("asked once more");
    lease.look().await.expect("still ours");
    assert!(lease.fence().permit(Duration::from_secs(60)).is_err(), "the lease is nearly over");
}

#[tokio::test(start_paused = true)]
async fn without_a_run_there_is_nobody_to_ask() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    assert!(matches!(bob.request(pause(&bench)).await, Err(Error::NotHeld)));
    let lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("released");
    assert!(matches!(bob.request(pause(&bench)).await, Err(Error::NotHeld)));
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_hide_that_the_lock_was_robbed() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let mut lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    bob.request(pause(&bench)).await.expect("asked");
    bob.unlock(1, "bob@desk").await.expect("broken");
    let robber = bench::acquire(&bob, "bob-1").await.expect("the lock");
    bob.request(pause(&bench)).await.expect("asked of the robber");
    assert!(matches!(lease.look().await, Err(Error::LeaseEnded(_))));
    assert!(lease.fence().permit(Duration::ZERO).is_err());
    drop(robber);
}
