//! Node groups: a launch template, an Auto Scaling group, its scheduled actions, and the tags by which the
//! cluster-autoscaler knows what a node of an empty group would look like.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::Builder;
use super::{access, bootstrap, launch, names, security, tags};
use crate::problem::Problem;
use crate::resource::{
    AutoScalingGroup, GroupTag, HealthCheckType, Kind, LaunchNetwork, LaunchTemplate, MixedInstances, Placement,
    Reference, ScheduledAction, SpotAllocationStrategy, Tags, WarmPool,
};
use crate::spec::{self, NodeGroup, Role};

/// Seconds after launch without health checks: a node is ready after 41 to 90 s.
const GRACE: u32 = 300;

/// Nodes of an old template go first when a group shrinks by itself; the autoscaler and the roll name their nodes.
const TERMINATION: [&str; 2] = ["OldestLaunchTemplate", "Default"];

/// What the cluster-autoscaler reads from a group's tags (its documentation for AWS, "Auto-Discovery Setup").
const AUTOSCALER: &str = "k8s.io/cluster-autoscaler";

/// Adds all groups.
pub(super) fn add(builder: &mut Builder<'_>) {
    for group in &builder.specification.node_groups {
        add_group(builder, group);
    }
}

fn add_group(builder: &mut Builder<'_>, group: &NodeGroup) {
    let spec = &group.spec;
    let name = group.metadata.name.as_str();
    if spec.warm_pool.is_some() && (spec.mixed_instances.is_some() || spec.machine_types.len() > 1) {
        builder.problem(
            Problem::error(format!(
                "node group {name}: a warm pool is not possible with several instance types or spot"
            ))
            .hint("remove warmPool, or keep one machine type and no mixedInstances"),
        );
    }
    let user_data = bootstrap::node(builder, group);
    let Some(image) = builder.image(builder.specification.image(group)) else { return };
    let instance_tags: Tags = tags::owned(builder, name).into_iter().chain(spec.tags.clone()).collect();
    let mixed_instances = mixed(spec);
    let template = LaunchTemplate {
        name: names::name(name, builder.name(), names::TEMPLATE_LIMIT),
        image: image.id.clone(),
        machine_type: match mixed_instances {
            Some(_) => None,
            None => spec.machine_types.first().map(ToString::to_string),
        },
        instance_profile: access::profile(group),
        network: LaunchNetwork::New { security_groups: security_groups(group), public_address: spec.public_address() },
        block_devices: vec![launch::root(image, &spec.root_volume)],
        metadata_options: launch::METADATA,
        user_data,
        detailed_monitoring: spec.detailed_instance_monitoring,
        instance_tags: instance_tags.clone(),
        volume_tags: instance_tags,
        tags: tags::plain(builder, name),
    };
    let launch_template = builder.add(name, template);
    let mut subnets: Vec<Reference> = spec.subnets.iter().map(|subnet| builder.subnet(subnet)).collect();
    subnets.sort();
    let resource = AutoScalingGroup {
        name: names::name(name, builder.name(), names::GROUP_LIMIT),
        launch_template,
        mixed_instances,
        min_size: spec.min_size,
        max_size: spec.max_size,
        placement: Placement::Subnets(subnets),
        target_groups: Vec::new(),
        health_check_type: HealthCheckType::Ec2,
        health_check_grace_period: GRACE,
        capacity_rebalance: spec.capacity_rebalance && spec.buys_spot(),
        termination_policies: TERMINATION.map(str::to_owned).to_vec(),
        max_instance_lifetime: spec
            .max_instance_lifetime
            .map_or(0, |life| u32::try_from(life.as_seconds()).unwrap_or(u32::MAX)),
        suspended_processes: spec.suspend_processes.iter().map(|process| process.as_str().to_owned()).collect(),
        warm_pool: spec.warm_pool.as_ref().map(|pool| WarmPool {
            min_size: pool.min_size,
            max_prepared: pool.max_prepared,
            state: pool.state,
            reuse_on_scale_in: pool.reuse_on_scale_in,
        }),
        tags: group_tags(builder, group),
    };
    let owner = builder.add(name, resource);
    for schedule in &spec.schedules {
        let action = ScheduledAction {
            group: owner.clone(),
            name: schedule.name.clone(),
            recurrence: schedule.recurrence.to_string(),
            time_zone: schedule.time_zone.to_string(),
            min_size: schedule.min_size,
            max_size: schedule.max_size,
            desired_capacity: schedule.desired_capacity,
        };
        builder.add(format!("{name}/{}", names::word(&schedule.name)), action);
    }
}

fn security_groups(group: &NodeGroup) -> Vec<Reference> {
    let own = match group.spec.role {
        Role::Node | Role::Admin => security::NODES,
        Role::Bastion => security::BASTION,
    };
    let additional = group.spec.additional_security_groups.iter().map(|id| Reference::Id(id.to_string()));
    let groups: BTreeSet<Reference> =
        std::iter::once(Reference::to(Kind::SecurityGroup, own)).chain(additional).collect();
    groups.into_iter().collect()
}

/// Several types need a mixed-instances policy even when all are bought on demand.
fn mixed(spec: &spec::NodeGroupSpec) -> Option<MixedInstances> {
    let machine_types: Vec<String> = spec.machine_types.iter().map(ToString::to_string).collect();
    match &spec.mixed_instances {
        Some(mixed) => Some(MixedInstances {
            machine_types,
            on_demand_base: mixed.on_demand_base,
            on_demand_percentage_above_base: mixed.on_demand_percentage_above_base.get(),
            spot_allocation_strategy: mixed.spot_allocation_strategy,
            spot_max_price: mixed.max_price.clone(),
        }),
        None if machine_types.len() > 1 => Some(MixedInstances {
            machine_types,
            on_demand_base: 0,
            on_demand_percentage_above_base: 100,
            spot_allocation_strategy: SpotAllocationStrategy::PriceCapacityOptimized,
            spot_max_price: None,
        }),
        None => None,
    }
}

fn group_tags(builder: &Builder<'_>, group: &NodeGroup) -> BTreeMap<String, GroupTag> {
    let spec = &group.spec;
    let mut tags: Tags =
        tags::owned(builder, group.metadata.name.as_str()).into_iter().chain(spec.tags.clone()).collect();
    if spec.role != Role::Bastion {
        tags.insert(format!("{AUTOSCALER}/enabled"), String::from("true"));
        tags.insert(format!("{AUTOSCALER}/{}", builder.name()), String::from("owned"));
        for (label, value) in bootstrap::node_labels(group) {
            tags.insert(format!("{AUTOSCALER}/node-template/label/{label}"), value);
        }
        for taint in &spec.taints {
            let key = format!("{AUTOSCALER}/node-template/taint/{}", taint.key);
            tags.insert(key, format!("{}:{}", taint.value, taint.effect.as_str()));
        }
        let disk = format!("{AUTOSCALER}/node-template/resources/ephemeral-storage");
        tags.insert(disk, format!("{}Gi", spec.root_volume.size));
    }
    // The template tags the instances.
    tags.into_iter().map(|(key, value)| (key, GroupTag { value, propagate: false })).collect()
}
