//! DeleteAutoScalingGroup.

use super::super::wire::{Answer, Call, Refusal};
use super::super::world::World;
use super::{group_name, look_soon};

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = group_name(call);
    let force = call.flag("ForceDelete")?.unwrap_or(false);
    let group = world.autoscaling.group(&name)?;
    if group.deleting {
        let message = format!("AutoScalingGroup {name} is being deleted already");
        return Err(Refusal::new("ScalingActivityInProgress", message));
    }
    if group.members.is_empty() && (force || group.desired == 0) {
        world.autoscaling.groups.remove(&name);
        return Ok(Answer::empty());
    }
    if !force {
        let message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) \
                       still in the group.";
        return Err(Refusal::new("ResourceInUse", message));
    }
    if let Some(group) = world.autoscaling.groups.get_mut(&name) {
        group.deleting = true;
        (group.min, group.max, group.desired) = (0, 0, 0);
        group.scheduled.clear();
        // Forced: nobody is waited for (DeleteAutoScalingGroup, ForceDelete).
        group.hooks.clear();
    }
    look_soon(world);
    Ok(Answer::empty())
}
