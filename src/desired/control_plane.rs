//! Control-plane members: each has a network interface and an etcd volume that outlive its instance, a launch template
//! that takes them over, and a group of exactly one instance.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::Builder;
use super::{access, api, bootstrap, launch, names, security, tags};
use crate::resource::{
    AutoScalingGroup, GroupTag, HealthCheckType, Kind, LaunchNetwork, LaunchTemplate, NetworkInterface, Placement,
    Reference, Tags, Volume,
};
use crate::spec::Member;

/// Seconds after launch without health checks: a member is up in less than a minute, and its etcd may have to catch up.
const GRACE: u32 = 300;

/// The name of a member's interface, template and group.
pub(super) fn thing(member: &Member) -> String {
    format!("control-plane-{}", member.name)
}

/// The name of a member's volume.
pub(super) fn volume(member: &Member) -> String {
    format!("etcd-{}", member.name)
}

/// Adds the members.
pub(super) fn add(builder: &mut Builder<'_>) {
    for member in &builder.spec().control_plane.members {
        add_member(builder, member);
    }
}

fn add_member(builder: &mut Builder<'_>, member: &Member) {
    let spec = &builder.spec().control_plane;
    let thing = thing(member);
    let zone = builder.zone(&member.subnet);
    let extra = |tags: Tags| -> Tags { tags.into_iter().chain(spec.tags.clone()).collect() };

    let mut security_groups = vec![Reference::to(Kind::SecurityGroup, security::CONTROL_PLANE)];
    security_groups.extend(spec.additional_security_groups.iter().map(|id| Reference::Id(id.to_string())));
    security_groups.sort();
    let interface = NetworkInterface {
        subnet: builder.subnet(&member.subnet),
        security_groups,
        private_address: member.address,
        description: format!("windlass: control-plane member {} of {}", member.name, builder.name()),
        tags: tags::owned(builder, &thing),
    };
    let interface = builder.add(thing.as_str(), interface);

    let etcd = &spec.volumes.etcd;
    let data = Volume {
        zone: zone.clone(),
        size: etcd.size,
        volume_type: etcd.volume_type.as_str().to_owned(),
        iops: etcd.iops,
        throughput: etcd.throughput,
        encrypted: true,
        kms_key: etcd.kms_key.clone(),
        tags: extra(tags::owned(builder, &volume(member))),
    };
    builder.add(volume(member), data);

    let user_data = bootstrap::member(builder, member);
    let Some(image) = builder.image(&spec.image) else { return };
    let template = LaunchTemplate {
        name: names::name(&thing, builder.name(), names::TEMPLATE_LIMIT),
        image: image.id.clone(),
        machine_type: Some(spec.machine_type.to_string()),
        instance_profile: Reference::to(Kind::InstanceProfile, access::CONTROL_PLANE),
        network: LaunchNetwork::Interface(interface),
        block_devices: vec![launch::root(image, &spec.volumes.root)],
        metadata_options: launch::METADATA,
        user_data,
        detailed_monitoring: spec.detailed_instance_monitoring,
        instance_tags: extra(tags::owned(builder, &thing)),
        volume_tags: extra(tags::owned(builder, &thing)),
        tags: tags::plain(builder, &thing),
    };
    let launch_template = builder.add(thing.as_str(), template);
    builder.add(thing.as_str(), group(builder, &thing, launch_template, zone));
}

fn group(builder: &Builder<'_>, thing: &str, launch_template: Reference, zone: String) -> AutoScalingGroup {
    let tags: BTreeMap<String, GroupTag> = tags::owned(builder, thing)
        .into_iter()
        // The template tags the instances.
        .map(|(key, value)| (key, GroupTag { value, propagate: false }))
        .collect();
    AutoScalingGroup {
        name: names::name(thing, builder.name(), names::GROUP_LIMIT),
        launch_template,
        mixed_instances: None,
        min_size: 1,
        max_size: 1,
        // A template that brings its own interface brings its subnet (Auto Scaling user guide, "Create a launch template
        // for a group: network settings").
        placement: Placement::Zones(vec![zone]),
        target_groups: api::target_group(builder).into_iter().collect(),
        health_check_type: HealthCheckType::Ec2,
        health_check_grace_period: GRACE,
        capacity_rebalance: false,
        termination_policies: vec![String::from("Default")],
        max_instance_lifetime: 0,
        suspended_processes: BTreeSet::new(),
        warm_pool: None,
        tags,
    }
}
