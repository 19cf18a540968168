//! Load balancers.

use std::collections::BTreeMap;

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::{World, iso};
use super::{
    LoadBalancer, attributes, checked_name, interfaces, no_load_balancer, page, suffix, surroundings, tags, validation,
    zone_ids,
};

/// Seconds from provisioning to active: 140 to 160 were seen for network load balancers.
const PROVISIONING: (u32, u32) = (140, 160);

fn xml(world: &World, balancer: &LoadBalancer) -> Xml {
    let state = if world.now < balancer.active_from { "provisioning" } else { "active" };
    let zones = balancer.subnets.iter().map(|(subnet, zone)| {
        Xml::new().text("ZoneName", zone).text("SubnetId", subnet).list("LoadBalancerAddresses", "member", [])
    });
    let xml = Xml::new()
        .text("LoadBalancerArn", &balancer.arn)
        .text("DNSName", &balancer.dns_name)
        .text("CanonicalHostedZoneId", zone_ids::zone_of(&world.region))
        .text("CreatedTime", iso(balancer.created))
        .text("LoadBalancerName", &balancer.name)
        .text("Scheme", &balancer.scheme)
        .text("VpcId", &balancer.vpc)
        .element("State", Xml::new().text("Code", state))
        .text("Type", &balancer.kind)
        .list("AvailabilityZones", "member", zones)
        .text("IpAddressType", &balancer.ip_address_type);
    if balancer.security_groups.is_empty() {
        return xml;
    }
    xml.texts("SecurityGroups", "member", &balancer.security_groups)
}

/// The zones of the subnets, and their one VPC.
fn places(world: &World, call: &Call<'_>) -> Result<(String, BTreeMap<String, String>), Refusal> {
    let mut ids = call.texts("Subnets");
    for mapping in call.list("SubnetMappings") {
        ids.extend(mapping.text("SubnetId"));
    }
    if ids.is_empty() {
        return Err(validation("At least one subnet must be specified"));
    }
    let mut subnets = BTreeMap::new();
    let mut vpc: Option<String> = None;
    for id in ids {
        let place = surroundings::subnet(world, &id)
            .ok_or_else(|| Refusal::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))?;
        if vpc.get_or_insert_with(|| place.vpc.clone()) != &place.vpc {
            return Err(Refusal::new("InvalidSubnet", "All subnets must belong to the same VPC"));
        }
        if subnets.values().any(|zone| *zone == place.zone) {
            let message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        subnets.insert(id, place.zone);
    }
    Ok((vpc.unwrap_or_default(), subnets))
}

fn security_groups(world: &World, call: &Call<'_>, vpc: &str) -> Result<Vec<String>, Refusal> {
    let mut groups = call.texts("SecurityGroups");
    groups.sort();
    groups.dedup();
    for group in &groups {
        if surroundings::security_group_vpc(world, group).as_deref() != Some(vpc) {
            return Err(Refusal::new(
                "InvalidSecurityGroup",
                format!("One or more security groups are invalid: {group}"),
            ));
        }
    }
    Ok(groups)
}

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = checked_name(call, "Load balancer")?;
    let kind = call.text("Type").unwrap_or_else(|| "application".to_owned());
    let scheme = call.text("Scheme").unwrap_or_else(|| "internet-facing".to_owned());
    let ip_address_type = call.text("IpAddressType").unwrap_or_else(|| "ipv4".to_owned());
    if !["network", "application"].contains(&kind.as_str()) {
        return Err(validation(format!("The sandbox has no load balancers of type {kind}")));
    }
    if !["internal", "internet-facing"].contains(&scheme.as_str()) {
        return Err(validation(format!("Invalid scheme '{scheme}'")));
    }
    let (vpc, subnets) = places(world, call)?;
    if kind == "application" && subnets.len() < 2 {
        let message = "At least two subnets in two different Availability Zones must be specified";
        return Err(validation(message));
    }
    let security_groups = security_groups(world, call, &vpc)?;
    let tags = tags::read(call)?;
    if scheme == "internet-facing" && !surroundings::has_internet_gateway(world, &vpc) {
        return Err(Refusal::new("InvalidSubnet", format!("VPC {vpc} has no internet gateway")));
    }
    if let Some(same) = world.elbv2.load_balancers.values().find(|it| it.name == name) {
        let equal = same.kind == kind
            && same.scheme == scheme
            && same.ip_address_type == ip_address_type
            && same.subnets == subnets
            && same.security_groups == security_groups;
        if equal {
            return Ok(Xml::new().list("LoadBalancers", "member", [xml(world, same)]).into());
        }
        let message = format!("A load balancer with the same name '{name}' exists, but with different settings");
        return Err(Refusal::new("DuplicateLoadBalancerName", message));
    }
    if world.elbv2.load_balancers.len() >= usize::try_from(world.quotas.network_load_balancers).unwrap_or(usize::MAX) {
        let message = "The maximum number of load balancers has been reached";
        return Err(Refusal::new("TooManyLoadBalancers", message));
    }
    let id = suffix(world);
    let word = if kind == "network" { "net" } else { "app" };
    let arn = world.arn("elasticloadbalancing", &format!("loadbalancer/{word}/{name}/{id}"));
    let interfaces = interfaces::make(world, &format!("ELB {word}/{name}/{id}"), subnets.keys(), &security_groups)?;
    let balancer = LoadBalancer {
        dns_name: format!("{name}-{id}.elb.{}.amazonaws.com", world.region),
        created: world.now,
        active_from: world.after_between(PROVISIONING.0, PROVISIONING.1),
        attributes: attributes::of_load_balancer(&kind),
        arn: arn.clone(),
        name,
        kind,
        scheme,
        ip_address_type,
        vpc,
        subnets,
        security_groups,
        interfaces,
        tags,
    };
    let answer = Xml::new().list("LoadBalancers", "member", [xml(world, &balancer)]);
    world.hide(&arn);
    world.elbv2.load_balancers.insert(arn, balancer);
    Ok(answer.into())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("Names");
    let arns = call.texts("LoadBalancerArns");
    let shown = |it: &&LoadBalancer| !world.is_hidden(&it.arn);
    let all = world.elbv2.load_balancers.values().filter(shown);
    let wanted: Vec<&LoadBalancer> = all
        .filter(|it| (names.is_empty() || names.contains(&it.name)) && (arns.is_empty() || arns.contains(&it.arn)))
        .collect();
    for name in &names {
        if !wanted.iter().any(|it| it.name == *name) {
            return Err(no_load_balancer(&format!("'[{name}]'")));
        }
    }
    for arn in &arns {
        if !wanted.iter().any(|it| it.arn == *arn) {
            return Err(no_load_balancer(&format!("'[{arn}]'")));
        }
    }
    let items = wanted.into_iter().map(|it| (it.arn.clone(), xml(world, it))).collect();
    let (items, next) = page(call, items)?;
    Ok(Xml::new().list("LoadBalancers", "member", items).maybe("NextMarker", next).into())
}

/// Deletes it with its listeners; deleting what is not there is a success (DeleteLoadBalancer).
pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("LoadBalancerArn").unwrap_or_default();
    let Some(balancer) = world.elbv2.load_balancers.get(&arn) else { return Ok(Answer::empty()) };
    if balancer.attributes.get("deletion_protection.enabled").is_some_and(|it| it == "true") {
        let message = format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled");
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    let interfaces: Vec<String> = balancer.interfaces.values().cloned().collect();
    world.elbv2.load_balancers.remove(&arn);
    world.elbv2.listeners.retain(|_, listener| listener.load_balancer != arn);
    interfaces::remove(world, &interfaces);
    Ok(Answer::empty())
}

pub fn set_security_groups(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("LoadBalancerArn").unwrap_or_default();
    let balancer = world.elbv2.load_balancer(&arn)?;
    let groups = security_groups(world, call, &balancer.vpc)?;
    if balancer.kind == "network" && balancer.security_groups.is_empty() != groups.is_empty() {
        let message = "You can't change whether a Network Load Balancer has security groups after it was created";
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    let ids: Vec<String> = balancer.interfaces.values().cloned().collect();
    interfaces::regroup(world, &ids, &groups);
    world.elbv2.load_balancer_mut(&arn)?.security_groups.clone_from(&groups);
    Ok(Xml::new().texts("SecurityGroupIds", "member", groups).into())
}

/// A network load balancer may gain and lose zones.
pub fn set_subnets(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("LoadBalancerArn").unwrap_or_default();
    call.accept_all(&["IpAddressType"]);
    let (vpc, subnets) = places(world, call)?;
    let balancer = world.elbv2.load_balancer(&arn)?.clone();
    if vpc != balancer.vpc {
        return Err(Refusal::new("InvalidSubnet", "The subnets must belong to the VPC of the load balancer"));
    }
    let label = balancer.arn.split_once("loadbalancer/").map_or("", |(_, label)| label).to_owned();
    let added: Vec<&String> = subnets.keys().filter(|it| !balancer.subnets.contains_key(*it)).collect();
    let made = interfaces::make(world, &format!("ELB {label}"), added.into_iter(), &balancer.security_groups)?;
    let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
        balancer.interfaces.into_iter().partition(|(subnet, _)| subnets.contains_key(subnet));
    interfaces::remove(world, &gone.into_values().collect::<Vec<_>>());
    let balancer = world.elbv2.load_balancer_mut(&arn)?;
    balancer.subnets = subnets;
    balancer.interfaces = kept.into_iter().chain(made).collect();
    let zones =
        balancer.subnets.iter().map(|(subnet, zone)| Xml::new().text("ZoneName", zone).text("SubnetId", subnet));
    let answer = Xml::new().list("AvailabilityZones", "member", zones).text("IpAddressType", &balancer.ip_address_type);
    Ok(answer.into())
}

pub fn set_ip_address_type(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let wanted = call.required("IpAddressType")?;
    let balancer = world.elbv2.load_balancer_mut(&call.text("LoadBalancerArn").unwrap_or_default())?;
    balancer.ip_address_type.clone_from(&wanted);
    Ok(Xml::new().text("IpAddressType", wanted).into())
}
