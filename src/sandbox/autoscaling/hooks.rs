//! Lifecycle hooks: instances wait before they work and before they end.

use jiff::SignedDuration;

use super::super::wire::{Answer, Call, Parameters, Refusal, Xml};
use super::super::world::World;
use super::group::{Group, Hook, Lifecycle};
use super::{change, engine, group_name, terminating, validation};

/// Seconds that a hook waits unless told otherwise (PutLifecycleHook, HeartbeatTimeout).
const TIMEOUT: u32 = 3600;

/// The longest timeout of the group's hooks of that kind; `None`: there is no such hook.
pub fn waiting(group: &Group, launching: bool) -> Option<u32> {
    group.hooks.values().filter(|hook| hook.launching == launching).map(|hook| hook.timeout).max()
}

/// Whether an instance goes on when nobody answers: one hook that abandons is enough.
pub fn default_is_continue(group: &Group, launching: bool) -> bool {
    group.hooks.values().filter(|hook| hook.launching == launching).all(|hook| hook.default_result == "CONTINUE")
}

/// A hook and its name.
pub fn read(parameters: &Parameters<'_>) -> Result<(String, Hook), Refusal> {
    let name = parameters.text("LifecycleHookName").unwrap_or_default();
    let transition = parameters.text("LifecycleTransition").unwrap_or_default();
    let launching = match transition.as_str() {
        "autoscaling:EC2_INSTANCE_LAUNCHING" => true,
        "autoscaling:EC2_INSTANCE_TERMINATING" => false,
        other => return Err(validation(format!("Invalid lifecycle transition {other}"))),
    };
    let timeout = parameters.parsed("HeartbeatTimeout")?.unwrap_or(TIMEOUT);
    if !(30..=7200).contains(&timeout) {
        return Err(validation("HeartbeatTimeout must be between 30 and 7200 seconds"));
    }
    let default_result = parameters.text("DefaultResult").unwrap_or_else(|| "ABANDON".to_owned());
    if !["CONTINUE", "ABANDON"].contains(&default_result.as_str()) {
        return Err(validation("DefaultResult must be CONTINUE or ABANDON"));
    }
    let hook = Hook {
        launching,
        timeout,
        default_result,
        metadata: parameters.text("NotificationMetadata"),
        target: parameters.text("NotificationTargetARN"),
        role: parameters.text("RoleARN"),
    };
    Ok((name, hook))
}

pub fn put(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group_name = group_name(call);
    world.autoscaling.group(&group_name)?;
    let (name, hook) = read(call)?;
    change(world, &group_name)?.hooks.insert(name, hook);
    Ok(Answer::empty())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group = world.autoscaling.group(&group_name(call))?;
    let names = call.texts("LifecycleHookNames");
    let items = group.hooks.iter().filter(|(name, _)| names.is_empty() || names.contains(name)).map(|(name, hook)| {
        let transition = if hook.launching { "LAUNCHING" } else { "TERMINATING" };
        Xml::new()
            .text("LifecycleHookName", name)
            .text("AutoScalingGroupName", &group.name)
            .text("LifecycleTransition", format!("autoscaling:EC2_INSTANCE_{transition}"))
            .maybe("NotificationTargetARN", hook.target.as_ref())
            .maybe("RoleARN", hook.role.as_ref())
            .maybe("NotificationMetadata", hook.metadata.as_ref())
            .text("HeartbeatTimeout", hook.timeout)
            .text("GlobalTimeout", 172_800.min(hook.timeout * 100))
            .text("DefaultResult", &hook.default_result)
    });
    Ok(Xml::new().list("LifecycleHooks", "member", items).into())
}

/// Instances that wait for it go on.
pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("LifecycleHookName").unwrap_or_default();
    let now = world.now;
    let group = change(world, &group_name(call))?;
    let hook =
        group.hooks.remove(&name).ok_or_else(|| validation(format!("No Lifecycle Hook found with name: {name}")))?;
    let state = if hook.launching { Lifecycle::PendingWait } else { Lifecycle::TerminatingWait };
    for member in group.members.values_mut().filter(|it| it.lifecycle == state) {
        member.wait_until = Some(now);
    }
    Ok(Answer::empty())
}

/// The member that a call means, by instance id or by token.
fn waiting_member(group: &Group, call: &Call<'_>) -> Result<String, Refusal> {
    let hook = call.text("LifecycleHookName").unwrap_or_default();
    if !group.hooks.contains_key(&hook) {
        return Err(validation(format!("No Lifecycle Hook found with name: {hook}")));
    }
    let id = call.text("InstanceId");
    let token = call.text("LifecycleActionToken");
    let waits = [Lifecycle::PendingWait, Lifecycle::TerminatingWait];
    group
        .members
        .values()
        .filter(|it| waits.contains(&it.lifecycle))
        .find(|it| Some(&it.id) == id.as_ref() || (token.is_some() && it.token == token))
        .map(|it| it.id.clone())
        .ok_or_else(|| {
            validation(format!("No active Lifecycle Action found with instance ID {}", id.unwrap_or_default()))
        })
}

pub fn complete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = group_name(call);
    let result = call.text("LifecycleActionResult").unwrap_or_default();
    let mut group = change(world, &name)?.clone();
    let id = waiting_member(&group, call)?;
    let launching = group.members.get(&id).is_some_and(|it| it.lifecycle == Lifecycle::PendingWait);
    if launching && result == "CONTINUE" {
        engine::into_service(world, &mut group, &id);
    } else {
        terminating::end(world, &mut group, &id);
    }
    world.autoscaling.groups.insert(name, group);
    Ok(Answer::empty())
}

pub fn heartbeat(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let now = world.now;
    let group = change(world, &group_name(call))?;
    let id = waiting_member(group, call)?;
    let timeout = group.hooks.get(&call.text("LifecycleHookName").unwrap_or_default()).map_or(TIMEOUT, |it| it.timeout);
    if let Some(member) = group.members.get_mut(&id) {
        member.wait_until = now.saturating_add(SignedDuration::from_secs(i64::from(timeout))).ok();
    }
    Ok(Answer::empty())
}
