//! NAT gateways. A deleted one stays visible for about an hour: it counts as gone.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, NatGatewayState, ResourceType};

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::adopt;
use super::{pages, tags};
use crate::resource::{Attributes, Found, Kind, NatGateway, Observed, Readiness, Reference, Tags};

/// Largest page of DescribeNatGateways (EC2 API reference).
const PAGE: i32 = 1000;

async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<aws_sdk_ec2::types::NatGateway>, Error> {
    pages::all("DescribeNatGateways", async |token| {
        let request = aws.ec2().describe_nat_gateways().set_filter(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeNatGateways"), || request.clone().send()).await?;
        Ok((answer.nat_gateways.unwrap_or_default(), answer.next_token))
    })
    .await
}

fn state(gateway: &aws_sdk_ec2::types::NatGateway) -> Readiness {
    match gateway.state() {
        Some(NatGatewayState::Available) => Readiness::Ready,
        Some(NatGatewayState::Failed) => {
            Readiness::Failed(format!("failed: {}", gateway.failure_message().unwrap_or("AWS gave no reason")))
        }
        Some(NatGatewayState::Deleted) => Readiness::Gone,
        // Also `deleting`: its address is not free before it is `deleted`.
        Some(other) => Readiness::Pending(other.to_string()),
        None => Readiness::Pending(String::from("unknown")),
    }
}

fn is_live(gateway: &aws_sdk_ec2::types::NatGateway) -> bool {
    !matches!(gateway.state(), Some(NatGatewayState::Deleted | NatGatewayState::Deleting))
}

pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    let gateways = describe(aws, vec![tags::of_cluster(&scope.cluster)]).await?;
    for gateway in gateways.into_iter().filter(is_live) {
        let readiness = state(&gateway);
        let allocation = gateway.nat_gateway_addresses().iter().find_map(|address| address.allocation_id.clone());
        let all = tags::from_ec2(gateway.tags);
        let id = gateway.nat_gateway_id.unwrap_or_default();
        tags::sight(&mut observed, scope, Kind::NatGateway, id, &all, |tags| {
            let it = NatGateway {
                subnet: Reference::Id(gateway.subnet_id.unwrap_or_default()),
                elastic_ip: Reference::Id(allocation.unwrap_or_default()),
                tags,
            };
            (it.into(), Attributes::new(), readiness)
        });
    }
    Ok(observed)
}

async fn find(aws: &Aws, identity: &Identity) -> Result<Option<(String, Tags)>, Error> {
    let gateways = describe(aws, tags::of_identity(identity)).await?;
    let found = gateways.into_iter().find(is_live);
    Ok(found.map(|gateway| (gateway.nat_gateway_id.unwrap_or_default(), tags::from_ec2(gateway.tags))))
}

/// How often it is tried while another has its address; each looks for a minute, and a deletion takes one or two.
const ROUNDS: u32 = 4;

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &NatGateway, ids: &Ids) -> Result<Made, Error> {
    let request = aws
        .ec2()
        .create_nat_gateway()
        .subnet_id(ids.id(&it.subnet)?)
        .allocation_id(ids.id(&it.elastic_ip)?)
        .client_token(identity.client_token())
        .tag_specifications(tags::specification(ResourceType::Natgateway, identity, &it.tags));
    let mut round = 1;
    loop {
        let error = match call(aws, Call::token("CreateNatGateway").with(ids), || request.clone().send()).await {
            Ok(answer) => {
                let id = answer.nat_gateway.and_then(|gateway| gateway.nat_gateway_id);
                return id.map(Made::new).ok_or(Error::Malformed { operation: "CreateNatGateway", what: "no id" });
            }
            Err(error) if error.already_exists() => error,
            Err(error) => return Err(error),
        };
        // Ours is there, or the address is still with one that is being deleted.
        match adopt(aws, identity, || find(aws, identity)).await {
            Err(Error::Clash(_)) if error.code() == Some("Resource.AlreadyAssociated") && round < ROUNDS => round += 1,
            adopted => return adopted.map(Made::new),
        }
    }
}

pub(super) async fn update(aws: &Aws, update: Update<'_, NatGateway>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

/// Only starts the deletion, which takes about a minute.
pub(super) async fn delete(aws: &Aws, found: &Found, _it: &NatGateway) -> Result<(), Error> {
    let request = aws.ec2().delete_nat_gateway().nat_gateway_id(&found.id);
    delete_call(aws, "DeleteNatGateway", || request.clone().send()).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let gateways = describe(aws, vec![tags::any_of("nat-gateway-id", ids)]).await?;
    Ok(gateways.into_iter().filter_map(|gateway| Some((gateway.nat_gateway_id.clone()?, state(&gateway)))).collect())
}
