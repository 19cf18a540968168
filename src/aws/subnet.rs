//! Subnets.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{AttributeBooleanValue, Filter, ResourceType, SubnetState};
use ipnet::Ipv4Net;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::adopt;
use super::{holders, pages, tags};
use crate::resource::{Attributes, Found, Kind, Observed, Readiness, Reference, Subnet};

/// Largest page of DescribeSubnets (EC2 API reference).
const PAGE: i32 = 1000;

/// Also what facts know of a VPC that exists already.
pub(super) async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<aws_sdk_ec2::types::Subnet>, Error> {
    pages::all("DescribeSubnets", async |token| {
        let request = aws.ec2().describe_subnets().set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeSubnets"), || request.clone().send()).await?;
        Ok((answer.subnets.unwrap_or_default(), answer.next_token))
    })
    .await
}

fn state(subnet: &aws_sdk_ec2::types::Subnet) -> Readiness {
    match subnet.state() {
        Some(SubnetState::Available) => Readiness::Ready,
        Some(other) => Readiness::Pending(other.to_string()),
        None => Readiness::Pending(String::from("unknown")),
    }
}

pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for subnet in describe(aws, vec![tags::of_cluster(&scope.cluster)]).await? {
        let Some(Ok(cidr)) = subnet.cidr_block().map(str::parse) else {
            return Err(Error::Malformed { operation: "DescribeSubnets", what: "a subnet without an IPv4 range" });
        };
        let readiness = state(&subnet);
        let all = tags::from_ec2(subnet.tags);
        tags::sight(&mut observed, scope, Kind::Subnet, subnet.subnet_id.unwrap_or_default(), &all, |tags| {
            let it = Subnet {
                vpc: Reference::Id(subnet.vpc_id.unwrap_or_default()),
                zone: subnet.availability_zone.unwrap_or_default(),
                cidr,
                map_public_ip_on_launch: subnet.map_public_ip_on_launch.unwrap_or(false),
                tags,
            };
            (it.into(), Attributes::new(), readiness)
        });
    }
    Ok(observed)
}

pub(super) async fn create(aws: &Aws, identity: &Identity, subnet: &Subnet, ids: &Ids) -> Result<Made, Error> {
    let vpc = ids.id(&subnet.vpc)?;
    let request = aws
        .ec2()
        .create_subnet()
        .vpc_id(&vpc)
        .availability_zone(&subnet.zone)
        .cidr_block(subnet.cidr.to_string())
        .tag_specifications(tags::specification(ResourceType::Subnet, identity, &subnet.tags));
    let id = match call(aws, Call::named("CreateSubnet").with(ids), || request.clone().send()).await {
        Ok(answer) => {
            let id = answer.subnet.and_then(|subnet| subnet.subnet_id);
            id.ok_or(Error::Malformed { operation: "CreateSubnet", what: "no id" })?
        }
        Err(error) if error.already_exists() => adopt(aws, identity, || overlapping(aws, &vpc, subnet.cidr)).await?,
        Err(error) => return Err(error),
    };
    // A new subnet gives no public addresses (EC2 API reference, ModifySubnetAttribute).
    if subnet.map_public_ip_on_launch {
        set_public(aws, Call::named("ModifySubnetAttribute").right_after(aws.clock().now()), &id, true).await?;
    }
    Ok(Made::new(id))
}

/// What stands in the range that a new subnet would take.
async fn overlapping(aws: &Aws, vpc: &str, cidr: Ipv4Net) -> Result<Option<(String, crate::resource::Tags)>, Error> {
    let overlaps =
        |other: &str| other.parse::<Ipv4Net>().is_ok_and(|other| other.contains(&cidr) || cidr.contains(&other));
    let subnets = describe(aws, vec![tags::filter("vpc-id", vpc)]).await?;
    let found = subnets.into_iter().find(|subnet| subnet.cidr_block().is_some_and(overlaps));
    Ok(found.map(|subnet| (subnet.subnet_id.unwrap_or_default(), tags::from_ec2(subnet.tags))))
}

async fn set_public(aws: &Aws, asked: Call<'_>, id: &str, public: bool) -> Result<(), Error> {
    let value = AttributeBooleanValue::builder().value(public).build();
    let request = aws.ec2().modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(value);
    call(aws, asked, || request.clone().send()).await.map(drop)
}

pub(super) async fn update(aws: &Aws, update: Update<'_, Subnet>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    if before.map_public_ip_on_launch != after.map_public_ip_on_launch {
        let asked = Call::named("ModifySubnetAttribute").with(ids);
        set_public(aws, asked, &found.id, after.map_public_ip_on_launch).await?;
    }
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

pub(super) async fn delete(aws: &Aws, found: &Found, _subnet: &Subnet) -> Result<(), Error> {
    let outcome = delete_call(aws, "DeleteSubnet", || aws.ec2().delete_subnet().subnet_id(&found.id).send()).await;
    holders::explain(aws, outcome, "subnet-id", &found.id).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let subnets = describe(aws, vec![tags::any_of("subnet-id", ids)]).await?;
    Ok(subnets.into_iter().filter_map(|subnet| Some((subnet.subnet_id.clone()?, state(&subnet)))).collect())
}
