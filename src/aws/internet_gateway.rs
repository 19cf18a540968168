//! Internet gateways, with their attachment to a VPC.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType};

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::make_once;
use super::{pages, tags};
use crate::resource::{Attributes, Clash, Found, InternetGateway, Kind, Observed, Readiness, Reference};

/// Largest page of DescribeInternetGateways (EC2 API reference).
const PAGE: i32 = 1000;

/// Also what facts know of a VPC that exists already.
pub(super) async fn describe(
    aws: &Aws,
    filters: Vec<Filter>,
) -> Result<Vec<aws_sdk_ec2::types::InternetGateway>, Error> {
    pages::all("DescribeInternetGateways", async |token| {
        let request = aws.ec2().describe_internet_gateways().set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeInternetGateways"), || request.clone().send()).await?;
        Ok((answer.internet_gateways.unwrap_or_default(), answer.next_token))
    })
    .await
}

/// The VPCs that a gateway is attached to: at most one.
fn attached(gateway: &aws_sdk_ec2::types::InternetGateway) -> Vec<String> {
    gateway.attachments().iter().filter_map(|attachment| attachment.vpc_id.clone()).collect()
}

fn state(gateway: &aws_sdk_ec2::types::InternetGateway) -> Readiness {
    if attached(gateway).is_empty() { Readiness::Pending(String::from("detached")) } else { Readiness::Ready }
}

pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for gateway in describe(aws, vec![tags::of_cluster(&scope.cluster)]).await? {
        let readiness = state(&gateway);
        // A crash between the two calls of a create leaves a gateway without VPC: it then differs from any that is wanted.
        let vpc = Reference::Id(attached(&gateway).into_iter().next().unwrap_or_else(|| String::from("detached")));
        let all = tags::from_ec2(gateway.tags);
        let id = gateway.internet_gateway_id.unwrap_or_default();
        tags::sight(&mut observed, scope, Kind::InternetGateway, id, &all, |tags| {
            (InternetGateway { vpc, tags }.into(), Attributes::new(), readiness)
        });
    }
    Ok(observed)
}

async fn find(aws: &Aws, identity: &Identity) -> Result<Option<String>, Error> {
    let gateways = describe(aws, tags::of_identity(identity)).await?;
    Ok(gateways.into_iter().find_map(|gateway| gateway.internet_gateway_id))
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &InternetGateway, ids: &Ids) -> Result<Made, Error> {
    let vpc = ids.id(&it.vpc)?;
    let specification = tags::specification(ResourceType::InternetGateway, identity, &it.tags);
    let request = aws.ec2().create_internet_gateway().tag_specifications(specification);
    let make = async || {
        let answer = call(aws, Call::unrepeatable("CreateInternetGateway"), || request.clone().send()).await?;
        let id = answer.internet_gateway.and_then(|gateway| gateway.internet_gateway_id);
        id.ok_or(Error::Malformed { operation: "CreateInternetGateway", what: "no id" })
    };
    let id = make_once(aws, identity, || find(aws, identity), make).await?;
    let asked = Call::named("AttachInternetGateway").with(ids).right_after(aws.clock().now());
    attach(aws, asked, identity, &id, &vpc).await?;
    Ok(Made::new(id))
}

async fn attach(aws: &Aws, asked: Call<'_>, identity: &Identity, id: &str, vpc: &str) -> Result<(), Error> {
    let request = aws.ec2().attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
    match call(aws, asked, || request.clone().send()).await {
        Err(error) if error.already_exists() => {
            let gateways = describe(aws, vec![tags::filter("internet-gateway-id", id)]).await?;
            let others: Vec<String> = gateways.iter().flat_map(attached).filter(|other| other != vpc).collect();
            match others.into_iter().next() {
                None => Ok(()),
                Some(other) => Err(Error::Clash(Clash {
                    address: identity.address.clone(),
                    id: id.to_owned(),
                    why: format!("it is attached to {other}"),
                })),
            }
        }
        outcome => outcome.map(drop),
    }
}

pub(super) async fn update(aws: &Aws, update: Update<'_, InternetGateway>) -> Result<Attributes, Error> {
    let Update { found, before, after, identity, ids } = update;
    if before.vpc != after.vpc {
        detach(aws, &found.id).await?;
        let vpc = ids.id(&after.vpc)?;
        attach(aws, Call::named("AttachInternetGateway").with(ids), identity, &found.id, &vpc).await?;
    }
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

/// Detaches from whatever it is attached to. Refused while public addresses are in use in the VPC.
async fn detach(aws: &Aws, id: &str) -> Result<(), Error> {
    for gateway in describe(aws, vec![tags::filter("internet-gateway-id", id)]).await? {
        for vpc in attached(&gateway) {
            let request = aws.ec2().detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
            delete_call(aws, "DetachInternetGateway", || request.clone().send()).await?;
        }
    }
    Ok(())
}

pub(super) async fn delete(aws: &Aws, found: &Found, _it: &InternetGateway) -> Result<(), Error> {
    detach(aws, &found.id).await?;
    let request = aws.ec2().delete_internet_gateway().internet_gateway_id(&found.id);
    delete_call(aws, "DeleteInternetGateway", || request.clone().send()).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let gateways = describe(aws, vec![tags::any_of("internet-gateway-id", ids)]).await?;
    let pair =
        |gateway: aws_sdk_ec2::types::InternetGateway| Some((gateway.internet_gateway_id.clone()?, state(&gateway)));
    Ok(gateways.into_iter().filter_map(pair).collect())
}
