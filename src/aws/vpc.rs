//! VPCs. The model for all files of this kind: `discover`, `create`, `update`, `delete`, `readiness`.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::describe_vpc_attribute::DescribeVpcAttributeOutput;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, VpcAttributeName};
use futures_util::future::try_join_all;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::make_once;
use super::{holders, pages, tags};
use crate::resource::{Attributes, Found, Kind, Observed, Readiness, Resource, Vpc};

/// Largest page of DescribeVpcs (EC2 API reference).
const PAGE: i32 = 1000;

pub(super) async fn describe(
    aws: &Aws,
    filters: Vec<aws_sdk_ec2::types::Filter>,
) -> Result<Vec<aws_sdk_ec2::types::Vpc>, Error> {
    pages::all("DescribeVpcs", async |token| {
        let request =
            aws.ec2().describe_vpcs().set_filters(Some(filters.clone())).max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeVpcs"), || request.clone().send()).await?;
        Ok((answer.vpcs.unwrap_or_default(), answer.next_token))
    })
    .await
}

/// Whether the resolver and the names of a VPC are on: EC2 tells each in a call of its own.
pub(super) async fn attributes(aws: &Aws, id: &str) -> Result<(bool, bool), Error> {
    tokio::try_join!(support(aws, id), hostnames(aws, id))
}

/// The same of a recorded VPC, in one call where that is enough: names can only be turned on while the resolver is
/// (EC2 API reference, ModifyVpcAttribute), so one that was applied with both and has names counts as unchanged. That
/// somebody turned off the resolver alone is not seen; the call is worth more to every plan than this to anyone.
async fn recorded_attributes(aws: &Aws, scope: &Scope, id: &str) -> Result<(bool, bool), Error> {
    let mut applied =
        scope.ids.iter().filter(|(_, it)| *it == id).filter_map(|(address, _)| scope.applied.get(address));
    let both = applied.any(|it| matches!(it, Resource::Vpc(it) if it.dns_support && it.dns_hostnames));
    match both {
        true if hostnames(aws, id).await? => Ok((true, true)),
        true => Ok((support(aws, id).await?, false)),
        false => attributes(aws, id).await,
    }
}

async fn support(aws: &Aws, id: &str) -> Result<bool, Error> {
    Ok(on(ask(aws, id, VpcAttributeName::EnableDnsSupport).await?.enable_dns_support))
}

async fn hostnames(aws: &Aws, id: &str) -> Result<bool, Error> {
    Ok(on(ask(aws, id, VpcAttributeName::EnableDnsHostnames).await?.enable_dns_hostnames))
}

async fn ask(aws: &Aws, id: &str, attribute: VpcAttributeName) -> Result<DescribeVpcAttributeOutput, Error> {
    let request = aws.ec2().describe_vpc_attribute().vpc_id(id).attribute(attribute);
    call(aws, Call::read("DescribeVpcAttribute"), || request.clone().send()).await
}

fn on(value: Option<AttributeBooleanValue>) -> bool {
    value.and_then(|value| value.value).unwrap_or(false)
}

fn state(vpc: &aws_sdk_ec2::types::Vpc) -> Readiness {
    match vpc.state() {
        Some(aws_sdk_ec2::types::VpcState::Available) => Readiness::Ready,
        Some(other) => Readiness::Pending(other.to_string()),
        None => Readiness::Pending(String::from("unknown")),
    }
}

/// All VPCs of the cluster: one in a healthy world.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    let known = async |id: &str| match recorded_attributes(aws, scope, id).await {
        // Recorded, but deleted.
        Err(error) if error.is_not_found() => Ok(None),
        outcome => outcome.map(|attributes| Some((id.to_owned(), attributes))),
    };
    // The attributes of a recorded VPC need not wait until the describe shows its id.
    let (vpcs, known) = tokio::try_join!(
        describe(aws, vec![tags::of_cluster(&scope.cluster)]),
        try_join_all(scope.ids_of(Kind::Vpc).map(known)),
    )?;
    let known: BTreeMap<String, (bool, bool)> = known.into_iter().flatten().collect();
    for vpc in vpcs {
        let id = vpc.vpc_id().unwrap_or_default().to_owned();
        let Some(Ok(cidr)) = vpc.cidr_block().map(str::parse) else {
            return Err(Error::Malformed { operation: "DescribeVpcs", what: "a VPC without an IPv4 range" });
        };
        let readiness = state(&vpc);
        let (dns_support, dns_hostnames) = match known.get(&id) {
            Some(known) => *known,
            None => attributes(aws, &id).await?,
        };
        let all = tags::from_ec2(vpc.tags);
        tags::sight(&mut observed, scope, Kind::Vpc, id, &all, |tags| {
            (Vpc { cidr, dns_support, dns_hostnames, tags }.into(), Attributes::new(), readiness)
        });
    }
    Ok(observed)
}

async fn find(aws: &Aws, identity: &Identity) -> Result<Option<String>, Error> {
    let vpcs = describe(aws, tags::of_identity(identity)).await?;
    Ok(vpcs.into_iter().find_map(|vpc| vpc.vpc_id))
}

pub(super) async fn create(aws: &Aws, identity: &Identity, vpc: &Vpc, _ids: &Ids) -> Result<Made, Error> {
    let request = aws.ec2().create_vpc().cidr_block(vpc.cidr.to_string()).tag_specifications(tags::specification(
        ResourceType::Vpc,
        identity,
        &vpc.tags,
    ));
    let make = async || {
        let answer = call(aws, Call::unrepeatable("CreateVpc"), || request.clone().send()).await?;
        let id = answer.vpc.and_then(|vpc| vpc.vpc_id);
        id.ok_or(Error::Malformed { operation: "CreateVpc", what: "no VPC id" })
    };
    let id = make_once(aws, identity, || find(aws, identity), make).await?;
    let asked = Call::named("ModifyVpcAttribute").right_after(aws.clock().now());
    // What EC2 gives to a new VPC (EC2 API reference, CreateVpc and ModifyVpcAttribute).
    let before = Vpc { dns_support: true, dns_hostnames: false, ..vpc.clone() };
    set_attributes(aws, asked, &id, &before, vpc).await?;
    Ok(Made::new(id))
}

/// The resolver comes first: names need it.
async fn set_attributes(aws: &Aws, asked: Call<'_>, id: &str, before: &Vpc, after: &Vpc) -> Result<(), Error> {
    let on = |value: bool| AttributeBooleanValue::builder().value(value).build();
    let request = aws.ec2().modify_vpc_attribute().vpc_id(id);
    if before.dns_support != after.dns_support {
        call(aws, asked, || request.clone().enable_dns_support(on(after.dns_support)).send()).await?;
    }
    if before.dns_hostnames != after.dns_hostnames {
        call(aws, asked, || request.clone().enable_dns_hostnames(on(after.dns_hostnames)).send()).await?;
    }
    Ok(())
}

pub(super) async fn update(aws: &Aws, update: Update<'_, Vpc>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    set_attributes(aws, Call::named("ModifyVpcAttribute").with(ids), &found.id, before, after).await?;
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

pub(super) async fn delete(aws: &Aws, found: &Found, _vpc: &Vpc) -> Result<(), Error> {
    let outcome = delete_call(aws, "DeleteVpc", || aws.ec2().delete_vpc().vpc_id(&found.id).send()).await;
    holders::explain_vpc(aws, outcome, &found.id).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let vpcs = describe(aws, vec![tags::any_of("vpc-id", ids)]).await?;
    Ok(vpcs.into_iter().filter_map(|vpc| Some((vpc.vpc_id.clone()?, state(&vpc)))).collect())
}
