//! Elastic IP addresses.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Address, DomainType, Filter, ResourceType};

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::make_once;
use super::tags;
use crate::resource::{Attributes, ElasticIp, Found, Kind, Observed, Readiness, attribute};

/// DescribeAddresses has no pages (EC2 API reference).
async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<Address>, Error> {
    let request = aws.ec2().describe_addresses().set_filters(Some(filters));
    let answer = call(aws, Call::read("DescribeAddresses"), || request.clone().send()).await?;
    Ok(answer.addresses.unwrap_or_default())
}

fn attributes(public_ip: Option<&str>) -> Attributes {
    public_ip.map(|address| (String::from(attribute::PUBLIC_ADDRESS), address.to_owned())).into_iter().collect()
}

pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for address in describe(aws, vec![tags::of_cluster(&scope.cluster)]).await? {
        let attributes = attributes(address.public_ip());
        let all = tags::from_ec2(address.tags);
        let id = address.allocation_id.unwrap_or_default();
        tags::sight(&mut observed, scope, Kind::ElasticIp, id, &all, |tags| {
            (ElasticIp { tags }.into(), attributes, Readiness::Ready)
        });
    }
    Ok(observed)
}

fn made(allocation_id: Option<String>, public_ip: Option<&str>) -> Option<Made> {
    Some(Made { id: allocation_id?, attributes: attributes(public_ip) })
}

async fn find(aws: &Aws, identity: &Identity) -> Result<Option<Made>, Error> {
    let addresses = describe(aws, tags::of_identity(identity)).await?;
    Ok(addresses.into_iter().find_map(|address| made(address.allocation_id, address.public_ip.as_deref())))
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &ElasticIp, _ids: &Ids) -> Result<Made, Error> {
    let specification = tags::specification(ResourceType::ElasticIp, identity, &it.tags);
    let request = aws.ec2().allocate_address().domain(DomainType::Vpc).tag_specifications(specification);
    let make = async || {
        let answer = call(aws, Call::unrepeatable("AllocateAddress"), || request.clone().send()).await?;
        let made = made(answer.allocation_id, answer.public_ip.as_deref());
        made.ok_or(Error::Malformed { operation: "AllocateAddress", what: "no allocation id" })
    };
    make_once(aws, identity, || find(aws, identity), make).await
}

pub(super) async fn update(aws: &Aws, update: Update<'_, ElasticIp>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

/// Refused, and tried again, while its NAT gateway is still being deleted.
pub(super) async fn delete(aws: &Aws, found: &Found, _it: &ElasticIp) -> Result<(), Error> {
    delete_call(aws, "ReleaseAddress", || aws.ec2().release_address().allocation_id(&found.id).send()).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let addresses = describe(aws, vec![tags::any_of("allocation-id", ids)]).await?;
    Ok(addresses.into_iter().filter_map(|address| Some((address.allocation_id?, Readiness::Ready))).collect())
}
