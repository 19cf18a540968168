//! The load balancer in front of the API: a network load balancer, its target group and its listener.

use serde::{Deserialize, Serialize};

use super::{Describe, Kind, Reference, Tags};

/// A network load balancer. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// At most 32 characters, of `a-z A-Z 0-9 -`.
    pub name: String,
    /// Who reaches it.
    pub scheme: Scheme,
    /// One per zone, sorted.
    pub subnets: Vec<Reference>,
    /// Sorted; a load balancer made without any can never have one.
    pub security_groups: Vec<Reference>,
    /// Whether a node of the balancer sends to targets in every zone.
    pub cross_zone: bool,
    /// AWS' own deletion protection.
    pub deletion_protection: bool,
    /// Tags.
    pub tags: Tags,
}

/// Who reaches a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The VPC and what is connected to it.
    Internal,
    /// Everybody whom the security group allows.
    InternetFacing,
}

impl Describe for LoadBalancer {
    const KIND: Kind = Kind::LoadBalancer;
    const REPLACED_BY: &'static [&'static str] = &["name", "scheme"];

    fn references(&self) -> Vec<&Reference> {
        self.subnets.iter().chain(&self.security_groups).collect()
    }
}

/// A target group of instances. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetGroup {
    /// At most 32 characters.
    pub name: String,
    /// The VPC.
    pub vpc: Reference,
    /// Port of the targets; the protocol is TCP.
    pub port: u16,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// Seconds that a leaving target keeps its connections.
    pub deregistration_delay: u32,
    /// Whether targets see the client's address. Off: a target may reach itself through the balancer.
    pub preserve_client_ip: bool,
    /// Tags.
    pub tags: Tags,
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// `TCP`, `HTTP` or `HTTPS`.
    pub protocol: String,
    /// For HTTP and HTTPS.
    pub path: Option<String>,
    /// Seconds between checks.
    pub interval: u32,
    /// Successes until healthy.
    pub healthy_threshold: u32,
    /// Failures until unhealthy.
    pub unhealthy_threshold: u32,
}

impl Describe for TargetGroup {
    const KIND: Kind = Kind::TargetGroup;
    const REPLACED_BY: &'static [&'static str] = &["name", "vpc", "port"];

    fn references(&self) -> Vec<&Reference> {
        vec![&self.vpc]
    }
}

/// A TCP listener that forwards to one target group. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// The load balancer.
    pub load_balancer: Reference,
    /// The port.
    pub port: u16,
    /// Where connections go.
    pub target_group: Reference,
    /// Tags.
    pub tags: Tags,
}

impl Describe for Listener {
    const KIND: Kind = Kind::Listener;
    const REPLACED_BY: &'static [&'static str] = &["loadBalancer"];

    fn references(&self) -> Vec<&Reference> {
        vec![&self.load_balancer, &self.target_group]
    }
}
