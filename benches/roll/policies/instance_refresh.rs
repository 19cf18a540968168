//! Auto Scaling's instance refresh with its defaults: of all groups at the same time, without a drain, and without a
//! look at any budget.
//!
//! Its rules are those of the Auto Scaling user guide ("How an instance refresh works", "Understand the default values
//! for an instance refresh"): at least 90 % of the group stay in service and warm, at most 100 % of it exist, and a
//! group of which that would leave nothing to replace is replaced one by one.

use super::{Policy, Step};
use crate::world::{State, World};

/// Default `MinHealthyPercentage`; the machines that it stands for are rounded up.
const MIN_HEALTHY: u32 = 90;
/// Until a new machine counts. Without a warm-up of its own, the group's grace period of health checks: 300 s for a
/// group that was made in the console. (One that was made through the API has none, and would be refreshed before any
/// kubelet is up.)
const WARM_UP: i64 = 300;
/// How often Auto Scaling goes on with it.
const LOOK: i64 = 15;

/// Instance refresh.
pub struct InstanceRefresh;

impl Policy for InstanceRefresh {
    fn name(&self) -> &'static str {
        "instance refresh"
    }

    fn step(&mut self, world: &mut World) -> Step {
        let mut done = true;
        for group in 0..world.groups.len() {
            done &= refresh(world, group);
        }
        if done { Step::Done } else { Step::After(LOOK) }
    }
}

/// Goes on with one group; whether it is through.
fn refresh(world: &mut World, group: usize) -> bool {
    let desired = world.groups[group].desired;
    let warm = |id: &usize| {
        let it = &world.machines[*id];
        it.state == State::InService && it.in_service.saturating_add(WARM_UP) <= world.now
    };
    let healthy = u32::try_from(world.present(group).filter(warm).count()).unwrap_or(u32::MAX);
    let whole = healthy >= desired;
    let stale = world.stale(group);
    if stale.is_empty() {
        return whole;
    }
    let wanted = (desired * MIN_HEALTHY).div_ceil(100);
    let spare = healthy.saturating_sub(wanted).max(u32::from(whole));
    for machine in stale.into_iter().take(spare as usize) {
        world.terminate(machine);
    }
    false
}
