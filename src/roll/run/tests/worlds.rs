//! Worlds in which everything goes well, or something does not.

use super::super::{Ending, Event};
use super::stage::Stage;
use super::watch::Watch;
use crate::exit::Exit;
use crate::roll::{Action, State, Stop};
use crate::state::Asked;

#[tokio::test(start_paused = true)]
async fn twelve_groups_of_three_roll_within_tight_budgets() {
    let mut stage = Stage::named("12x3-tight");
    let report = stage.rolls().await;
    say!("12 x 3: {} s, {} decisions, {:?}", report.elapsed.as_secs(), report.decisions, report.record.done);
    assert_eq!(report.record.done.gone_otherwise, 0);
    assert!(report.record.done.replaced >= 36, "{}", stage.log());
    assert!(stage.count(|event| matches!(event, Event::Did { action: Action::Evict { .. } })) > 0);
}

#[tokio::test(start_paused = true)]
async fn the_control_plane_is_replaced_one_member_at_a_time() {
    let mut stage = Stage::named("control-plane");
    let watch = Watch::start(&stage);
    let report = stage.rolls().await;
    say!("control plane: {} s", report.elapsed.as_secs());
    assert!(watch.members() >= 2, "{} members served", watch.members());
    assert!(stage.count(|event| matches!(event, Event::Did { action: Action::Snapshot { .. } })) > 0);
    assert!(stage.count(|event| matches!(event, Event::Did { action: Action::MoveLeader { .. } })) > 0);
    let deleted = stage.count(|event| matches!(event, Event::Did { action: Action::DeleteNode { .. } }));
    assert!(deleted >= 3, "each member's old node goes: {deleted}");
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_allows_nothing_stops_the_roll_and_is_named() {
    let mut stage = Stage::named("budget-of-zero");
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    let Ending::Stopped(stop @ Stop::Blocked { .. }) = &report.ending else { panic!("{:?}", report.ending) };
    let Stop::Blocked { pod, budget, owner, .. } = stop else { return };
    assert!(pod.starts_with("default/") && budget.is_some() && owner.is_some(), "{stop}");
    assert_eq!(stop.exit(), Exit::Resumable);
    // Whoever insists gets it.
    let again = stage.roll(|policy| policy.ignore_budgets = true).await.expect("it goes on");
    assert_eq!(again.ending, Ending::Done, "{}", stage.log());
    stage.check_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_never_becomes_a_node_stops_the_roll() {
    let mut stage = Stage::named("never-ready");
    let watch = Watch::start(&stage);
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    assert!(matches!(&report.ending, Ending::Stopped(Stop::NeverReady { .. })), "{:?}", report.ending);
    watch.check();
}

#[tokio::test(start_paused = true)]
async fn a_stuck_finalizer_blocks_its_node_only() {
    let mut stage = Stage::named("stuck-finalizer");
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    assert!(matches!(&report.ending, Ending::Stopped(Stop::Blocked { .. })), "{:?}", report.ending);
    assert!(report.record.done.replaced > 0, "the others were replaced");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_down_for_a_while_is_waited_for() {
    let mut stage = Stage::named("api-down");
    let report = stage.rolls().await;
    say!("API down: {} s", report.elapsed.as_secs());
}

#[tokio::test(start_paused = true)]
async fn reclaimed_machines_are_simply_seen() {
    let mut stage = Stage::named("reclaims");
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    assert_eq!(report.ending, Ending::Done, "{}", stage.log());
    stage.check_end().await;
    say!("reclaims: {} s, {:?}", report.elapsed.as_secs(), report.record.done);
}

#[tokio::test(start_paused = true)]
async fn a_missing_capacity_is_seen_within_seconds_and_the_fallback_stands_in() {
    let mut stage = Stage::named("no-capacity");
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    assert_eq!(report.ending, Ending::Done, "{}", stage.log());
    stage.check_end().await;
    let events = stage.events.lock().expect("one thread");
    let told = events.iter().find_map(|(at, event)| match event {
        Event::NoCapacity { failure } => Some(at.duration_since(failure.at).as_secs()),
        _ => None,
    });
    let told = told.expect("a failed launch is told");
    assert!(told <= 30, "told after {told} s");
    assert!(report.record.done.fallbacks > 0, "the fallback was raised");
    say!("no capacity: {} s, told after {told} s, {:?}", report.elapsed.as_secs(), report.record.done);
}

#[tokio::test(start_paused = true)]
async fn auto_scaling_does_not_rebalance_under_a_roll() {
    let mut stage = Stage::named("az-rebalance");
    // Somebody terminates machines by hand, which no budget survives: what counts is that the zones stay uneven.
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    assert_eq!(report.ending, Ending::Done, "{}", stage.log());
    stage.check_end().await;
    let resumed = stage.count(|event| matches!(event, Event::Did { action: Action::Resume { .. } }));
    assert!(resumed > 0, "what was suspended is resumed");
}

#[tokio::test(start_paused = true)]
async fn a_pause_from_elsewhere_ends_the_run_and_another_run_goes_on() {
    let mut stage = Stage::named("12x3-tight");
    let now = stage.clock.now();
    stage.keeper.ask(Asked::Pause, now);
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    assert_eq!(report.ending, Ending::Paused);
    assert!(matches!(report.record.state, State::Paused { .. }));
    let mut record = report.record;
    record.state = State::Running;
    stage.keeper.record = Some(record);
    stage.rolls().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_aborted_is_put_back() {
    let mut stage = Stage::named("12x3-tight");
    let clock = stage.clock;
    let sandbox = stage
        .sandbox
        .clone()
        .with_faults(crate::fault::FaultPlan::one(crate::fault::At::Change(40), crate::fault::Kind::StopAfter));
    stage.sandbox = sandbox;
    assert_eq!(stage.rolls_until_stopped().await, super::stage::Killed::Yes);
    stage.again();
    let mut record = stage.keeper.record.clone().expect("it was kept");
    record.state = State::Aborting { by: String::from("ann"), at: clock.now() };
    stage.keeper.record = Some(record);
    let report = stage.roll(|_| {}).await.expect("nothing is refused for good");
    assert_eq!(report.ending, Ending::Aborted, "{}", stage.log());
    let view = stage.view().await;
    for (name, group) in &view.groups {
        assert!(name.starts_with("control-plane") || (group.desired, group.max) == (3, 6), "{name}: {group:?}");
    }
    assert!(view.nodes.values().all(|node| !node.unschedulable && node.annotations.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn three_hundred_nodes_roll_within_forty_minutes() {
    let mut stage = Stage::named("300-nodes");
    let report = stage.rolls().await;
    let minutes = report.elapsed.as_secs() / 60;
    say!("300 nodes: {} s, {} decisions, {:?}", report.elapsed.as_secs(), report.decisions, report.record.done);
    assert!(minutes <= 40, "{minutes} minutes of the world's time");
}
