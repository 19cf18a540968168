//! An Auto Scaling group between the wire and [`AutoScalingGroup`]. Calls nothing.

use aws_sdk_autoscaling::types as wire;

use crate::aws::error::Error;
use crate::aws::identity::TAG_PREFIX;
use crate::aws::ids::Ids;
use crate::aws::named::{count, whole};
use crate::resource::{
    AutoScalingGroup, GroupTag, HealthCheckType, MixedInstances, Placement, Reference, SpotAllocationStrategy,
    WarmPool, WarmPoolState,
};

/// The version of its template that a group launches: whichever is the default one at that moment.
const DEFAULT_VERSION: &str = "$Default";

/// AWS takes -1 for "no bound of its own" (Auto Scaling API reference, PutWarmPool).
pub(super) const NO_PREPARED_BOUND: i32 = -1;

/// What a create and an update have in common. A group launches either from a template or by a policy.
pub(super) struct Encoded {
    pub(super) launch_template: Option<wire::LaunchTemplateSpecification>,
    pub(super) mixed_instances: Option<wire::MixedInstancesPolicy>,
    pub(super) subnets: Option<String>,
    pub(super) zones: Option<Vec<String>>,
    pub(super) health_check_type: &'static str,
}

/// Prepares what a create and an update have in common.
///
/// # Errors
/// A reference that has no id yet.
pub(super) fn encode(group: &AutoScalingGroup, ids: &Ids) -> Result<Encoded, Error> {
    let template = wire::LaunchTemplateSpecification::builder()
        .launch_template_id(ids.id(&group.launch_template)?)
        .version(DEFAULT_VERSION)
        .build();
    let (launch_template, mixed_instances) = match &group.mixed_instances {
        Some(mixed) => (None, Some(encode_mixed(mixed, template))),
        None => (Some(template), None),
    };
    let (subnets, zones) = match &group.placement {
        Placement::Subnets(subnets) => (Some(ids.ids(subnets)?.join(",")), None),
        Placement::Zones(zones) => (None, Some(zones.clone())),
    };
    let health_check_type = match group.health_check_type {
        HealthCheckType::Ec2 => "EC2",
        HealthCheckType::Elb => "ELB",
    };
    Ok(Encoded { launch_template, mixed_instances, subnets, zones, health_check_type })
}

/// The whole policy, every time: what an update leaves out would stay as it was, or fall back to a default.
fn encode_mixed(mixed: &MixedInstances, template: wire::LaunchTemplateSpecification) -> wire::MixedInstancesPolicy {
    let machine = |name: &String| wire::LaunchTemplateOverrides::builder().instance_type(name).build();
    let launch = wire::LaunchTemplate::builder()
        .launch_template_specification(template)
        .set_overrides(Some(mixed.machine_types.iter().map(machine).collect()))
        .build();
    let distribution = wire::InstancesDistribution::builder()
        .on_demand_allocation_strategy("prioritized")
        .on_demand_base_capacity(whole(mixed.on_demand_base))
        .on_demand_percentage_above_base_capacity(whole(mixed.on_demand_percentage_above_base))
        .spot_allocation_strategy(strategy_name(mixed.spot_allocation_strategy))
        // An empty text removes a price that was set before (API reference, InstancesDistribution).
        .spot_max_price(mixed.spot_max_price.clone().unwrap_or_default())
        .build();
    wire::MixedInstancesPolicy::builder().launch_template(launch).instances_distribution(distribution).build()
}

fn strategy_name(strategy: SpotAllocationStrategy) -> &'static str {
    match strategy {
        SpotAllocationStrategy::LowestPrice => "lowest-price",
        SpotAllocationStrategy::CapacityOptimized => "capacity-optimized",
        SpotAllocationStrategy::CapacityOptimizedPrioritized => "capacity-optimized-prioritized",
        SpotAllocationStrategy::PriceCapacityOptimized => "price-capacity-optimized",
    }
}

/// A tag of the group called `group`.
pub(in crate::aws) fn encode_tag(group: &str, key: &str, value: &str, propagate: bool) -> wire::Tag {
    wire::Tag::builder()
        .resource_id(group)
        .resource_type("auto-scaling-group")
        .key(key)
        .value(value)
        .propagate_at_launch(propagate)
        .build()
}

/// The pool's state as AWS names it.
pub(super) fn pool_state(state: WarmPoolState) -> wire::WarmPoolState {
    match state {
        WarmPoolState::Stopped => wire::WarmPoolState::Stopped,
        WarmPoolState::Running => wire::WarmPoolState::Running,
        WarmPoolState::Hibernated => wire::WarmPoolState::Hibernated,
    }
}

/// Reads a group; all references are ids.
pub(super) fn decode(group: &wire::AutoScalingGroup) -> AutoScalingGroup {
    let mut target_groups: Vec<Reference> = group.target_group_arns().iter().cloned().map(Reference::Id).collect();
    target_groups.sort();
    AutoScalingGroup {
        name: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
        launch_template: Reference::Id(decode_template(group)),
        mixed_instances: group.mixed_instances_policy().map(decode_mixed),
        min_size: count(group.min_size()),
        max_size: count(group.max_size()),
        placement: decode_placement(group),
        target_groups,
        health_check_type: match group.health_check_type() {
            Some(text) if text.split(',').any(|check| check == "ELB") => HealthCheckType::Elb,
            _ => HealthCheckType::Ec2,
        },
        health_check_grace_period: count(group.health_check_grace_period()),
        capacity_rebalance: group.capacity_rebalance().unwrap_or(false),
        termination_policies: group.termination_policies().to_vec(),
        max_instance_lifetime: count(group.max_instance_lifetime()),
        suspended_processes: group
            .suspended_processes()
            .iter()
            .filter_map(|process| process.process_name().map(str::to_owned))
            .collect(),
        warm_pool: group.warm_pool_configuration().and_then(decode_pool),
        tags: group.tags().iter().filter_map(decode_tag).collect(),
    }
}

fn decode_template(group: &wire::AutoScalingGroup) -> String {
    let of_policy = || group.mixed_instances_policy()?.launch_template()?.launch_template_specification();
    let template = group.launch_template().or_else(of_policy);
    template.and_then(|template| template.launch_template_id()).unwrap_or_default().to_owned()
}

/// Missing shares have the defaults of the API reference, InstancesDistribution: no base, all above it on demand, the
/// cheapest pools.
fn decode_mixed(policy: &wire::MixedInstancesPolicy) -> MixedInstances {
    let overrides = policy.launch_template().map(wire::LaunchTemplate::overrides).unwrap_or_default();
    let distribution = policy.instances_distribution();
    let strategy = distribution.and_then(wire::InstancesDistribution::spot_allocation_strategy);
    let percentage = distribution.and_then(wire::InstancesDistribution::on_demand_percentage_above_base_capacity);
    let price = distribution.and_then(wire::InstancesDistribution::spot_max_price);
    MixedInstances {
        machine_types: overrides.iter().filter_map(|machine| machine.instance_type().map(str::to_owned)).collect(),
        on_demand_base: count(distribution.and_then(wire::InstancesDistribution::on_demand_base_capacity)),
        on_demand_percentage_above_base: percentage.map_or(100, |share| count(Some(share))),
        spot_allocation_strategy: match strategy {
            Some("capacity-optimized") => SpotAllocationStrategy::CapacityOptimized,
            Some("capacity-optimized-prioritized") => SpotAllocationStrategy::CapacityOptimizedPrioritized,
            Some("price-capacity-optimized") => SpotAllocationStrategy::PriceCapacityOptimized,
            Some(_) | None => SpotAllocationStrategy::LowestPrice,
        },
        spot_max_price: price.filter(|price| !price.is_empty()).map(str::to_owned),
    }
}

fn decode_placement(group: &wire::AutoScalingGroup) -> Placement {
    let subnets = group.vpc_zone_identifier().unwrap_or_default();
    let mut subnets: Vec<Reference> =
        subnets.split(',').map(str::trim).filter(|id| !id.is_empty()).map(|id| Reference::Id(id.to_owned())).collect();
    subnets.sort();
    match subnets.is_empty() {
        true => Placement::Zones(group.availability_zones().to_vec()),
        false => Placement::Subnets(subnets),
    }
}

/// A pool that is being deleted counts as none.
fn decode_pool(pool: &wire::WarmPoolConfiguration) -> Option<WarmPool> {
    if pool.status() == Some(&wire::WarmPoolStatus::PendingDelete) {
        return None;
    }
    let reuse = pool.instance_reuse_policy().and_then(wire::InstanceReusePolicy::reuse_on_scale_in);
    Some(WarmPool {
        min_size: count(pool.min_size()),
        max_prepared: pool.max_group_prepared_capacity().and_then(|bound| u32::try_from(bound).ok()),
        state: match pool.pool_state() {
            Some(wire::WarmPoolState::Running) => WarmPoolState::Running,
            Some(wire::WarmPoolState::Hibernated) => WarmPoolState::Hibernated,
            Some(_) | None => WarmPoolState::Stopped,
        },
        reuse_on_scale_in: reuse.unwrap_or(false),
    })
}

fn decode_tag(tag: &wire::TagDescription) -> Option<(String, GroupTag)> {
    let key = tag.key().filter(|key| !key.starts_with(TAG_PREFIX) && !key.starts_with("aws:"))?;
    let value = tag.value().unwrap_or_default().to_owned();
    Some((key.to_owned(), GroupTag { value, propagate: tag.propagate_at_launch().unwrap_or(false) }))
}
