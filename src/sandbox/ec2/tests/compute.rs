//! Volumes, launch templates, instances.

use aws_sdk_ec2::types::{
    IamInstanceProfileSpecification, InstanceStateName, InstanceType, LaunchTemplateHttpTokensState,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateInstanceNetworkInterfaceSpecificationRequest,
    LaunchTemplateSpecification, RequestLaunchTemplateData, ResourceType, VolumeState, VolumeType,
};

use super::super::super::seed::Seed;
use super::super::super::world::World;
use super::super::{CapacityLimit, Purchase};
use super::*;

const IMAGE: &str = "ami-0330600000000000a";
const SUBNET: &str = "subnet-0bb0000000000000a";

/// Clients of the example fleet's account.
fn seeded() -> Clients {
    let seed = Seed::example();
    let mut world = World::from_seed(&seed, seed.clock);
    world.behaviour.throttling = false;
    clients_of(world)
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_made_once_and_kept_while_it_is_attached() {
    let ec2 = clients().ec2();
    let create = || ec2.create_volume().availability_zone("eu-west-3a").volume_type(VolumeType::Gp3).client_token("v");
    let made = create().size(20).send().await.expect("made");
    assert_eq!(made.state(), Some(&VolumeState::Creating));
    assert_eq!((made.iops(), made.throughput()), (Some(3000), Some(125)));
    let again = create().size(20).send().await.expect("the same");
    assert_eq!(again.volume_id(), made.volume_id());
    assert_eq!(code(create().size(21).send().await), "IdempotentParameterMismatch");
    let wrong = ec2.create_volume().availability_zone("eu-west-3z").size(1).send().await;
    assert_eq!(code(wrong), "InvalidZone.NotFound");
    let id = made.volume_id().expect("an id");
    assert_eq!(code(ec2.modify_volume().volume_id(id).size(10).send().await), "InvalidParameterValue");
    ec2.modify_volume().volume_id(id).size(30).send().await.expect("grown");
    let shown = ec2.describe_volumes().volume_ids(id).send().await.expect("shown");
    assert_eq!(shown.volumes()[0].size(), Some(30));
    ec2.delete_volume().volume_id(id).send().await.expect("deleted");
    assert_eq!(code(ec2.delete_volume().volume_id(id).send().await), "InvalidVolume.NotFound");
}

fn data() -> aws_sdk_ec2::types::builders::RequestLaunchTemplateDataBuilder {
    RequestLaunchTemplateData::builder().image_id(IMAGE).instance_type(InstanceType::M5Large)
}

#[tokio::test(start_paused = true)]
async fn a_launch_template_keeps_its_versions() {
    let ec2 = clients().ec2();
    let create = |token: &str| {
        let call = ec2.create_launch_template().launch_template_name("spot.prod").client_token(token);
        call.launch_template_data(data().user_data("aGVsbG8=").build()).send()
    };
    let made = create("one").await.expect("made");
    let id = made.launch_template().and_then(|it| it.launch_template_id()).expect("an id").to_owned();
    let again = create("one").await.expect("the same");
    assert_eq!(again.launch_template().and_then(|it| it.launch_template_id()), Some(id.as_str()));
    assert_eq!(code(create("two").await), "InvalidLaunchTemplateName.AlreadyExistsException");
    let version = || {
        let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
            .http_tokens(LaunchTemplateHttpTokensState::Required)
            .http_put_response_hop_limit(1)
            .build();
        let changed =
            RequestLaunchTemplateData::builder().instance_type(InstanceType::M5Xlarge).metadata_options(metadata);
        let call = ec2.create_launch_template_version().launch_template_id(&id).client_token("v2");
        call.source_version("1").launch_template_data(changed.build())
    };
    let second = version().send().await.expect("a version");
    let second = second.launch_template_version().expect("one");
    assert_eq!(second.version_number(), Some(2));
    let shown = second.launch_template_data().expect("data");
    assert_eq!((shown.image_id(), shown.user_data()), (Some(IMAGE), Some("aGVsbG8=")), "from the source version");
    let repeated = version().send().await.expect("the same");
    assert_eq!(repeated.launch_template_version().and_then(|it| it.version_number()), Some(2));
    ec2.modify_launch_template().launch_template_id(&id).default_version("2").send().await.expect("changed");
    let delete = |number: &str| ec2.delete_launch_template_versions().launch_template_id(&id).versions(number).send();
    let refused = delete("2").await.expect("an answer");
    assert_eq!(refused.unsuccessfully_deleted_launch_template_versions().len(), 1);
    let done = delete("1").await.expect("an answer");
    assert_eq!(done.successfully_deleted_launch_template_versions().len(), 1);
    let defaults = ec2.describe_launch_template_versions().versions("$Default").send().await.expect("all defaults");
    assert_eq!(defaults.launch_template_versions()[0].version_number(), Some(2));
    let missing = ec2.describe_launch_templates().launch_template_names("other").send().await;
    assert_eq!(code(missing), "InvalidLaunchTemplateName.NotFoundException");
}

#[tokio::test(start_paused = true)]
async fn an_instance_lives_from_pending_to_terminated_and_is_forgotten() {
    let ec2 = seeded().ec2();
    let run = || ec2.run_instances().image_id(IMAGE).instance_type(InstanceType::M5Large).subnet_id(SUBNET);
    let made = run().min_count(1).max_count(3).client_token("r").send().await.expect("launched");
    assert_eq!(made.instances().len(), 3);
    let again = run().min_count(1).max_count(3).client_token("r").send().await.expect("the same");
    assert_eq!(again.reservation_id(), made.reservation_id());
    let id = made.instances()[0].instance_id().expect("an id").to_owned();
    let state = || async {
        let shown = ec2.describe_instances().instance_ids(&id).send().await.expect("shown");
        shown.reservations()[0].instances()[0].state().and_then(|it| it.name()).cloned().expect("a state")
    };
    assert_eq!(state().await, InstanceStateName::Pending);
    wait(25).await;
    assert_eq!(state().await, InstanceStateName::Running);
    let volumes = ec2.describe_volumes().filters(filter("attachment.instance-id", &id)).send().await.expect("shown");
    let volume = volumes.volumes()[0].volume_id().expect("an id");
    assert_eq!(code(ec2.delete_volume().volume_id(volume).send().await), "VolumeInUse");
    assert_eq!(code(ec2.delete_subnet().subnet_id(SUBNET).send().await), "DependencyViolation");
    let ended = ec2.terminate_instances().instance_ids(&id).send().await.expect("ending");
    let current = ended.terminating_instances()[0].current_state().and_then(|it| it.name());
    assert_eq!(current, Some(&InstanceStateName::ShuttingDown));
    wait(60).await;
    assert_eq!(state().await, InstanceStateName::Terminated);
    let volumes = ec2.describe_volumes().filters(filter("volume-id", volume)).send().await.expect("shown");
    assert!(volumes.volumes().is_empty());
    wait(3700).await;
    assert_eq!(code(ec2.describe_instances().instance_ids(&id).send().await), "InvalidInstanceID.NotFound");
}

#[tokio::test(start_paused = true)]
async fn wrong_launches_are_refused() {
    let clients = seeded();
    let ec2 = clients.ec2();
    let run = || ec2.run_instances().min_count(1).max_count(1).subnet_id(SUBNET);
    let image = run().image_id("ami-00000000000000000").instance_type(InstanceType::M5Large);
    assert_eq!(code(image.send().await), "InvalidAMIID.NotFound");
    let unknown = run().image_id(IMAGE).instance_type(InstanceType::from("m99.large"));
    assert_eq!(code(unknown.send().await), "InvalidParameterValue");
    let arm = run().image_id(IMAGE).instance_type(InstanceType::M6gLarge);
    assert_eq!(code(arm.send().await), "InvalidParameterValue");
    let profile = IamInstanceProfileSpecification::builder().name("nobody").build();
    let profile = run().image_id(IMAGE).instance_type(InstanceType::M5Large).iam_instance_profile(profile);
    assert_eq!(code(profile.send().await), "InvalidParameterValue");
    clients
        .sandbox
        .with_world(|world| {
            world.ec2.capacity.push(CapacityLimit {
                instance_type: "m5.*".to_owned(),
                zone: "eu-west-3a".to_owned(),
                purchase: Some(Purchase::OnDemand),
                at_most: 1,
            });
        })
        .expect("a world");
    let two = ec2.run_instances().image_id(IMAGE).instance_type(InstanceType::M5Large).subnet_id(SUBNET);
    assert_eq!(code(two.min_count(2).max_count(2).send().await), "InsufficientInstanceCapacity");
    let none = ec2.describe_instances().send().await.expect("a list");
    assert!(none.reservations().is_empty(), "nothing of a refused launch stays: {none:?}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_takes_over_an_interface_and_leaves_it_behind() {
    let ec2 = seeded().ec2();
    let made = ec2.create_network_interface().subnet_id(SUBNET).send().await.expect("made");
    let made = made.network_interface().expect("one");
    let interface = made.network_interface_id().expect("an id");
    let network = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .network_interface_id(interface)
        .build();
    let tags = aws_sdk_ec2::types::LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::Instance)
        .tags(aws_sdk_ec2::types::Tag::builder().key("role").value("member").build())
        .build();
    let template = data().network_interfaces(network).tag_specifications(tags).build();
    let template = ec2.create_launch_template().launch_template_name("member").launch_template_data(template);
    template.send().await.expect("a template");
    let specification =
        LaunchTemplateSpecification::builder().launch_template_name("member").version("$Latest").build();
    let run = || ec2.run_instances().launch_template(specification.clone()).min_count(1).max_count(1);
    let launched = run().send().await.expect("launched");
    let instance = &launched.instances()[0];
    assert_eq!(instance.private_ip_address(), made.private_ip_address());
    let tag = |key: &str| {
        let found = instance.tags().iter().find(|it| it.key() == Some(key));
        found.and_then(|it| it.value()).map(str::to_owned)
    };
    assert_eq!(tag("role").as_deref(), Some("member"));
    assert_eq!(tag("aws:ec2launchtemplate:version").as_deref(), Some("1"));
    assert_eq!(code(run().send().await), "InvalidNetworkInterface.InUse");
    let delete = ec2.delete_network_interface().network_interface_id(interface).send().await;
    assert_eq!(code(delete), "InvalidNetworkInterface.InUse");
    wait(30).await;
    ec2.terminate_instances().instance_ids(instance.instance_id().expect("an id")).send().await.expect("ending");
    wait(60).await;
    ec2.delete_network_interface().network_interface_id(interface).send().await.expect("it stayed, and is free");
}

#[tokio::test(start_paused = true)]
async fn instance_types_and_offerings_are_those_of_the_region() {
    let clients = seeded();
    let ec2 = clients.ec2();
    let shown = ec2.describe_instance_types().instance_types(InstanceType::R5Xlarge).send().await.expect("shown");
    let shown = &shown.instance_types()[0];
    assert_eq!(shown.v_cpu_info().and_then(|it| it.default_v_cpus()), Some(4));
    assert_eq!(shown.memory_info().and_then(|it| it.size_in_mib()), Some(32768));
    let only = vec!["eu-west-3a".to_owned()];
    let limit = |world: &mut World| world.ec2.offered_only_in.insert("m7i.large".to_owned(), only);
    clients.sandbox.with_world(limit).expect("a world");
    let offerings = ec2
        .describe_instance_type_offerings()
        .location_type(aws_sdk_ec2::types::LocationType::AvailabilityZone)
        .filters(filter("instance-type", "m7i.large"));
    let offerings = offerings.send().await.expect("shown");
    assert_eq!(offerings.instance_type_offerings().len(), 1);
    let unknown = ec2.describe_instance_types().instance_types(InstanceType::from("m99.large")).send().await;
    assert_eq!(code(unknown), "InvalidInstanceType");
}
