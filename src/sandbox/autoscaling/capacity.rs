//! The desired capacity, set directly or by ending one instance.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::group::{Group, Lifecycle};
use super::{activities, change, group_name, look_soon, terminating, validation};

pub fn set_desired(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let desired: u32 = call.parsed("DesiredCapacity")?.ok_or_else(|| validation("DesiredCapacity is required"))?;
    call.accept_all(&["HonorCooldown"]);
    let group = change(world, &group_name(call))?;
    if desired > group.max {
        return Err(validation(format!(
            "New SetDesiredCapacity value {desired} is above max value {} for the AutoScalingGroup.",
            group.max
        )));
    }
    if desired < group.min {
        return Err(validation(format!(
            "New SetDesiredCapacity value {desired} is below min value {} for the AutoScalingGroup.",
            group.min
        )));
    }
    group.desired = desired;
    group.retry = None;
    Ok(Answer::empty())
}

/// Takes `count` from the desired capacity, unless that would go below the minimum.
pub fn decrement(group: &mut Group, count: u32, what: &str) -> Result<(), Refusal> {
    if group.desired < group.min + count {
        return Err(validation(format!(
            "Currently, desiredSize equals minSize ({}). {what} without replacement will violate group's min size \
             constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
            group.min
        )));
    }
    group.desired -= count;
    Ok(())
}

pub fn terminate(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.text("InstanceId").unwrap_or_default();
    let shrink = call.flag("ShouldDecrementDesiredCapacity")?.unwrap_or(false);
    let found = world.autoscaling.groups.values().find(|group| group.members.contains_key(&id));
    let name = found
        .map(|group| group.name.clone())
        .ok_or_else(|| validation(format!("Instance Id not found - No managed instance found for instance ID {id}")))?;
    let Some(mut group) = world.autoscaling.groups.remove(&name) else {
        return Err(validation(format!("Instance Id not found - {id}")));
    };
    let outcome = terminate_in(world, &mut group, &id, shrink);
    world.autoscaling.groups.insert(name, group);
    look_soon(world);
    let activity = outcome?;
    let shown = world.autoscaling.activities.iter().find(|it| it.id == activity).map(|it| activities::xml(it));
    Ok(Xml::new().maybe_element("Activity", shown).into())
}

/// Terminates an instance and takes it off its group's desired size; false: the group may not shrink.
pub fn shrink(world: &mut World, id: &str) -> bool {
    let found = world.autoscaling.groups.values().find(|group| group.members.contains_key(id));
    let Some(mut group) = found.cloned() else { return false };
    let done = terminate_in(world, &mut group, id, true).is_ok();
    if done {
        world.autoscaling.groups.insert(group.name.clone(), group);
        look_soon(world);
    }
    done
}

fn terminate_in(world: &mut World, group: &mut Group, id: &str, shrink: bool) -> Result<String, Refusal> {
    let ending = [Lifecycle::Terminating, Lifecycle::TerminatingWait, Lifecycle::WarmedTerminating];
    if group.members.get(id).is_some_and(|it| ending.contains(&it.lifecycle)) {
        let message = format!("The instance {id} is being terminated already");
        return Err(Refusal::new("ScalingActivityInProgress", message));
    }
    let before = group.desired;
    if shrink {
        decrement(group, 1, "Terminating instance")?;
    }
    let tail =
        if shrink { format!(", shrinking the capacity from {before} to {}", group.desired) } else { String::new() };
    let cause = format!("At {} instance {id} was taken out of service in response to a user request{tail}.", world.now);
    Ok(terminating::begin(world, group, id, &cause))
}
