//! A scenario as a world: everything is made at once, as if it had been there for a day.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::autoscaling::{self, Lifecycle, Mixed, Template};
use super::super::ec2::{
    self, Instance, Interface, InterfaceAttachment, LaunchData, LaunchTemplate, Phase, Shape, Subnet, Tags, Version,
    Volume,
};
use super::super::kubernetes::Key;
use super::super::kubernetes::controllers::{self, Kubelet, Machines, Stage};
use super::super::world::{NetworkPlugin, World};
use super::file::{Group, Scenario, Stale};
use super::{AutoscalerState, Member, Running, machines, workloads};

/// The account of all scenarios.
pub(super) const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-3";
/// Hexadecimal digits of a cluster's uid: 128 bits.
const UID: &str = "5ce4a210000040008000000000000001";

/// A group to be made, of nodes or of a member.
struct Plan<'s> {
    name: String,
    size: u32,
    min: u32,
    max: u32,
    types: Vec<String>,
    spot: bool,
    zones: Vec<String>,
    tags: Tags,
    stale: Stale,
    machines: Machines,
    /// The interface and the volume of a member.
    member: Option<(String, String)>,
    scenario: &'s Scenario,
}

/// A world in the making.
pub(super) struct Builder<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) world: World,
    pub(super) subnets: BTreeMap<String, Subnet>,
    /// Addresses that were given out, by zone.
    pub(super) given: BTreeMap<String, u32>,
    pub(super) security_group: String,
    pub(super) images: BTreeMap<&'static str, String>,
}

impl Scenario {
    /// The whole world at its beginning: the cluster has run for a day, and nothing is under way.
    #[must_use]
    pub fn world(&self, now: Timestamp) -> World {
        let mut builder = Builder::new(self, now);
        let members = builder.control_plane();
        for group in &self.groups {
            builder.nodes(group);
        }
        let mut world = builder.world;
        if let Some(cluster) = world.kubernetes.clusters.get_mut(&self.cluster) {
            for workload in &self.workloads {
                workloads::deploy(&mut cluster.objects, workload, now);
            }
        }
        controllers::settle(&mut world, &self.cluster);
        let at = |seconds: i64| now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        let mut faults: Vec<_> = self.faults.iter().map(|fault| (at(fault.at), fault.clone())).collect();
        faults.sort_by_key(|(at, _)| *at);
        world.kubernetes.scenario = Some(Running {
            cluster: self.cluster.clone(),
            faults,
            limits: Vec::new(),
            reclaimed: Vec::new(),
            members,
            autoscaler: self.autoscaler.clone().map(|settings| AutoscalerState {
                settings,
                look_at: at(10),
                raised: BTreeMap::new(),
                backoff: BTreeMap::new(),
                unneeded: BTreeMap::new(),
                added: None,
            }),
            cloud_controller: self.cloud_controller,
        });
        world.hidden.clear();
        world
    }
}

impl<'s> Builder<'s> {
    fn new(scenario: &'s Scenario, now: Timestamp) -> Self {
        let mut world = World::empty(ACCOUNT, REGION, scenario.seed, now);
        // A day ago: what is made is no news.
        let created = now - SignedDuration::from_hours(24);
        world.now = created;
        world.zones.clone_from(&scenario.zones);
        world.behaviour.throttling = false;
        // They have run for a day: whatever brings their network is there.
        world.behaviour.network_plugin = NetworkPlugin::BuiltIn;
        let version = format!("v{}", scenario.kubernetes);
        let cluster = controllers::new_cluster(&scenario.cluster, &version, scenario.seed, created);
        world.kubernetes.clusters.insert(scenario.cluster.clone(), cluster);
        let mut builder = Self {
            scenario,
            world,
            subnets: BTreeMap::new(),
            given: BTreeMap::new(),
            security_group: String::new(),
            images: BTreeMap::new(),
        };
        builder.network();
        let bucket = super::super::s3::Bucket {
            name: super::BUCKET.to_owned(),
            owner: ACCOUNT.to_owned(),
            created,
            objects: BTreeMap::new(),
        };
        builder.world.s3.buckets.insert(bucket.name.clone(), bucket);
        builder.world.now = now;
        builder
    }

    pub(super) fn tags(&self, kind: &str, name: &str) -> Tags {
        let cluster = &self.scenario.cluster;
        [
            ("Name".to_owned(), format!("{name}.{cluster}")),
            (format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned()),
            ("windlass.dev/cluster".to_owned(), cluster.clone()),
            ("windlass.dev/uid".to_owned(), UID.to_owned()),
            ("windlass.dev/address".to_owned(), format!("{kind}/{name}")),
            ("windlass.dev/generation".to_owned(), "1".to_owned()),
        ]
        .into_iter()
        .collect()
    }

    fn versions(&self) -> BTreeMap<u64, String> {
        let scenario = self.scenario;
        let stale = scenario.stale_kubernetes.as_ref().unwrap_or(&scenario.kubernetes);
        BTreeMap::from([(1, format!("v{stale}")), (2, format!("v{}", scenario.kubernetes))])
    }

    fn control_plane(&mut self) -> Vec<Member> {
        let plane = &self.scenario.control_plane;
        let letter = |number: u32| char::from(b'a' + u8::try_from(number % 26).unwrap_or(0)).to_string();
        let all: Vec<String> = (0..plane.members).map(letter).collect();
        let mut members = Vec::new();
        for (number, name) in (0..plane.members).zip(&all) {
            let thing = format!("control-plane-{name}");
            let zones = &self.scenario.zones;
            let zone = zones[usize::try_from(number).unwrap_or(0) % zones.len()].clone();
            let (interface, ..) = self.interface(&zone, self.tags("network-interface", &thing));
            let volume = self.world.new_id("vol");
            let mut tags = self.tags("volume", &format!("etcd-{name}"));
            tags.insert("etcd-initialized".to_owned(), "true".to_owned());
            let shape = Shape { size: 20, volume_type: "gp3".to_owned(), iops: Some(3000), throughput: Some(125) };
            let disk = Volume {
                id: volume.clone(),
                zone: zone.clone(),
                shape,
                encrypted: true,
                kms_key: None,
                snapshot: None,
                created_at: self.world.now,
                available_at: self.world.now,
                attachment: None,
                modification: None,
                tags,
            };
            self.world.ec2.volumes.insert(volume.clone(), disk);
            let plan = Plan {
                name: thing.clone(),
                size: 1,
                min: 1,
                max: 1,
                types: vec![plane.machine_type.clone()],
                spot: false,
                zones: vec![zone],
                tags: Tags::new(),
                stale: plane.stale,
                machines: Machines {
                    cluster: self.scenario.cluster.clone(),
                    member: Some(name.clone()),
                    labels: BTreeMap::new(),
                    taints: Vec::new(),
                    versions: self.versions(),
                    boot: plane.boot_seconds,
                    never_ready: 0,
                },
                member: Some((interface, volume.clone())),
                scenario: self.scenario,
            };
            let ids = self.group(&plan);
            let group = format!("{thing}.{}", self.scenario.cluster);
            let member = Member { group, name: name.clone(), volume, all: all.clone() };
            for id in ids {
                machines::serve(&mut self.world, &self.scenario.cluster, &member, &id);
            }
            members.push(member);
        }
        members
    }

    fn nodes(&mut self, group: &Group) {
        let mut labels = group.labels.clone();
        labels.insert("windlass.dev/group".to_owned(), group.name.clone());
        labels.insert("windlass.dev/role".to_owned(), "node".to_owned());
        let mut tags = Tags::new();
        if let Some(fallback) = &group.fallback {
            tags.insert("windlass.dev/fallback".to_owned(), fallback.clone());
        }
        let autoscaler = "k8s.io/cluster-autoscaler";
        tags.insert(format!("{autoscaler}/enabled"), "true".to_owned());
        tags.insert(format!("{autoscaler}/{}", self.scenario.cluster), "owned".to_owned());
        let plan = Plan {
            name: group.name.clone(),
            size: group.size,
            min: group.min,
            max: group.max.unwrap_or(group.size * 2),
            types: group.machine_types.clone(),
            spot: group.spot,
            zones: group.zones.clone().unwrap_or_else(|| self.scenario.zones.clone()),
            tags,
            stale: group.stale,
            machines: Machines {
                cluster: self.scenario.cluster.clone(),
                member: None,
                labels,
                taints: group.taints.clone(),
                versions: self.versions(),
                boot: group.boot_seconds,
                never_ready: 0,
            },
            member: None,
            scenario: self.scenario,
        };
        self.group(&plan);
    }

    /// A template with two versions, a group, and its machines; their ids.
    fn group(&mut self, plan: &Plan<'_>) -> Vec<String> {
        let now = self.world.now;
        let name = format!("{}.{}", plan.name, plan.scenario.cluster);
        let template = self.template(plan, &name);
        let distribution = autoscaling::Distribution {
            on_demand_percentage: if plan.spot { 0 } else { 100 },
            spot_strategy: "price-capacity-optimized".to_owned(),
            ..autoscaling::Distribution::default()
        };
        let several = plan.spot || plan.types.len() > 1;
        let overrides = plan.types.iter().map(|it| (it.clone(), None)).collect();
        let mut tags: Tags = self.tags("auto-scaling-group", &plan.name);
        tags.extend(plan.tags.clone());
        let subnets = plan.zones.iter().filter_map(|zone| Some((self.subnets.get(zone)?.id.clone(), zone.clone())));
        let subnets: Vec<(String, String)> = subnets.filter(|_| plan.member.is_none()).collect();
        let bits = self.world.random();
        let arn = format!("autoScalingGroup:{bits:016x}-scenario:autoScalingGroupName/{name}");
        let mut suspended = BTreeMap::new();
        if !self.scenario.az_rebalance {
            suspended.insert("AZRebalance".to_owned(), "User suspended".to_owned());
        }
        let group = autoscaling::Group {
            arn: self.world.arn("autoscaling", &arn),
            template: template.clone(),
            mixed: several.then_some(Mixed { overrides, distribution }),
            min: plan.min,
            max: plan.max,
            desired: plan.size,
            zones: plan.zones.clone(),
            subnets,
            settings: autoscaling::default_settings(&self.world),
            tags: tags.into_iter().map(|(key, value)| (key, (value, false))).collect(),
            target_groups: Default::default(),
            suspended,
            members: BTreeMap::new(),
            warm_pool: None,
            hooks: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            metrics: Default::default(),
            created: now,
            deleting: false,
            retry: None,
            rebalance_at: None,
            name: name.clone(),
        };
        self.world.autoscaling.groups.insert(name.clone(), group);
        self.world.kubernetes.controllers.machines.insert(name.clone(), plan.machines.clone());
        let mut ids = Vec::new();
        for number in 0..plan.size {
            ids.push(self.machine(plan, &name, &template, number));
        }
        ids
    }

    fn data(&self, plan: &Plan<'_>) -> LaunchData {
        let architecture =
            plan.types.first().and_then(|it| ec2::instance_type(it)).map_or("x86_64", |it| it.architecture);
        let interfaces = plan.member.iter().map(|(interface, _)| Interface {
            device_index: 0,
            public_address: None,
            delete_on_termination: Some(false),
            description: None,
            groups: Vec::new(),
            interface: Some(interface.clone()),
            subnet: None,
            private_ip: None,
        });
        LaunchData {
            image: self.images.get(architecture).cloned(),
            instance_type: plan.types.first().cloned(),
            interfaces: interfaces.collect(),
            tags: BTreeMap::from([("instance".to_owned(), self.instance_tags(plan))]),
            ..LaunchData::default()
        }
    }

    fn instance_tags(&self, plan: &Plan<'_>) -> Tags {
        let mut tags = self.tags("auto-scaling-group", &plan.name);
        tags.retain(|key, _| key != "windlass.dev/address" && key != "windlass.dev/generation");
        tags
    }

    fn template(&mut self, plan: &Plan<'_>, name: &str) -> Template {
        let id = self.world.new_id("lt");
        let data = self.data(plan);
        let created_at = self.world.now;
        let version = |number: u64| {
            (number, Version { description: Some(format!("version {number}")), created_at, data: data.clone() })
        };
        let template = LaunchTemplate {
            id: id.clone(),
            name: name.to_owned(),
            created_at,
            default_version: 2,
            latest_version: 2,
            versions: BTreeMap::from([version(1), version(2)]),
            tags: self.tags("launch-template", &plan.name),
        };
        self.world.ec2.launch_templates.insert(id.clone(), template);
        Template { id, name: name.to_owned(), version: "$Default".to_owned() }
    }

    fn machine(&mut self, plan: &Plan<'_>, group: &str, template: &Template, number: u32) -> String {
        let now = self.world.now;
        let since = now - SignedDuration::from_hours(20);
        let zone = plan.zones[usize::try_from(number).unwrap_or(0) % plan.zones.len()].clone();
        let id = self.world.new_id("i");
        let (interface, subnet, private_ip) = match &plan.member {
            Some((interface, _)) => {
                let found = &self.world.ec2.network_interfaces[interface];
                (interface.clone(), self.subnets[&zone].clone(), found.private_ip)
            }
            None => self.interface(&zone, Tags::new()),
        };
        let attachment = InterfaceAttachment {
            id: self.world.new_id("eni-attach"),
            instance: id.clone(),
            device_index: 0,
            attached_at: since,
            delete_on_termination: plan.member.is_none(),
        };
        if let Some(interface) = self.world.ec2.network_interfaces.get_mut(&interface) {
            interface.attachment = Some(attachment);
        }
        let version: u64 = if plan.stale.covers(number) { 1 } else { 2 };
        let mut tags = self.instance_tags(plan);
        tags.insert("aws:autoscaling:groupName".to_owned(), group.to_owned());
        tags.insert("aws:ec2launchtemplate:id".to_owned(), template.id.clone());
        tags.insert("aws:ec2launchtemplate:version".to_owned(), version.to_string());
        let instance_type = plan.types.first().cloned().unwrap_or_default();
        let architecture = ec2::instance_type(&instance_type).map_or("x86_64", |it| it.architecture);
        let bits = self.world.random();
        let instance = Instance {
            id: id.clone(),
            reservation: self.world.new_id("r"),
            launch_index: 0,
            image: self.images.get(architecture).cloned().unwrap_or_default(),
            instance_type: instance_type.clone(),
            architecture: architecture.to_owned(),
            root_device: "/dev/xvda".to_owned(),
            vpc: subnet.vpc.clone(),
            subnet: subnet.id.clone(),
            zone: zone.clone(),
            private_ip,
            launched_at: since,
            phase: Phase::Running,
            since,
            until: None,
            reason: None,
            spot_request: plan.spot.then(|| format!("sir-{:08x}", bits >> 32)),
            client_token: None,
            profile: None,
            key_name: None,
            user_data: None,
            metadata: BTreeMap::new(),
            monitoring: false,
            ebs_optimized: false,
            termination_protection: false,
            tags,
        };
        self.world.ec2.instances.insert(id.clone(), instance.clone());
        let launched = Template { version: version.to_string(), ..template.clone() };
        let member = autoscaling::Member {
            id: id.clone(),
            instance_type,
            zone,
            spot: plan.spot,
            template: launched,
            lifecycle: Lifecycle::InService,
            since,
            joined: since,
            unhealthy: false,
            protected: false,
            activity: None,
            token: None,
            wait_until: None,
        };
        if let Some(group) = self.world.autoscaling.groups.get_mut(group) {
            group.members.insert(id.clone(), member);
        }
        self.join(&instance, plan.member.is_some());
        id
    }

    /// Its node is Ready.
    fn join(&mut self, instance: &Instance, is_member: bool) {
        let name = ec2::private_name(&self.world, instance.private_ip);
        let Some(identity) = controllers::identify(&self.world, &instance.id) else { return };
        let since = instance.since;
        let kubelet = Kubelet {
            cluster: identity.cluster.clone(),
            node: name.clone(),
            run: since,
            registers: since,
            ready: Some(since),
            stage: Stage::Ready,
            silent: None,
            network: true,
        };
        self.world.kubernetes.controllers.kubelets.insert(instance.id.clone(), kubelet);
        let region = self.world.region.clone();
        let Some(cluster) = self.world.kubernetes.clusters.get_mut(&identity.cluster) else { return };
        let mut node = controllers::new_node(&region, instance, &identity, &name, since);
        controllers::make_ready(&mut node, since);
        cluster.objects.create(&Key::new("nodes", "", &name), node, since);
        if is_member {
            controllers::static_pods(cluster, None, instance, &name, since);
        }
    }
}
