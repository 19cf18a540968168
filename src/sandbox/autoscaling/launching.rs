//! Launches what is missing: which zone, which purchase option, which type; and what is said when there is none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::super::wire::Refusal;
use super::super::world::World;
use super::activities::{self, New};
use super::distribution::{Distribution, emptiest};
use super::group::{Group, Lifecycle, Member, Template};
use super::{compute, warm_pool};

/// Seconds until the first retry after a failed launch, doubled each time up to the longest.
const FIRST_RETRY: i64 = 20;
const LONGEST_RETRY: i64 = 300;
/// Seconds of imbalance until a group is rebalanced.
const REBALANCE: i64 = 120;

/// Where an instance of a launch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To work.
    Service,
    /// Into the warm pool.
    WarmPool,
}

/// Why nothing more can be launched now.
pub struct Stuck;

/// Launches up to the desired capacity.
pub fn fill(world: &mut World, group: &mut Group) {
    let waiting = group.retry.is_some_and(|(at, _)| world.now < at);
    if !group.runs("Launch") || waiting {
        return;
    }
    let have = u32::try_from(group.counting().count()).unwrap_or(u32::MAX);
    if have >= group.desired {
        group.retry = None;
        return;
    }
    let mut exhausted = BTreeSet::new();
    for _ in have..group.desired {
        if warm_pool::take(world, group) {
            continue;
        }
        let cause = format!(
            "At {} an instance was started in response to a difference between desired and actual capacity, increasing \
             the capacity from {have} to {}.",
            world.now, group.desired
        );
        if one(world, group, Purpose::Service, &cause, &mut exhausted).is_err() {
            let failures = group.retry.map_or(0, |(_, failures)| failures);
            let seconds = (FIRST_RETRY << failures.min(4)).min(LONGEST_RETRY);
            let at = world.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(world.now);
            group.retry = Some((at, failures + 1));
            return;
        }
    }
    group.retry = None;
}

/// Launches one instance in the emptiest zone that has capacity; `exhausted` are zone and option without any.
pub fn one(
    world: &mut World,
    group: &mut Group,
    purpose: Purpose,
    cause: &str,
    exhausted: &mut BTreeSet<(String, bool)>,
) -> Result<(), Stuck> {
    let template = group.template.clone();
    let resolved = match compute::resolve(world, Some(&template.id), None, &template.version) {
        Ok(resolved) => resolved,
        Err(refusal) => {
            let place = group.places().into_iter().next().unwrap_or_default();
            fail(world, group, cause, place, &refusal.message);
            return Err(Stuck);
        }
    };
    let spot = purpose == Purpose::Service && is_spot_next(group);
    let types: Vec<String> = match &group.mixed {
        Some(mixed) if !mixed.overrides.is_empty() => mixed.overrides.iter().map(|(name, _)| name.clone()).collect(),
        _ => resolved.data.instance_type.clone().into_iter().collect(),
    };
    let distribution = group.mixed.as_ref().map(|mixed| mixed.distribution.clone()).unwrap_or_default();
    let mut places: BTreeMap<String, Option<String>> = group.places().into_iter().collect();
    let order: Vec<String> = group.places().into_iter().map(|(zone, _)| zone).collect();
    loop {
        let left: Vec<String> = order
            .iter()
            .filter(|zone| places.contains_key(*zone) && !exhausted.contains(&((*zone).clone(), spot)))
            .cloned()
            .collect();
        let used: Vec<&str> = group.counting().map(|member| member.zone.as_str()).collect();
        let Some(zone) = emptiest(&left, &used).cloned() else {
            return Err(Stuck);
        };
        let subnet = places.remove(&zone).flatten();
        let mut refusal: Option<Refusal> = None;
        for instance_type in ordered(&distribution, &types, &zone, spot) {
            let request = compute::Request {
                template: &resolved,
                instance_type: instance_type.as_deref(),
                zone: &zone,
                subnet: subnet.as_deref(),
                spot,
                tags: propagated(group),
            };
            match compute::launch(world, &request) {
                Ok(id) => {
                    let launched = Template { version: resolved.version.to_string(), ..template.clone() };
                    join(world, group, &id, launched, purpose, cause, (zone, subnet));
                    return Ok(());
                }
                Err(next) => refusal = Some(next),
            }
        }
        let refusal = refusal.unwrap_or_else(|| Refusal::new("InvalidRequest", "You must use a valid fully-formed launch template. The request must contain the parameter InstanceType"));
        let capacity = is_capacity(&refusal);
        let message = match (group.mixed.is_some(), capacity, spot) {
            (true, true, true) => {
                "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity \
                                   available that matches your request."
                    .to_owned()
            }
            (true, _, true) => format!("Could not launch Spot Instances. {} - {}", refusal.code, refusal.message),
            (true, _, false) => format!("Could not launch On-Demand Instances. {} - {}", refusal.code, refusal.message),
            (false, _, _) => refusal.message.clone(),
        };
        fail(world, group, cause, (zone.clone(), subnet), &message);
        if !capacity {
            return Err(Stuck);
        }
        exhausted.insert((zone, spot));
    }
}

fn ordered(distribution: &Distribution, types: &[String], zone: &str, spot: bool) -> Vec<Option<String>> {
    if types.is_empty() {
        return vec![None];
    }
    distribution.order(types, zone, spot).into_iter().map(Some).collect()
}

/// Codes after which another zone may help.
fn is_capacity(refusal: &Refusal) -> bool {
    matches!(
        refusal.code.as_ref(),
        "InsufficientInstanceCapacity"
            | "SpotMaxPriceTooLow"
            | "MaxSpotInstanceCountExceeded"
            | "Unsupported"
            | "InsufficientFreeAddressesInSubnet"
    )
}

/// Whether the next instance is bought as spot, so that the on-demand share stays right.
fn is_spot_next(group: &Group) -> bool {
    let Some(mixed) = &group.mixed else { return false };
    let on_demand = u32::try_from(group.counting().filter(|it| !it.spot).count()).unwrap_or(u32::MAX);
    on_demand >= mixed.distribution.on_demand(group.desired)
}

fn propagated(group: &Group) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = group
        .tags
        .iter()
        .filter(|(_, (_, propagate))| *propagate)
        .map(|(key, (value, _))| (key.clone(), value.clone()))
        .collect();
    tags.insert("aws:autoscaling:groupName".to_owned(), group.name.clone());
    tags
}

fn fail(world: &mut World, group: &Group, cause: &str, place: (String, Option<String>), reason: &str) {
    let message = format!("{} Launching EC2 instance failed.", reason.trim_end());
    let description = format!("Launching a new EC2 instance.  Status Reason: {message}");
    let new = New { description, cause: cause.to_owned(), status: "Failed", message: Some(message), place };
    activities::begin(world, group, new);
}

fn join(
    world: &mut World,
    group: &mut Group,
    id: &str,
    template: Template,
    purpose: Purpose,
    cause: &str,
    place: (String, Option<String>),
) {
    let Some(status) = compute::status(world, id) else { return };
    let new = New {
        description: format!("Launching a new EC2 instance: {id}"),
        cause: cause.to_owned(),
        status: "PreInService",
        message: None,
        place,
    };
    let activity = activities::begin(world, group, new);
    let member = Member {
        id: id.to_owned(),
        instance_type: status.instance_type,
        zone: status.zone,
        spot: status.spot,
        template,
        lifecycle: if purpose == Purpose::Service { Lifecycle::Pending } else { Lifecycle::WarmedPending },
        since: world.now,
        joined: world.now,
        unhealthy: false,
        protected: group.settings.protected,
        activity: Some(activity),
        token: None,
        wait_until: None,
    };
    group.members.insert(id.to_owned(), member);
}

fn counts(group: &Group) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = group.places().into_iter().map(|(zone, _)| (zone, 0)).collect();
    for member in group.counting() {
        *counts.entry(member.zone.clone()).or_default() += 1;
    }
    counts
}

/// Whether one zone has two instances more than another, and the group would do something about it.
#[must_use]
pub fn is_unbalanced(group: &Group) -> bool {
    let counts = counts(group);
    let spread = counts.values().max().copied().unwrap_or(0) - counts.values().min().copied().unwrap_or(0);
    let runs = ["AZRebalance", "Launch", "Terminate"].iter().all(|process| group.runs(process));
    let complete = group.counting().count() == usize::try_from(group.desired).unwrap_or(usize::MAX);
    runs && complete && spread > 1 && group.counting().all(|it| it.lifecycle == Lifecycle::InService) && !group.deleting
}

/// Launches in the emptiest zone before one is taken from the fullest.
pub fn rebalance(world: &mut World, group: &mut Group) {
    if !is_unbalanced(group) {
        // While the new instance starts, the moment is kept: the surplus is then not taken away at once.
        if group.counting().all(|it| it.lifecycle == Lifecycle::InService) {
            group.rebalance_at = None;
        }
        return;
    }
    let soon = world.now.saturating_add(SignedDuration::from_secs(REBALANCE)).unwrap_or(world.now);
    match group.rebalance_at {
        Some(at) if at <= world.now => {
            let counts = counts(group);
            let fullest =
                counts.iter().max_by_key(|(_, count)| **count).map(|(zone, _)| zone.clone()).unwrap_or_default();
            let cause = format!(
                "At {} instances were launched to balance instances in zone {fullest} with other zones resulting in more \
                 than desired number of instances in the group.",
                world.now
            );
            // Only the emptiest zones help.
            let fewest = counts.values().min().copied().unwrap_or(0);
            let spot = is_spot_next(group);
            let mut exhausted: BTreeSet<(String, bool)> =
                counts.iter().filter(|(_, count)| **count > fewest).map(|(zone, _)| (zone.clone(), spot)).collect();
            let _ = one(world, group, Purpose::Service, &cause, &mut exhausted);
            group.rebalance_at = Some(soon);
        }
        Some(_) => {}
        None => group.rebalance_at = Some(soon),
    }
}
