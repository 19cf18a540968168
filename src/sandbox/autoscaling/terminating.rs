//! Ends instances: the surplus by termination policy, and whoever was asked for.
//!
//! Source: user guide, "Control which instances terminate during scale-in".

use super::super::elbv2;
use super::super::world::World;
use super::activities::{self, New};
use super::group::{Group, Lifecycle, Member};
use super::{compute, engine, warm_pool};

/// Takes a member out of service and, unless a hook holds it, ends it. Answers the activity.
pub fn begin(world: &mut World, group: &mut Group, id: &str, cause: &str) -> String {
    let Some(member) = group.members.get(id).cloned() else { return String::new() };
    for arn in &group.target_groups {
        elbv2::deregister(world, arn, id);
    }
    let new = New {
        description: format!("Terminating EC2 instance: {id}"),
        cause: cause.to_owned(),
        status: "InProgress",
        message: None,
        place: (member.zone.clone(), None),
    };
    let activity = activities::begin(world, group, new);
    if let Some(member) = group.members.get_mut(id) {
        member.activity = Some(activity.clone());
    }
    let alive = compute::status(world, id).is_some_and(|it| it.ended_at.is_none());
    if member.lifecycle.is_warm() || !alive || !engine::hold(world, group, id) {
        end(world, group, id);
    }
    activity
}

/// Ends a member for good.
pub fn end(world: &mut World, group: &mut Group, id: &str) {
    compute::terminate(world, id);
    if let Some(member) = group.members.get_mut(id) {
        member.lifecycle =
            if member.lifecycle.is_warm() { Lifecycle::WarmedTerminating } else { Lifecycle::Terminating };
        member.since = world.now;
        member.wait_until = None;
        member.token = None;
    }
}

/// Ends what is more than desired.
pub fn shrink(world: &mut World, group: &mut Group) {
    if !group.runs("Terminate") {
        return;
    }
    let starting = group.counting().any(|it| it.lifecycle != Lifecycle::InService);
    if group.rebalance_at.is_some() && starting {
        return;
    }
    let have = u32::try_from(group.counting().count()).unwrap_or(u32::MAX);
    for _ in group.desired..have {
        let Some(id) = victim(group) else { return };
        let cause = format!(
            "At {} an instance was taken out of service in response to a difference between desired and actual capacity, \
             shrinking the capacity from {have} to {}.",
            world.now, group.desired
        );
        if !warm_pool::give_back(world, group, &id) {
            begin(world, group, &id, &cause);
        }
    }
}

/// The member that the termination policies choose; protected ones are never chosen.
fn victim(group: &Group) -> Option<String> {
    let in_zone = |zone: &str| group.counting().filter(|it| it.zone == zone).count();
    let open: Vec<&Member> = group.counting().filter(|it| !it.protected).collect();
    let fullest = open.iter().map(|it| in_zone(&it.zone)).max()?;
    let mut left: Vec<&Member> = open.into_iter().filter(|it| in_zone(&it.zone) == fullest).collect();
    if let Some(mixed) = &group.mixed {
        let on_demand = u32::try_from(group.counting().filter(|it| !it.spot).count()).unwrap_or(u32::MAX);
        let surplus_is_spot = on_demand <= mixed.distribution.on_demand(group.desired);
        narrow(&mut left, |it| it.spot == surplus_is_spot);
    }
    for policy in &group.settings.termination_policies {
        match policy.as_str() {
            "NewestInstance" => {
                let newest = left.iter().map(|it| it.joined).max()?;
                narrow(&mut left, |it| it.joined == newest);
            }
            "OldestInstance" => {
                let oldest = left.iter().map(|it| it.joined).min()?;
                narrow(&mut left, |it| it.joined == oldest);
            }
            "OldestLaunchTemplate" | "Default" => {
                narrow(&mut left, |it| it.template.id != group.template.id);
                let version = |it: &Member| it.template.version.parse::<u64>().unwrap_or(0);
                let oldest = left.iter().map(|it| version(it)).min()?;
                narrow(&mut left, |it| version(it) == oldest);
            }
            // The others depend on prices and on billing hours, which the sandbox does not have.
            _ => {}
        }
    }
    left.into_iter().min_by_key(|it| (it.joined, it.id.clone())).map(|it| it.id.clone())
}

/// Keeps those that fit, if any does.
fn narrow(left: &mut Vec<&Member>, fits: impl Fn(&Member) -> bool) {
    if left.iter().any(|it| fits(it)) {
        left.retain(|it| fits(it));
    }
}
