//! Rolls of whole clusters in the sandbox, through the real clients.

mod stage;

use stage::Stage;

use super::Event;
use crate::roll::Action;

#[tokio::test(start_paused = true)]
async fn twelve_groups_of_three_roll_with_their_control_plane() {
    let mut stage = Stage::named("12x3-tight");
    let report = stage.rolls().await;
    println!("12 x 3: {} s, {} decisions, {:?}", report.elapsed.as_secs(), report.decisions, report.record.done);
    assert_eq!(report.record.done.replaced, 36, "{}", stage.log());
    assert!(stage.count(|event| matches!(event, Event::Did { action: Action::Evict { .. } })) > 0);
}

#[tokio::test(start_paused = true)]
async fn the_control_plane_is_replaced_one_member_at_a_time() {
    let mut stage = Stage::named("control-plane");
    let report = stage.rolls().await;
    println!("control plane: {} s", report.elapsed.as_secs());
    assert_eq!(report.record.done.replaced, 3, "{}", stage.log());
    assert!(stage.count(|event| matches!(event, Event::Did { action: Action::Snapshot { .. } })) > 0);
    assert!(stage.count(|event| matches!(event, Event::Did { action: Action::MoveLeader { .. } })) > 0);
}
