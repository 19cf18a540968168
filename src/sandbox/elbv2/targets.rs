//! Targets: registered, draining, gone. Auto Scaling registers its instances here too.

use super::super::wire::{Answer, Call, Parameters, Refusal};
use super::super::world::World;
use super::{Target, TargetGroup, health, surroundings};

/// Whether a load balancer would still send to it, or lets it finish.
fn is_present(world: &World, target: &Target) -> bool {
    target.draining_until.is_none_or(|until| world.now < until)
}

/// Adds an instance at the group's own port; one that is there already stays as it is.
pub fn register(world: &mut World, target_group: &str, instance: &str) {
    let now = world.now;
    let Some(group) = world.elbv2.target_groups.get_mut(target_group) else { return };
    let port = group.port;
    add(group, instance, port, now);
}

fn add(group: &mut TargetGroup, id: &str, port: u16, now: jiff::Timestamp) {
    let key = format!("{id}:{port}");
    let fresh = Target { id: id.to_owned(), port, since: now, draining_until: None };
    match group.targets.get(&key) {
        Some(present) if present.draining_until.is_none() => {}
        _ => {
            group.targets.insert(key, fresh);
        }
    }
}

/// Lets an instance drain, at whatever port it is.
pub fn deregister(world: &mut World, target_group: &str, instance: &str) {
    let keys: Vec<String> = match world.elbv2.target_groups.get(target_group) {
        Some(group) => group.targets.iter().filter(|(_, it)| it.id == instance).map(|(key, _)| key.clone()).collect(),
        None => return,
    };
    for key in keys {
        drain(world, target_group, &key);
    }
}

fn drain(world: &mut World, target_group: &str, key: &str) {
    let used = world.elbv2.users_of(target_group).next().is_some();
    let now = world.now;
    let Some(group) = world.elbv2.target_groups.get_mut(target_group) else { return };
    group.targets.retain(|_, it| it.draining_until.is_none_or(|until| now < until));
    let delay =
        group.attributes.get("deregistration_delay.timeout_seconds").and_then(|it| it.parse().ok()).unwrap_or(300);
    if !used {
        // A group that no listener uses has no connections to wait for.
        group.targets.remove(key);
    } else if let Some(target) = group.targets.get_mut(key) {
        let until = now.saturating_add(jiff::SignedDuration::from_secs(delay)).unwrap_or(jiff::Timestamp::MAX);
        target.draining_until.get_or_insert(until);
    }
}

/// Whether the load balancer's health checks pass for an instance of a group (or have not decided yet).
#[must_use]
pub fn is_healthy(world: &World, target_group: &str, instance: &str) -> bool {
    let Some(group) = world.elbv2.target_groups.get(target_group) else { return true };
    group
        .targets
        .values()
        .filter(|it| it.id == instance && is_present(world, it))
        .all(|it| health::of(world, group, it).state != "unhealthy")
}

pub fn register_call(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    let group = world.elbv2.target_group(&arn)?;
    let mut wanted = Vec::new();
    for target in call.list("Targets") {
        target.accept_all(&["AvailabilityZone"]);
        let id = target.text("Id").unwrap_or_default();
        let port = target.parsed("Port")?.unwrap_or(group.port);
        if group.target_type == "instance" {
            let Some(instance) = surroundings::instance(world, &id) else {
                let message = format!("The following targets are not valid instances: '{id}'");
                return Err(Refusal::new("InvalidTarget", message));
            };
            if instance.state != "running" {
                let message =
                    format!("The following targets are not in a running state and cannot be registered: '{id}'");
                return Err(Refusal::new("InvalidTarget", message));
            }
            if instance.vpc != group.vpc {
                let message = format!("The following targets are not in the target group VPC '{}': '{id}'", group.vpc);
                return Err(Refusal::new("InvalidTarget", message));
            }
        }
        wanted.push((id, port));
    }
    let now = world.now;
    let group = world.elbv2.target_group_mut(&arn)?;
    for (id, port) in wanted {
        add(group, &id, port, now);
    }
    Ok(Answer::empty())
}

pub fn deregister_call(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    world.elbv2.target_group(&arn)?;
    for target in call.list("Targets") {
        for key in keys(world, &arn, &target)? {
            drain(world, &arn, &key);
        }
    }
    Ok(Answer::empty())
}

/// The registered targets that a description means: without a port, all of that id.
fn keys(world: &World, arn: &str, target: &Parameters<'_>) -> Result<Vec<String>, Refusal> {
    target.accept_all(&["AvailabilityZone"]);
    let id = target.text("Id").unwrap_or_default();
    let port: Option<u16> = target.parsed("Port")?;
    let targets = &world.elbv2.target_group(arn)?.targets;
    let fits = |it: &&Target| it.id == id && port.is_none_or(|port| it.port == port);
    Ok(targets.values().filter(fits).map(|it| format!("{}:{}", it.id, it.port)).collect())
}
