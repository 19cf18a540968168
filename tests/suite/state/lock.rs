//! The lock: one holder per epoch, leases by observation, and what becomes of a holder that was robbed.

use std::time::Duration;

use windlass::exit::Exit;
use windlass::state::{Error, LeaseEnded, Location, RunResult, Store};

use super::bench::{self, Bench, LEASE};

#[tokio::test(start_paused = true)]
async fn a_held_lock_names_its_holder_and_changes_nothing() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let _lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    let before = bench.tip();
    tokio::time::advance(Duration::from_secs(250)).await;
    let error = bench::acquire(&bob, "bob-1").await.expect_err("it is held");
    assert_eq!(
        error.to_string(),
        "prod.k8s.example is locked by ann-1@laptop pid 1: apply, run ann-1, since 4 min ago"
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("wait for it with --lock-timeout; if that run is dead: windlass unlock prod.k8s.example --epoch 1")
    );
    assert_eq!(error.exit(), Exit::Locked);
    assert_eq!(bench.tip(), before);
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_the_lock_when_it_is_given_back() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    let clock = bench.clock;
    let holder = async {
        clock.sleep(Duration::from_secs(45)).await;
        lease.release(bench::run(clock, RunResult::Done)).await.expect("the release");
    };
    let mut looks = Vec::new();
    let mut note = |held: &windlass::state::Held| looks.push(held.still.as_secs());
    let waiter = bob.acquire(bench::waiting("bob-1", Duration::from_secs(120)), &mut note);
    let ((), lease) = tokio::join!(holder, waiter);
    assert_eq!(lease.expect("the lock").epoch(), 2);
    assert_eq!(looks, [0, 10, 20, 30, 40]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_can_be_told_to_stop() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let _lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    let acquire = bench::waiting("bob-1", Duration::from_secs(250));
    let (stop, clock, begin) = (acquire.stop.clone(), bench.clock, bench.clock.since_boot());
    let interrupt = async {
        clock.sleep(Duration::from_secs(15)).await;
        stop.cancel();
    };
    let mut ignore = |_: &windlass::state::Held| {};
    let ((), outcome) = tokio::join!(interrupt, bob.acquire(acquire, &mut ignore));
    assert!(matches!(outcome, Err(Error::Held(_))), "{outcome:?}");
    assert!(clock.since_boot() - begin < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_dead_holders_lock_is_taken_over_only_after_a_whole_lease_of_standing_still() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let mut dead = bench::acquire(&ann, "ann-1").await.expect("the lock");
    dead.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    dead.write("wave 1/1", vec![bench::create("a", 1)], Vec::new()).await.expect("intents");
    // However old the lock is: only what the waiter has seen itself counts.
    tokio::time::advance(Duration::from_secs(4000)).await;
    let begin = bench.clock.since_boot();
    let error = bob.acquire(bench::waiting("bob-1", Duration::from_secs(299)), &mut |_| {}).await;
    assert!(matches!(error, Err(Error::Held(_))), "{error:?}");
    let waited = bench.clock.since_boot() - begin;
    assert!(waited >= Duration::from_secs(299) && waited < LEASE, "{waited:?}");

    let begin = bench.clock.since_boot();
    let lease = bob.acquire(bench::waiting("bob-2", LEASE * 2), &mut |_| {}).await.expect("the lock of a dead run");
    assert!(bench.clock.since_boot() - begin >= LEASE);
    assert_eq!(lease.epoch(), 2);
    assert_eq!(bench.subjects()[0], "apply(prod.k8s.example): take over from run ann-1");
    let abandoned = &bob.history().await.expect("a history").runs[0].record;
    assert_eq!((abandoned.run.as_str(), abandoned.result), ("ann-1", RunResult::Abandoned));
}

#[tokio::test(start_paused = true)]
async fn a_run_of_this_machine_that_is_known_to_be_dead_is_not_waited_for() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let mut lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    lease.write("wave 1/1", vec![bench::create("a", 1)], Vec::new()).await.expect("intents");
    // As long as anything of it may still start a call, it lives.
    let fence = lease.fence();
    drop(lease);
    assert!(matches!(bench::acquire(&ann, "ann-2").await, Err(Error::Held(_))));
    drop(fence);
    let begin = bench.clock.since_boot();
    // Another machine cannot know it.
    assert!(matches!(bench::acquire(&bob, "bob-1").await, Err(Error::Held(_))));
    let lease = bench::acquire(&ann, "ann-3").await.expect("the lock of a dead run");
    assert_eq!(bench.clock.since_boot(), begin);
    assert_eq!(lease.predecessor().map(|lock| lock.run.as_str()), Some("ann-1"));
    assert_eq!((lease.epoch(), lease.records().open_journals.len()), (2, 1));
    assert_eq!(bench.subjects()[0], "apply(prod.k8s.example): take over from run ann-1");
    lease.release(bench::run(bench.clock, RunResult::Failed)).await.expect("the release");
    let lease = bench::acquire(&ann, "ann-4").await.expect("the lock");
    assert_eq!(lease.predecessor(), None);
    let signs = bench.path().join("ann/project/.windlass/runs").join(bench::CLUSTER);
    let signs: Vec<_> = signs.read_dir().expect("a folder").map(|it| it.expect("a file").file_name()).collect();
    assert_eq!(signs, ["ann-4"], "nothing of those that ended is left");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_never_takes_over_from_a_holder_that_beats() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let mut lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    let clock = bench.clock;
    let holder = async {
        for _ in 0..12 {
            clock.sleep(lease.beat_due_in()).await;
            lease.beat_if_due().await.expect("a beat");
            assert_eq!(lease.fence().permit(Duration::from_secs(60)), Ok(()));
        }
        lease
    };
    let mut ignore = |_: &windlass::state::Held| {};
    let waiter = bob.acquire(bench::waiting("bob-1", Duration::from_secs(1000)), &mut ignore);
    let (mut lease, waited) = tokio::join!(holder, waiter);
    assert!(matches!(waited, Err(Error::Held(_))), "{waited:?}");
    assert_eq!(bench.subjects().len(), 13);
    assert_eq!(bench.subjects()[0], "apply(prod.k8s.example): beat");
    lease.beat_if_due().await.expect("no beat is due");
    assert_eq!(bench.subjects().len(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_robbed_holder_writes_nothing_more_and_starts_no_call() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    let mut robbed = bench::acquire(&ann, "ann-1").await.expect("the lock");
    robbed.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    robbed.write("wave 1/2", vec![bench::create("a", 1)], Vec::new()).await.expect("intents");
    let fence = robbed.fence();
    // Its machine sleeps; another takes over.
    let lease = bob.acquire(bench::waiting("bob-1", LEASE * 2), &mut |_| {}).await.expect("the lock");
    assert!(matches!(fence.permit(Duration::ZERO), Err(LeaseEnded::TooShort { .. })));
    let tip = bench.tip();
    let error = robbed.write("wave 2/2", Vec::new(), vec![bench::made("a", 1)]).await.expect_err("it was robbed");
    let Error::LeaseEnded(LeaseEnded::Taken { by }) = &error else { panic!("{error:?}") };
    assert_eq!(by, "run bob-1 of bob-1@laptop pid 1");
    assert_eq!(error.exit(), Exit::Resumable);
    assert!(matches!(fence.permit(Duration::ZERO), Err(LeaseEnded::Taken { .. })));
    assert!(robbed.release(bench::run(bench.clock, RunResult::Failed)).await.is_err());
    assert_eq!(bench.tip(), tip, "the branch is where the new holder left it");
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_slept_asks_the_branch_before_it_goes_on() {
    let bench = Bench::new();
    let ann = bench.store("ann").await;
    let mut lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert!(lease.fence().permit(Duration::ZERO).is_err());
    // Nobody took the lock: a push that arrives is a new lease.
    lease.beat_if_due().await.expect("a beat");
    assert_eq!(lease.fence().permit(Duration::from_secs(100)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn unlock_breaks_exactly_the_epoch_that_was_typed() {
    let bench = Bench::new();
    let (ann, bob) = (bench.store("ann").await, bench.store("bob").await);
    assert!(matches!(bob.unlock(1, "bob@laptop").await, Err(Error::NotHeld)));
    let mut dead = bench::acquire(&ann, "ann-1").await.expect("the lock");
    let error = bob.unlock(7, "bob@laptop").await.expect_err("the wrong epoch");
    assert!(matches!(error, Error::WrongEpoch { actual: 1, given: 7 }), "{error:?}");
    let unlocked = bob.unlock(1, "bob@laptop").await.expect("the right epoch");
    assert_eq!(unlocked.lock.run, "ann-1");
    assert_eq!(unlocked.commit, bench.tip());
    assert_eq!(bench.subjects()[0], "unlock(prod.k8s.example): break epoch 1 of run ann-1");
    assert!(matches!(dead.beat_if_due().await, Ok(())), "not due yet");
    tokio::time::advance(Duration::from_secs(100)).await;
    assert!(matches!(dead.beat_if_due().await, Err(Error::LeaseEnded(LeaseEnded::Taken { .. }))));
    // Epochs are never used twice.
    assert_eq!(bench::acquire(&bob, "bob-1").await.expect("the lock").epoch(), 3);
    assert_eq!(bob.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn of_many_that_race_exactly_one_gets_each_epoch() {
    let bench = Bench::new();
    let mut stores = Vec::new();
    for name in ["a", "b", "c", "d"] {
        stores.push(bench.store(name).await);
    }
    let mut epochs = Vec::new();
    for round in 0..6 {
        let races = stores.iter().enumerate().map(|(index, store)| {
            let store: Store = store.clone();
            tokio::spawn(async move { bench::acquire(&store, &format!("r{round}-{index}")).await })
        });
        let mut winners = Vec::new();
        for race in races.collect::<Vec<_>>() {
            match race.await.expect("no panic") {
                Ok(lease) => winners.push(lease),
                Err(error) => assert!(matches!(error, Error::Held(_)), "{error:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        for lease in winners {
            epochs.push(lease.epoch());
            lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
        }
    }
    assert_eq!(epochs, [1, 2, 3, 4, 5, 6]);
    assert_eq!(stores[0].fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn pushes_to_a_host_keep_their_distance_and_pushes_to_this_machine_need_none() {
    let bench = Bench::new();
    let ann = bench.store("ann").await;
    let mut lease = bench::acquire(&ann, "ann-1").await.expect("the lock");
    let begin = bench.clock.since_boot();
    lease.stage_cluster(bench::cluster("u1")).expect("a new cluster");
    lease.write("wave 1/2", vec![bench::create("a", 1)], Vec::new()).await.expect("intents");
    lease.write("wave 2/2", Vec::new(), vec![bench::made("a", 1)]).await.expect("results");
    assert_eq!((bench.clock.since_boot() - begin).as_secs(), 20);
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!((bench.clock.since_boot() - begin).as_secs(), 20, "the release does not wait");

    let project = bench.path().join("ann/project");
    let local = Store::open(bench.settings(&project, Location::Local)).await.expect("a store");
    let begin = bench.clock.since_boot();
    bench::make(&local, bench.clock, "r1", "a").await;
    assert_eq!(bench.clock.since_boot(), begin);
}
