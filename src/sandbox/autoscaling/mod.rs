//! EC2 Auto Scaling, imitated: groups that launch, replace, rebalance, scale by schedule and run out of capacity.
//!
//! Source: Auto Scaling API reference (2011-01-01) and user guide. A request changes what is wanted; [`advance`] moves
//! groups towards it, lazily and in the order of time. Scaling policies and instance refresh are not imitated.

mod activities;
mod capacity;
mod compute;
mod create;
mod delete;
mod describe;
mod distribution;
mod engine;
mod group;
mod hooks;
mod instances;
mod launching;
mod parameters;
mod processes;
mod scheduled;
mod tags;
mod target_groups;
mod terminating;
#[cfg(test)]
mod tests;
mod update;
mod warm_pool;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::kept::{Kept, Table};
use super::wire::{Call, Operation, Refusal, Xml};
use super::world::{Live, World};

pub use activities::Activity;
pub use capacity::shrink;
pub use distribution::Distribution;
pub use engine::{advance, due};
pub use group::{Group, Lifecycle, Member, Mixed, Settings, Template};
pub use parameters::default_settings;

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct State {
    /// Groups by name.
    pub groups: Table<Group>,
    /// Scaling activities, the oldest first; kept when their group is gone.
    pub activities: Vec<Kept<Activity>>,
    /// When the groups are looked at next, after a request changed one.
    pub look_at: Option<Timestamp>,
}

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateAutoScalingGroup", create::create),
    ("UpdateAutoScalingGroup", update::update),
    ("DeleteAutoScalingGroup", delete::delete),
    ("DescribeAutoScalingGroups", describe::groups),
    ("DescribeAutoScalingInstances", describe::instances),
    ("DescribeScalingActivities", activities::describe),
    ("DescribeAccountLimits", describe::limits),
    ("SetDesiredCapacity", capacity::set_desired),
    ("TerminateInstanceInAutoScalingGroup", capacity::terminate),
    ("AttachInstances", instances::attach),
    ("DetachInstances", instances::detach),
    ("EnterStandby", instances::enter_standby),
    ("ExitStandby", instances::exit_standby),
    ("SetInstanceProtection", instances::protect),
    ("SetInstanceHealth", instances::set_health),
    ("SuspendProcesses", processes::suspend),
    ("ResumeProcesses", processes::resume),
    ("DescribeScalingProcessTypes", processes::describe_types),
    ("EnableMetricsCollection", processes::enable_metrics),
    ("DisableMetricsCollection", processes::disable_metrics),
    ("PutScheduledUpdateGroupAction", scheduled::put),
    ("BatchPutScheduledUpdateGroupAction", scheduled::put_many),
    ("DescribeScheduledActions", scheduled::describe),
    ("DeleteScheduledAction", scheduled::delete),
    ("BatchDeleteScheduledAction", scheduled::delete_many),
    ("PutLifecycleHook", hooks::put),
    ("DescribeLifecycleHooks", hooks::describe),
    ("DeleteLifecycleHook", hooks::delete),
    ("CompleteLifecycleAction", hooks::complete),
    ("RecordLifecycleActionHeartbeat", hooks::heartbeat),
    ("PutWarmPool", warm_pool::put),
    ("DescribeWarmPool", warm_pool::describe),
    ("DeleteWarmPool", warm_pool::delete),
    ("CreateOrUpdateTags", tags::create_or_update),
    ("DeleteTags", tags::delete),
    ("DescribeTags", tags::describe),
    ("AttachLoadBalancerTargetGroups", target_groups::attach),
    ("DetachLoadBalancerTargetGroups", target_groups::detach),
    ("DescribeLoadBalancerTargetGroups", target_groups::describe),
];

/// Its live objects: groups; their instances are EC2's.
#[must_use]
pub fn live(world: &World) -> Live {
    let groups = world.autoscaling.groups.iter();
    groups
        .map(|(name, group)| (format!("autoscaling/group/{name}"), serde_json::to_value(group).unwrap_or_default()))
        .collect()
}

impl State {
    fn group(&self, name: &str) -> Result<&Group, Refusal> {
        self.groups.get(name).ok_or_else(|| no_group(name))
    }
}

/// A group that a request changes: the engine looks at it soon afterwards.
fn change<'w>(world: &'w mut World, name: &str) -> Result<&'w mut Group, Refusal> {
    look_soon(world);
    let group = world.autoscaling.groups.get_mut(name).ok_or_else(|| no_group(name))?;
    if group.deleting {
        return Err(Refusal::new("ScalingActivityInProgress", format!("AutoScalingGroup {name} is being deleted")));
    }
    Ok(group)
}

/// Has the engine look at the groups soon: something changed.
pub fn look_soon(world: &mut World) {
    let soon = world.now.saturating_add(SignedDuration::from_secs(engine::REACTION)).unwrap_or(Timestamp::MAX);
    let look = &mut world.autoscaling.look_at;
    *look = Some(look.map_or(soon, |at| at.min(soon)));
}

/// The error of almost everything (Auto Scaling's common errors).
fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

fn no_group(name: &str) -> Refusal {
    validation(format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"))
}

fn group_name(call: &Call<'_>) -> String {
    call.text("AutoScalingGroupName").unwrap_or_default()
}

/// One page (MaxRecords 1 to `most`, 50 by default), and `NextToken`.
fn page(call: &Call<'_>, items: Vec<(String, Xml)>, most: usize) -> Result<(Vec<Xml>, Option<String>), Refusal> {
    let size = call.parsed::<usize>("MaxRecords")?.unwrap_or(50.min(most));
    if !(1..=most).contains(&size) {
        let message = format!(
            "1 validation error detected: Value '{size}' at 'maxRecords' failed to satisfy constraint: Member must have \
             value less than or equal to {most}"
        );
        return Err(validation(message));
    }
    let token = call.text("NextToken").filter(|it| !it.is_empty());
    let start = match &token {
        None => 0,
        Some(token) => items
            .iter()
            .position(|(key, _)| key == token)
            .ok_or_else(|| Refusal::new("InvalidNextToken", "The token is not valid"))?,
    };
    let next = items.get(start + size).map(|(key, _)| key.clone());
    Ok((items.into_iter().skip(start).take(size).map(|(_, item)| item).collect(), next))
}
