//! Records in the existing hosted zone: the API's names, the declared ones, and those that move by weight.

use super::builder::Builder;
use super::{api, control_plane, names, security};
use crate::problem::Problem;
use crate::resource::{Alias, Kind, RecordSet, Reference, Weight};
use crate::spec::{self, ApiLoadBalancer, RecordType};

/// Adds the records; without the zone that is a problem.
pub(super) fn add(builder: &mut Builder<'_>) {
    let dns = &builder.spec().dns;
    let Some(zone) = &builder.facts.hosted_zone else {
        let kind = if dns.private { "private" } else { "public" };
        builder.problem(
            Problem::error(format!("there is no {kind} hosted zone {} in account {}", dns.zone, builder.facts.account))
                .hint("make it first, or correct dns.zone and dns.private"),
        );
        return;
    };
    let zone = zone.id.as_str();
    add_api(builder, zone);
    for record in &dns.records {
        let weight = record.weight.as_ref().map(|weight| set(builder, weight.set_identifier.as_ref(), weight.weight));
        let mut values = record.values.clone();
        values.sort();
        let resource = RecordSet {
            zone: zone.to_owned(),
            name: record.name.clone(),
            record_type: record.record_type.as_str().to_owned(),
            ttl: Some(record.ttl.unwrap_or(dns.ttl)),
            values,
            addresses: Vec::new(),
            alias: None,
            weight,
        };
        add_record(builder, resource);
    }
    for name in dns.traffic.iter().flat_map(|traffic| traffic.names.iter()) {
        let Some(traffic) = &dns.traffic else { continue };
        let resource = RecordSet {
            zone: zone.to_owned(),
            name: name.clone(),
            record_type: RecordType::Cname.as_str().to_owned(),
            ttl: Some(dns.ttl),
            values: vec![traffic.target.to_string()],
            addresses: Vec::new(),
            alias: None,
            weight: Some(set(builder, traffic.set_identifier.as_ref(), traffic.weight)),
        };
        add_record(builder, resource);
    }
}

fn set(builder: &Builder<'_>, identifier: Option<&String>, weight: u8) -> Weight {
    Weight { set_identifier: identifier.cloned().unwrap_or_else(|| builder.name().to_string()), weight }
}

/// `api` is for people, `api.internal` for nodes: it always leads to private addresses.
fn add_api(builder: &mut Builder<'_>, zone: &str) {
    let cluster = builder.name();
    let (outer, inner) = match builder.spec().api.load_balancer {
        ApiLoadBalancer::Internal => (Target::Balancer, Target::Balancer),
        // Nodes leave the VPC through NAT gateways, whom the load balancer's group does not know.
        ApiLoadBalancer::Public => (Target::Balancer, Target::Members),
        ApiLoadBalancer::None => (Target::Members, Target::Members),
    };
    for (name, target) in [(format!("api.{cluster}"), outer), (internal_name(cluster.as_str()), inner)] {
        let mut record = RecordSet {
            zone: zone.to_owned(),
            name,
            record_type: RecordType::A.as_str().to_owned(),
            ttl: None,
            values: Vec::new(),
            addresses: Vec::new(),
            alias: None,
            weight: None,
        };
        match target {
            Target::Balancer => {
                let target = Reference::to(Kind::LoadBalancer, api::API);
                record.alias = Some(Alias { target, evaluate_target_health: false });
            }
            Target::Members => {
                record.ttl = Some(builder.spec().dns.ttl);
                let members = &builder.spec().control_plane.members;
                let interface = |member| Reference::to(Kind::NetworkInterface, control_plane::thing(member));
                record.addresses = members.iter().map(interface).collect();
                record.addresses.sort();
            }
        }
        add_record(builder, record);
    }
}

/// The port at which nodes find the API.
#[must_use]
pub fn api_port(api: &spec::Api) -> u16 {
    match api.load_balancer {
        ApiLoadBalancer::Internal => api.port,
        ApiLoadBalancer::Public | ApiLoadBalancer::None => security::API_PORT,
    }
}

/// The name by which nodes find the API.
#[must_use]
pub fn internal_name(cluster: &str) -> String {
    format!("api.internal.{cluster}")
}

enum Target {
    Balancer,
    Members,
}

fn add_record(builder: &mut Builder<'_>, record: RecordSet) {
    let mut address = format!("{}/{}", record.name, record.record_type.to_ascii_lowercase());
    if let Some(weight) = &record.weight {
        address = format!("{address}/{}", names::word(&weight.set_identifier));
    }
    builder.add(address, record);
}
