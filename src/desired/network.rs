//! The network: a new VPC with its gateways, or new subnets in an existing one. Nothing existing is ever changed.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::builder::{Builder, reference};
use super::tags;
use crate::problem::Problem;
use crate::resource::{ElasticIp, InternetGateway, NatGateway, Reference, Route, RouteTable, RouteTarget, Subnet, Vpc};
use crate::spec::{self, Nat, SubnetType};

/// Everywhere.
const DEFAULT: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::UNSPECIFIED, 0);

/// Adds VPC, subnets, gateways and route tables.
pub(super) fn add(builder: &mut Builder<'_>) {
    let network = &builder.spec().network;
    if let spec::Vpc::Cidr(cidr) = network.vpc {
        let vpc = Vpc { cidr: cidr.net(), dns_support: true, dns_hostnames: true, tags: tags::owned(builder, "vpc") };
        builder.add("main", vpc);
    }
    for subnet in &network.subnets {
        add_subnet(builder, subnet);
    }
    let new = |wanted: SubnetType| -> Vec<&spec::Subnet> {
        network.subnets.iter().filter(|subnet| subnet.id.is_none() && subnet.subnet_type == wanted).collect()
    };
    if let Some(gateway) = internet_gateway(builder, !new(SubnetType::Public).is_empty()) {
        let subnets = new(SubnetType::Public);
        if !subnets.is_empty() {
            add_table(builder, "public", Some(RouteTarget::InternetGateway(gateway)), &subnets);
        }
    }
    private(builder, &new(SubnetType::Private));
}

fn add_subnet(builder: &mut Builder<'_>, subnet: &spec::Subnet) {
    let (None, Some(cidr)) = (&subnet.id, subnet.cidr) else { return };
    let public = subnet.subnet_type == SubnetType::Public;
    let mut tags = tags::owned(builder, subnet.name.as_str());
    // Where load balancers of services go (cloud-provider-aws and the AWS Load Balancer Controller).
    let role = if public { "kubernetes.io/role/elb" } else { "kubernetes.io/role/internal-elb" };
    tags.insert(String::from(role), String::from("1"));
    let resource = Subnet {
        vpc: builder.vpc(),
        zone: subnet.zone.to_string(),
        cidr: cidr.net(),
        // The launch template says which instances get a public address.
        map_public_ip_on_launch: false,
        tags,
    };
    builder.add(subnet.name.as_str(), resource);
}

/// The internet gateway: our own in our own VPC, else the existing one.
fn internet_gateway(builder: &mut Builder<'_>, needed: bool) -> Option<Reference> {
    if builder.spec().network.existing_vpc().is_none() {
        let tags = tags::owned(builder, "internet-gateway");
        let vpc = builder.vpc();
        return Some(builder.add("main", InternetGateway { vpc, tags }));
    }
    let existing = builder.facts.network.as_ref().and_then(|network| network.internet_gateway.clone());
    if needed && existing.is_none() && builder.facts.network.is_some() {
        builder.problem(
            Problem::error("the existing VPC has no internet gateway, so no public subnet can be made in it")
                .hint("attach one, or make the subnets private"),
        );
    }
    existing.map(Reference::Id)
}

/// A route table per zone, so that a zone's traffic leaves through its own gateway.
fn private(builder: &mut Builder<'_>, new: &[&spec::Subnet]) {
    let mut zones: BTreeMap<&str, Vec<&spec::Subnet>> = BTreeMap::new();
    for subnet in new {
        zones.entry(subnet.zone.as_str()).or_default().push(subnet);
    }
    let nat = builder.spec().network.nat();
    let gateways = match nat {
        // New subnets without a table of their own use the main one of the existing VPC.
        Nat::Existing => return,
        Nat::None => BTreeMap::new(),
        Nat::PerZone => gateways(builder, &zones.keys().copied().collect()),
        Nat::Single if zones.is_empty() => BTreeMap::new(),
        Nat::Single => {
            let first = builder.subnet_per_zone(SubnetType::Public).into_keys().next();
            let gateways = gateways(builder, &first.into_iter().collect());
            match gateways.into_values().next() {
                Some(gateway) => zones.keys().map(|zone| (*zone, gateway.clone())).collect(),
                None => {
                    builder.problem(
                        Problem::error("nat: single needs a public subnet for the NAT gateway, and there is none")
                            .hint("add a subnet of type public, or set network.nat to none"),
                    );
                    BTreeMap::new()
                }
            }
        }
    };
    for (zone, subnets) in zones {
        let target = gateways.get(zone).cloned().map(RouteTarget::NatGateway);
        add_table(builder, &format!("private-{zone}"), target, &subnets);
    }
}

/// A NAT gateway with an address in each zone, in the zone's public subnet.
fn gateways<'b>(builder: &mut Builder<'_>, zones: &BTreeSet<&'b str>) -> BTreeMap<&'b str, Reference> {
    let public = builder.subnet_per_zone(SubnetType::Public);
    let mut gateways = BTreeMap::new();
    for zone in zones {
        let Some(subnet) = public.get(zone) else {
            builder.problem(
                Problem::error(format!("nat: perZone needs a public subnet in {zone}, and there is none"))
                    .hint("add a subnet of type public in that zone, or set network.nat to single"),
            );
            continue;
        };
        let thing = format!("nat-{zone}");
        let tags = tags::owned(builder, &thing);
        let elastic_ip = builder.add(thing, ElasticIp { tags: tags.clone() });
        let gateway = NatGateway { subnet: reference(subnet), elastic_ip, tags };
        gateways.insert(*zone, builder.add(*zone, gateway));
    }
    gateways
}

fn add_table(builder: &mut Builder<'_>, name: &str, target: Option<RouteTarget>, subnets: &[&spec::Subnet]) {
    let mut subnets: Vec<Reference> = subnets.iter().map(|subnet| reference(subnet)).collect();
    subnets.sort();
    let table = RouteTable {
        vpc: builder.vpc(),
        routes: target.map(|target| Route { destination: DEFAULT, target }).into_iter().collect(),
        subnets,
        tags: tags::owned(builder, name),
    };
    builder.add(name, table);
}
