//! The cluster-autoscaler: raises groups for pods that find no place, and takes away nodes that are hardly used.
//!
//! Source: cluster-autoscaler FAQ; the defaults of its flags are named at each constant.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::autoscaling::shrink;
use super::super::ec2;
use super::super::kubernetes::controllers::{self, Pending};
use super::super::world::World;
use super::{Autoscaler, Running};

/// Seconds between two looks (`--scan-interval`).
const SCAN: i64 = 10;
/// Seconds that a group may take to bring up a node (windlass' `--max-node-provision-time`).
const PROVISION: i64 = 300;
/// Seconds for which a node must be hardly used (`--scale-down-unneeded-time`), and after a raise
/// (`--scale-down-delay-after-add`).
const UNNEEDED: i64 = 600;
/// Share of a node below which it is hardly used, in hundredths (`--scale-down-utilization-threshold`).
const THRESHOLD: u64 = 50;

/// What it remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// How it goes about it.
    pub settings: Autoscaler,
    /// When it looks next.
    pub look_at: Timestamp,
    /// Raised groups: since when, and to how many.
    pub raised: BTreeMap<String, (Timestamp, u32)>,
    /// Groups that it leaves alone, until when: they brought up nothing in time.
    pub backoff: BTreeMap<String, Timestamp>,
    /// Nodes that are hardly used, since when.
    pub unneeded: BTreeMap<String, Timestamp>,
    /// When it last raised a group.
    pub added: Option<Timestamp>,
}

fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// When it looks next.
pub fn due(_: &World, running: &Running) -> Option<Timestamp> {
    running.autoscaler.as_ref().map(|it| it.look_at)
}

/// Looks, when it is time.
pub fn step(world: &mut World, running: &mut Running) {
    let now = world.now;
    let cluster = running.cluster.clone();
    let Some(state) = running.autoscaler.as_mut().filter(|it| it.look_at <= now) else { return };
    state.look_at = later(now, SCAN);
    if !controllers::is_served(world, &cluster) {
        return;
    }
    time_out(world, state);
    let pending = controllers::pending(world, &cluster, later(now, -SCAN));
    if !pending.is_empty() {
        raise(world, &cluster, state, &pending);
    }
    if state.settings.scale_down {
        lower(world, &cluster, state);
    }
}

/// Groups that did not bring up what they were raised for: the raise is taken back, and others are tried.
fn time_out(world: &mut World, state: &mut State) {
    let now = world.now;
    let late: Vec<String> = state
        .raised
        .iter()
        .filter(|(_, (since, _))| later(*since, PROVISION) <= now)
        .map(|(name, _)| name.clone())
        .collect();
    for name in late {
        state.raised.remove(&name);
        let Some(group) = world.autoscaling.groups.get_mut(&name) else { continue };
        let have = u32::try_from(group.counting().count()).unwrap_or(u32::MAX);
        if have < group.desired {
            group.desired = have.max(group.min);
            group.retry = None;
            state.backoff.insert(name, later(now, PROVISION));
        }
    }
    state.backoff.retain(|_, until| *until > now);
}

fn raise(world: &mut World, cluster: &str, state: &mut State, pending: &[Pending]) {
    let now = world.now;
    let suffix = format!(".{cluster}");
    let rank = |name: &str| {
        let plain = name.trim_end_matches(suffix.as_str()).to_owned();
        state.settings.priorities.iter().position(|it| ec2::matches(it, &plain)).unwrap_or(usize::MAX)
    };
    let machines = &world.kubernetes.controllers.machines;
    let own = machines.iter().filter(|(_, it)| it.cluster == cluster && it.member.is_none());
    let mut names: Vec<String> = own.map(|(name, _)| name.clone()).collect();
    names.sort_by_key(|name| (rank(name), name.clone()));
    let mut left: Vec<Pending> = pending.to_vec();
    for name in names {
        if left.is_empty() || state.backoff.contains_key(&name) {
            continue;
        }
        let fits = controllers::fit(world, &name, &left);
        let Some(group) = world.autoscaling.groups.get_mut(&name).filter(|it| !it.deleting) else { continue };
        let have = u32::try_from(group.counting().count()).unwrap_or(u32::MAX);
        // Nodes that are on their way take pods, too.
        let coming = group.desired.saturating_sub(have) + controllers::coming(&world.kubernetes.controllers, group);
        if fits.nodes == 0 {
            continue;
        }
        let room = coming + group.max.saturating_sub(group.desired);
        // What does not fit below the maximum goes on to the next group.
        let share =
            u32::try_from(fits.pods.len()).unwrap_or(u32::MAX).saturating_mul(room.min(fits.nodes)) / fits.nodes;
        let share = usize::try_from(share).unwrap_or(usize::MAX);
        let taken: std::collections::BTreeSet<_> = fits.pods.iter().take(share).collect();
        left.retain(|it| !taken.contains(&it.name));
        let more = fits.nodes.saturating_sub(coming).min(group.max.saturating_sub(group.desired));
        if more > 0 {
            group.desired += more;
            group.retry = None;
            state.raised.insert(name.clone(), (now, group.desired));
            state.added = Some(now);
            super::super::autoscaling::look_soon(world);
        }
    }
}

fn lower(world: &mut World, cluster: &str, state: &mut State) {
    let now = world.now;
    let used = controllers::utilization(world, cluster);
    state.unneeded.retain(|node, _| used.get(node).is_some_and(|it| it.share < THRESHOLD && it.movable));
    for (node, use_of) in &used {
        if use_of.share < THRESHOLD && use_of.movable {
            state.unneeded.entry(node.clone()).or_insert(now);
        }
    }
    if state.added.is_some_and(|at| later(at, UNNEEDED) > now) {
        return;
    }
    let over = state.unneeded.iter().filter(|(_, since)| later(**since, UNNEEDED) <= now);
    let over: Vec<String> = over.map(|(node, _)| node.clone()).collect();
    // One after the other, as it drains them.
    for node in over {
        let Some(instance) = used.get(&node).and_then(|it| it.instance.clone()) else { continue };
        if shrink(world, &instance) {
            controllers::clear(world, cluster, &node);
            state.unneeded.remove(&node);
            return;
        }
    }
}
