//! A VPC that exists already: everything that can be said against using it.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Route, RouteTable, VpcCidrBlockAssociation, VpcCidrBlockStateCode};
use ipnet::Ipv4Net;

use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::aws::{internet_gateway, route_table, subnet, tags, vpc};
use crate::desired::{ExistingNetwork, ExistingSubnet};

/// The VPC `id` with all its subnets; `None`: there is no such VPC.
pub(super) async fn find(aws: &Aws, id: Option<&str>) -> Result<Option<ExistingNetwork>, Error> {
    let Some(id) = id else { return Ok(None) };
    let of_vpc = |name: &str| vec![tags::filter(name, id)];
    let everything = async {
        tokio::try_join!(
            vpc::describe(aws, of_vpc("vpc-id")),
            vpc::attributes(aws, id),
            internet_gateway::describe(aws, of_vpc("attachment.vpc-id")),
            subnet::describe(aws, of_vpc("vpc-id")),
            route_table::describe(aws, of_vpc("vpc-id")),
        )
    };
    let (vpcs, (dns_support, dns_hostnames), gateways, subnets, tables) = match everything.await {
        // The attributes of an unknown VPC are an error, unlike an empty list.
        Err(error) if error.is_not_found() => return Ok(None),
        outcome => outcome?,
    };
    let Some(vpc) = vpcs.into_iter().next() else { return Ok(None) };
    let associated = vpc.cidr_block_association_set().iter().filter(is_associated).filter_map(|it| it.cidr_block());
    let mut cidrs: Vec<Ipv4Net> =
        vpc.cidr_block().into_iter().chain(associated).filter_map(|it| it.parse().ok()).collect();
    cidrs.sort();
    cidrs.dedup();
    Ok(Some(ExistingNetwork {
        vpc: id.to_owned(),
        cidrs,
        dns_support,
        dns_hostnames,
        internet_gateway: gateways.into_iter().find_map(|gateway| gateway.internet_gateway_id),
        subnets: subnets.into_iter().filter_map(|subnet| read(subnet, &tables)).collect::<BTreeMap<_, _>>(),
    }))
}

fn is_associated(association: &&VpcCidrBlockAssociation) -> bool {
    association.cidr_block_state().and_then(|state| state.state()) == Some(&VpcCidrBlockStateCode::Associated)
}

fn read(subnet: aws_sdk_ec2::types::Subnet, tables: &[RouteTable]) -> Option<(String, ExistingSubnet)> {
    let id = subnet.subnet_id?;
    let default_route = table_of(&id, tables).and_then(default_route);
    let existing = ExistingSubnet {
        zone: subnet.availability_zone?,
        cidr: subnet.cidr_block?.parse().ok()?,
        free_addresses: subnet.available_ip_address_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        public: default_route.and_then(Route::gateway_id).is_some_and(|gateway| gateway.starts_with("igw-")),
        reaches_internet: default_route.is_some(),
        tags: tags::from_ec2(subnet.tags),
    };
    Some((id, existing))
}

/// The table that a subnet is associated with, else the main one.
fn table_of<'a>(subnet: &str, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let explicit = tables
        .iter()
        .find(|table| table.associations().iter().any(|association| association.subnet_id() == Some(subnet)));
    let main = || tables.iter().find(|table| table.associations().iter().any(|it| it.main() == Some(true)));
    explicit.or_else(main)
}

/// The route for everything else, unless its target is gone.
fn default_route(table: &RouteTable) -> Option<&Route> {
    let blackhole = Some(&aws_sdk_ec2::types::RouteState::Blackhole);
    table
        .routes()
        .iter()
        .find(|route| route.destination_cidr_block() == Some("0.0.0.0/0") && route.state() != blackhole)
}
