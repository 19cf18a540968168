//! UpdateAutoScalingGroup: what is not said stays as it is.

use super::super::wire::{Answer, Call, Refusal};
use super::super::world::World;
use super::{change, group_name, parameters};

pub fn update(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = group_name(call);
    let present = world.autoscaling.group(&name)?;
    let min = call.parsed("MinSize")?.unwrap_or(present.min);
    let max = call.parsed("MaxSize")?.unwrap_or(present.max);
    parameters::check_bounds(min, max, min.max(present.desired.min(max)))?;
    // Without a wish, the desired capacity follows the new bounds (UpdateAutoScalingGroup, MinSize and MaxSize).
    let desired = match call.parsed("DesiredCapacity")? {
        Some(desired) => desired,
        None => present.desired.clamp(min, max),
    };
    parameters::check_bounds(min, max, desired)?;
    let launch = parameters::launch(world, call, Some(present))?;
    let placement = parameters::placement(world, call)?;
    let settings = parameters::settings(call, present.settings.clone())?;
    let group = change(world, &name)?;
    group.min = min;
    group.max = max;
    group.desired = desired;
    group.settings = settings;
    if let Some((template, mixed)) = launch {
        group.template = template;
        group.mixed = mixed;
    }
    if let Some(placement) = placement {
        group.zones = placement.zones;
        group.subnets = placement.subnets;
    }
    // What could not be launched before may be possible now.
    group.retry = None;
    Ok(Answer::empty())
}
