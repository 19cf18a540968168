//! Network interfaces that outlive instances.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{AttributeValue, Filter, NetworkInterfaceStatus, ResourceType};

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::failure::Failure;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::adopt;
use super::{holders, pages, tags};
use crate::resource::{Attributes, Found, Kind, NetworkInterface, Observed, Readiness, Reference, Tags, attribute};

/// Largest page of DescribeNetworkInterfaces (EC2 API reference).
const PAGE: i32 = 1000;

async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<aws_sdk_ec2::types::NetworkInterface>, Error> {
    pages::all("DescribeNetworkInterfaces", async |token| {
        let request = aws.ec2().describe_network_interfaces().set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeNetworkInterfaces"), || request.clone().send()).await?;
        Ok((answer.network_interfaces.unwrap_or_default(), answer.next_token))
    })
    .await
}

fn attributes(aws: &Aws, interface: &aws_sdk_ec2::types::NetworkInterface) -> Attributes {
    let Some(address) = interface.private_ip_address() else { return Attributes::new() };
    // A VPC without DNS hostnames shows none; its instances call themselves so all the same.
    let name = interface.private_dns_name().filter(|name| !name.is_empty()).map(str::to_owned);
    Attributes::from([
        (String::from(attribute::PRIVATE_ADDRESS), address.to_owned()),
        (String::from(attribute::PRIVATE_NAME), name.unwrap_or_else(|| private_name(aws.region(), address))),
    ])
}

/// The IP-based name of an address (EC2 user guide, "EC2 instance hostnames and domains").
fn private_name(region: &str, address: &str) -> String {
    let host = format!("ip-{}", address.replace('.', "-"));
    match region {
        "us-east-1" => format!("{host}.ec2.internal"),
        region => format!("{host}.{region}.compute.internal"),
    }
}

fn state(interface: &aws_sdk_ec2::types::NetworkInterface) -> Readiness {
    match interface.status() {
        Some(NetworkInterfaceStatus::Available | NetworkInterfaceStatus::InUse) => Readiness::Ready,
        Some(other) => Readiness::Pending(other.to_string()),
        None => Readiness::Pending(String::from("unknown")),
    }
}

pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for interface in describe(aws, vec![tags::of_cluster(&scope.cluster)]).await? {
        let (readiness, attributes) = (state(&interface), attributes(aws, &interface));
        let security_groups =
            interface.groups().iter().filter_map(|group| group.group_id.clone()).map(Reference::Id).collect();
        let all = tags::from_ec2(interface.tag_set);
        let id = interface.network_interface_id.unwrap_or_default();
        tags::sight(&mut observed, scope, Kind::NetworkInterface, id, &all, |tags| {
            let it = NetworkInterface {
                subnet: Reference::Id(interface.subnet_id.unwrap_or_default()),
                security_groups,
                private_address: interface.private_ip_address.and_then(|address| address.parse().ok()),
                description: interface.description.unwrap_or_default(),
                tags,
            };
            (it.into(), attributes, readiness)
        });
    }
    Ok(observed)
}

async fn find(aws: &Aws, identity: &Identity) -> Result<Option<aws_sdk_ec2::types::NetworkInterface>, Error> {
    Ok(describe(aws, tags::of_identity(identity)).await?.into_iter().next())
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &NetworkInterface, ids: &Ids) -> Result<Made, Error> {
    let request = aws
        .ec2()
        .create_network_interface()
        .subnet_id(ids.id(&it.subnet)?)
        .set_groups(Some(ids.ids(&it.security_groups)?))
        .set_private_ip_address(it.private_address.map(|address| address.to_string()))
        .description(&it.description)
        .client_token(identity.client_token())
        .tag_specifications(tags::specification(ResourceType::NetworkInterface, identity, &it.tags));
    let made = match call(aws, Call::token("CreateNetworkInterface").with(ids), || request.clone().send()).await {
        Ok(answer) => answer.network_interface,
        Err(error) if error.already_exists() => {
            let seen = async || -> Result<Option<(String, Tags)>, Error> {
                let found = find(aws, identity).await?;
                Ok(found.map(|it| (it.network_interface_id.unwrap_or_default(), tags::from_ec2(it.tag_set))))
            };
            adopt(aws, identity, seen).await?;
            find(aws, identity).await?
        }
        Err(error) => return Err(error),
    };
    let malformed = Error::Malformed { operation: "CreateNetworkInterface", what: "no id" };
    let made = made.ok_or(malformed)?;
    let attributes = attributes(aws, &made);
    Ok(Made { id: made.network_interface_id.unwrap_or_default(), attributes })
}

pub(super) async fn update(aws: &Aws, update: Update<'_, NetworkInterface>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    // One attribute per call (EC2 API reference, ModifyNetworkInterfaceAttribute).
    let request = aws.ec2().modify_network_interface_attribute().network_interface_id(&found.id);
    let asked = Call::named("ModifyNetworkInterfaceAttribute").with(ids);
    if before.security_groups != after.security_groups {
        let groups = ids.ids(&after.security_groups)?;
        call(aws, asked, || request.clone().set_groups(Some(groups.clone())).send()).await?;
    }
    if before.description != after.description {
        let value = AttributeValue::builder().value(&after.description).build();
        call(aws, asked, || request.clone().description(value.clone()).send()).await?;
    }
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

/// Waits for the instance that still has it to go; the primary interface of a running one cannot be detached.
pub(super) async fn delete(aws: &Aws, found: &Found, _it: &NetworkInterface) -> Result<(), Error> {
    let request = aws.ec2().delete_network_interface().network_interface_id(&found.id);
    let outcome = delete_call(aws, "DeleteNetworkInterface", || request.clone().send()).await;
    match outcome {
        Err(error) if error.failure() == Some(Failure::Dependency) => {
            holders::explain(aws, Err(error), "network-interface-id", &found.id).await
        }
        outcome => outcome,
    }
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let interfaces = describe(aws, vec![tags::any_of("network-interface-id", ids)]).await?;
    let pair = |it: aws_sdk_ec2::types::NetworkInterface| Some((it.network_interface_id.clone()?, state(&it)));
    Ok(interfaces.into_iter().filter_map(pair).collect())
}
