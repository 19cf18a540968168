//! Instances that come and go by request: attach, detach, standby; protection and health by hand.

use super::super::elbv2;
use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::activities::{self, New};
use super::group::{Group, Lifecycle, Member};
use super::{capacity, change, compute, engine, group_name, look_soon, validation};

/// Instances of one call (AttachInstances, DetachInstances).
const MOST: usize = 20;

fn ids(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let ids = call.texts("InstanceIds");
    if ids.is_empty() || ids.len() > MOST {
        return Err(validation(format!("The number of instance ids must be between 1 and {MOST}")));
    }
    Ok(ids)
}

fn check_members(group: &Group, ids: &[String], lifecycle: Option<Lifecycle>) -> Result<(), Refusal> {
    for id in ids {
        let Some(member) = group.members.get(id) else {
            return Err(validation(format!("The instance {id} is not part of Auto Scaling group {}.", group.name)));
        };
        if let Some(wanted) = lifecycle
            && member.lifecycle != wanted
        {
            let is = member.lifecycle.word(group.pool_state());
            return Err(validation(format!("The instance {id} is not in {} but in {is}.", wanted.word(""))));
        }
    }
    Ok(())
}

fn size(ids: &[String]) -> u32 {
    u32::try_from(ids.len()).unwrap_or(u32::MAX)
}

pub fn attach(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = ids(call)?;
    let name = group_name(call);
    let group = world.autoscaling.group(&name)?;
    if group.desired + size(&ids) > group.max {
        return Err(validation(format!(
            "AutoScalingGroup {name} has a max size of {}: {} instances cannot be attached.",
            group.max,
            ids.len()
        )));
    }
    let mut members = Vec::new();
    for id in &ids {
        if let Some(owner) = world.autoscaling.groups.values().find(|it| it.members.contains_key(id)) {
            return Err(validation(format!("Instance {id} is already part of AutoScalingGroup:{}", owner.name)));
        }
        let status =
            compute::status(world, id).filter(|it| it.ended_at.is_none() && it.running_at <= world.now).ok_or_else(
                || validation(format!("Invalid Instance ID(s): [{id}]. The instances must exist and be running.")),
            )?;
        if !group.zones.contains(&status.zone) {
            return Err(validation(format!(
                "The availability zones of instance {id} and the Auto Scaling group do not match."
            )));
        }
        members.push(Member {
            id: id.clone(),
            instance_type: status.instance_type,
            zone: status.zone,
            spot: status.spot,
            template: group.template.clone(),
            lifecycle: Lifecycle::InService,
            since: world.now,
            joined: world.now,
            unhealthy: false,
            protected: group.settings.protected,
            activity: None,
            token: None,
            wait_until: None,
        });
    }
    let group = change(world, &name)?;
    group.desired += size(&ids);
    for member in members {
        group.members.insert(member.id.clone(), member);
    }
    let mut group = group.clone();
    for id in &ids {
        log(world, &group, id, &format!("Attaching an existing EC2 instance: {id}"));
        engine::into_service(world, &mut group, id);
    }
    world.autoscaling.groups.insert(name, group);
    Ok(Answer::empty())
}

fn log(world: &mut World, group: &Group, id: &str, description: &str) -> String {
    let zone = group.members.get(id).map(|it| it.zone.clone()).unwrap_or_default();
    let new = New {
        description: description.to_owned(),
        cause: format!("At {} in response to a user request.", world.now),
        status: "InProgress",
        message: None,
        place: (zone, None),
    };
    let activity = activities::begin(world, group, new);
    activities::finish(world, Some(&activity), "Successful");
    activity
}

fn answer(world: &World, ids: &[String]) -> Answer {
    let shown = ids.iter().filter_map(|id| world.autoscaling.activities.iter().find(|it| it.id == *id));
    Xml::new().list("Activities", "member", shown.map(|it| activities::xml(it))).into()
}

pub fn detach(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = ids(call)?;
    let shrink = call.flag("ShouldDecrementDesiredCapacity")?.unwrap_or(false);
    let name = group_name(call);
    let group = change(world, &name)?;
    check_members(group, &ids, None)?;
    if shrink {
        capacity::decrement(group, size(&ids), "Detaching instances")?;
    }
    let mut group = group.clone();
    let mut made = Vec::new();
    for id in &ids {
        made.push(log(world, &group, id, &format!("Detaching EC2 instance: {id}")));
        for arn in &group.target_groups {
            elbv2::deregister(world, arn, id);
        }
        group.members.remove(id);
    }
    world.autoscaling.groups.insert(name, group);
    Ok(answer(world, &made))
}

pub fn enter_standby(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = ids(call)?;
    let shrink = call.flag("ShouldDecrementDesiredCapacity")?.unwrap_or(false);
    let name = group_name(call);
    let now = world.now;
    let group = change(world, &name)?;
    check_members(group, &ids, Some(Lifecycle::InService))?;
    if shrink {
        capacity::decrement(group, size(&ids), "Moving instances to standby")?;
    }
    for id in &ids {
        if let Some(member) = group.members.get_mut(id) {
            member.lifecycle = Lifecycle::Standby;
            member.since = now;
        }
    }
    let group = group.clone();
    let mut made = Vec::new();
    for id in &ids {
        for arn in &group.target_groups {
            elbv2::deregister(world, arn, id);
        }
        made.push(log(world, &group, id, &format!("Moving EC2 instance to Standby: {id}")));
    }
    Ok(answer(world, &made))
}

pub fn exit_standby(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = ids(call)?;
    let name = group_name(call);
    let group = change(world, &name)?;
    check_members(group, &ids, Some(Lifecycle::Standby))?;
    if group.desired + size(&ids) > group.max {
        return Err(validation(format!("AutoScalingGroup {name} has a max size of {}.", group.max)));
    }
    group.desired += size(&ids);
    let mut group = group.clone();
    let mut made = Vec::new();
    for id in &ids {
        made.push(log(world, &group, id, &format!("Moving EC2 instance out of Standby: {id}")));
        engine::into_service(world, &mut group, id);
    }
    world.autoscaling.groups.insert(name, group);
    Ok(answer(world, &made))
}

pub fn protect(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = call.texts("InstanceIds");
    let protected = call.flag("ProtectedFromScaleIn")?.unwrap_or(false);
    let group = change(world, &group_name(call))?;
    check_members(group, &ids, None)?;
    for id in ids {
        if let Some(member) = group.members.get_mut(&id) {
            member.protected = protected;
        }
    }
    Ok(Answer::empty())
}

pub fn set_health(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.text("InstanceId").unwrap_or_default();
    let status = call.text("HealthStatus").unwrap_or_default();
    let respect = call.flag("ShouldRespectGracePeriod")?.unwrap_or(true);
    if !["Healthy", "Unhealthy"].contains(&status.as_str()) {
        return Err(validation("HealthStatus must be Healthy or Unhealthy"));
    }
    let now = world.now;
    let mut all = world.autoscaling.groups.values_mut();
    let group = all
        .find(|group| group.members.contains_key(&id))
        .ok_or_else(|| validation(format!("Instance Id not found - No managed instance found for instance ID {id}")))?;
    let grace = i64::from(group.settings.health_check_grace_period);
    if let Some(member) = group.members.get_mut(&id) {
        let young = now.duration_since(member.joined).as_secs() < grace;
        if !(respect && young) {
            member.unhealthy = status == "Unhealthy";
        }
    }
    look_soon(world);
    Ok(Answer::empty())
}
