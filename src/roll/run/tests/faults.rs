//! A roll that is killed at each of its actions, before and after the effect, and goes on; answers that are lost, and
//! servers that refuse.

use std::time::Duration;

use super::super::{Ending, GRACE};
use super::stage::{Killed, Stage};
use super::watch::Watch;
use crate::fault::{At, FaultPlan, Kind};
use crate::sandbox::scenario::Scenario;

/// Small, and with everything in it: members, two groups, budgets.
const WORLD: &str = "\
controlPlane: { stale: all }
groups:
  - { name: web, size: 3, max: 3, stale: all }
  - { name: batch, size: 2, stale: 1 }
workloads:
  - { name: shop, replicas: 4, cpu: 300m, spread: hostname, budget: { maxUnavailable: 1 } }
";

fn stage(plan: FaultPlan) -> Stage {
    Stage::new(Scenario::read(WORLD).expect("a scenario")).with_faults(plan)
}

/// Every so many actions; `WINDLASS_TEST_EVERY=1` kills at each of them.
fn step() -> usize {
    std::env::var("WINDLASS_TEST_EVERY").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

async fn killed_at_each(kind: Kind) {
    for (cases, index) in (0_u64..).step_by(step()).enumerate() {
        let mut stage = stage(FaultPlan::one(At::Change(index), kind));
        let watch = Watch::start(&stage);
        if stage.rolls_until_stopped().await == Killed::No {
            assert!(cases > 10, "a roll has more actions than {index}");
            say!("{kind:?}: {cases} cases");
            return;
        }
        stage.again();
        let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
        assert_eq!(report.ending, Ending::Done, "killed at {index}:\n{}", stage.log());
        stage.check_end().await;
        watch.check();
        assert!(watch.members() >= 2, "killed at {index}: {} members served", watch.members());
    }
}

#[tokio::test(start_paused = true)]
async fn killed_before_any_action_the_next_run_finishes() {
    killed_at_each(Kind::StopBefore).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_action_the_next_run_finishes() {
    killed_at_each(Kind::StopAfter).await;
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_servers_that_refuse_are_sat_out() {
    for (seed, kind) in [Kind::LostResponse, Kind::ServerError, Kind::Throttle(1), Kind::Reset].into_iter().enumerate()
    {
        let seed = u64::try_from(seed).expect("small");
        let at = At::Probability { probability: 0.1, only_changes: true };
        let mut stage = stage(FaultPlan { seed, ..FaultPlan::one(at, kind) });
        let report = stage.rolls().await;
        say!("{kind:?}: {} s", report.elapsed.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn a_roll_that_nobody_answers_is_interrupted_within_seconds_and_goes_on_later() {
    for seconds in [1, 20, 61, 150, 400] {
        // From the fortieth call on everything is refused as too fast, for good: calls are repeated all the time.
        let plan = FaultPlan::one(At::Calls { from: 40, count: 1_000_000 }, Kind::Throttle(1));
        let mut stage = stage(plan);
        let (clock, stop) = (stage.clock, stage.stop.clone());
        let told = tokio::spawn(async move {
            clock.sleep(Duration::from_secs(seconds)).await;
            stop.cancel();
            clock.since_boot()
        });
        let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
        let (ended, told) = (stage.clock.since_boot(), told.await.expect("a time"));
        assert_eq!(report.ending, Ending::Interrupted, "after {seconds} s:\n{}", stage.log());
        let took = ended - told;
        assert!(took <= GRACE + Duration::from_secs(1), "after {seconds} s it took {took:?}:\n{}", stage.log());
        say!("interrupted after {seconds} s, ended in {took:?}");
        stage.again();
        stage.rolls().await;
    }
}
