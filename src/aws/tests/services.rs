//! The kinds beyond the network against the sandbox: create → seen equal → update → seen equal → delete → seen no more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::permission::{noted, restrict};
use super::{cluster, identity, sandboxed, scope};
use crate::aws::permission::acts::Act;
use crate::aws::{Aws, Error, Ids, Scope, create, delete, discover, readiness, update};
use crate::resource::{
    Address, Alias, AutoScalingGroup, BlockDevice, Found, GroupTag, HealthCheck, HealthCheckType, InstanceProfile,
    Kind, LaunchNetwork, LaunchTemplate, Listener, LoadBalancer, MetadataOptions, MixedInstances, Observed, Placement,
    Readiness, RecordSet, Reference, Resource, Role, ScheduledAction, Scheme, SpotAllocationStrategy, Tags,
    TargetGroup, WarmPool, WarmPoolState, Weight, attribute,
};
use crate::sandbox::Sandbox;

/// An account with a VPC of three subnets and a hosted zone, and what one test makes in it.
pub(super) struct Stage {
    pub(super) aws: Aws,
    pub(super) sandbox: Sandbox,
    pub(super) ids: Ids,
    known: BTreeMap<Address, Resource>,
    pub(super) vpc: String,
    pub(super) subnets: Vec<Reference>,
    security_group: Reference,
    zone: String,
}

impl Stage {
    async fn new() -> Self {
        let stage = Self::of_anybody().await;
        restrict(&stage.sandbox);
        stage
    }

    /// Where the caller may do everything: for what others do.
    pub(super) async fn of_anybody() -> Self {
        let (aws, sandbox) = sandboxed().await;
        let ec2 = aws.ec2();
        let vpc = ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.expect("a VPC");
        let vpc = vpc.vpc.and_then(|vpc| vpc.vpc_id).expect("its id");
        let mut subnets = Vec::new();
        for (index, zone) in ["eu-west-3a", "eu-west-3b", "eu-west-3c"].into_iter().enumerate() {
            let request = ec2.create_subnet().vpc_id(&vpc).availability_zone(zone);
            let subnet = request.cidr_block(format!("10.0.{index}.0/24")).send().await.expect("a subnet");
            subnets.push(Reference::Id(subnet.subnet.and_then(|subnet| subnet.subnet_id).expect("its id")));
        }
        subnets.sort();
        let group = ec2.create_security_group().vpc_id(&vpc).group_name("test").description("test").send();
        let security_group = Reference::Id(group.await.expect("a group").group_id.expect("its id"));
        let zone = aws.route53().create_hosted_zone().name("example.com").caller_reference("1").send();
        let zone = zone.await.expect("a zone").hosted_zone.expect("it is told").id;
        let zone = zone.trim_start_matches("/hostedzone/").to_owned();
        Self { aws, sandbox, ids: Ids::default(), known: BTreeMap::new(), vpc, subnets, security_group, zone }
    }

    fn scope(&self) -> Scope {
        Scope { resources: self.known.clone(), ..scope() }
    }

    async fn make(&mut self, address: &str, resource: impl Into<Resource>) -> Address {
        let address: Address = address.parse().expect("a valid address");
        let resource = resource.into();
        self.known.insert(address.clone(), resource.clone());
        for _again in 0..2 {
            let who = identity(&address);
            let make = create(&self.aws, &who, &resource, &self.ids);
            let made = noted(&self.aws, (address.kind(), Act::Create), make).await.expect("it is made");
            self.ids.insert_made(address.clone(), &made, self.aws.clock().now());
        }
        address
    }

    async fn observe(&self) -> Observed {
        discover(&self.aws, &self.scope()).await.expect("discovery works")
    }

    async fn see(&self, address: &Address) -> Option<Found> {
        let mut all = self.observe().await.found.into_iter().filter(|found| found.address == *address);
        let found = all.next();
        assert_eq!(all.next(), None, "there are two of {address}");
        found
    }

    /// Makes it twice and sees it once, sees it ready, changes it, deletes it, and sees each as it was said.
    async fn lifecycle(&mut self, address: &str, first: impl Into<Resource>, second: impl Into<Resource>) -> Found {
        let (first, second) = (first.into(), second.into());
        let address = self.make(address, first.clone()).await;
        self.wait(&address, &Readiness::Ready).await;
        let found = self.see(&address).await.expect("it is seen");
        assert_eq!(found.resource, first);
        self.known.insert(address.clone(), second.clone());
        let who = identity(&address);
        let change = update(&self.aws, &found, &second, &who, &self.ids);
        let attributes = noted(&self.aws, (address.kind(), Act::Update), change).await.expect("it can be changed");
        let found = self.see(&address).await.expect("it is still seen");
        assert_eq!(found.resource, second);
        assert_eq!(found.attributes, attributes);
        self.gone(&address, &found).await;
        found
    }

    async fn gone(&mut self, address: &Address, found: &Found) {
        let end = delete(&self.aws, found);
        noted(&self.aws, (address.kind(), Act::Delete), end).await.expect("it can be deleted");
        if address.kind() != Kind::RecordSet {
            self.wait(address, &Readiness::Gone).await;
        }
        assert_eq!(self.see(address).await, None);
        delete(&self.aws, found).await.expect("what is gone is deleted");
        self.ids.remove(address);
    }

    async fn wait(&self, address: &Address, until: &Readiness) {
        let id = self.ids.id(&address.clone().into()).expect("it has an id");
        let mut last = None;
        for _ in 0..300 {
            let act = if *until == Readiness::Gone { Act::Delete } else { Act::Create };
            let look = readiness(&self.aws, address.kind(), std::slice::from_ref(&id));
            last = noted(&self.aws, (address.kind(), act), look).await.expect("it can be asked").remove(&id);
            if last.as_ref() == Some(until) {
                return;
            }
            self.aws.clock().sleep(Duration::from_secs(2)).await;
        }
        panic!("{address} is never {until:?} but {last:?}");
    }

    fn balancer(&self) -> LoadBalancer {
        LoadBalancer {
            name: String::from("api-a-example-com-1"),
            scheme: Scheme::Internal,
            subnets: self.subnets[..2].to_vec(),
            security_groups: vec![self.security_group.clone()],
            cross_zone: true,
            deletion_protection: false,
            tags: tags("api"),
        }
    }

    fn target_group(&self) -> TargetGroup {
        TargetGroup {
            name: String::from("api-a-example-com-2"),
            vpc: Reference::Id(self.vpc.clone()),
            port: 6443,
            health_check: HealthCheck {
                protocol: String::from("HTTPS"),
                path: Some(String::from("/readyz")),
                interval: 10,
                healthy_threshold: 2,
                unhealthy_threshold: 2,
            },
            deregistration_delay: 60,
            preserve_client_ip: false,
            tags: tags("api"),
        }
    }

    fn template(&self) -> LaunchTemplate {
        LaunchTemplate {
            name: String::from("spot.a.example.com"),
            image: String::from("ami-0330600000000000a"),
            machine_type: None,
            instance_profile: Reference::to(Kind::InstanceProfile, "nodes"),
            network: LaunchNetwork::New { security_groups: vec![self.security_group.clone()], public_address: false },
            block_devices: vec![BlockDevice {
                device: String::from("/dev/xvda"),
                size: 40,
                volume_type: String::from("gp3"),
                iops: None,
                throughput: None,
                encrypted: true,
                kms_key: None,
            }],
            metadata_options: MetadataOptions { tokens_required: true, hop_limit: 1 },
            user_data: String::from("#cloud-config\n# é & <b>\n"),
            detailed_monitoring: true,
            instance_tags: tags("spot"),
            volume_tags: tags("spot"),
            tags: tags("spot"),
        }
    }

    fn group(&self) -> AutoScalingGroup {
        AutoScalingGroup {
            name: String::from("spot.a.example.com"),
            launch_template: Reference::to(Kind::LaunchTemplate, "spot"),
            mixed_instances: Some(MixedInstances {
                machine_types: vec![String::from("m5.xlarge"), String::from("m5a.xlarge")],
                on_demand_base: 1,
                on_demand_percentage_above_base: 0,
                spot_allocation_strategy: SpotAllocationStrategy::PriceCapacityOptimized,
                spot_max_price: Some(String::from("0.2")),
            }),
            min_size: 0,
            max_size: 10,
            placement: Placement::Subnets(self.subnets.clone()),
            target_groups: Vec::new(),
            health_check_type: HealthCheckType::Ec2,
            health_check_grace_period: 300,
            capacity_rebalance: true,
            termination_policies: vec![String::from("OldestLaunchTemplate"), String::from("Default")],
            max_instance_lifetime: 604_800,
            suspended_processes: BTreeSet::from([String::from("AZRebalance")]),
            warm_pool: None,
            tags: BTreeMap::from([
                (String::from("Name"), GroupTag { value: String::from("spot"), propagate: false }),
                (String::from("team"), GroupTag { value: String::from("a & b"), propagate: true }),
            ]),
        }
    }

    async fn make_role_and_profile(&mut self) {
        self.make("role/nodes", role()).await;
        self.make("instance-profile/nodes", profile()).await;
    }
}

fn tags(name: &str) -> Tags {
    Tags::from([(String::from("Name"), name.to_owned()), (String::from("team"), String::from("a & b"))])
}

fn document(action: &str) -> serde_json::Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn role() -> Role {
    Role {
        name: String::from("nodes.a.example.com"),
        path: String::from("/windlass/a.example.com/"),
        trust: json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]
        }),
        policies: BTreeMap::from([
            (String::from("node"), document("ec2:DescribeInstances")),
            (String::from("more"), document("ec2:DescribeRegions")),
        ]),
        managed_policies: BTreeSet::from([String::from("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")]),
        tags: tags("nodes"),
    }
}

fn profile() -> InstanceProfile {
    InstanceProfile {
        name: String::from("nodes.a.example.com"),
        path: String::from("/windlass/a.example.com/"),
        role: Some(Reference::to(Kind::Role, "nodes")),
        tags: tags("nodes"),
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_role() {
    let mut stage = Stage::new().await;
    let mut second = role();
    second.policies.remove("more");
    second.policies.insert(String::from("node"), document("ec2:DescribeTags"));
    second.managed_policies.clear();
    second.trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["ec2.amazonaws.com"]}}]
    });
    second.tags = Tags::from([(String::from("Name"), String::from("other"))]);
    stage.lifecycle("role/nodes", role(), second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn an_instance_profile() {
    let mut stage = Stage::new().await;
    stage.make("role/nodes", role()).await;
    let other = Role { name: String::from("other.a.example.com"), ..role() };
    stage.make("role/other", other).await;
    let second = InstanceProfile { role: Some(Reference::to(Kind::Role, "other")), ..profile() };
    let found = stage.lifecycle("instance-profile/nodes", profile(), second).await;
    assert!(found.attributes[attribute::ARN].ends_with(":instance-profile/windlass/a.example.com/nodes.a.example.com"));
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_role_of_somebody_else_stands_in_the_way() {
    let stage = Stage::of_anybody().await;
    let request = stage.aws.iam().create_role().role_name("nodes.a.example.com");
    request.assume_role_policy_document(role().trust.to_string()).send().await.expect("a role");
    let address: Address = "role/nodes".parse().expect("an address");
    let known = BTreeMap::from([(address.clone(), role().into())]);
    let observed = discover(&stage.aws, &Scope { resources: known, ..scope() }).await.expect("discovery works");
    assert_eq!(observed.clashes.iter().map(|clash| &clash.address).collect::<Vec<_>>(), [&address]);
    let refused = create(&stage.aws, &identity(&address), &role().into(), &stage.ids).await;
    assert!(matches!(refused, Err(Error::Clash(clash)) if clash.address == address));
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_load_balancer() {
    let mut stage = Stage::new().await;
    let first = LoadBalancer { deletion_protection: true, ..stage.balancer() };
    let second = LoadBalancer {
        subnets: stage.subnets.clone(),
        cross_zone: false,
        tags: Tags::from([(String::from("Name"), String::from("other"))]),
        ..first.clone()
    };
    let found = stage.lifecycle("load-balancer/api", first, second).await;
    assert!(found.attributes[attribute::DNS_NAME].contains("api-a-example-com-1"));
    assert!(found.attributes.contains_key(attribute::HOSTED_ZONE));
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_target_group() {
    let mut stage = Stage::new().await;
    let first = stage.target_group();
    let second = TargetGroup {
        health_check: HealthCheck {
            path: Some(String::from("/livez")),
            unhealthy_threshold: 3,
            ..first.health_check.clone()
        },
        deregistration_delay: 120,
        preserve_client_ip: true,
        tags: Tags::new(),
        ..first.clone()
    };
    stage.lifecycle("target-group/api", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_listener() {
    let mut stage = Stage::new().await;
    let (balancer, group) = (stage.balancer(), stage.target_group());
    stage.make("load-balancer/api", balancer).await;
    stage.make("target-group/api", group.clone()).await;
    stage.make("target-group/other", TargetGroup { name: String::from("other"), ..group }).await;
    let first = Listener {
        load_balancer: Reference::to(Kind::LoadBalancer, "api"),
        port: 443,
        target_group: Reference::to(Kind::TargetGroup, "api"),
        tags: tags("api"),
    };
    let second = Listener {
        port: 6443,
        target_group: Reference::to(Kind::TargetGroup, "other"),
        tags: Tags::new(),
        ..first.clone()
    };
    stage.lifecycle("listener/api", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_launch_template() {
    let mut stage = Stage::new().await;
    stage.make_role_and_profile().await;
    let first = stage.template();
    let second = LaunchTemplate {
        machine_type: Some(String::from("m5.large")),
        user_data: String::from("#cloud-config\n# other\n"),
        detailed_monitoring: false,
        tags: Tags::from([(String::from("Name"), String::from("other"))]),
        ..first.clone()
    };
    let found = stage.lifecycle("launch-template/spot", first, second).await;
    assert_eq!(found.attributes[attribute::VERSION], "2");
}

#[tokio::test(start_paused = true)]
pub(super) async fn versions_that_differ_only_in_their_user_data_are_two() {
    let mut stage = Stage::new().await;
    stage.make_role_and_profile().await;
    let mut template = stage.template();
    let address = stage.make("launch-template/spot", template.clone()).await;
    for (round, text) in ["one", "two", "one"].into_iter().enumerate() {
        let found = stage.see(&address).await.expect("it is seen");
        template.user_data = text.to_owned();
        let who = identity(&address);
        let attributes =
            update(&stage.aws, &found, &template.clone().into(), &who, &stage.ids).await.expect("a version");
        // The token of the third is the first's: AWS gives that version again, and it becomes the default.
        assert_eq!(attributes[attribute::VERSION], ["2", "3", "2"][round]);
        assert_eq!(stage.see(&address).await.expect("it is seen").resource, template.clone().into());
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_group() {
    let mut stage = Stage::new().await;
    stage.make_role_and_profile().await;
    let template = stage.template();
    stage.make("launch-template/spot", template).await;
    let target_group = stage.target_group();
    stage.make("target-group/api", target_group).await;
    let first = stage.group();
    let mut second = first.clone();
    second.max_size = 20;
    second.mixed_instances = None;
    second.placement = Placement::Subnets(stage.subnets[..1].to_vec());
    second.target_groups = vec![Reference::to(Kind::TargetGroup, "api")];
    second.max_instance_lifetime = 0;
    second.capacity_rebalance = false;
    second.suspended_processes = BTreeSet::from([String::from("ReplaceUnhealthy")]);
    second.warm_pool =
        Some(WarmPool { min_size: 0, max_prepared: Some(5), state: WarmPoolState::Stopped, reuse_on_scale_in: true });
    second.tags.remove("team");
    second.tags.insert(String::from("new"), GroupTag { value: String::new(), propagate: false });
    stage.lifecycle("auto-scaling-group/spot", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_scheduled_action() {
    let mut stage = Stage::new().await;
    stage.make_role_and_profile().await;
    let (template, group) = (stage.template(), stage.group());
    stage.make("launch-template/spot", template).await;
    stage.make("auto-scaling-group/spot", group).await;
    let first = ScheduledAction {
        group: Reference::to(Kind::AutoScalingGroup, "spot"),
        name: String::from("night"),
        recurrence: String::from("0 20 * * 1-5"),
        time_zone: String::from("Europe/Paris"),
        min_size: Some(0),
        max_size: Some(3),
        desired_capacity: Some(1),
    };
    let second = ScheduledAction { recurrence: String::from("30 20 * * *"), max_size: None, ..first.clone() };
    stage.lifecycle("scheduled-action/spot/night", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn what_an_earlier_attempt_made_otherwise_is_brought_to_what_is_wanted() {
    let mut stage = Stage::new().await;
    stage.make("role/nodes", role()).await;
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["ec2.amazonaws.com"]}}]
    });
    stage.make("role/nodes", Role { trust, ..role() }).await;
    stage.make("role/other", Role { name: String::from("other.a.example.com"), ..role() }).await;
    stage.make("instance-profile/nodes", profile()).await;
    let other = Some(Reference::to(Kind::Role, "other"));
    stage.make("instance-profile/nodes", InstanceProfile { role: other, ..profile() }).await;
    stage.make("instance-profile/nodes", profile()).await;

    let (balancer, targets, template) = (stage.balancer(), stage.target_group(), stage.template());
    // Spot has no warm pool.
    let group = AutoScalingGroup { mixed_instances: None, ..stage.group() };
    stage.make("load-balancer/api", balancer.clone()).await;
    stage.make("load-balancer/api", LoadBalancer { subnets: stage.subnets.clone(), ..balancer }).await;
    stage.make("target-group/api", targets.clone()).await;
    let check = HealthCheck { interval: 30, ..targets.health_check.clone() };
    stage.make("target-group/api", TargetGroup { health_check: check, ..targets.clone() }).await;
    stage.make("target-group/other", TargetGroup { name: String::from("other"), ..targets }).await;
    let listener = Listener {
        load_balancer: Reference::to(Kind::LoadBalancer, "api"),
        port: 443,
        target_group: Reference::to(Kind::TargetGroup, "api"),
        tags: tags("api"),
    };
    stage.make("listener/api", listener.clone()).await;
    stage.make("listener/api", Listener { target_group: Reference::to(Kind::TargetGroup, "other"), ..listener }).await;
    stage.make("launch-template/spot", template.clone()).await;
    stage.make("launch-template/spot", LaunchTemplate { detailed_monitoring: false, ..template }).await;

    stage.make("auto-scaling-group/spot", group.clone()).await;
    let mut later = group.clone();
    later.target_groups = vec![Reference::to(Kind::TargetGroup, "api")];
    later.suspended_processes = BTreeSet::from([String::from("ReplaceUnhealthy")]);
    later.warm_pool =
        Some(WarmPool { min_size: 0, max_prepared: Some(5), state: WarmPoolState::Stopped, reuse_on_scale_in: true });
    later.tags.remove("team");
    later.tags.insert(String::from("new"), GroupTag { value: String::new(), propagate: false });
    let address = stage.make("auto-scaling-group/spot", later).await;
    stage.make("auto-scaling-group/spot", group.clone()).await;
    let found = stage.see(&address).await.expect("it is seen");
    assert_eq!(found.resource, group.into());
}

#[tokio::test(start_paused = true)]
pub(super) async fn what_goes_in_one_change_comes_in_another() {
    let mut stage = Stage::new().await;
    let bare = Role { managed_policies: BTreeSet::new(), ..role() };
    stage.lifecycle("role/nodes", bare, role()).await;
    stage.make("role/nodes", role()).await;
    let second = InstanceProfile { tags: Tags::from([(String::from("new"), String::from("tag"))]), ..profile() };
    stage.lifecycle("instance-profile/nodes", profile(), second).await;

    let (balancer, targets) = (stage.balancer(), stage.target_group());
    let group = stage.aws.ec2().describe_security_groups().send().await.expect("groups").security_groups;
    let group = group.unwrap_or_default().into_iter().find(|it| it.group_name() == Some("default"));
    let group = Reference::Id(group.and_then(|it| it.group_id).expect("the VPC's own"));
    let second = LoadBalancer { security_groups: vec![group], ..balancer.clone() };
    stage.lifecycle("load-balancer/api", balancer.clone(), second).await;
    let none = TargetGroup { tags: Tags::new(), ..targets.clone() };
    stage.lifecycle("target-group/api", none, targets.clone()).await;
    stage.make("load-balancer/api", balancer).await;
    stage.make("target-group/api", targets).await;
    let second = Listener {
        load_balancer: Reference::to(Kind::LoadBalancer, "api"),
        port: 443,
        target_group: Reference::to(Kind::TargetGroup, "api"),
        tags: tags("api"),
    };
    stage.lifecycle("listener/api", Listener { tags: Tags::new(), ..second.clone() }, second).await;

    stage.make("instance-profile/nodes", profile()).await;
    let (template, group) = (stage.template(), AutoScalingGroup { mixed_instances: None, ..stage.group() });
    stage.make("launch-template/spot", template).await;
    let mut first = group.clone();
    first.target_groups = vec![Reference::to(Kind::TargetGroup, "api")];
    first.suspended_processes = BTreeSet::from([String::from("ReplaceUnhealthy")]);
    first.warm_pool =
        Some(WarmPool { min_size: 0, max_prepared: Some(5), state: WarmPoolState::Stopped, reuse_on_scale_in: true });
    stage.lifecycle("auto-scaling-group/spot", first, group).await;
}

fn record(stage: &Stage, name: &str) -> RecordSet {
    RecordSet {
        zone: stage.zone.clone(),
        name: name.to_owned(),
        record_type: String::from("A"),
        ttl: Some(60),
        values: vec![String::from("192.0.2.1"), String::from("192.0.2.2")],
        addresses: Vec::new(),
        alias: None,
        weight: None,
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn records() {
    let mut stage = Stage::new().await;
    let plain = record(&stage, "*.apps.a.example.com");
    let second = RecordSet { ttl: Some(30), values: vec![String::from("192.0.2.9")], ..plain.clone() };
    stage.lifecycle("record-set/wild/a", plain.clone(), second).await;
    let weighted = |weight| {
        let weight = Some(Weight { set_identifier: String::from("blue"), weight });
        RecordSet { name: String::from("www.example.com"), weight, ..plain.clone() }
    };
    stage.lifecycle("record-set/www/a/blue", weighted(0), weighted(255)).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn an_alias_follows_its_load_balancer() {
    let mut stage = Stage::new().await;
    let balancer = stage.balancer();
    stage.make("load-balancer/api", balancer).await;
    let alias = |evaluate_target_health| {
        let target = Reference::to(Kind::LoadBalancer, "api");
        let alias = Some(Alias { target, evaluate_target_health });
        RecordSet { ttl: None, values: Vec::new(), alias, ..record(&stage, "api.a.example.com") }
    };
    let (first, second) = (alias(false), alias(true));
    stage.lifecycle("record-set/api/a", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn records_that_change_at_the_same_moment_go_out_as_one_batch() {
    let stage = Stage::new().await;
    let before = stage.aws.calls().total();
    let records: Vec<(Address, Resource)> = (0..5)
        .map(|index| {
            let address = format!("record-set/r{index}/a").parse().expect("an address");
            (address, record(&stage, &format!("r{index}.a.example.com")).into())
        })
        .collect();
    let make = async |index: usize| {
        let (address, resource) = &records[index];
        create(&stage.aws, &identity(address), resource, &stage.ids).await.expect("it is made").id
    };
    let (a, b, c, d, e) = tokio::join!(make(0), make(1), make(2), make(3), make(4));
    assert_eq!(stage.aws.calls().since(before).total(), 1);
    let seen = readiness(&stage.aws, Kind::RecordSet, &[a, b, c, d, e]).await.expect("it can be asked");
    assert_eq!(stage.aws.calls().since(before).total(), 2, "one question for the whole batch");
    assert!(seen.values().all(|state| matches!(state, Readiness::Pending(_))), "{seen:?}");
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_bad_record_does_not_keep_others_from_being_made() {
    let stage = Stage::new().await;
    let good = record(&stage, "good.a.example.com");
    let bad = RecordSet { values: vec![String::from("no address")], ..record(&stage, "bad.a.example.com") };
    let make = async |address: &str, record: RecordSet| {
        let address = address.parse().expect("an address");
        create(&stage.aws, &identity(&address), &record.into(), &stage.ids).await
    };
    let (good, bad) = tokio::join!(make("record-set/good/a", good), make("record-set/bad/a", bad));
    good.expect("it is made");
    assert!(matches!(bad, Err(Error::Call(_))));
}

#[tokio::test(start_paused = true)]
pub(super) async fn discovery_does_not_call_more_often_for_more_groups() {
    let mut stage = Stage::new().await;
    stage.make_role_and_profile().await;
    let (template, group) = (stage.template(), stage.group());
    let mut counts = Vec::new();
    for index in 0..20 {
        let name = format!("g{index}.{}", cluster());
        let template = LaunchTemplate { name: name.clone(), ..template.clone() };
        stage.make(&format!("launch-template/g{index}"), template).await;
        let launch_template = Reference::to(Kind::LaunchTemplate, format!("g{index}"));
        let group = AutoScalingGroup { name, launch_template, ..group.clone() };
        stage.make(&format!("auto-scaling-group/g{index}"), group).await;
        let before = stage.aws.calls().total();
        let found = stage.observe().await.found.len();
        assert_eq!(found, 2 + 2 * (index + 1));
        counts.push(stage.aws.calls().since(before).total());
    }
    assert_eq!(counts.first(), counts.last(), "{counts:?}");
}
