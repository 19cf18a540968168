//! A cluster in miniature: one of every kind, written by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::resource::*;

/// Everything, as a first apply makes it.
pub(super) fn cluster() -> BTreeMap<Address, Resource> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, resource: Resource| {
        all.insert(Address::new(resource.kind(), name), resource);
    };
    add("main", vpc("10.0.0.0/16"));
    add("public-a", subnet("10.0.0.0/24"));
    add("private-a", subnet("10.0.1.0/24"));
    add("main", InternetGateway { vpc: to(Kind::Vpc, "main"), tags: tags("igw") }.into());
    add("nat-a", ElasticIp { tags: tags("nat-a") }.into());
    let gateway = NatGateway {
        subnet: to(Kind::Subnet, "public-a"),
        elastic_ip: to(Kind::ElasticIp, "nat-a"),
        tags: tags("nat-a"),
    };
    add("a", gateway.into());
    let internet = RouteTarget::InternetGateway(to(Kind::InternetGateway, "main"));
    add("public", table(internet, "public-a"));
    add("private-a", table(RouteTarget::NatGateway(to(Kind::NatGateway, "a")), "private-a"));
    for name in ["control-plane", "nodes"] {
        let group = SecurityGroup {
            vpc: to(Kind::Vpc, "main"),
            name: format!("{name}.one.k8s.foo.bar"),
            description: String::from("windlass"),
            tags: tags(name),
        };
        add(name, group.into());
    }
    add("control-plane", rules("control-plane", &[("nodes", 6443)]));
    add("nodes", rules("nodes", &[("control-plane", 10250), ("nodes", 10250)]));
    let role = Role {
        name: String::from("nodes.one.k8s.foo.bar"),
        path: String::from("/windlass/one.k8s.foo.bar/"),
        trust: json!({"Statement": []}),
        policies: BTreeMap::from([(String::from("node"), json!({"Statement": [{"Action": "ssm:GetParameter"}]}))]),
        managed_policies: BTreeSet::new(),
        tags: tags("nodes"),
    };
    let profile = InstanceProfile {
        name: role.name.clone(),
        path: role.path.clone(),
        role: Some(to(Kind::Role, "nodes")),
        tags: tags("nodes"),
    };
    add("nodes", role.into());
    add("nodes", profile.into());
    member(&mut add);
    node_group(&mut add, "spot");
    api(&mut add);
    all
}

fn member(add: &mut impl FnMut(&str, Resource)) {
    let interface = NetworkInterface {
        subnet: to(Kind::Subnet, "private-a"),
        security_groups: vec![to(Kind::SecurityGroup, "control-plane")],
        private_address: None,
        description: String::from("member a"),
        tags: tags("control-plane-a"),
    };
    add("control-plane-a", interface.into());
    let volume = Volume {
        zone: String::from("eu-west-3a"),
        size: 20,
        volume_type: String::from("gp3"),
        iops: None,
        throughput: None,
        encrypted: true,
        kms_key: None,
        tags: tags("etcd-a"),
    };
    add("etcd-a", volume.into());
    let network = LaunchNetwork::Interface(to(Kind::NetworkInterface, "control-plane-a"));
    add("control-plane-a", template("control-plane-a", network));
    let group = AutoScalingGroup {
        placement: Placement::Zones(vec![String::from("eu-west-3a")]),
        target_groups: vec![to(Kind::TargetGroup, "api")],
        min_size: 1,
        max_size: 1,
        ..group("control-plane-a")
    };
    add("control-plane-a", group.into());
}

/// A node group with its template and a scheduled action.
pub(super) fn node_group(add: &mut impl FnMut(&str, Resource), name: &str) {
    let network = LaunchNetwork::New { security_groups: vec![to(Kind::SecurityGroup, "nodes")], public_address: false };
    add(name, template(name, network));
    add(name, group(name).into());
    let action = ScheduledAction {
        group: to(Kind::AutoScalingGroup, name),
        name: String::from("night"),
        recurrence: String::from("0 20 * * *"),
        time_zone: String::from("Europe/Paris"),
        min_size: Some(0),
        max_size: None,
        desired_capacity: None,
    };
    add(&format!("{name}/night"), action.into());
}

fn api(add: &mut impl FnMut(&str, Resource)) {
    let balancer = LoadBalancer {
        name: String::from("api-one"),
        scheme: Scheme::InternetFacing,
        subnets: vec![to(Kind::Subnet, "public-a")],
        security_groups: vec![to(Kind::SecurityGroup, "nodes")],
        cross_zone: true,
        deletion_protection: false,
        tags: tags("api"),
    };
    add("api", balancer.into());
    let targets = TargetGroup {
        name: String::from("api-one"),
        vpc: to(Kind::Vpc, "main"),
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
    };
    add("api", targets.into());
    let listener = Listener {
        load_balancer: to(Kind::LoadBalancer, "api"),
        port: 6443,
        target_group: to(Kind::TargetGroup, "api"),
        tags: tags("api"),
    };
    add("api", listener.into());
    let alias = Alias { target: to(Kind::LoadBalancer, "api"), evaluate_target_health: false };
    add("api.one.k8s.foo.bar/a", RecordSet { alias: Some(alias), ..record("api") }.into());
    let addresses = vec![to(Kind::NetworkInterface, "control-plane-a")];
    add("api.internal.one.k8s.foo.bar/a", RecordSet { addresses, ttl: Some(60), ..record("api.internal") }.into());
}

pub(super) fn record(label: &str) -> RecordSet {
    RecordSet {
        zone: String::from("Z1"),
        name: format!("{label}.one.k8s.foo.bar"),
        record_type: String::from("A"),
        ttl: None,
        values: Vec::new(),
        addresses: Vec::new(),
        alias: None,
        weight: None,
    }
}

pub(super) fn to(kind: Kind, name: &str) -> Reference {
    Reference::to(kind, name)
}

pub(super) fn tags(name: &str) -> Tags {
    Tags::from([(String::from("Name"), name.to_owned())])
}

pub(super) fn vpc(cidr: &str) -> Resource {
    let cidr = cidr.parse().expect("a range");
    Vpc { cidr, dns_support: true, dns_hostnames: true, tags: tags("vpc") }.into()
}

pub(super) fn subnet(cidr: &str) -> Resource {
    Subnet {
        vpc: to(Kind::Vpc, "main"),
        zone: String::from("eu-west-3a"),
        cidr: cidr.parse().expect("a range"),
        map_public_ip_on_launch: false,
        tags: tags("subnet"),
    }
    .into()
}

fn table(target: RouteTarget, subnet: &str) -> Resource {
    RouteTable {
        vpc: to(Kind::Vpc, "main"),
        routes: vec![Route { destination: "0.0.0.0/0".parse().expect("a range"), target }],
        subnets: vec![to(Kind::Subnet, subnet)],
        tags: tags("table"),
    }
    .into()
}

fn rules(group: &str, ingress: &[(&str, u16)]) -> Resource {
    let rule = |(peer, port): &(&str, u16)| rule(Peer::Group(to(Kind::SecurityGroup, peer)), *port, "why");
    SecurityGroupRules {
        group: to(Kind::SecurityGroup, group),
        ingress: ingress.iter().map(rule).collect(),
        egress: BTreeSet::new(),
    }
    .into()
}

pub(super) fn rule(peer: Peer, port: u16, why: &str) -> Rule {
    Rule { protocol: String::from("tcp"), ports: Some((port, port)), peer, description: why.to_owned() }
}

pub(super) fn template(name: &str, network: LaunchNetwork) -> Resource {
    LaunchTemplate {
        name: format!("{name}.one.k8s.foo.bar"),
        image: String::from("ami-1"),
        machine_type: Some(String::from("m6i.large")),
        instance_profile: to(Kind::InstanceProfile, "nodes"),
        network,
        block_devices: vec![BlockDevice {
            device: String::from("/dev/xvda"),
            size: 50,
            volume_type: String::from("gp3"),
            iops: None,
            throughput: None,
            encrypted: true,
            kms_key: None,
        }],
        metadata_options: MetadataOptions { tokens_required: true, hop_limit: 1 },
        user_data: String::from("#cloud-config\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"),
        detailed_monitoring: false,
        instance_tags: tags(name),
        volume_tags: tags(name),
        tags: tags(name),
    }
    .into()
}

pub(super) fn group(name: &str) -> AutoScalingGroup {
    AutoScalingGroup {
        name: format!("{name}.one.k8s.foo.bar"),
        launch_template: to(Kind::LaunchTemplate, name),
        mixed_instances: None,
        min_size: 1,
        max_size: 9,
        placement: Placement::Subnets(vec![to(Kind::Subnet, "private-a")]),
        target_groups: Vec::new(),
        health_check_type: HealthCheckType::Ec2,
        health_check_grace_period: 300,
        capacity_rebalance: false,
        termination_policies: vec![String::from("Default")],
        max_instance_lifetime: 0,
        suspended_processes: BTreeSet::from([String::from("AZRebalance")]),
        warm_pool: None,
        tags: BTreeMap::from([(String::from("Name"), GroupTag { value: name.to_owned(), propagate: false })]),
    }
}
