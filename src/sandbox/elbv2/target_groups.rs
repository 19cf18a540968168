//! Target groups.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{Check, TargetGroup, attributes, checked_name, no_target_group, page, suffix, tags, validation};

fn xml(world: &World, group: &TargetGroup) -> Xml {
    let mut balancers: Vec<&String> =
        world.elbv2.users_of(&group.arn).map(|listener| &listener.load_balancer).collect();
    balancers.sort();
    balancers.dedup();
    let check = &group.check;
    let matcher = check.codes.as_ref().map(|codes| Xml::new().text("HttpCode", codes));
    Xml::new()
        .text("TargetGroupArn", &group.arn)
        .text("TargetGroupName", &group.name)
        .text("Protocol", &group.protocol)
        .text("Port", group.port)
        .text("VpcId", &group.vpc)
        .text("HealthCheckProtocol", &check.protocol)
        .text("HealthCheckPort", &check.port)
        .text("HealthCheckEnabled", true)
        .text("HealthCheckIntervalSeconds", check.interval)
        .text("HealthCheckTimeoutSeconds", check.timeout)
        .text("HealthyThresholdCount", check.healthy)
        .text("UnhealthyThresholdCount", check.unhealthy)
        .maybe("HealthCheckPath", check.path.as_ref())
        .maybe_element("Matcher", matcher)
        .texts("LoadBalancerArns", "member", balancers)
        .text("TargetType", &group.target_type)
        .text("IpAddressType", "ipv4")
}

/// The check after a request, with the defaults of CreateTargetGroup where nothing was said before.
fn check(call: &Call<'_>, protocol: &str, before: Option<&Check>) -> Result<Check, Refusal> {
    call.accept_all(&["HealthCheckEnabled"]);
    let layer_seven = matches!(protocol, "HTTP" | "HTTPS");
    let default_protocol = if layer_seven { "HTTP" } else { "TCP" };
    let asked = call.text("HealthCheckProtocol");
    let kind = asked.or_else(|| before.map(|it| it.protocol.clone())).unwrap_or_else(|| default_protocol.to_owned());
    let web = matches!(kind.as_str(), "HTTP" | "HTTPS");
    let timeout = match (kind.as_str(), layer_seven) {
        (_, true) => 5,
        ("HTTP", false) => 6,
        _ => 10,
    };
    let path = call.text("HealthCheckPath").or_else(|| before.and_then(|it| it.path.clone()));
    if path.is_some() && !web && call.text("HealthCheckPath").is_some() {
        return Err(Refusal::new(
            "InvalidConfigurationRequest",
            format!("Health check path is not supported for health checks with protocol {kind}"),
        ));
    }
    let codes = call.view("Matcher").text("HttpCode").or_else(|| before.and_then(|it| it.codes.clone()));
    let check = Check {
        port: call
            .text("HealthCheckPort")
            .or_else(|| before.map(|it| it.port.clone()))
            .unwrap_or_else(|| "traffic-port".to_owned()),
        path: web.then(|| path.unwrap_or_else(|| "/".to_owned())),
        codes: web.then(|| codes.unwrap_or_else(|| if layer_seven { "200" } else { "200-399" }.to_owned())),
        interval: call.parsed("HealthCheckIntervalSeconds")?.or(before.map(|it| it.interval)).unwrap_or(30),
        timeout: call.parsed("HealthCheckTimeoutSeconds")?.or(before.map(|it| it.timeout)).unwrap_or(timeout),
        healthy: call.parsed("HealthyThresholdCount")?.or(before.map(|it| it.healthy)).unwrap_or(5),
        unhealthy: call.parsed("UnhealthyThresholdCount")?.or(before.map(|it| it.unhealthy)).unwrap_or(2),
        protocol: kind,
    };
    if !(5..=300).contains(&check.interval) {
        return Err(validation("Health check interval must be between 5 and 300 seconds"));
    }
    if !(2..=10).contains(&check.healthy) || !(2..=10).contains(&check.unhealthy) {
        return Err(validation("Health check thresholds must be between 2 and 10"));
    }
    Ok(check)
}

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = checked_name(call, "Target group")?;
    let protocol = call.text("Protocol").unwrap_or_default();
    let target_type = call.text("TargetType").unwrap_or_else(|| "instance".to_owned());
    if !["TCP", "TLS", "UDP", "TCP_UDP", "HTTP", "HTTPS"].contains(&protocol.as_str()) {
        return Err(validation("A protocol must be specified"));
    }
    let port: u16 = call.parsed("Port")?.ok_or_else(|| validation("A port must be specified"))?;
    let vpc = call.text("VpcId").ok_or_else(|| validation("A VPC ID must be specified"))?;
    if !world.ec2.vpcs.contains_key(&vpc) {
        return Err(validation(format!("The VPC ID '{vpc}' is not found")));
    }
    call.accept_all(&["IpAddressType", "ProtocolVersion"]);
    let check = check(call, &protocol, None)?;
    let tags = tags::read(call)?;
    if let Some(same) = world.elbv2.target_groups.values().find(|it| it.name == name) {
        let equal = same.protocol == protocol
            && same.port == port
            && same.vpc == vpc
            && same.target_type == target_type
            && same.check == check;
        if equal {
            return Ok(Xml::new().list("TargetGroups", "member", [xml(world, same)]).into());
        }
        let message = format!("A target group with the same name '{name}' exists, but with different settings");
        return Err(Refusal::new("DuplicateTargetGroupName", message));
    }
    let id = suffix(world);
    let arn = world.arn("elasticloadbalancing", &format!("targetgroup/{name}/{id}"));
    let group = TargetGroup {
        attributes: attributes::of_target_group(&protocol),
        arn: arn.clone(),
        name,
        protocol,
        port,
        vpc,
        target_type,
        check,
        tags,
        targets: Default::default(),
    };
    let answer = Xml::new().list("TargetGroups", "member", [xml(world, &group)]);
    world.hide(&arn);
    world.elbv2.target_groups.insert(arn, group);
    Ok(answer.into())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("Names");
    let arns = call.texts("TargetGroupArns");
    let balancer = call.text("LoadBalancerArn");
    if let Some(arn) = &balancer {
        world.elbv2.load_balancer(arn)?;
    }
    let wanted: Vec<&TargetGroup> = world
        .elbv2
        .target_groups
        .values()
        .filter(|it| !world.is_hidden(&it.arn))
        .filter(|it| names.is_empty() || names.contains(&it.name))
        .filter(|it| arns.is_empty() || arns.contains(&it.arn))
        .filter(|it| {
            balancer.as_ref().is_none_or(|arn| world.elbv2.users_of(&it.arn).any(|user| user.load_balancer == *arn))
        })
        .collect();
    let all_there = names.iter().all(|name| wanted.iter().any(|it| it.name == *name))
        && arns.iter().all(|arn| wanted.iter().any(|it| it.arn == *arn));
    if !all_there {
        return Err(no_target_group());
    }
    let items = wanted.into_iter().map(|it| (it.arn.clone(), xml(world, it))).collect();
    let (items, next) = page(call, items)?;
    Ok(Xml::new().list("TargetGroups", "member", items).maybe("NextMarker", next).into())
}

pub fn modify(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    let group = world.elbv2.target_group_mut(&arn)?;
    group.check = check(call, &group.protocol.clone(), Some(&group.check))?;
    let group = world.elbv2.target_group(&arn)?;
    Ok(Xml::new().list("TargetGroups", "member", [xml(world, group)]).into())
}

/// Deleting what is not there is a success.
pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    if world.elbv2.users_of(&arn).next().is_some() {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Refusal::new("ResourceInUse", message));
    }
    world.elbv2.target_groups.remove(&arn);
    Ok(Answer::empty())
}
