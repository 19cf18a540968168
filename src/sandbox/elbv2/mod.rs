//! Elastic Load Balancing version 2: load balancers, target groups, listeners, imitated. No connection is balanced.
//!
//! Source: Elastic Load Balancing API reference (2015-12-01).

mod attributes;
mod health;
mod interfaces;
mod listeners;
mod load_balancers;
mod surroundings;
mod tags;
mod target_groups;
mod targets;
#[cfg(test)]
mod tests;
pub mod zone_ids;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::{Call, Operation, Refusal, Xml};
use super::world::{Live, World};

pub use health::healthy;
pub use tags::of as tags_of;
pub use targets::{deregister, is_healthy, register};

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// By ARN.
    pub load_balancers: BTreeMap<String, LoadBalancer>,
    /// By ARN.
    pub target_groups: BTreeMap<String, TargetGroup>,
    /// By ARN.
    pub listeners: BTreeMap<String, Listener>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Where clients find it.
    pub dns_name: String,
    /// `network` or `application`.
    pub kind: String,
    /// `internal` or `internet-facing`.
    pub scheme: String,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: String,
    /// The VPC.
    pub vpc: String,
    /// Its subnets with their zones.
    pub subnets: BTreeMap<String, String>,
    /// Sorted.
    pub security_groups: Vec<String>,
    /// Network interface of each subnet.
    pub interfaces: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it is active.
    pub active_from: Timestamp,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `TCP`, `TLS`, `UDP`, `HTTP`, ….
    pub protocol: String,
    /// The port of the targets.
    pub port: u16,
    /// The VPC.
    pub vpc: String,
    /// `instance` or `ip`.
    pub target_type: String,
    /// The health check.
    pub check: Check,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Targets by `id:port`.
    pub targets: BTreeMap<String, Target>,
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    /// `TCP`, `HTTP` or `HTTPS`.
    pub protocol: String,
    /// A number or `traffic-port`.
    pub port: String,
    /// Path, for HTTP and HTTPS.
    pub path: Option<String>,
    /// Status codes that are healthy, for HTTP and HTTPS.
    pub codes: Option<String>,
    /// Seconds between checks.
    pub interval: u32,
    /// Seconds until a check has failed.
    pub timeout: u32,
    /// Successes until healthy.
    pub healthy: u32,
    /// Failures until unhealthy.
    pub unhealthy: u32,
}

/// A registered target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Instance id or address.
    pub id: String,
    /// Its port.
    pub port: u16,
    /// Since when.
    pub since: Timestamp,
    /// Until when it keeps its connections after it was deregistered.
    pub draining_until: Option<Timestamp>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// ARN of its load balancer.
    pub load_balancer: String,
    /// `TCP`, ….
    pub protocol: String,
    /// Its port.
    pub port: u16,
    /// ARN of the target group that it forwards to.
    pub target_group: String,
    /// When it was made.
    pub created: Timestamp,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateLoadBalancer", load_balancers::create),
    ("DescribeLoadBalancers", load_balancers::describe),
    ("DeleteLoadBalancer", load_balancers::delete),
    ("SetSecurityGroups", load_balancers::set_security_groups),
    ("SetSubnets", load_balancers::set_subnets),
    ("SetIpAddressType", load_balancers::set_ip_address_type),
    ("DescribeLoadBalancerAttributes", attributes::describe_load_balancer),
    ("ModifyLoadBalancerAttributes", attributes::modify_load_balancer),
    ("CreateTargetGroup", target_groups::create),
    ("DescribeTargetGroups", target_groups::describe),
    ("ModifyTargetGroup", target_groups::modify),
    ("DeleteTargetGroup", target_groups::delete),
    ("DescribeTargetGroupAttributes", attributes::describe_target_group),
    ("ModifyTargetGroupAttributes", attributes::modify_target_group),
    ("RegisterTargets", targets::register_call),
    ("DeregisterTargets", targets::deregister_call),
    ("DescribeTargetHealth", health::describe),
    ("CreateListener", listeners::create),
    ("DescribeListeners", listeners::describe),
    ("ModifyListener", listeners::modify),
    ("DeleteListener", listeners::delete),
    ("AddTags", tags::add),
    ("RemoveTags", tags::remove),
    ("DescribeTags", tags::describe),
];

/// Its live objects.
#[must_use]
pub fn live(world: &World) -> Live {
    let state = &world.elbv2;
    let mut live = Live::new();
    for (arn, it) in &state.load_balancers {
        live.insert(format!("elbv2/load-balancer/{arn}"), serde_json::to_value(it).unwrap_or_default());
    }
    for (arn, it) in &state.target_groups {
        live.insert(format!("elbv2/target-group/{arn}"), serde_json::to_value(it).unwrap_or_default());
    }
    for (arn, it) in &state.listeners {
        live.insert(format!("elbv2/listener/{arn}"), serde_json::to_value(it).unwrap_or_default());
    }
    live
}

impl State {
    fn load_balancer(&self, arn: &str) -> Result<&LoadBalancer, Refusal> {
        self.load_balancers.get(arn).ok_or_else(|| no_load_balancer(&format!("'[{arn}]'")))
    }

    fn load_balancer_mut(&mut self, arn: &str) -> Result<&mut LoadBalancer, Refusal> {
        self.load_balancers.get_mut(arn).ok_or_else(|| no_load_balancer(&format!("'[{arn}]'")))
    }

    fn target_group(&self, arn: &str) -> Result<&TargetGroup, Refusal> {
        self.target_groups.get(arn).ok_or_else(no_target_group)
    }

    fn target_group_mut(&mut self, arn: &str) -> Result<&mut TargetGroup, Refusal> {
        self.target_groups.get_mut(arn).ok_or_else(no_target_group)
    }

    /// ARNs of the load balancers that send to a target group.
    fn users_of<'a>(&'a self, target_group: &'a str) -> impl Iterator<Item = &'a Listener> {
        self.listeners.values().filter(move |listener| listener.target_group == target_group)
    }
}

fn no_load_balancer(which: &str) -> Refusal {
    Refusal::new("LoadBalancerNotFound", format!("Load balancers {which} not found"))
}

fn no_target_group() -> Refusal {
    Refusal::new("TargetGroupNotFound", "One or more target groups not found")
}

fn no_listener() -> Refusal {
    Refusal::new("ListenerNotFound", "One or more listeners not found")
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

/// Names of load balancers and target groups: 1 to 32 letters, digits and hyphens (CreateLoadBalancer, "Name").
fn checked_name(call: &Call<'_>, what: &str) -> Result<String, Refusal> {
    let name = call.text("Name").unwrap_or_default();
    if name.len() > 32 {
        return Err(validation(format!("{what} name '{name}' cannot be longer than '32' characters")));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(validation(format!(
            "{what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(validation(format!("{what} name '{name}' cannot begin or end with a hyphen(-)")));
    }
    if name.starts_with("internal-") {
        return Err(validation(format!("{what} name '{name}' cannot begin with 'internal-'")));
    }
    Ok(name)
}

/// One page of items, and `NextMarker` (PageSize 1 to 400, 400 by default).
fn page(call: &Call<'_>, items: Vec<(String, Xml)>) -> Result<(Vec<Xml>, Option<String>), Refusal> {
    let size = call.parsed::<usize>("PageSize")?.unwrap_or(400);
    if !(1..=400).contains(&size) {
        return Err(validation(format!(
            "Value '{size}' at 'pageSize' failed to satisfy constraint: between 1 and 400"
        )));
    }
    let marker = call.text("Marker").filter(|it| !it.is_empty());
    let start = match &marker {
        None => 0,
        Some(marker) => items
            .iter()
            .position(|(key, _)| key == marker)
            .ok_or_else(|| validation(format!("Invalid marker '{marker}'")))?,
    };
    let next = items.get(start + size).map(|(key, _)| key.clone());
    Ok((items.into_iter().skip(start).take(size).map(|(_, item)| item).collect(), next))
}

/// 16 hexadecimal digits, as at the end of ARNs.
fn suffix(world: &mut World) -> String {
    format!("{:016x}", world.random())
}
