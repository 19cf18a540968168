//! How targets are doing.
//!
//! Source: elastic load balancing user guide, "Target health status", with its reasons.

use jiff::SignedDuration;

use super::super::boot;
use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{Target, TargetGroup, surroundings};

/// Seconds until a network load balancer sends to a new target: 180 to 300 were seen.
const NETWORK_DELAY: i64 = 180;

/// A target's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`.
    pub state: &'static str,
    /// Why, unless healthy.
    pub reason: Option<(&'static str, &'static str)>,
}

/// The health of a target now.
pub fn of(world: &World, group: &TargetGroup, target: &Target) -> Health {
    let because = |state, code, text| Health { state, reason: Some((code, text)) };
    if target.draining_until.is_some() {
        return because("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress");
    }
    let in_use = world
        .elbv2
        .users_of(&group.arn)
        .filter_map(|listener| {
            let balancer = world.elbv2.load_balancers.get(&listener.load_balancer)?;
            Some((listener.created.max(balancer.active_from), balancer.kind == "network"))
        })
        .min();
    let Some((since, network)) = in_use else {
        return because(
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        );
    };
    let mut start = since.max(target.since);
    if group.target_type == "instance" {
        match surroundings::instance(world, &target.id) {
            Some(instance) if instance.state == "running" => start = start.max(instance.since),
            Some(instance) if instance.state == "pending" => {
                return because("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
            }
            _ => return because("unused", "Target.InvalidState", "Target is in the stopped or terminated state"),
        }
    }
    let checks = i64::from(group.check.interval) * i64::from(group.check.healthy);
    let delay = if network { checks.max(NETWORK_DELAY) } else { checks };
    if world.now.duration_since(start) < SignedDuration::from_secs(delay) {
        return because("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
    }
    match boot::health(world, &target.id) {
        // It answers, and has done so for as many checks as it takes.
        boot::Health::Ready(since) if world.now.duration_since(since) < SignedDuration::from_secs(checks) => {
            because("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
        }
        boot::Health::NotReady(_) => because("unhealthy", "Target.FailedHealthChecks", "Health checks failed"),
        boot::Health::Ready(_) | boot::Health::Unknown => Health { state: "healthy", reason: None },
    }
}

/// The healthy targets of a group: id and port.
#[must_use]
pub fn healthy(world: &World, target_group: &str) -> Vec<(String, u16)> {
    let Some(group) = world.elbv2.target_groups.get(target_group) else { return Vec::new() };
    let healthy = group.targets.values().filter(|target| of(world, group, target).state == "healthy");
    healthy.map(|target| (target.id.clone(), target.port)).collect()
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    call.accept_all(&["Include"]);
    let group = world.elbv2.target_group(&arn)?;
    let present: Vec<&Target> = group
        .targets
        .values()
        .filter(|it| it.draining_until.is_none_or(|until| world.now < until))
        .filter(|it| group.target_type != "instance" || surroundings::instance(world, &it.id).is_some())
        .collect();
    let asked = call.list("Targets");
    let mut items = Vec::new();
    if asked.is_empty() {
        items.extend(present.iter().map(|it| xml(group, it, of(world, group, it))));
    }
    for target in asked {
        target.accept_all(&["AvailabilityZone"]);
        let id = target.text("Id").unwrap_or_default();
        let port: Option<u16> = target.parsed("Port")?;
        let found = present.iter().find(|it| it.id == id && port.is_none_or(|port| it.port == port));
        items.push(match found {
            Some(it) => xml(group, it, of(world, group, it)),
            None => {
                let missing = Target { id, port: port.unwrap_or(group.port), since: world.now, draining_until: None };
                let reason = ("Target.NotRegistered", "Target is not registered to the target group");
                xml(group, &missing, Health { state: "unused", reason: Some(reason) })
            }
        });
    }
    Ok(Xml::new().list("TargetHealthDescriptions", "member", items).into())
}

fn xml(group: &TargetGroup, target: &Target, health: Health) -> Xml {
    let check_port =
        if group.check.port == "traffic-port" { target.port.to_string() } else { group.check.port.clone() };
    let mut state = Xml::new().text("State", health.state);
    if let Some((reason, description)) = health.reason {
        state = state.text("Reason", reason).text("Description", description);
    }
    Xml::new()
        .element("Target", Xml::new().text("Id", &target.id).text("Port", target.port))
        .text("HealthCheckPort", check_port)
        .element("TargetHealth", state)
}
