//! Moves groups towards what is wanted, at the moments at which something can happen.

use jiff::{SignedDuration, Timestamp};

use super::super::elbv2;
use super::super::world::World;
use super::group::{Group, Lifecycle, Member};
use super::{activities, compute, hooks, launching, scheduled, terminating, warm_pool};

/// Seconds after which a group reacts to a request.
pub const REACTION: i64 = 2;
/// Seconds after which a health check sees that an instance ended.
const HEALTH_CHECK: i64 = 20;

fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// The earliest moment at which something happens by itself; never one at which [`advance`] then does nothing.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    let state = &world.autoscaling;
    let look = state.look_at;
    let groups = state.groups.values().filter_map(|group| due_in(world, group));
    groups.chain(look).min()
}

fn due_in(world: &World, group: &Group) -> Option<Timestamp> {
    let members = group.members.values().filter_map(|member| due_of(world, group, member));
    let scheduled = group.scheduled.values().filter_map(|it| it.next);
    let retry = group.retry.map(|(at, _)| at).filter(|_| group.runs("Launch") && !group.deleting);
    let rebalance = group.rebalance_at.filter(|_| launching::is_unbalanced(group));
    members.chain(scheduled).chain(retry).chain(rebalance).min()
}

fn due_of(world: &World, group: &Group, member: &Member) -> Option<Timestamp> {
    let status = compute::status(world, &member.id);
    let ended = match &status {
        Some(status) => status.ended_at,
        None => Some(member.since),
    };
    let gone = match &status {
        Some(status) => status.gone_at,
        None => Some(member.since),
    };
    match member.lifecycle {
        Lifecycle::Pending | Lifecycle::WarmedPending => ended.or(status.map(|it| it.running_at)),
        Lifecycle::PendingWait | Lifecycle::TerminatingWait => member.wait_until,
        Lifecycle::InService if member.unhealthy => None,
        Lifecycle::InService => {
            let check = ended.filter(|_| group.runs("HealthCheck")).map(|at| later(at, HEALTH_CHECK));
            check.into_iter().chain(expiry(group, member)).min()
        }
        Lifecycle::Terminating | Lifecycle::WarmedTerminating => gone,
        Lifecycle::Detaching | Lifecycle::Standby | Lifecycle::Warmed => None,
    }
}

/// When it is too old (MaxInstanceLifetime).
fn expiry(group: &Group, member: &Member) -> Option<Timestamp> {
    let seconds = i64::from(group.settings.max_instance_lifetime);
    (seconds > 0 && group.runs("Terminate") && group.runs("ReplaceUnhealthy")).then(|| later(member.joined, seconds))
}

/// Does what is due at `world.now`.
pub fn advance(world: &mut World) {
    if world.autoscaling.look_at.is_some_and(|at| at <= world.now) {
        world.autoscaling.look_at = None;
    }
    let names: Vec<String> = world.autoscaling.groups.keys().cloned().collect();
    for name in names {
        let Some(mut group) = world.autoscaling.groups.remove(&name) else { continue };
        step(world, &mut group);
        let gone = group.deleting && group.members.is_empty();
        if !gone {
            world.autoscaling.groups.insert(name, group);
        }
    }
}

fn step(world: &mut World, group: &mut Group) {
    scheduled::run(world, group);
    let ids: Vec<String> = group.members.keys().cloned().collect();
    for id in ids {
        move_on(world, group, &id);
    }
    replace(world, group);
    if group.deleting {
        let all: Vec<String> = group.members.values().filter(|it| !ending(it)).map(|it| it.id.clone()).collect();
        for id in all {
            let cause = format!("At {} a user request force deleted AutoScalingGroup.", world.now);
            terminating::begin(world, group, &id, &cause);
        }
        return;
    }
    launching::fill(world, group);
    terminating::shrink(world, group);
    launching::rebalance(world, group);
    warm_pool::fill(world, group);
}

const fn ending(member: &Member) -> bool {
    matches!(member.lifecycle, Lifecycle::Terminating | Lifecycle::TerminatingWait | Lifecycle::WarmedTerminating)
}

/// Takes one member to where it has got by itself.
fn move_on(world: &mut World, group: &mut Group, id: &str) {
    let Some(member) = group.members.get(id).cloned() else { return };
    let status = compute::status(world, id);
    let ended = status.as_ref().is_none_or(|it| it.ended_at.is_some_and(|at| at <= world.now));
    let running = status.as_ref().is_some_and(|it| it.running_at <= world.now);
    let gone = status.as_ref().is_none_or(|it| it.gone_at.is_some_and(|at| at <= world.now));
    let waited = member.wait_until.is_some_and(|until| until <= world.now);
    match member.lifecycle {
        Lifecycle::Pending if ended => {
            activities::finish(world, member.activity.as_ref(), "Cancelled");
            group.members.remove(id);
        }
        Lifecycle::Pending if running => match hooks::waiting(group, true) {
            Some(timeout) => wait(world, group, id, Lifecycle::PendingWait, timeout),
            None => into_service(world, group, id),
        },
        Lifecycle::PendingWait if waited => {
            if hooks::default_is_continue(group, true) {
                into_service(world, group, id);
            } else {
                terminating::end(world, group, id);
            }
        }
        Lifecycle::InService if !member.unhealthy => {
            let seen =
                status.as_ref().is_none_or(|it| it.ended_at.is_some_and(|at| later(at, HEALTH_CHECK) <= world.now));
            let grace = later(member.joined, i64::from(group.settings.health_check_grace_period));
            let elb = group.settings.health_check_type.contains("ELB") && grace <= world.now;
            let refused = elb && group.target_groups.iter().any(|arn| !elbv2::is_healthy(world, arn, id));
            let expired = expiry(group, &member).is_some_and(|at| at <= world.now);
            if let Some(member) = group.members.get_mut(id) {
                member.unhealthy = !group.suspended.contains_key("HealthCheck") && (seen || refused);
                member.unhealthy |= expired;
            }
        }
        Lifecycle::TerminatingWait if waited || ended => {
            terminating::end(world, group, id);
        }
        Lifecycle::Terminating | Lifecycle::WarmedTerminating if gone => {
            activities::finish(world, member.activity.as_ref(), "Successful");
            group.members.remove(id);
        }
        Lifecycle::WarmedPending if ended => {
            group.members.remove(id);
        }
        Lifecycle::WarmedPending if running => warm_pool::settle(world, group, id),
        _ => {}
    }
}

fn wait(world: &mut World, group: &mut Group, id: &str, lifecycle: Lifecycle, timeout: u32) {
    let token = format!("{:016x}", world.random());
    let until = later(world.now, i64::from(timeout));
    if let Some(member) = group.members.get_mut(id) {
        member.lifecycle = lifecycle;
        member.since = world.now;
        member.token = Some(token);
        member.wait_until = Some(until);
    }
}

/// Holds a member that is about to end for a hook; false without one.
pub fn hold(world: &mut World, group: &mut Group, id: &str) -> bool {
    let Some(timeout) = hooks::waiting(group, false) else { return false };
    wait(world, group, id, Lifecycle::TerminatingWait, timeout);
    true
}

/// Puts a member to work.
pub fn into_service(world: &mut World, group: &mut Group, id: &str) {
    let Some(member) = group.members.get_mut(id) else { return };
    member.lifecycle = Lifecycle::InService;
    member.since = world.now;
    member.wait_until = None;
    member.token = None;
    let activity = member.activity.take();
    activities::finish(world, activity.as_ref(), "Successful");
    if group.runs("AddToLoadBalancer") {
        for arn in &group.target_groups {
            elbv2::register(world, arn, id);
        }
    }
}

/// Ends what is unhealthy; what is missing then is launched.
fn replace(world: &mut World, group: &mut Group) {
    if !group.runs("ReplaceUnhealthy") || !group.runs("Terminate") {
        return;
    }
    let sick: Vec<String> = group
        .members
        .values()
        .filter(|it| it.unhealthy && it.lifecycle == Lifecycle::InService)
        .map(|it| it.id.clone())
        .collect();
    for id in sick {
        let dead = compute::status(world, &id).is_none_or(|it| it.ended_at.is_some());
        let why = if dead {
            "an EC2 health check indicating it has been terminated or stopped"
        } else {
            "a health check or its maximum lifetime"
        };
        let cause = format!("At {} an instance was taken out of service in response to {why}.", world.now);
        terminating::begin(world, group, &id, &cause);
    }
}
