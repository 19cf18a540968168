use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_autoscaling::types::{
    AutoScalingGroup, InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    MixedInstancesPolicy, ScalingActivityStatusCode, Tag,
};
use aws_sdk_ec2::types::{InstanceType, RequestLaunchTemplateData};

use crate::sandbox::ec2::{CapacityLimit, Purchase};
use crate::sandbox::seed::Seed;
use crate::sandbox::tests::{Clients, clients_of, code};
use crate::sandbox::world::World;

struct Stage {
    clients: Clients,
    groups: aws_sdk_autoscaling::Client,
    subnets: String,
}

/// The example's account with a launch template `nodes`, and a subnet in each zone.
async fn stage() -> Stage {
    let seed = Seed::example();
    let mut world = World::from_seed(&seed, seed.clock);
    world.behaviour.throttling = false;
    let image = world.ec2.images.keys().next().expect("an image").clone();
    let mut zones = BTreeMap::new();
    for subnet in world.ec2.subnets.values() {
        zones.entry(subnet.zone.clone()).or_insert_with(|| subnet.id.clone());
    }
    let subnets = zones.into_values().collect::<Vec<_>>().join(",");
    let clients = clients_of(world);
    let data = RequestLaunchTemplateData::builder().image_id(image).instance_type(InstanceType::M5Large).build();
    let request = clients.ec2().create_launch_template().launch_template_name("nodes").launch_template_data(data);
    request.send().await.expect("a template");
    let groups = aws_sdk_autoscaling::Client::new(clients.configuration());
    Stage { clients, groups, subnets }
}

fn template() -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder().launch_template_name("nodes").version("$Default").build()
}

impl Stage {
    async fn create(&self, name: &str, desired: i32) {
        let tag = Tag::builder().key("role").value("node").propagate_at_launch(true).build();
        let request = self.groups.create_auto_scaling_group().auto_scaling_group_name(name).launch_template(template());
        let request = request.min_size(0).max_size(10).desired_capacity(desired).vpc_zone_identifier(&self.subnets);
        request.tags(tag).send().await.expect("a group");
    }

    async fn create_mixed(&self, name: &str, base: i32, percentage: i32, desired: i32) {
        let overrides =
            ["m5.large", "m6i.large"].map(|it| LaunchTemplateOverrides::builder().instance_type(it).build());
        let launch = LaunchTemplate::builder()
            .launch_template_specification(template())
            .set_overrides(Some(overrides.to_vec()))
            .build();
        let distribution = InstancesDistribution::builder()
            .on_demand_base_capacity(base)
            .on_demand_percentage_above_base_capacity(percentage)
            .spot_allocation_strategy("capacity-optimized")
            .build();
        let policy =
            MixedInstancesPolicy::builder().launch_template(launch).instances_distribution(distribution).build();
        let request = self.groups.create_auto_scaling_group().auto_scaling_group_name(name);
        let request = request.mixed_instances_policy(policy).min_size(0).max_size(10).desired_capacity(desired);
        request.vpc_zone_identifier(&self.subnets).send().await.expect("a group");
    }

    async fn group(&self, name: &str) -> AutoScalingGroup {
        let answer = self.groups.describe_auto_scaling_groups().auto_scaling_group_names(name).send().await;
        answer.expect("an answer").auto_scaling_groups.expect("groups").pop().expect("the group")
    }

    /// Instances in service by zone.
    async fn zones(&self, name: &str) -> BTreeMap<String, usize> {
        let mut zones = BTreeMap::new();
        for it in self
            .group(name)
            .await
            .instances()
            .iter()
            .filter(|it| it.lifecycle_state().is_some_and(|it| it.as_str() == "InService"))
        {
            *zones.entry(it.availability_zone().unwrap_or_default().to_owned()).or_default() += 1;
        }
        zones
    }

    async fn in_service(&self, name: &str) -> usize {
        self.zones(name).await.values().sum()
    }

    fn limit(&self, zone: &str, purchase: Option<Purchase>, at_most: u32) {
        let limit = CapacityLimit { instance_type: "*".to_owned(), zone: zone.to_owned(), purchase, at_most };
        self.clients.sandbox.with_world(|world| world.ec2.capacity.push(limit)).expect("a world");
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_launches_in_balance_and_tags_what_it_launches() {
    let stage = stage().await;
    stage.create("g", 6).await;
    assert_eq!(stage.in_service("g").await, 0, "nothing happens at once");
    pass(60).await;
    assert_eq!(stage.zones("g").await.into_values().collect::<Vec<_>>(), [2, 2, 2]);
    let group = stage.group("g").await;
    let id = group.instances()[0].instance_id().expect("an id");
    let seen = stage.clients.ec2().describe_instances().instance_ids(id).send().await.expect("instances");
    let tags = seen.reservations()[0].instances()[0].tags().iter();
    let tags: BTreeMap<_, _> = tags.map(|it| (it.key().unwrap_or_default(), it.value().unwrap_or_default())).collect();
    assert_eq!(
        (tags["role"], tags["aws:autoscaling:groupName"], tags["aws:ec2launchtemplate:version"]),
        ("node", "g", "1")
    );
    let template = group.instances()[0].launch_template().and_then(|it| it.version());
    assert_eq!(template, Some("1"));
}

#[tokio::test(start_paused = true)]
async fn the_on_demand_share_is_kept_when_a_group_grows() {
    let stage = stage().await;
    stage.create_mixed("g", 1, 33, 5).await;
    pass(60).await;
    let group = stage.group("g").await;
    let spot = stage
        .clients
        .sandbox
        .with_world(|world| world.ec2.instances.values().filter(|it| it.spot_request.is_some()).count());
    assert_eq!((group.instances().len(), spot.expect("a world")), (5, 2));
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_capacity_is_said_and_the_others_are_used() {
    let stage = stage().await;
    stage.limit("eu-west-3a", None, 0);
    stage.create("g", 2).await;
    pass(60).await;
    assert_eq!(stage.in_service("g").await, 2);
    assert!(!stage.zones("g").await.contains_key("eu-west-3a"));
    let log = stage.groups.describe_scaling_activities().auto_scaling_group_name("g").send().await.expect("a log");
    let failed: Vec<_> =
        log.activities().iter().filter(|it| it.status_code() == Some(&ScalingActivityStatusCode::Failed)).collect();
    assert!(!failed.is_empty());
    let message = failed[0].status_message().unwrap_or_default();
    assert!(message.ends_with("Launching EC2 instance failed."), "{message}");
    assert!(failed[0].details().unwrap_or_default().contains("eu-west-3a"));
}

#[tokio::test(start_paused = true)]
async fn spot_that_runs_out_is_tried_again_until_there_is_some() {
    let stage = stage().await;
    stage.limit("*", Some(Purchase::Spot), 0);
    stage.create_mixed("g", 0, 0, 2).await;
    pass(300).await;
    assert_eq!(stage.in_service("g").await, 0);
    let log = stage.groups.describe_scaling_activities().auto_scaling_group_name("g").send().await.expect("a log");
    let message = log.activities()[0].status_message().unwrap_or_default();
    assert!(message.starts_with("Could not launch Spot Instances. InsufficientInstanceCapacity - "), "{message}");
    stage.clients.sandbox.with_world(|world| world.ec2.capacity.clear()).expect("a world");
    pass(400).await;
    assert_eq!(stage.in_service("g").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_terminated_instance_is_replaced_unless_a_process_is_suspended() {
    let stage = stage().await;
    stage.create("g", 2).await;
    pass(60).await;
    let suspend =
        |process: &str| stage.groups.suspend_processes().auto_scaling_group_name("g").scaling_processes(process).send();
    assert_eq!(code(suspend("Sleep").await), "ValidationError");
    suspend("Launch").await.expect("suspended");
    let first = stage.group("g").await.instances()[0].instance_id().expect("an id").to_owned();
    stage.clients.ec2().terminate_instances().instance_ids(&first).send().await.expect("terminated");
    pass(300).await;
    assert_eq!(stage.in_service("g").await, 1);
    stage.groups.resume_processes().auto_scaling_group_name("g").send().await.expect("resumed");
    pass(60).await;
    assert_eq!(stage.in_service("g").await, 2);
    assert!(stage.group("g").await.instances().iter().all(|it| it.instance_id() != Some(&first)));
}

#[tokio::test(start_paused = true)]
async fn ending_an_instance_replaces_it_or_shrinks_the_group_but_never_below_the_minimum() {
    let stage = stage().await;
    stage.create("g", 3).await;
    pass(60).await;
    let id = |group: AutoScalingGroup| group.instances()[0].instance_id().expect("an id").to_owned();
    let end = |id: String, shrink| {
        let request = stage.groups.terminate_instance_in_auto_scaling_group().instance_id(id);
        request.should_decrement_desired_capacity(shrink).send()
    };
    end(id(stage.group("g").await), true).await.expect("ended");
    pass(120).await;
    let group = stage.group("g").await;
    assert_eq!((group.desired_capacity(), group.instances().len()), (Some(2), 2));
    end(id(group), false).await.expect("ended");
    pass(120).await;
    assert_eq!(stage.in_service("g").await, 2);
    stage.groups.update_auto_scaling_group().auto_scaling_group_name("g").min_size(2).send().await.expect("updated");
    assert_eq!(code(end(id(stage.group("g").await), true).await), "ValidationError");
    assert_eq!(code(end("i-0123456789abcdef0".to_owned(), true).await), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn protected_instances_survive_a_scale_in_and_detached_ones_live_on() {
    let stage = stage().await;
    stage.create("g", 3).await;
    pass(60).await;
    let ids: Vec<String> =
        stage.group("g").await.instances().iter().filter_map(|it| it.instance_id().map(str::to_owned)).collect();
    let protect = stage.groups.set_instance_protection().auto_scaling_group_name("g").instance_ids(&ids[0]);
    protect.protected_from_scale_in(true).send().await.expect("protected");
    let shrink = |to| stage.groups.set_desired_capacity().auto_scaling_group_name("g").desired_capacity(to).send();
    assert_eq!(code(shrink(11).await), "ValidationError");
    shrink(1).await.expect("set");
    pass(120).await;
    let left = stage.group("g").await;
    assert_eq!(left.instances().iter().filter_map(|it| it.instance_id()).collect::<Vec<_>>(), [ids[0].as_str()]);
    let detach = || {
        let request = stage.groups.detach_instances().auto_scaling_group_name("g").instance_ids(&ids[0]);
        request.should_decrement_desired_capacity(true).send()
    };
    detach().await.expect("detached");
    assert_eq!(code(detach().await), "ValidationError");
    pass(120).await;
    let seen = stage.clients.ec2().describe_instances().instance_ids(&ids[0]).send().await.expect("instances");
    let state = seen.reservations()[0].instances()[0].state().and_then(|it| it.name()).map(|it| it.as_str().to_owned());
    assert_eq!(state.as_deref(), Some("running"));
    assert_eq!(stage.in_service("g").await, 0);
}

#[tokio::test(start_paused = true)]
async fn scheduled_actions_run_at_their_time_in_their_zone() {
    let stage = stage().await;
    stage.create("g", 0).await;
    let put = |name: &str, cron: &str| {
        let request =
            stage.groups.put_scheduled_update_group_action().auto_scaling_group_name("g").scheduled_action_name(name);
        request.recurrence(cron).time_zone("Europe/Paris").desired_capacity(2).send()
    };
    assert_eq!(code(put("bad", "every day").await), "ValidationError");
    put("morning", "0 7 * * *").await.expect("put");
    let actions = stage.groups.describe_scheduled_actions().auto_scaling_group_name("g").send().await.expect("actions");
    let action = &actions.scheduled_update_group_actions()[0];
    assert_eq!((action.recurrence(), action.time_zone()), (Some("0 7 * * *"), Some("Europe/Paris")));
    let before = stage.clients.sandbox.with_world(|world| world.now).expect("a world").as_second();
    let at = action.start_time().expect("a time").secs();
    assert!(at > before && at - before <= 86_400);
    pass(u64::try_from(at - before).expect("in the future") - 5).await;
    assert_eq!(stage.group("g").await.desired_capacity(), Some(0));
    pass(90).await;
    assert_eq!(stage.in_service("g").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_deleted_when_empty_or_by_force_with_its_instances() {
    let stage = stage().await;
    stage.create("g", 2).await;
    pass(60).await;
    let delete =
        |force| stage.groups.delete_auto_scaling_group().auto_scaling_group_name("g").force_delete(force).send();
    assert_eq!(code(delete(false).await), "ResourceInUse");
    delete(true).await.expect("deleted");
    pass(120).await;
    let left = stage.groups.describe_auto_scaling_groups().send().await.expect("groups");
    assert!(left.auto_scaling_groups().is_empty());
    let alive = stage
        .clients
        .sandbox
        .with_world(|world| world.ec2.instances.values().filter(|it| it.phase.name_and_code().0 == "running").count());
    assert_eq!(alive.expect("a world"), 0);
    assert_eq!(code(delete(true).await), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn requests_that_make_no_sense_are_validation_errors() {
    let stage = stage().await;
    stage.create("g", 0).await;
    let create = |name: &str| {
        let request =
            stage.groups.create_auto_scaling_group().auto_scaling_group_name(name).launch_template(template());
        request.min_size(1).max_size(1).vpc_zone_identifier(&stage.subnets)
    };
    assert_eq!(code(create("g").send().await), "AlreadyExists");
    assert_eq!(code(create("h").max_size(0).send().await), "ValidationError");
    assert_eq!(code(create("h").desired_capacity(2).send().await), "ValidationError");
    assert_eq!(code(create("h").vpc_zone_identifier("subnet-0123456789abcdef0").send().await), "ValidationError");
    assert_eq!(code(create("h").target_group_arns("arn:none").send().await), "ValidationError");
    let unknown = LaunchTemplateSpecification::builder().launch_template_name("none").build();
    assert_eq!(code(create("h").launch_template(unknown).send().await), "ValidationError");
    let update = stage.groups.update_auto_scaling_group().auto_scaling_group_name("none").min_size(1);
    assert_eq!(code(update.send().await), "ValidationError");
    let all = stage.groups.describe_auto_scaling_groups().max_records(101);
    assert_eq!(code(all.send().await), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn an_unbalanced_group_is_rebalanced_unless_that_is_suspended() {
    let stage = stage().await;
    stage.limit("eu-west-3a", None, 0);
    stage.create("g", 6).await;
    pass(60).await;
    assert_eq!(stage.zones("g").await.into_values().collect::<Vec<_>>(), [3, 3]);
    let processes = || stage.groups.suspend_processes().auto_scaling_group_name("g").scaling_processes("AZRebalance");
    processes().send().await.expect("suspended");
    stage.clients.sandbox.with_world(|world| world.ec2.capacity.clear()).expect("a world");
    pass(1200).await;
    assert_eq!(stage.zones("g").await.len(), 2);
    stage.groups.resume_processes().auto_scaling_group_name("g").send().await.expect("resumed");
    pass(1800).await;
    assert_eq!(stage.zones("g").await.into_values().collect::<Vec<_>>(), [2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_launch_hook_holds_instances_until_somebody_answers() {
    let stage = stage().await;
    stage.create("g", 0).await;
    let hook = stage.groups.put_lifecycle_hook().auto_scaling_group_name("g").lifecycle_hook_name("h");
    let hook = hook.lifecycle_transition("autoscaling:EC2_INSTANCE_LAUNCHING").heartbeat_timeout(600);
    hook.send().await.expect("put");
    stage.groups.set_desired_capacity().auto_scaling_group_name("g").desired_capacity(1).send().await.expect("set");
    pass(60).await;
    let group = stage.group("g").await;
    assert_eq!(
        group.instances()[0].lifecycle_state().map(|it| it.as_str().to_owned()).as_deref(),
        Some("Pending:Wait")
    );
    let answer = stage.groups.complete_lifecycle_action().auto_scaling_group_name("g").lifecycle_hook_name("h");
    let answer =
        answer.instance_id(group.instances()[0].instance_id().expect("an id")).lifecycle_action_result("CONTINUE");
    answer.send().await.expect("answered");
    assert_eq!(stage.in_service("g").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_warm_pool_waits_stopped_and_is_used_first() {
    let stage = stage().await;
    stage.create("g", 1).await;
    let pool = stage.groups.put_warm_pool().auto_scaling_group_name("g").min_size(1).max_group_prepared_capacity(2);
    pool.send().await.expect("put");
    pass(180).await;
    let shown = stage.groups.describe_warm_pool().auto_scaling_group_name("g").send().await.expect("a pool");
    assert_eq!(shown.instances().len(), 1);
    let warm = &shown.instances()[0];
    assert_eq!(warm.lifecycle_state().map(|it| it.as_str().to_owned()).as_deref(), Some("Warmed:Stopped"));
    stage.groups.set_desired_capacity().auto_scaling_group_name("g").desired_capacity(2).send().await.expect("set");
    pass(60).await;
    let group = stage.group("g").await;
    assert!(group.instances().iter().any(|it| it.instance_id() == warm.instance_id()));
    assert_eq!(stage.in_service("g").await, 2);
}
