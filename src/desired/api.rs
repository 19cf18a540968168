//! The network load balancer in front of the API servers, with its target group and listener.

use super::builder::{Builder, reference};
use super::{dns, names, security, tags};
use crate::problem::Problem;
use crate::resource::{HealthCheck, Kind, Listener, LoadBalancer, Reference, Scheme, TargetGroup};
use crate::spec::{ApiLoadBalancer, SubnetType};

/// Name of the balancer, its target group and its listener.
pub(super) const API: &str = "api";

/// Seconds between health checks (ELBv2 API reference, CreateTargetGroup: 5 to 300).
const INTERVAL: u32 = 10;
/// Checks in a row that change a target's health (2 to 10): a lost API server is out after 20 s.
const THRESHOLD: u32 = 2;
/// Seconds that a leaving API server keeps its connections: watches reconnect anyway.
const DEREGISTRATION: u32 = 60;

/// The target group that members register with, if there is a load balancer.
pub(super) fn target_group(builder: &Builder<'_>) -> Option<Reference> {
    (builder.spec().api.load_balancer != ApiLoadBalancer::None).then(|| Reference::to(Kind::TargetGroup, API))
}

/// Adds them, unless the manifest wants none.
pub(super) fn add(builder: &mut Builder<'_>) {
    let spec = builder.spec();
    let (scheme, wanted) = match spec.api.load_balancer {
        ApiLoadBalancer::None => return,
        ApiLoadBalancer::Internal => (Scheme::Internal, SubnetType::Private),
        ApiLoadBalancer::Public => (Scheme::InternetFacing, SubnetType::Public),
    };
    let mut subnets: Vec<Reference> = builder.subnet_per_zone(wanted).into_values().map(reference).collect();
    if subnets.is_empty() && scheme == Scheme::Internal {
        // A cluster with public subnets only can still have a balancer with private addresses.
        subnets = builder.subnet_per_zone(SubnetType::Public).into_values().map(reference).collect();
    }
    if subnets.is_empty() {
        builder.problem(
            Problem::error("a public load balancer of the API needs public subnets, and there are none")
                .hint("add a subnet of type public in each zone, or set api.loadBalancer to internal"),
        );
    }
    subnets.sort();
    let balancer = LoadBalancer {
        name: names::balancer(API, builder.name()),
        scheme,
        subnets,
        security_groups: vec![Reference::to(Kind::SecurityGroup, security::LOAD_BALANCER)],
        cross_zone: spec.api.cross_zone_load_balancing,
        deletion_protection: spec.protection.deletion,
        tags: tags::plain(builder, API),
    };
    let load_balancer = builder.add(API, balancer);
    let targets = TargetGroup {
        name: names::balancer(API, builder.name()),
        vpc: builder.vpc(),
        port: security::API_PORT,
        health_check: HealthCheck {
            protocol: String::from("HTTPS"),
            path: Some(String::from("/readyz")),
            interval: INTERVAL,
            healthy_threshold: THRESHOLD,
            unhealthy_threshold: THRESHOLD,
        },
        deregistration_delay: DEREGISTRATION,
        // With the client's address a member could not reach itself through the balancer.
        preserve_client_ip: false,
        tags: tags::plain(builder, API),
    };
    let target_group = builder.add(API, targets);
    let port = spec.api.port;
    let tags = tags::plain(builder, API);
    builder.add(API, Listener { load_balancer, port, target_group, tags });
}

/// The names by which the API is called from outside of its members.
pub(super) fn api_names(builder: &Builder<'_>) -> Vec<String> {
    let cluster = builder.name();
    let more = builder.spec().api.additional_names.iter().map(ToString::to_string);
    [format!("api.{cluster}"), dns::internal_name(cluster.as_str())].into_iter().chain(more).collect()
}
