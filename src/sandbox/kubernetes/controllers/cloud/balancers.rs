//! Services of type LoadBalancer, as cloud-provider-aws serves them: with the annotation `nlb`, a network load balancer
//! with a target group and a listener for each port, and rules for it in the nodes' security group.
//!
//! Without the annotation that controller makes a classic load balancer, which the sandbox does not have: the service
//! stays pending, and an event says why. Services of other controllers (`external`, `loadBalancerClass`) are left alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::super::super::ec2::{self, Peer, Permission, Phase, SecurityGroup, Subnet};
use super::super::super::super::elbv2::{LoadBalancer, TargetGroup};
use super::super::super::super::wire::Service;
use super::super::super::super::world::World;
use super::super::super::objects::{Key, Objects};
use super::super::index::Index;
use super::super::kubelet::jitter;
use super::super::{events, later, note, owners};
use super::{Asked, Hand, RETRY, Tags, network, texts};

/// The finalizer of services with a load balancer (cloud-provider, `LoadBalancerCleanupFinalizer`).
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
const TYPE: &str = "service.beta.kubernetes.io/aws-load-balancer-type";
const INTERNAL: &str = "service.beta.kubernetes.io/aws-load-balancer-internal";
/// Nodes that balancers leave out.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Who writes.
const MANAGER: &str = "aws-cloud-controller-manager";
/// Seconds from a balancer's making to its name in the status: the controller's calls for target groups and listeners.
const TELLING: (i64, i64) = (5, 15);
/// Letters of a load balancer's name (CreateLoadBalancer, "Name").
const NAME: usize = 32;

/// A port that is balanced.
struct Port {
    port: u64,
    node_port: u64,
    protocol: String,
    /// Name of its target group.
    group: String,
}

pub fn step(world: &mut World, hand: &Hand<'_>, objects: &mut Objects, index: &Index) -> Option<Timestamp> {
    let now = world.now;
    let services: Vec<(Key, Value)> = index.of("services").map(|(key, it)| (key.clone(), it.clone())).collect();
    let mut next = Vec::new();
    for (key, service) in services {
        let finalizers = service["metadata"]["finalizers"].as_array();
        let held = finalizers.is_some_and(|all| all.iter().any(|it| it == FINALIZER));
        let living = service["metadata"]["deletionTimestamp"].is_null();
        let kind = service["metadata"]["annotations"][TYPE].as_str().unwrap_or_default();
        let others = matches!(kind, "external" | "nlb-ip") || service["spec"]["loadBalancerClass"].is_string();
        let wants = living && !others && service["spec"]["type"] == "LoadBalancer";
        let subject = ("Service", &key);
        let by = ("service-controller", now);
        if !wants {
            if held {
                events::tell(objects, subject, ("Normal", "DeletingLoadBalancer"), "Deleting load balancer", by);
                match remove(world, hand, &key, &service) {
                    Ok(()) => let_go(objects, &key, living, now),
                    Err(why) => next.push(failed(objects, &key, &why, now)),
                }
            }
            continue;
        }
        if !held {
            note::as_manager(objects, &key, (MANAGER, ""), now, |service| {
                if !service["metadata"]["finalizers"].is_array() {
                    service["metadata"]["finalizers"] = json!([]);
                }
                if let Some(finalizers) = service["metadata"]["finalizers"].as_array_mut() {
                    finalizers.push(json!(FINALIZER));
                }
            });
            events::tell(objects, subject, ("Normal", "EnsuringLoadBalancer"), "Ensuring load balancer", by);
            continue;
        }
        let made = if kind == "nlb" {
            ensure(world, hand, (&key, &service), index)
        } else {
            Err("the sandbox has no classic load balancers; the annotation \
                 service.beta.kubernetes.io/aws-load-balancer-type: nlb makes a network load balancer"
                .to_owned())
        };
        match made {
            Err(why) => next.push(failed(objects, &key, &why, now)),
            Ok((_, from)) if now < from => next.push(from),
            Ok((host, _)) => {
                let ingress = json!([{"hostname": host}]);
                if service["status"]["loadBalancer"]["ingress"] != ingress {
                    note::as_manager(objects, &key, (MANAGER, "status"), now, |service| {
                        service["status"]["loadBalancer"] = json!({"ingress": ingress});
                    });
                    events::tell(objects, subject, ("Normal", "EnsuredLoadBalancer"), "Ensured load balancer", by);
                }
            }
        }
    }
    next.into_iter().min()
}

fn failed(objects: &mut Objects, key: &Key, why: &str, now: Timestamp) -> Timestamp {
    let message = format!("Error syncing load balancer: failed to ensure load balancer: {why}");
    let reason = ("Warning", "SyncLoadBalancerFailed");
    events::tell(objects, ("Service", key), reason, &message, ("service-controller", now));
    later(now, RETRY)
}

/// Everything is gone: the finalizer goes last.
fn let_go(objects: &mut Objects, key: &Key, living: bool, now: Timestamp) {
    if living {
        note::as_manager(objects, key, (MANAGER, "status"), now, |it| it["status"]["loadBalancer"] = json!({}));
    }
    let (reason, by) = (("Normal", "DeletedLoadBalancer"), ("service-controller", now));
    events::tell(objects, ("Service", key), reason, "Deleted load balancer", by);
    owners::let_go(objects, key, FINALIZER);
}

/// `a` and the service's uid (cloud-provider, `DefaultLoadBalancerName`).
fn name(service: &Value) -> String {
    let uid = service["metadata"]["uid"].as_str().unwrap_or_default().replace('-', "");
    format!("a{uid}").chars().take(NAME).collect()
}

fn tags(hand: &Hand<'_>, key: &Key) -> Tags {
    Tags::from([
        (format!("kubernetes.io/cluster/{}", hand.cluster), "owned".to_owned()),
        ("kubernetes.io/service-name".to_owned(), format!("{}/{}", key.namespace, key.name)),
    ])
}

/// The ports of a service; names of target groups have the form that the controller gives them.
fn ports(hand: &Hand<'_>, key: &Key, service: &Value) -> Vec<Port> {
    let short = |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).take(8).collect() };
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports
        .filter_map(|it| {
            let (port, node_port) = (it["port"].as_u64()?, it["nodePort"].as_u64()?);
            let protocol = it["protocol"].as_str().unwrap_or("TCP").to_owned();
            let all = format!("{}/{}/{}/{port}/{node_port}/{protocol}", hand.cluster, key.namespace, key.name);
            let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(all));
            let group = format!("k8s-{}-{}-{}", short(&key.namespace), short(&key.name), &digest[..10]);
            Some(Port { port, node_port, protocol, group })
        })
        .collect()
}

fn balancer(world: &World, name: &str) -> Option<LoadBalancer> {
    world.elbv2.load_balancers.values().find(|it| it.name == name).cloned()
}

fn target_group(world: &World, name: &str) -> Option<TargetGroup> {
    world.elbv2.target_groups.values().find(|it| it.name == name).cloned()
}

fn elb<'a>(operation: &'a str, parameters: Vec<(String, String)>, made: &'a Tags, on: &'a Tags) -> Asked<'a> {
    Asked { service: Service::ElasticLoadBalancing, operation, parameters, made, on }
}

/// Makes what is missing of a service's load balancer; its name, and from when the service tells it.
fn ensure(
    world: &mut World,
    hand: &Hand<'_>,
    (key, service): (&Key, &Value),
    index: &Index,
) -> Result<(String, Timestamp), String> {
    let (none, tags, name) = (Tags::new(), tags(hand, key), name(service));
    let vpc = world.ec2.instances.get(&hand.instance).map(|it| it.vpc.clone()).ok_or("the instance is gone")?;
    if balancer(world, &name).is_none() {
        let internal = service["metadata"]["annotations"][INTERNAL].as_str().is_some_and(|it| it != "false");
        let subnets = network::subnets(world, &vpc, hand.cluster, internal);
        if subnets.is_empty() {
            return Err("could not find any suitable subnets for creating the ELB".to_owned());
        }
        let scheme = if internal { "internal" } else { "internet-facing" };
        let mut parameters = texts([("Name", name.as_str()), ("Type", "network"), ("Scheme", scheme)]);
        for (number, subnet) in subnets.into_iter().enumerate() {
            parameters.push((format!("Subnets.member.{}", number + 1), subnet));
        }
        hand.ask(world, &elb("CreateLoadBalancer", parameters, &tags, &none))?;
    }
    let made = balancer(world, &name).ok_or("the load balancer is gone")?;
    let ports = ports(hand, key, service);
    let local = service["spec"]["externalTrafficPolicy"] == "Local";
    let health = service["spec"]["healthCheckNodePort"].as_u64().filter(|_| local);
    clear(world, hand, &made, |group| ports.iter().any(|port| port.group == group.name), &tags)?;
    let instances = instances(world, index);
    for port in &ports {
        forward(world, hand, &made, (port, health), &tags)?;
        targets(world, hand, port, &instances)?;
    }
    open(world, hand, &made, service, (&ports, health), &instances)?;
    let wait = jitter(service["metadata"]["uid"].as_str().unwrap_or_default(), 7, TELLING);
    Ok((made.dns_name, later(made.created, wait)))
}

/// A port's target group and listener.
fn forward(
    world: &mut World,
    hand: &Hand<'_>,
    balancer: &LoadBalancer,
    (port, health): (&Port, Option<u64>),
    tags: &Tags,
) -> Result<(), String> {
    let none = Tags::new();
    if target_group(world, &port.group).is_none() {
        let number = port.node_port.to_string();
        let mut parameters = texts([
            ("Name", port.group.as_str()),
            ("Protocol", &port.protocol),
            ("Port", &number),
            ("VpcId", &balancer.vpc),
            ("TargetType", "instance"),
        ]);
        match health {
            Some(health) => {
                parameters.extend(texts([("HealthCheckProtocol", "HTTP"), ("HealthCheckPath", "/healthz")]));
                parameters.push(("HealthCheckPort".to_owned(), health.to_string()));
            }
            None => parameters.extend(texts([("HealthCheckProtocol", "TCP"), ("HealthCheckPort", "traffic-port")])),
        }
        hand.ask(world, &elb("CreateTargetGroup", parameters, tags, &none))?;
    }
    let group = target_group(world, &port.group).ok_or("the target group is gone")?;
    let mut own = world.elbv2.listeners.values().filter(|it| it.load_balancer == balancer.arn);
    if own.any(|it| u64::from(it.port) == port.port) {
        return Ok(());
    }
    let number = port.port.to_string();
    let parameters = texts([
        ("LoadBalancerArn", balancer.arn.as_str()),
        ("Protocol", &port.protocol),
        ("Port", &number),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", &group.arn),
    ]);
    hand.ask(world, &elb("CreateListener", parameters, tags, &balancer.tags))
}

/// Instances of nodes that balancers send to.
fn instances(world: &World, index: &Index) -> BTreeSet<String> {
    let nodes = index.nodes.values().filter(|node| !node.labels.contains_key(EXCLUDED));
    let ids = nodes.filter_map(|node| node.instance.clone());
    ids.filter(|id| world.ec2.instances.get(id).is_some_and(|it| it.phase == Phase::Running)).collect()
}

fn targets(world: &mut World, hand: &Hand<'_>, port: &Port, wanted: &BTreeSet<String>) -> Result<(), String> {
    let Some(group) = target_group(world, &port.group) else { return Ok(()) };
    let present = group.targets.values().filter(|it| it.draining_until.is_none());
    let present: BTreeSet<String> = present.map(|it| it.id.clone()).collect();
    let none = Tags::new();
    for (operation, ids) in [("RegisterTargets", wanted - &present), ("DeregisterTargets", &present - wanted)] {
        if ids.is_empty() {
            continue;
        }
        let mut parameters = texts([("TargetGroupArn", group.arn.as_str())]);
        for (number, id) in ids.into_iter().enumerate() {
            parameters.push((format!("Targets.member.{}.Id", number + 1), id));
        }
        hand.ask(world, &elb(operation, parameters, &none, &group.tags))?;
    }
    Ok(())
}

/// Takes away listeners and target groups of the service that are not wanted.
fn clear(
    world: &mut World,
    hand: &Hand<'_>,
    balancer: &LoadBalancer,
    wanted: impl Fn(&TargetGroup) -> bool,
    tags: &Tags,
) -> Result<(), String> {
    let none = Tags::new();
    let own =
        world.elbv2.target_groups.values().filter(|it| tags.iter().all(|(key, value)| it.tags.get(key) == Some(value)));
    let surplus: Vec<TargetGroup> = own.filter(|it| !wanted(it)).cloned().collect();
    for group in surplus {
        let listeners = world.elbv2.listeners.values();
        let listeners = listeners.filter(|it| it.load_balancer == balancer.arn && it.target_group == group.arn);
        let listeners: Vec<(String, Tags)> = listeners.map(|it| (it.arn.clone(), it.tags.clone())).collect();
        for (arn, tags) in listeners {
            hand.ask(world, &elb("DeleteListener", texts([("ListenerArn", arn.as_str())]), &none, &tags))?;
        }
        let parameters = texts([("TargetGroupArn", group.arn.as_str())]);
        hand.ask(world, &elb("DeleteTargetGroup", parameters, &none, &group.tags))?;
    }
    Ok(())
}

/// Who may come through a load balancer, with the marks that the controller finds its rules by.
fn rules(
    world: &World,
    balancer: &LoadBalancer,
    service: &Value,
    (ports, health): (&[Port], Option<u64>),
) -> BTreeMap<Permission, String> {
    let ranges = service["spec"]["loadBalancerSourceRanges"].as_array().into_iter().flatten();
    let mut ranges: Vec<String> = ranges.filter_map(|it| it.as_str().map(str::to_owned)).collect();
    if ranges.is_empty() {
        ranges.push("0.0.0.0/0".to_owned());
    }
    let subnets = balancer.subnets.keys().filter_map(|id| ec2::get::<Subnet>(world, id).ok());
    let subnets: Vec<String> = subnets.map(|it| it.cidr.to_string()).collect();
    let name = &balancer.name;
    let permission = |protocol: &str, from: i32, to: i32, cidr: &String| Permission {
        protocol: protocol.to_owned(),
        from: Some(from),
        to: Some(to),
        peer: Peer::Cidr(cidr.clone()),
    };
    let mut rules = BTreeMap::new();
    for port in ports {
        let number = i32::try_from(port.node_port).unwrap_or(0);
        let protocol = port.protocol.to_lowercase();
        for range in &ranges {
            rules.insert(permission(&protocol, number, number, range), format!("kubernetes.io/rule/nlb/client={name}"));
        }
        let checked = health.and_then(|it| i32::try_from(it).ok()).unwrap_or(number);
        for subnet in &subnets {
            rules.insert(permission("tcp", checked, checked, subnet), format!("kubernetes.io/rule/nlb/health={name}"));
        }
    }
    for range in &ranges {
        // Fragmentation needed.
        rules.insert(permission("icmp", 3, 4, range), format!("kubernetes.io/rule/nlb/mtu={name}"));
    }
    rules
}

/// Opens the nodes' groups to a load balancer.
fn open(
    world: &mut World,
    hand: &Hand<'_>,
    balancer: &LoadBalancer,
    service: &Value,
    ports: (&[Port], Option<u64>),
    instances: &BTreeSet<String>,
) -> Result<(), String> {
    let groups = instances.iter().filter_map(|id| network::group(world, id, hand.cluster));
    let groups: BTreeMap<String, SecurityGroup> = groups.map(|it| (it.id.clone(), it)).collect();
    let rules = rules(world, balancer, service, ports);
    let none = Tags::new();
    for group in groups.into_values() {
        let known: BTreeSet<&Permission> =
            group.rules.values().filter(|it| !it.egress).map(|it| &it.permission).collect();
        for (permission, why) in rules.iter().filter(|(permission, _)| !known.contains(permission)) {
            let Peer::Cidr(range) = &permission.peer else { continue };
            let port = |it: Option<i32>| it.unwrap_or(-1).to_string();
            let parameters = texts([
                ("GroupId", group.id.as_str()),
                ("IpPermissions.1.IpProtocol", &permission.protocol),
                ("IpPermissions.1.FromPort", &port(permission.from)),
                ("IpPermissions.1.ToPort", &port(permission.to)),
                ("IpPermissions.1.IpRanges.1.CidrIp", range),
                ("IpPermissions.1.IpRanges.1.Description", why),
            ]);
            let operation = "AuthorizeSecurityGroupIngress";
            hand.ask(world, &Asked { service: Service::Ec2, operation, parameters, made: &none, on: &group.tags })?;
        }
    }
    Ok(())
}

/// Takes everything of a service's load balancer away.
fn remove(world: &mut World, hand: &Hand<'_>, key: &Key, service: &Value) -> Result<(), String> {
    let (none, tags, name) = (Tags::new(), tags(hand, key), name(service));
    if let Some(balancer) = balancer(world, &name) {
        clear(world, hand, &balancer, |_| false, &tags)?;
        let parameters = texts([("LoadBalancerArn", balancer.arn.as_str())]);
        hand.ask(world, &elb("DeleteLoadBalancer", parameters, &none, &balancer.tags))?;
    }
    let mark = format!("={name}");
    let groups: Vec<SecurityGroup> = world.ec2.security_groups.values().cloned().collect();
    for group in groups {
        let own = group.rules.iter().filter(|(_, rule)| {
            rule.description.as_ref().is_some_and(|it| it.starts_with("kubernetes.io/rule/nlb/") && it.ends_with(&mark))
        });
        let mut parameters = texts([("GroupId", group.id.as_str())]);
        for (number, (id, _)) in own.enumerate() {
            parameters.push((format!("SecurityGroupRuleId.{}", number + 1), id.clone()));
        }
        if parameters.len() > 1 {
            let operation = "RevokeSecurityGroupIngress";
            hand.ask(world, &Asked { service: Service::Ec2, operation, parameters, made: &none, on: &group.tags })?;
        }
    }
    Ok(())
}
