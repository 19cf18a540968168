//! Target groups that a group registers its instances with.

use super::super::elbv2;
use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::group::{Group, Lifecycle};
use super::{change, group_name, page, parameters, validation};

fn at_work(group: &Group) -> Vec<String> {
    group.members.values().filter(|it| it.lifecycle == Lifecycle::InService).map(|it| it.id.clone()).collect()
}

pub fn attach(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = group_name(call);
    world.autoscaling.group(&name)?;
    let arns = parameters::target_groups(world, call)?;
    let group = change(world, &name)?;
    let instances = if group.runs("AddToLoadBalancer") { at_work(group) } else { Vec::new() };
    group.target_groups.extend(arns.clone());
    for arn in &arns {
        for id in &instances {
            elbv2::register(world, arn, id);
        }
    }
    Ok(Answer::empty())
}

pub fn detach(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arns = call.texts("TargetGroupARNs");
    let group = change(world, &group_name(call))?;
    if let Some(unknown) = arns.iter().find(|arn| !group.target_groups.contains(*arn)) {
        return Err(validation(format!("Trying to remove Target Groups that are not part of the group: {unknown}")));
    }
    group.target_groups.retain(|arn| !arns.contains(arn));
    let instances = at_work(group);
    for arn in &arns {
        for id in &instances {
            elbv2::deregister(world, arn, id);
        }
    }
    Ok(Answer::empty())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group = world.autoscaling.group(&group_name(call))?;
    let state = if at_work(group).is_empty() { "Added" } else { "InService" };
    let items = group
        .target_groups
        .iter()
        .map(|arn| (arn.clone(), Xml::new().text("LoadBalancerTargetGroupARN", arn).text("State", state)))
        .collect();
    let (items, next) = page(call, items, 100)?;
    Ok(Xml::new().list("LoadBalancerTargetGroups", "member", items).maybe("NextToken", next).into())
}
