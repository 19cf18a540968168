//! Listeners that forward to one target group.

use super::super::wire::{Answer, Call, Parameters, Refusal, Xml};
use super::super::world::World;
use super::{Listener, no_listener, page, suffix, tags, validation};

fn xml(listener: &Listener) -> Xml {
    let group = Xml::new().text("TargetGroupArn", &listener.target_group);
    let action = Xml::new()
        .text("Type", "forward")
        .text("TargetGroupArn", &listener.target_group)
        .text("Order", 1)
        .element("ForwardConfig", Xml::new().list("TargetGroups", "member", [group]));
    Xml::new()
        .text("ListenerArn", &listener.arn)
        .text("LoadBalancerArn", &listener.load_balancer)
        .text("Port", listener.port)
        .text("Protocol", &listener.protocol)
        .list("DefaultActions", "member", [action])
}

fn forward(world: &World, actions: &[Parameters<'_>]) -> Result<String, Refusal> {
    let [action] = actions else { return Err(validation("The sandbox takes exactly one default action")) };
    action.accept_all(&["Order"]);
    let kind = action.text("Type").unwrap_or_default();
    if kind != "forward" {
        return Err(validation(format!("The sandbox has no listener actions of type {kind}")));
    }
    let direct = action.text("TargetGroupArn");
    let arn = match direct {
        Some(arn) => arn,
        None => {
            let groups = action.view("ForwardConfig").list("TargetGroups");
            groups.first().and_then(|it| it.text("TargetGroupArn")).unwrap_or_default()
        }
    };
    world.elbv2.target_group(&arn)?;
    Ok(arn)
}

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let balancer = call.text("LoadBalancerArn").unwrap_or_default();
    world.elbv2.load_balancer(&balancer)?;
    let protocol = call.text("Protocol").unwrap_or_default();
    let port: u16 = call.parsed("Port")?.ok_or_else(|| validation("A port must be specified"))?;
    let target_group = forward(world, &call.list("DefaultActions"))?;
    let tags = tags::read(call)?;
    let group = world.elbv2.target_group(&target_group)?;
    let fits = group.protocol == protocol || (protocol == "TLS" && group.protocol == "TCP");
    if !fits && !matches!(protocol.as_str(), "HTTP" | "HTTPS") {
        let message = format!(
            "Listener protocol '{protocol}' is not supported with a target group with protocol '{}'",
            group.protocol
        );
        return Err(Refusal::new("UnsupportedProtocol", message));
    }
    let on_port = world.elbv2.listeners.values().find(|it| it.load_balancer == balancer && it.port == port);
    if let Some(same) = on_port {
        if same.protocol == protocol && same.target_group == target_group {
            return Ok(Xml::new().list("Listeners", "member", [xml(same)]).into());
        }
        let message = format!("A listener already exists on this port for this load balancer '{balancer}'");
        return Err(Refusal::new("DuplicateListener", message));
    }
    let arn = format!("{}/{}", balancer.replace(":loadbalancer/", ":listener/"), suffix(world));
    let listener =
        Listener { arn: arn.clone(), load_balancer: balancer, protocol, port, target_group, created: world.now, tags };
    let answer = Xml::new().list("Listeners", "member", [xml(&listener)]);
    world.hide(&arn);
    world.elbv2.listeners.insert(arn, listener);
    Ok(answer.into())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arns = call.texts("ListenerArns");
    let balancer = call.text("LoadBalancerArn");
    if arns.is_empty() && balancer.is_none() {
        return Err(validation("You must specify either listener ARNs or a load balancer ARN"));
    }
    if let Some(arn) = &balancer {
        world.elbv2.load_balancer(arn)?;
    }
    let wanted: Vec<&Listener> = world
        .elbv2
        .listeners
        .values()
        .filter(|it| !world.is_hidden(&it.arn))
        .filter(|it| arns.is_empty() || arns.contains(&it.arn))
        .filter(|it| balancer.as_ref().is_none_or(|arn| it.load_balancer == *arn))
        .collect();
    if !arns.iter().all(|arn| wanted.iter().any(|it| it.arn == *arn)) {
        return Err(no_listener());
    }
    let (items, next) = page(call, wanted.into_iter().map(|it| (it.arn.clone(), xml(it))).collect())?;
    Ok(Xml::new().list("Listeners", "member", items).maybe("NextMarker", next).into())
}

pub fn modify(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("ListenerArn").unwrap_or_default();
    let present = world.elbv2.listeners.get(&arn).ok_or_else(no_listener)?.clone();
    let port = call.parsed("Port")?.unwrap_or(present.port);
    let protocol = call.text("Protocol").unwrap_or_else(|| present.protocol.clone());
    let actions = call.list("DefaultActions");
    let target_group = if actions.is_empty() { present.target_group.clone() } else { forward(world, &actions)? };
    let taken = |it: &Listener| it.arn != arn && it.load_balancer == present.load_balancer && it.port == port;
    if world.elbv2.listeners.values().any(taken) {
        let message =
            format!("A listener already exists on this port for this load balancer '{}'", present.load_balancer);
        return Err(Refusal::new("DuplicateListener", message));
    }
    let listener = Listener { port, protocol, target_group, ..present };
    let answer = Xml::new().list("Listeners", "member", [xml(&listener)]);
    world.elbv2.listeners.insert(arn, listener);
    Ok(answer.into())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("ListenerArn").unwrap_or_default();
    world.elbv2.listeners.remove(&arn).ok_or_else(no_listener)?;
    Ok(Answer::empty())
}
