//! Attributes of load balancers and target groups.
//!
//! Source: LoadBalancerAttribute and TargetGroupAttribute, with the defaults that they list.

use std::collections::BTreeMap;

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;

type Attributes = BTreeMap<String, String>;

fn table(rows: &[(&str, &str)]) -> Attributes {
    rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What a new load balancer has.
pub fn of_load_balancer(kind: &str) -> Attributes {
    let mut all = table(&[
        ("access_logs.s3.enabled", "false"),
        ("access_logs.s3.bucket", ""),
        ("access_logs.s3.prefix", ""),
        ("deletion_protection.enabled", "false"),
        ("ipv6.deny_all_igw_traffic", "false"),
        ("zonal_shift.config.enabled", "false"),
        ("load_balancing.cross_zone.enabled", if kind == "application" { "true" } else { "false" }),
    ]);
    if kind == "network" {
        all.extend(table(&[
            ("dns_record.client_routing_policy", "any_availability_zone"),
            ("secondary_ips.auto_assigned.per_subnet", "0"),
        ]));
    }
    all
}

/// What a new target group has.
pub fn of_target_group(protocol: &str) -> Attributes {
    let mut all = table(&[
        ("deregistration_delay.timeout_seconds", "300"),
        ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
        ("stickiness.enabled", "false"),
        ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
        ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
    ]);
    all.extend(match protocol {
        "HTTP" | "HTTPS" => table(&[
            ("load_balancing.algorithm.type", "round_robin"),
            ("slow_start.duration_seconds", "0"),
            ("stickiness.type", "lb_cookie"),
        ]),
        _ => table(&[
            ("deregistration_delay.connection_termination.enabled", "false"),
            ("preserve_client_ip.enabled", "true"),
            ("proxy_protocol_v2.enabled", "false"),
            ("stickiness.type", "source_ip"),
            ("target_health_state.unhealthy.connection_termination.enabled", "true"),
            ("target_health_state.unhealthy.draining_interval_seconds", "0"),
        ]),
    });
    all
}

fn xml(attributes: &Attributes) -> Xml {
    let items = attributes.iter().map(|(key, value)| Xml::new().text("Key", key).text("Value", value));
    Xml::new().list("Attributes", "member", items)
}

fn modify(attributes: &mut Attributes, call: &Call<'_>, what: &str) -> Result<Answer, Refusal> {
    let mut changed = attributes.clone();
    for attribute in call.list("Attributes") {
        let key = attribute.text("Key").unwrap_or_default();
        let value = attribute.text("Value").unwrap_or_default();
        let Some(slot) = changed.get_mut(&key) else {
            let message = format!("{what} attribute key '{key}' is not recognized");
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        };
        let boolean = key.ends_with(".enabled") && !key.starts_with("load_balancing.cross_zone");
        if boolean && !["true", "false"].contains(&value.as_str()) {
            let message = format!("{what} attribute '{key}' must be 'true' or 'false'");
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        *slot = value;
    }
    *attributes = changed;
    Ok(xml(attributes).into())
}

pub fn describe_load_balancer(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("LoadBalancerArn").unwrap_or_default();
    Ok(xml(&world.elbv2.load_balancer(&arn)?.attributes).into())
}

pub fn modify_load_balancer(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("LoadBalancerArn").unwrap_or_default();
    modify(&mut world.elbv2.load_balancer_mut(&arn)?.attributes, call, "Load balancer")
}

pub fn describe_target_group(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    Ok(xml(&world.elbv2.target_group(&arn)?.attributes).into())
}

pub fn modify_target_group(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    modify(&mut world.elbv2.target_group_mut(&arn)?.attributes, call, "Target group")
}
