//! CreateAutoScalingGroup.

use super::super::wire::{Answer, Call, Refusal};
use super::super::world::World;
use super::group::Group;
use super::{hooks, look_soon, parameters, tags, validation};

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = super::group_name(call);
    if name.is_empty() || name.len() > 255 || name.contains(':') {
        return Err(validation(format!(
            "1 validation error detected: Value '{name}' at 'autoScalingGroupName' failed to satisfy constraint: Member must \
             have length between 1 and 255, without colon"
        )));
    }
    if world.autoscaling.groups.contains_key(&name) {
        let message =
            format!("AutoScalingGroup by this name already exists - A group with the name {name} already exists");
        return Err(Refusal::new("AlreadyExists", message));
    }
    let groups = u32::try_from(world.autoscaling.groups.len()).unwrap_or(u32::MAX);
    if groups >= world.quotas.auto_scaling_groups {
        let message = format!("You have reached your limit of {groups} Auto Scaling groups for this region");
        return Err(Refusal::new("LimitExceeded", message));
    }
    let missing = |name: &str| {
        validation(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    };
    let min: u32 = call.parsed("MinSize")?.ok_or_else(|| missing("minSize"))?;
    let max: u32 = call.parsed("MaxSize")?.ok_or_else(|| missing("maxSize"))?;
    let desired = call.parsed("DesiredCapacity")?.unwrap_or(min);
    parameters::check_bounds(min, max, desired)?;
    let (template, mixed) = parameters::launch(world, call, None)?.ok_or_else(|| {
        validation(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy \
             parameter.",
        )
    })?;
    let placement = parameters::placement(world, call)?
        .ok_or_else(|| validation("At least one Availability Zone or VPC Subnet is required."))?;
    let target_groups = parameters::target_groups(world, call)?.into_iter().collect();
    let settings = parameters::settings(call, parameters::default_settings(world))?;
    let tags = tags::read(call, &name)?;
    let hooks = call.list("LifecycleHookSpecificationList").iter().map(hooks::read).collect::<Result<_, _>>()?;
    let id = format!("{:08x}-0000-4000-8000-{:012x}", world.random() & 0xffff_ffff, world.random() & 0xffff_ffff_ffff);
    let arn = world.arn("autoscaling", &format!("autoScalingGroup:{id}:autoScalingGroupName/{name}"));
    let group = Group {
        arn,
        template,
        mixed,
        min,
        max,
        desired,
        zones: placement.zones,
        subnets: placement.subnets,
        settings,
        tags,
        target_groups,
        suspended: Default::default(),
        members: Default::default(),
        warm_pool: None,
        hooks,
        scheduled: Default::default(),
        metrics: Default::default(),
        created: world.now,
        deleting: false,
        retry: None,
        rebalance_at: None,
        name: name.clone(),
    };
    world.hide(&group_key(&name));
    world.autoscaling.groups.insert(name, group);
    look_soon(world);
    Ok(Answer::empty())
}

/// What a group is called among the things that are not visible yet.
pub fn group_key(name: &str) -> String {
    format!("autoscaling-group/{name}")
}
