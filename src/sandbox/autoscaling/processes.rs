//! Processes that can be suspended, and metrics that can be collected.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{change, group_name, validation};

/// The processes (user guide, "Types of processes").
const PROCESSES: [&str; 9] = [
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

/// The processes of a call; none named means all.
fn named(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let names = call.texts("ScalingProcesses");
    if let Some(unknown) = names.iter().find(|name| !PROCESSES.contains(&name.as_str())) {
        return Err(validation(format!("Invalid scaling process type: {unknown}")));
    }
    Ok(if names.is_empty() { PROCESSES.map(str::to_owned).to_vec() } else { names })
}

pub fn suspend(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = named(call)?;
    let reason = format!("User suspended at {}", world.now.strftime("%Y-%m-%dT%H:%M:%SZ"));
    let group = change(world, &group_name(call))?;
    for name in names {
        group.suspended.entry(name).or_insert_with(|| reason.clone());
    }
    Ok(Answer::empty())
}

pub fn resume(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = named(call)?;
    let group = change(world, &group_name(call))?;
    group.suspended.retain(|name, _| !names.contains(name));
    Ok(Answer::empty())
}

pub fn describe_types(_world: &mut World, _call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Xml::new().list("Processes", "member", PROCESSES.iter().map(|it| Xml::new().text("ProcessName", it))).into())
}

pub fn enable_metrics(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("Metrics");
    if call.text("Granularity").as_deref() != Some("1Minute") {
        return Err(validation("Valid granularity is 1Minute"));
    }
    let all =
        ["GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupTotalInstances"];
    let group = change(world, &group_name(call))?;
    group.metrics.extend(if names.is_empty() { all.map(str::to_owned).to_vec() } else { names });
    Ok(Answer::empty())
}

pub fn disable_metrics(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("Metrics");
    let group = change(world, &group_name(call))?;
    group.metrics.retain(|it| !names.is_empty() && !names.contains(it));
    Ok(Answer::empty())
}
