//! What an existing VPC must have, checked before the first call: a missing internet gateway or tag is found here, not
//! by a load balancer that never comes up.

use super::builder::Builder;
use super::facts::{ExistingNetwork, ExistingSubnet};
use super::tags;
use crate::problem::Problem;
use crate::spec::{ApiLoadBalancer, Nat, Subnet, SubnetType};

/// Free addresses that a network load balancer needs in each of its subnets (ELB user guide, "Subnets for your load
/// balancer").
const BALANCER_ADDRESSES: u32 = 8;

/// Checks zones, account and region, and the existing network if there is one.
pub(super) fn check(builder: &mut Builder<'_>) {
    let spec = builder.spec();
    for subnet in &spec.network.subnets {
        if !builder.facts.zones.iter().any(|zone| zone == subnet.zone.as_str()) {
            let zones = builder.facts.zones.join(", ");
            builder.problem(
                Problem::error(format!("subnet {}: there is no zone {} in this account", subnet.name, subnet.zone))
                    .hint(format!("available zones are {zones}")),
            );
        }
    }
    let Some(id) = spec.network.existing_vpc() else { return };
    let Some(network) = &builder.facts.network else {
        builder.problem(
            Problem::error(format!(
                "VPC {id} does not exist in {} of account {}",
                builder.facts.region, builder.facts.account
            ))
            .hint("check network.vpc.id, and that the credentials are of the right account"),
        );
        return;
    };
    vpc(builder, network);
    for subnet in &spec.network.subnets {
        match &subnet.id {
            Some(id) => match network.subnets.get(id.as_str()) {
                Some(existing) => existing_subnet(builder, subnet, existing),
                None => builder.problem(
                    Problem::error(format!("subnet {}: {id} is not in VPC {}", subnet.name, network.vpc))
                        .hint(format!("its subnets are {}", list(network.subnets.keys()))),
                ),
            },
            None => new_subnet(builder, subnet, network),
        }
    }
}

fn vpc(builder: &mut Builder<'_>, network: &ExistingNetwork) {
    let vpc = &network.vpc;
    if !network.dns_support {
        builder.problem(
            Problem::error(format!("VPC {vpc} does not resolve DNS names, and nodes find the API by name"))
                .hint("switch enableDnsSupport on"),
        );
    }
    if !network.dns_hostnames {
        builder.problem(
            Problem::error(format!("VPC {vpc} gives instances no DNS names, and nodes register under them"))
                .hint("switch enableDnsHostnames on"),
        );
    }
    let spec = builder.spec();
    if spec.api.load_balancer == ApiLoadBalancer::Public && network.internet_gateway.is_none() {
        builder.problem(
            Problem::error(format!("VPC {vpc} has no internet gateway, which a public load balancer needs"))
                .hint("attach one, or set api.loadBalancer to internal"),
        );
    }
    for (what, range) in [("podCIDR", spec.network.pod_cidr), ("serviceCIDR", spec.network.service_cidr)] {
        for cidr in &network.cidrs {
            if cidr.contains(&range.net()) || range.net().contains(cidr) {
                // The Amazon VPC plug-in gives pods addresses of the VPC, so the two are meant to meet.
                if what == "podCIDR" && spec.network.cni == crate::spec::Cni::AmazonVpc {
                    continue;
                }
                builder.problem(
                    Problem::error(format!("network.{what} {range} overlaps {cidr} of VPC {vpc}"))
                        .hint("choose a range that nothing else uses"),
                );
            }
        }
    }
}

fn existing_subnet(builder: &mut Builder<'_>, subnet: &Subnet, existing: &ExistingSubnet) {
    let name = &subnet.name;
    if existing.zone != subnet.zone.as_str() {
        builder.problem(
            Problem::error(format!("subnet {name} is in {}, not in {}", existing.zone, subnet.zone))
                .hint("correct its zone in the manifest"),
        );
    }
    match subnet.subnet_type {
        SubnetType::Public if !existing.public => builder.problem(
            Problem::error(format!("subnet {name} has no route to an internet gateway, so it is not public"))
                .hint("make it type private, or add the route"),
        ),
        SubnetType::Private if existing.public => builder.problem(Problem::warning(format!(
            "subnet {name} is used as a private one, but has a route to an internet gateway"
        ))),
        SubnetType::Private if !existing.reaches_internet && builder.spec().network.nat() == Nat::Existing => {
            builder.problem(
                Problem::warning(format!(
                    "subnet {name} has no default route: its nodes cannot pull images from the internet"
                ))
                .hint("add a route to a NAT gateway, or set network.nat to none to say that it is meant"),
            );
        }
        SubnetType::Public | SubnetType::Private => {}
    }
    missing_tags(builder, subnet, existing);
    let needed = addresses_needed(builder, subnet);
    if existing.free_addresses < needed {
        builder.problem(
            Problem::error(format!(
                "subnet {name} has {} free addresses, and the cluster needs at least {needed} there",
                existing.free_addresses
            ))
            .hint("choose a larger subnet"),
        );
    }
}

/// Kubernetes' controllers find the subnets for load balancers by these tags.
fn missing_tags(builder: &mut Builder<'_>, subnet: &Subnet, existing: &ExistingSubnet) {
    let role = match subnet.subnet_type {
        SubnetType::Public => "kubernetes.io/role/elb",
        SubnetType::Private => "kubernetes.io/role/internal-elb",
    };
    let cluster = tags::cluster_tag(builder.name());
    let wanted = [(role.to_owned(), "1"), (cluster, "shared")];
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|(key, _)| !existing.tags.contains_key(key))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if !missing.is_empty() {
        builder.problem(
            Problem::warning(format!("subnet {} lacks the tags {}", subnet.name, missing.join(" and ")))
                .hint("without them Kubernetes does not put load balancers of services there; windlass never changes a shared subnet"),
        );
    }
}

/// What windlass itself puts there, and one address per node group: nodes beyond that are the autoscaler's matter.
fn addresses_needed(builder: &Builder<'_>, subnet: &Subnet) -> u32 {
    let spec = builder.spec();
    let members = spec.control_plane.members.iter().filter(|member| member.subnet == subnet.name).count();
    let smallest: u32 = builder
        .specification
        .node_groups
        .iter()
        .filter(|group| group.spec.subnets.contains(&subnet.name))
        .map(|group| group.spec.min_size.div_ceil(u32::try_from(group.spec.subnets.len()).unwrap_or(1).max(1)))
        .sum();
    let balanced = match spec.api.load_balancer {
        ApiLoadBalancer::Internal => subnet.subnet_type == SubnetType::Private,
        ApiLoadBalancer::Public => subnet.subnet_type == SubnetType::Public,
        ApiLoadBalancer::None => false,
    };
    let balancer = if balanced { BALANCER_ADDRESSES } else { 0 };
    u32::try_from(members).unwrap_or(u32::MAX).saturating_add(smallest).saturating_add(balancer)
}

fn new_subnet(builder: &mut Builder<'_>, subnet: &Subnet, network: &ExistingNetwork) {
    let Some(cidr) = subnet.cidr.map(crate::spec::value::Cidr::net) else { return };
    if !network.cidrs.iter().any(|range| range.contains(&cidr)) {
        let ranges = list(network.cidrs.iter());
        builder.problem(
            Problem::error(format!("subnet {}: {cidr} is not within VPC {}", subnet.name, network.vpc))
                .hint(format!("its ranges are {ranges}")),
        );
    }
    // Our own subnet of an earlier run is among the VPC's; it has exactly this range and bears our tag.
    let ours = |existing: &ExistingSubnet| {
        existing.cidr == cidr
            && existing.tags.get("windlass.dev/cluster").is_some_and(|owner| owner == builder.name().as_str())
    };
    let meets = network
        .subnets
        .iter()
        .find(|(_, existing)| (existing.cidr.contains(&cidr) || cidr.contains(&existing.cidr)) && !ours(existing));
    if let Some((id, existing)) = meets {
        builder.problem(
            Problem::error(format!("subnet {}: {cidr} overlaps {} of {id}", subnet.name, existing.cidr))
                .hint("choose a free range of the VPC"),
        );
    }
}

fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
