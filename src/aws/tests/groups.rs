//! What a roll reads and changes of groups, against the sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_autoscaling::types as sdk;

use super::{UID, cluster, sandboxed};
use crate::aws::{
    Aws, Bounds, Error, GroupsWanted, KnownMachines, Termination, activities, capacity_failures, groups_view,
    offerings, resize, resume, suspend, terminate,
};
use crate::health::{CapacityReason, Group};
use crate::sandbox::Sandbox;
use crate::sandbox::ec2::{CapacityLimit, Image};

const GROUP: &str = "nodes.a.example.com";

fn wanted() -> GroupsWanted {
    GroupsWanted {
        cluster: cluster(),
        uid: Some(UID.into()),
        roles: BTreeMap::new(),
        fallbacks: BTreeMap::from([("nodes".into(), "other".into())]),
    }
}

/// A group of two nodes, made with the plain clients: what is tested here is what windlass sees of it.
async fn stage() -> (Aws, Sandbox, String) {
    let (aws, sandbox) = sandboxed().await;
    let vpc = aws.ec2().create_vpc().cidr_block("10.0.0.0/16").send().await.expect("a VPC");
    let vpc = vpc.vpc().and_then(|it| it.vpc_id()).expect("an id").to_owned();
    let subnet = aws.ec2().create_subnet().vpc_id(vpc).cidr_block("10.0.0.0/20").availability_zone("eu-west-3a");
    let subnet = subnet.send().await.expect("a subnet");
    let subnet = subnet.subnet().and_then(|it| it.subnet_id()).expect("an id").to_owned();
    let image = image(&sandbox);
    let data = template_data(&image, "m5.large");
    let tags = [("windlass.dev/cluster", "a.example.com"), ("windlass.dev/uid", UID)];
    let tag = |(key, value): (&str, &str)| aws_sdk_ec2::types::Tag::builder().key(key).value(value).build();
    let specification = aws_sdk_ec2::types::TagSpecification::builder()
        .resource_type(aws_sdk_ec2::types::ResourceType::LaunchTemplate)
        .set_tags(Some(tags.map(tag).to_vec()))
        .build();
    let made = aws.ec2().create_launch_template().launch_template_name("nodes").launch_template_data(data);
    let made = made.tag_specifications(specification).send().await.expect("a template");
    let template = made.launch_template().and_then(|it| it.launch_template_id()).expect("an id").to_owned();
    let group_tag = |(key, value): (&str, &str), propagate: bool| {
        sdk::Tag::builder().key(key).value(value).propagate_at_launch(propagate).build()
    };
    let launch = sdk::LaunchTemplateSpecification::builder().launch_template_id(&template).version("$Default").build();
    aws.auto_scaling()
        .create_auto_scaling_group()
        .auto_scaling_group_name(GROUP)
        .launch_template(launch)
        .min_size(1)
        .max_size(4)
        .desired_capacity(2)
        .vpc_zone_identifier(subnet)
        .tags(group_tag(tags[0], true))
        .tags(group_tag(tags[1], false))
        .tags(group_tag(("windlass.dev/address", "auto-scaling-group/nodes"), false))
        .send()
        .await
        .expect("a group");
    tokio::time::sleep(Duration::from_secs(120)).await;
    (aws, sandbox, template)
}

fn image(sandbox: &Sandbox) -> String {
    let put = |world: &mut crate::sandbox::World| {
        let image = Image {
            id: String::from("ami-0123456789abcdef0"),
            name: String::from("node"),
            owner: world.account.clone(),
            architecture: String::from("x86_64"),
            root_device: String::from("/dev/xvda"),
            root_size: 8,
            snapshot: world.new_id("snap"),
            created_at: world.now,
            tags: BTreeMap::new(),
        };
        world.ec2.images.insert(image.id.clone(), image);
    };
    sandbox.with_world(put).expect("a world in memory");
    String::from("ami-0123456789abcdef0")
}

fn template_data(image: &str, machine_type: &str) -> aws_sdk_ec2::types::RequestLaunchTemplateData {
    aws_sdk_ec2::types::RequestLaunchTemplateData::builder().image_id(image).instance_type(machine_type.into()).build()
}

async fn look(aws: &Aws) -> Group {
    let mut groups = groups_view(aws, &wanted(), &mut KnownMachines::default()).await.expect("a view");
    groups.remove("nodes").expect("the group")
}

#[tokio::test(start_paused = true)]
async fn groups_of_another_uid_are_not_seen() {
    let (aws, ..) = stage().await;
    let other = GroupsWanted { uid: Some("f".repeat(32)), ..wanted() };
    assert!(groups_view(&aws, &other, &mut KnownMachines::default()).await.expect("a view").is_empty());
}

#[tokio::test(start_paused = true)]
async fn changes_may_be_repeated_and_touch_nothing_else() {
    let (aws, ..) = stage().await;
    let processes = BTreeSet::from(["AZRebalance".to_owned()]);
    for _ in 0..2 {
        suspend(&aws, GROUP, &processes).await.expect("suspended");
        resize(&aws, GROUP, Bounds { desired: Some(5), max: Some(6) }).await.expect("resized");
    }
    let group = look(&aws).await;
    assert_eq!((group.min, group.desired, group.max), (1, 5, 6));
    assert_eq!(group.suspended, processes);
    for _ in 0..2 {
        resume(&aws, GROUP, &processes).await.expect("resumed");
    }
    let before = aws.calls().total();
    resize(&aws, GROUP, Bounds::default()).await.expect("nothing to do");
    resume(&aws, GROUP, &BTreeSet::new()).await.expect("nothing to do");
    assert_eq!(aws.calls().total(), before);
    assert!(look(&aws).await.suspended.is_empty());
    assert!(resize(&aws, GROUP, Bounds { desired: Some(9), max: None }).await.is_err(), "above the maximum");
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_ended_once_and_replaced() {
    let (aws, ..) = stage().await;
    let id = look(&aws).await.machines.into_keys().next().expect("a machine");
    assert!(terminate(&aws, &id, Termination::Replace).await.expect("ended"));
    assert!(!terminate(&aws, &id, Termination::Replace).await.expect("a repeat is a success"));
    tokio::time::sleep(Duration::from_secs(600)).await;
    terminate(&aws, &id, Termination::Replace).await.expect("what is gone is a success");
    let group = look(&aws).await;
    assert_eq!((group.desired, group.machines.len(), group.machines.contains_key(&id)), (2, 2, false));
}

#[tokio::test(start_paused = true)]
async fn a_group_at_its_minimum_says_so() {
    let (aws, ..) = stage().await;
    let ids: Vec<String> = look(&aws).await.machines.into_keys().collect();
    terminate(&aws, &ids[0], Termination::Shrink).await.expect("one above the minimum");
    let refused = terminate(&aws, &ids[1], Termination::Shrink).await.expect_err("at the minimum");
    assert!(matches!(&refused, Error::AtMinimum { instance } if *instance == ids[1]), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_capacity_is_seen_with_its_reason_and_zone() {
    let (aws, sandbox, _) = stage().await;
    let since = aws.clock().now();
    let limit = CapacityLimit { instance_type: "*".into(), zone: "eu-west-3a".into(), purchase: None, at_most: 0 };
    sandbox.with_world(|world| world.ec2.capacity.push(limit)).expect("a world");
    resize(&aws, GROUP, Bounds { desired: Some(3), max: None }).await.expect("resized");
    tokio::time::sleep(Duration::from_secs(30)).await;
    let groups = BTreeSet::from([GROUP.to_owned()]);
    let failures = capacity_failures(&activities(&aws, &groups, since).await.expect("activities"));
    let failure = failures.first().expect("a failure");
    assert_eq!(failure.reason, CapacityReason::NoCapacity, "{}", failure.message);
    assert_eq!(failure.zone.as_deref(), Some("eu-west-3a"));
    assert_eq!(failure.machine_type.as_deref(), Some("m5.large"), "{}", failure.message);
    let none = activities(&aws, &groups, aws.clock().now() + Duration::from_secs(60)).await.expect("activities");
    assert!(none.is_empty(), "all are older");
    let others = activities(&aws, &BTreeSet::from(["x".to_owned()]), since).await.expect("activities");
    assert!(others.is_empty(), "another group's are not told");
}

#[tokio::test(start_paused = true)]
async fn offers_are_told_by_zone_and_an_unknown_type_has_none() {
    let (aws, _) = sandboxed().await;
    let types = BTreeSet::from(["m5.large".to_owned(), "x9.huge".to_owned()]);
    let before = aws.calls().total();
    let zones = offerings(&aws, &types).await.expect("offers");
    assert!(zones["m5.large"].contains("eu-west-3a"));
    assert!(zones["x9.huge"].is_empty());
    assert_eq!(aws.calls().total() - before, 1);
}
