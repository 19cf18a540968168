//! How long a roll will take, before it begins. It knows nothing of budgets: those make it longer.

use std::time::Duration;

use super::policy::Policy;
use crate::health::{GroupRole, View};

/// How long things take in this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// From the launch of a machine until its node is Ready.
    pub boot: Duration,
    /// From a node's cordon until it holds no pods any more.
    pub drain: Duration,
    /// One member of the control plane, from its cordon until etcd has calmed down.
    pub control_plane: Duration,
}

impl Default for Timings {
    /// The middle of what `rolling.md` gives: launch to Ready 60–120 s, drain 30–90 s; a member boots in 180 s, and its
    /// drain, its termination and the leader's 60 s come on top.
    fn default() -> Self {
        Self { boot: Duration::from_secs(90), drain: Duration::from_secs(60), control_plane: Duration::from_secs(330) }
    }
}

/// What a roll will take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Machines that are replaced.
    pub machines: u32,
    /// From its beginning to its end.
    pub duration: Duration,
    /// Waves of the group that takes longest, the canary included.
    pub waves: u32,
}

/// Between a decision and its effect: a look at the cluster, and Auto Scaling's reaction (about half a minute).
const REACTION: Duration = Duration::from_secs(30);

/// Estimates a roll: members one after the other, then the group that takes longest.
#[must_use]
pub fn estimate(view: &View, policy: &Policy, timings: &Timings) -> Estimate {
    let wave = timings.boot + timings.drain + REACTION;
    let mut estimate = Estimate::default();
    let mut members = Duration::ZERO;
    let mut workers = Duration::ZERO;
    for (name, its) in &policy.groups {
        let Some(group) = view.groups.get(name) else { continue };
        let stale = group.machines.values().filter(|it| policy.replaces(group, it)).count();
        let stale = u32::try_from(stale).unwrap_or(u32::MAX);
        if stale == 0 {
            continue;
        }
        estimate.machines += stale;
        if matches!(group.role, GroupRole::Member(_)) {
            members += timings.control_plane * stale;
            continue;
        }
        let bastion = group.role == GroupRole::Bastion;
        let at_once = its.max_surge.of(group.desired) + its.unavailable(group.desired);
        let at_once = if bastion { 1 } else { at_once.max(1) };
        let canary = its.canary.min(stale);
        let waves = (stale - canary).div_ceil(at_once) + u32::from(canary > 0);
        let surges = its.max_surge.of(group.desired) > 0;
        // The first machines come before the first node goes.
        let first = if surges { timings.boot + REACTION } else { Duration::ZERO };
        workers = workers.max(first + wave * waves);
        estimate.waves = estimate.waves.max(waves);
    }
    estimate.duration = members + workers;
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::tests::World;

    #[test]
    fn members_come_on_top_of_the_group_that_takes_longest() {
        let world = World::new(1).members().group("a", GroupRole::Nodes, 100).group("b", GroupRole::Nodes, 10);
        let estimate = estimate(&world.view, &world.policy(), &Timings::default());
        assert_eq!((estimate.machines, estimate.waves), (113, 6));
        assert_eq!(estimate.duration, Duration::from_secs(3 * 330 + 120 + 6 * 180));
    }

    #[test]
    fn what_is_new_takes_no_time() {
        let mut world = World::new(1).group("a", GroupRole::Nodes, 5);
        world.edit("a").template_version = "1".to_owned();
        assert_eq!(estimate(&world.view, &world.policy(), &Timings::default()), Estimate::default());
    }
}
