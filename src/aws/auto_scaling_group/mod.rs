//! Auto Scaling groups. How many instances run belongs to Kubernetes' autoscaler: windlass says so at creation, and later
//! only the bounds.

mod activities;
mod targets;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_autoscaling::types as sdk;

use self::wire::{Encoded, NO_PREPARED_BOUND, encode_tag};
use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::console::console;
use super::discover::{Instances, Scope};
use super::dispatch::Update;
use super::error::Error;
use super::identity::{Identity, tag};
use super::ids::{Ids, Made};
use super::named::{self, whole};
use super::{instances, pages};
use crate::resource::{
    Attributes, AutoScalingGroup, Found, GroupTag, Kind, Observed, Readiness, Resource, Tags, WarmPool, attribute,
};

/// Groups in one page; the most that Auto Scaling gives (API reference, DescribeAutoScalingGroups).
const PAGE: i32 = 100;
/// Machines of a group whose consoles are shown when it does not become ready, and lines of each: a screenful.
const MACHINES: usize = 3;
const LINES: usize = 6;
/// Target groups in one attach or detach call (API reference, AttachLoadBalancerTargetGroups).
const TARGET_GROUPS: usize = 10;
/// How long a group of the same name that is being deleted is waited for: it has to terminate all of its machines.
const LEAVING: Duration = Duration::from_secs(20 * 60);
/// How long between two tries to get its name.
const INTERVAL: Duration = Duration::from_secs(10);

/// Finds the cluster's groups with their instances.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let filter = sdk::Filter::builder().name(format!("tag:{}", tag::CLUSTER)).values(scope.cluster.as_str()).build();
    let spot = async {
        match scope.instances {
            Instances::Listed => instances::spot(aws, &scope.cluster).await.map(Some),
            Instances::Ignored => Ok(None),
        }
    };
    let (groups, spot) = tokio::try_join!(describe(aws, Some(filter)), spot)?;
    let mut observed = Observed::default();
    for group in groups.iter().filter(|group| !is_leaving(group)) {
        let name = group.auto_scaling_group_name().unwrap_or_default();
        let all = tags_of(group);
        let seen = named::Seen { kind: Kind::AutoScalingGroup, id: name.to_owned(), name, tags: &all };
        let before = observed.found.len();
        named::sight(&mut observed, scope, seen, |_| {
            (Resource::from(wire::decode(group)), Attributes::new(), state(group))
        });
        if observed.found.len() > before {
            observed.instances.extend(instances::read(group, spot.as_ref()));
        }
    }
    Ok(observed)
}

/// All groups that a filter lets through.
pub(super) async fn describe(aws: &Aws, filter: Option<sdk::Filter>) -> Result<Vec<sdk::AutoScalingGroup>, Error> {
    pages::all("DescribeAutoScalingGroups", async |token| {
        let request = aws.auto_scaling().describe_auto_scaling_groups().set_filters(filter.clone().map(|it| vec![it]));
        let request = request.max_records(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeAutoScalingGroups"), || request.clone().send()).await?;
        Ok((answer.auto_scaling_groups.unwrap_or_default(), answer.next_token))
    })
    .await
}

/// Whether a group is being deleted: its status says so, and is absent otherwise.
pub(super) fn is_leaving(group: &sdk::AutoScalingGroup) -> bool {
    group.status().is_some_and(|status| !status.is_empty())
}

/// All tags of a group.
pub(super) fn tags_of(group: &sdk::AutoScalingGroup) -> Tags {
    let pairs = group.tags().iter();
    pairs.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

/// `2 of 3 instances in service`, against the capacity that is wanted now.
fn state(group: &sdk::AutoScalingGroup) -> Readiness {
    let in_service = |instance: &&sdk::Instance| instance.lifecycle_state() == Some(&sdk::LifecycleState::InService);
    let running = named::count(i32::try_from(group.instances().iter().filter(in_service).count()).ok());
    let desired = named::count(group.desired_capacity());
    match running >= desired {
        true => Readiness::Ready,
        false => Readiness::Pending(format!("{running} of {desired} instances in service")),
    }
}

/// All tags of a new group: its own, and windlass', which instances do not inherit.
fn encode_tags(identity: &Identity, group: &AutoScalingGroup) -> Vec<sdk::Tag> {
    let own = identity.tags(&Tags::new());
    let own = own.iter().map(|(key, value)| encode_tag(&group.name, key, value, false));
    let tags = group.tags.iter().map(|(key, tag)| encode_tag(&group.name, key, &tag.value, tag.propagate));
    tags.chain(own).collect()
}

/// Makes a group with as many instances as it must have at least. One that exists with exactly this identity is completed.
pub(super) async fn create(aws: &Aws, identity: &Identity, it: &AutoScalingGroup, ids: &Ids) -> Result<Made, Error> {
    let Encoded { launch_template, mixed_instances, subnets, zones, health_check_type } = wire::encode(it, ids)?;
    let target_groups = ids.ids(&it.target_groups)?;
    let lifetime = (it.max_instance_lifetime > 0).then(|| whole(it.max_instance_lifetime));
    let request = aws
        .auto_scaling()
        .create_auto_scaling_group()
        .auto_scaling_group_name(&it.name)
        .set_launch_template(launch_template)
        .set_mixed_instances_policy(mixed_instances)
        .min_size(whole(it.min_size))
        .max_size(whole(it.max_size))
        .desired_capacity(whole(it.min_size))
        .set_vpc_zone_identifier(subnets)
        .set_availability_zones(zones)
        .set_target_group_arns((!target_groups.is_empty()).then_some(target_groups))
        .health_check_type(health_check_type)
        .health_check_grace_period(whole(it.health_check_grace_period))
        .capacity_rebalance(it.capacity_rebalance)
        .set_termination_policies(Some(it.termination_policies.clone()))
        .set_max_instance_lifetime(lifetime)
        .set_tags(Some(encode_tags(identity, it)));
    let begun = aws.clock().since_boot();
    while let Err(error) = call(aws, Call::named("CreateAutoScalingGroup").with(ids), || request.clone().send()).await {
        if !error.already_exists() {
            return Err(error);
        }
        if let Some(made) = adopt(aws, identity, it, ids).await? {
            return Ok(made);
        }
        if aws.clock().since_boot() >= begun + LEAVING {
            return Err(error);
        }
        aws.clock().sleep(INTERVAL).await;
    }
    suspend(aws, &it.name, &it.suspended_processes).await?;
    if let Some(pool) = &it.warm_pool {
        put_warm_pool(aws, &it.name, pool).await?;
    }
    Ok(Made::new(&it.name))
}

/// Takes over the group that has the name, if an earlier call made it, and brings it to what is wanted now. `None`: it is
/// being deleted, or has just gone; the name is free soon.
async fn adopt(aws: &Aws, identity: &Identity, it: &AutoScalingGroup, ids: &Ids) -> Result<Option<Made>, Error> {
    let request = aws.auto_scaling().describe_auto_scaling_groups().auto_scaling_group_names(&it.name);
    let answer = call(aws, Call::read("DescribeAutoScalingGroups"), || request.clone().send()).await?;
    let group = answer.auto_scaling_groups.unwrap_or_default().into_iter().next();
    let Some(group) = group.filter(|group| !is_leaving(group)) else { return Ok(None) };
    named::verify(identity, &it.name, &tags_of(&group))?;
    let before = wire::decode(&group);
    change_group(aws, it, 0, ids).await?;
    change_parts(aws, &before, it, ids).await?;
    Ok(Some(Made::new(&it.name)))
}

/// Always says the group itself again, in one call: what it refers to may have been replaced under the same address.
pub(super) async fn update(aws: &Aws, update: Update<'_, AutoScalingGroup>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    let mut attributes = found.attributes.clone();
    let lent = attributes.remove(attribute::LENT_MAXIMUM).and_then(|it| it.parse().ok()).unwrap_or(0);
    change_group(aws, after, lent, ids).await?;
    change_parts(aws, before, after, ids).await?;
    Ok(attributes)
}

/// Auto Scaling itself keeps the wanted capacity within new bounds (API reference, UpdateAutoScalingGroup), and terminates
/// what is above them without a drain: the maximum stays at least `lent`, as long as an open roll needs that.
async fn change_group(aws: &Aws, it: &AutoScalingGroup, lent: u32, ids: &Ids) -> Result<(), Error> {
    let Encoded { launch_template, mixed_instances, subnets, zones, health_check_type } = wire::encode(it, ids)?;
    let request = aws
        .auto_scaling()
        .update_auto_scaling_group()
        .auto_scaling_group_name(&it.name)
        .set_launch_template(launch_template)
        .set_mixed_instances_policy(mixed_instances)
        .min_size(whole(it.min_size))
        .max_size(whole(it.max_size.max(lent)))
        .set_vpc_zone_identifier(subnets)
        .set_availability_zones(zones)
        .health_check_type(health_check_type)
        .health_check_grace_period(whole(it.health_check_grace_period))
        .capacity_rebalance(it.capacity_rebalance)
        .set_termination_policies(Some(it.termination_policies.clone()))
        // 0 clears it.
        .max_instance_lifetime(whole(it.max_instance_lifetime));
    call(aws, Call::named("UpdateAutoScalingGroup").with(ids), || request.clone().send()).await.map(drop)
}

/// What has calls of its own: target groups, suspended processes, the warm pool, tags.
async fn change_parts(aws: &Aws, before: &AutoScalingGroup, after: &AutoScalingGroup, ids: &Ids) -> Result<(), Error> {
    // All of them, not only new ones, for the same reason; what is attached already stays so.
    let wanted = ids.ids(&after.target_groups)?;
    attach(aws, &after.name, &wanted).await?;
    // By id: what was found by name alone refers to ids, what is wanted to addresses.
    let mut dropped = ids.ids(&before.target_groups)?;
    dropped.retain(|id| !wanted.contains(id));
    detach(aws, &after.name, &dropped).await?;
    suspend(aws, &after.name, &(&after.suspended_processes - &before.suspended_processes)).await?;
    resume(aws, &after.name, &(&before.suspended_processes - &after.suspended_processes)).await?;
    match (&before.warm_pool, &after.warm_pool) {
        (before, Some(pool)) if before.as_ref() != Some(pool) => put_warm_pool(aws, &after.name, pool).await?,
        (Some(_), None) => delete_warm_pool(aws, &after.name).await?,
        _ => {}
    }
    update_tags(aws, &after.name, &before.tags, &after.tags).await
}

async fn attach(aws: &Aws, group: &str, target_groups: &[String]) -> Result<(), Error> {
    for some in target_groups.chunks(TARGET_GROUPS) {
        let request = aws.auto_scaling().attach_load_balancer_target_groups().auto_scaling_group_name(group);
        let request = request.set_target_group_arns(Some(some.to_vec()));
        call(aws, Call::named("AttachLoadBalancerTargetGroups"), || request.clone().send()).await?;
    }
    Ok(())
}

async fn detach(aws: &Aws, group: &str, target_groups: &[String]) -> Result<(), Error> {
    for some in target_groups.chunks(TARGET_GROUPS) {
        let request = aws.auto_scaling().detach_load_balancer_target_groups().auto_scaling_group_name(group);
        let request = request.set_target_group_arns(Some(some.to_vec()));
        call(aws, Call::named("DetachLoadBalancerTargetGroups"), || request.clone().send()).await?;
    }
    Ok(())
}

/// Without a process named, the calls would mean all of them.
pub(super) async fn suspend(aws: &Aws, group: &str, processes: &BTreeSet<String>) -> Result<(), Error> {
    if processes.is_empty() {
        return Ok(());
    }
    let request = aws.auto_scaling().suspend_processes().auto_scaling_group_name(group);
    let request = request.set_scaling_processes(Some(processes.iter().cloned().collect()));
    call(aws, Call::named("SuspendProcesses"), || request.clone().send()).await.map(drop)
}

/// Resumes processes that were suspended.
pub(super) async fn resume(aws: &Aws, group: &str, processes: &BTreeSet<String>) -> Result<(), Error> {
    if processes.is_empty() {
        return Ok(());
    }
    let request = aws.auto_scaling().resume_processes().auto_scaling_group_name(group);
    let request = request.set_scaling_processes(Some(processes.iter().cloned().collect()));
    call(aws, Call::named("ResumeProcesses"), || request.clone().send()).await.map(drop)
}

async fn put_warm_pool(aws: &Aws, group: &str, pool: &WarmPool) -> Result<(), Error> {
    let reuse = sdk::InstanceReusePolicy::builder().reuse_on_scale_in(pool.reuse_on_scale_in).build();
    let request = aws
        .auto_scaling()
        .put_warm_pool()
        .auto_scaling_group_name(group)
        .min_size(whole(pool.min_size))
        .max_group_prepared_capacity(pool.max_prepared.map_or(NO_PREPARED_BOUND, whole))
        .pool_state(wire::pool_state(pool.state))
        .instance_reuse_policy(reuse);
    call(aws, Call::named("PutWarmPool"), || request.clone().send()).await.map(drop)
}

async fn delete_warm_pool(aws: &Aws, group: &str) -> Result<(), Error> {
    let request = aws.auto_scaling().delete_warm_pool().auto_scaling_group_name(group).force_delete(true);
    delete_call(aws, "DeleteWarmPool", || request.clone().send()).await
}

async fn update_tags(
    aws: &Aws,
    group: &str,
    before: &BTreeMap<String, GroupTag>,
    after: &BTreeMap<String, GroupTag>,
) -> Result<(), Error> {
    let changed = after.iter().filter(|(key, tag)| before.get(*key) != Some(*tag));
    let changed: Vec<sdk::Tag> = changed.map(|(key, tag)| encode_tag(group, key, &tag.value, tag.propagate)).collect();
    if !changed.is_empty() {
        let request = aws.auto_scaling().create_or_update_tags().set_tags(Some(changed));
        call(aws, Call::named("CreateOrUpdateTags"), || request.clone().send()).await?;
    }
    let removed = before.iter().filter(|(key, _)| !after.contains_key(*key));
    let removed: Vec<sdk::Tag> = removed.map(|(key, tag)| encode_tag(group, key, &tag.value, tag.propagate)).collect();
    if !removed.is_empty() {
        let request = aws.auto_scaling().delete_tags().set_tags(Some(removed));
        call(aws, Call::named("DeleteTags"), || request.clone().send()).await?;
    }
    Ok(())
}

/// Terminates all instances, warm ones too. The group stays visible until the last of them is gone.
pub(super) async fn delete(aws: &Aws, found: &Found, _it: &AutoScalingGroup) -> Result<(), Error> {
    let request = aws.auto_scaling().delete_auto_scaling_group().auto_scaling_group_name(&found.id).force_delete(true);
    delete_call(aws, "DeleteAutoScalingGroup", || request.clone().send()).await
}

/// Lines that the instances of a group that get nothing from their load balancer printed last.
pub(super) async fn machines(aws: &Aws, name: &str) -> Result<Vec<String>, Error> {
    let request = aws.auto_scaling().describe_auto_scaling_groups().auto_scaling_group_names(name);
    let answer = call(aws, Call::read("DescribeAutoScalingGroups"), || request.clone().send()).await?;
    let groups = answer.auto_scaling_groups.unwrap_or_default();
    let groups: Vec<targets::Balanced> = groups.iter().map(targets::Balanced::read).collect();
    let mut lines = Vec::new();
    for instance in targets::sick(&groups, &targets::look(aws, &groups).await?).into_iter().take(MACHINES) {
        let printed = console(aws, &instance, LINES).await?;
        lines.push(match printed.is_empty() {
            true => format!("{instance} printed nothing on its console"),
            false => format!("{instance} printed last:"),
        });
        lines.extend(printed.into_iter().map(|line| format!("  {line}")));
    }
    Ok(lines)
}

/// One describe for all groups; when one of them waits for instances, a second call tells why. A group behind a load
/// balancer is ready when the balancer sends to its instances: one more call for each target group.
pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    // By tag and not by name: at most 50 names fit into a call.
    let filter = sdk::Filter::builder().name("tag-key").values(tag::CLUSTER).build();
    let mut seen = BTreeMap::new();
    let mut balanced = Vec::new();
    for group in describe(aws, Some(filter)).await? {
        let Some(name) = group.auto_scaling_group_name().filter(|name| ids.iter().any(|id| id == name)) else {
            continue;
        };
        let state = match group.status() {
            Some(status) if is_leaving(&group) => {
                Readiness::Pending(format!("{status}, {} instances left", group.instances().len()))
            }
            _ => state(&group),
        };
        if state == Readiness::Ready && !group.target_group_arns().is_empty() {
            balanced.push(targets::Balanced::read(&group));
        }
        seen.insert(name.to_owned(), state);
    }
    targets::explain(&mut seen, &balanced, &targets::look(aws, &balanced).await?);
    let waiting = |state: &Readiness| matches!(state, Readiness::Pending(text) if text.contains("in service"));
    let waits: BTreeSet<String> = seen.iter().filter(|(_, state)| waiting(state)).map(|(id, _)| id.clone()).collect();
    if !waits.is_empty() {
        activities::explain(&mut seen, &activities::recent(aws, &waits).await?);
    }
    Ok(seen)
}
