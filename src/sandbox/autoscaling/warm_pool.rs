//! Warm pools: instances that are started beforehand and wait, stopped or running.

use std::collections::BTreeSet;

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::group::{Group, Lifecycle, WarmPool};
use super::launching::{Purpose, one};
use super::{activities, change, compute, describe as show, group_name, page, terminating, validation};

/// The configuration.
pub fn xml(pool: &WarmPool) -> Xml {
    Xml::new()
        .maybe("MaxGroupPreparedCapacity", pool.max_prepared)
        .text("MinSize", pool.min)
        .text("PoolState", &pool.state)
        .maybe("Status", pool.deleting.then_some("PendingDelete"))
        .element("InstanceReusePolicy", Xml::new().text("ReuseOnScaleIn", pool.reuse))
}

pub fn put(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let prepared: Option<i64> = call.parsed("MaxGroupPreparedCapacity")?;
    let min = call.parsed("MinSize")?;
    let state = call.text("PoolState");
    let reuse = call.view("InstanceReusePolicy").flag("ReuseOnScaleIn")?;
    let group = change(world, &group_name(call))?;
    let before = group.warm_pool.clone();
    let state = state.or_else(|| before.as_ref().map(|it| it.state.clone())).unwrap_or_else(|| "Stopped".to_owned());
    if !["Stopped", "Running", "Hibernated"].contains(&state.as_str()) {
        return Err(validation(format!("Invalid pool state {state}")));
    }
    if group.mixed.as_ref().is_some_and(|mixed| mixed.distribution.on_demand(100) < 100) {
        return Err(validation("You can't add a warm pool to an Auto Scaling group that launches Spot Instances"));
    }
    let pool = WarmPool {
        min: min.or(before.as_ref().map(|it| it.min)).unwrap_or(0),
        max_prepared: match prepared {
            Some(number) => u32::try_from(number).ok(),
            None => before.as_ref().and_then(|it| it.max_prepared),
        },
        state,
        reuse: reuse.or(before.as_ref().map(|it| it.reuse)).unwrap_or(false),
        deleting: false,
    };
    if pool.max_prepared.is_some_and(|most| most < pool.min) {
        return Err(validation("MaxGroupPreparedCapacity must be greater than or equal to MinSize"));
    }
    group.warm_pool = Some(pool);
    Ok(Answer::empty())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group = world.autoscaling.group(&group_name(call))?;
    let members = group.members.values().filter(|it| it.lifecycle.is_warm());
    let (items, next) = page(call, members.map(|it| (it.id.clone(), show::member(group, it))).collect(), 50)?;
    Ok(Xml::new()
        .maybe_element("WarmPoolConfiguration", group.warm_pool.as_ref().map(xml))
        .list("Instances", "member", items)
        .maybe("NextToken", next)
        .into())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let force = call.flag("ForceDelete")?.unwrap_or(false);
    let group = change(world, &group_name(call))?;
    let filled = group.members.values().any(|it| it.lifecycle.is_warm());
    let Some(pool) = &mut group.warm_pool else {
        return Err(validation("The Auto Scaling group has no warm pool"));
    };
    if filled && !force {
        let message = "You cannot delete a warm pool while there are instances in it.";
        return Err(Refusal::new("ResourceInUse", message));
    }
    if filled {
        pool.deleting = true;
    } else {
        group.warm_pool = None;
    }
    Ok(Answer::empty())
}

/// How many instances the pool should have.
fn wanted(group: &Group) -> usize {
    let Some(pool) = group.warm_pool.as_ref().filter(|pool| !pool.deleting) else { return 0 };
    let above = pool.max_prepared.unwrap_or(group.max).saturating_sub(group.desired);
    usize::try_from(pool.min.max(above)).unwrap_or(usize::MAX)
}

/// Fills the pool, or empties it.
pub fn fill(world: &mut World, group: &mut Group) {
    if group.warm_pool.is_none() {
        return;
    }
    let pool: Vec<String> = group
        .members
        .values()
        .filter(|it| matches!(it.lifecycle, Lifecycle::Warmed | Lifecycle::WarmedPending))
        .map(|it| it.id.clone())
        .collect();
    let wanted = wanted(group);
    for id in pool.iter().skip(wanted) {
        let cause = format!("At {} an instance of the warm pool was not wanted any more.", world.now);
        terminating::begin(world, group, id, &cause);
    }
    if group.warm_pool.as_ref().is_some_and(|it| it.deleting)
        && !group.members.values().any(|it| it.lifecycle.is_warm())
    {
        group.warm_pool = None;
    }
    let waiting = group.retry.is_some_and(|(at, _)| world.now < at);
    if !group.runs("Launch") || waiting {
        return;
    }
    let mut exhausted = BTreeSet::new();
    for _ in pool.len()..wanted {
        let cause = format!("At {} a user request created or changed the warm pool.", world.now);
        if one(world, group, Purpose::WarmPool, &cause, &mut exhausted).is_err() {
            return;
        }
    }
}

/// A started instance of the pool goes to rest.
pub fn settle(world: &mut World, group: &mut Group, id: &str) {
    if group.pool_state() != "Running" {
        compute::stop(world, id);
    }
    if let Some(member) = group.members.get_mut(id) {
        member.lifecycle = Lifecycle::Warmed;
        member.since = world.now;
        let activity = member.activity.take();
        activities::finish(world, activity.as_ref(), "Successful");
    }
}

/// Takes an instance out of the pool to work; false when none is ready.
pub fn take(world: &mut World, group: &mut Group) -> bool {
    let rested = |id: &str| {
        compute::status(world, id).is_some_and(|it| it.stopped || (it.ended_at.is_none() && it.running_at <= world.now))
    };
    let mut ready = group.members.values().filter(|it| it.lifecycle == Lifecycle::Warmed);
    let ready = ready.find(|it| rested(&it.id)).map(|it| it.id.clone());
    let Some(id) = ready else { return false };
    compute::start(world, &id);
    if let Some(member) = group.members.get_mut(&id) {
        member.lifecycle = Lifecycle::Pending;
        member.since = world.now;
    }
    true
}

/// Puts an instance that is not wanted back into the pool; false when the pool takes none.
pub fn give_back(world: &mut World, group: &mut Group, id: &str) -> bool {
    let full = group.members.values().filter(|it| it.lifecycle.is_warm()).count() >= wanted(group);
    if full || !group.warm_pool.as_ref().is_some_and(|pool| pool.reuse && !pool.deleting) {
        return false;
    }
    for arn in &group.target_groups {
        super::super::elbv2::deregister(world, arn, id);
    }
    settle(world, group, id);
    true
}
