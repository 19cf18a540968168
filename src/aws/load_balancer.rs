//! Network load balancers. [`super::balancing`] discovers them together with their target groups and listeners.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types as wire;

use super::balancing::{self, attribute_of, attributes, is_on};
use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::settle;
use super::{pages, tags};
use crate::resource::{Attributes, Found, LoadBalancer, Readiness, Reference, Resource, Scheme, Tags, attribute};

/// Balancers in one page; the most that Elastic Load Balancing gives (API reference, DescribeLoadBalancers).
const PAGE: i32 = 400;

/// Attribute keys (Elastic Load Balancing API reference, LoadBalancerAttribute).
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
const DELETION_PROTECTION: &str = "deletion_protection.enabled";

/// All balancers of the account in the region: a describe by name fails when one of the names does not exist.
pub(super) async fn describe(aws: &Aws) -> Result<Vec<wire::LoadBalancer>, Error> {
    pages::all("DescribeLoadBalancers", async |marker| {
        let request = aws.load_balancing().describe_load_balancers().page_size(PAGE).set_marker(marker);
        let answer = call(aws, Call::read("DescribeLoadBalancers"), || request.clone().send()).await?;
        Ok((answer.load_balancers.unwrap_or_default(), answer.next_marker))
    })
    .await
}

/// The attributes of a balancer by key; none when it is gone by now.
pub(super) async fn describe_attributes(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let request = aws.load_balancing().describe_load_balancer_attributes().load_balancer_arn(arn);
    let asked = call(aws, Call::read("DescribeLoadBalancerAttributes"), || request.clone().send()).await;
    let answer = match asked {
        Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
        other => other?,
    };
    Ok(attributes(answer.attributes.unwrap_or_default().into_iter().map(|it| (it.key, it.value))))
}

/// Reads a balancer.
pub(super) fn read(
    balancer: &wire::LoadBalancer,
    settings: &BTreeMap<String, String>,
    tags: Tags,
) -> (Resource, Attributes, Readiness) {
    let sorted = |ids: Vec<String>| {
        let mut references: Vec<Reference> = ids.into_iter().map(Reference::Id).collect();
        references.sort();
        references
    };
    let zones = balancer.availability_zones().iter();
    let resource = LoadBalancer {
        name: balancer.load_balancer_name().unwrap_or_default().to_owned(),
        scheme: match balancer.scheme() {
            Some(wire::LoadBalancerSchemeEnum::Internal) => Scheme::Internal,
            Some(_) | None => Scheme::InternetFacing,
        },
        subnets: sorted(zones.filter_map(|zone| zone.subnet_id.clone()).collect()),
        security_groups: sorted(balancer.security_groups().to_vec()),
        cross_zone: is_on(settings, CROSS_ZONE),
        deletion_protection: is_on(settings, DELETION_PROTECTION),
        tags,
    };
    (resource.into(), facts(balancer), state(balancer))
}

fn facts(balancer: &wire::LoadBalancer) -> Attributes {
    let pairs =
        [(attribute::DNS_NAME, balancer.dns_name()), (attribute::HOSTED_ZONE, balancer.canonical_hosted_zone_id())];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
}

fn state(balancer: &wire::LoadBalancer) -> Readiness {
    let state = balancer.state();
    let reason = state.and_then(wire::LoadBalancerState::reason).unwrap_or("no reason given");
    match state.and_then(wire::LoadBalancerState::code) {
        // Impaired: it works, but not with all that it should have.
        Some(wire::LoadBalancerStateEnum::Active | wire::LoadBalancerStateEnum::ActiveImpaired) => Readiness::Ready,
        Some(wire::LoadBalancerStateEnum::Failed) => Readiness::Failed(format!("failed: {reason}")),
        Some(other) => Readiness::Pending(other.to_string()),
        None => Readiness::Pending(String::from("unknown")),
    }
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &LoadBalancer, ids: &Ids) -> Result<Made, Error> {
    let scheme = match it.scheme {
        Scheme::Internal => wire::LoadBalancerSchemeEnum::Internal,
        Scheme::InternetFacing => wire::LoadBalancerSchemeEnum::InternetFacing,
    };
    let groups = ids.ids(&it.security_groups)?;
    let request = aws
        .load_balancing()
        .create_load_balancer()
        .name(&it.name)
        .r#type(wire::LoadBalancerTypeEnum::Network)
        .scheme(scheme)
        .set_subnets(Some(ids.ids(&it.subnets)?))
        .set_security_groups((!groups.is_empty()).then_some(groups))
        .set_tags(Some(balancing::tags(&identity.tags(&it.tags))));
    let answer = call(aws, Call::named("CreateLoadBalancer").with(ids), || request.clone().send()).await;
    let made = match answer {
        Ok(answer) => answer.load_balancers.and_then(|balancers| balancers.into_iter().next()),
        Err(error) if error.already_exists() => {
            settle(aws, aws.clock().now(), || existing(aws, identity, &it.name)).await?
        }
        Err(error) => return Err(error),
    };
    let missing = Error::Malformed { operation: "CreateLoadBalancer", what: "no load balancer" };
    let balancer = made.ok_or(missing)?;
    let arn = balancer.load_balancer_arn().unwrap_or_default();
    // What a new balancer has (API reference, LoadBalancerAttribute): neither.
    let before = LoadBalancer { cross_zone: false, deletion_protection: false, ..it.clone() };
    set_attributes(aws, arn, &before, it).await?;
    Ok(Made { id: arn.to_owned(), attributes: facts(&balancer) })
}

/// The balancer that has the name, if an earlier call made it; its next discovery shows what differs in it.
async fn existing(aws: &Aws, identity: &Identity, name: &str) -> Result<Option<wire::LoadBalancer>, Error> {
    let found = describe(aws).await?.into_iter().find(|it| it.load_balancer_name() == Some(name));
    if let Some(arn) = found.as_ref().and_then(wire::LoadBalancer::load_balancer_arn) {
        balancing::verify(aws, identity, arn).await?;
    }
    Ok(found)
}

async fn set_attributes(aws: &Aws, arn: &str, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Error> {
    let mut changed = Vec::new();
    if before.cross_zone != after.cross_zone {
        changed.push((CROSS_ZONE, after.cross_zone));
    }
    if before.deletion_protection != after.deletion_protection {
        changed.push((DELETION_PROTECTION, after.deletion_protection));
    }
    if changed.is_empty() {
        return Ok(());
    }
    let attribute =
        |(key, on): (&str, bool)| wire::LoadBalancerAttribute::builder().key(key).value(attribute_of(on)).build();
    let changed = changed.into_iter().map(attribute).collect();
    let request = aws.load_balancing().modify_load_balancer_attributes();
    let request = request.load_balancer_arn(arn).set_attributes(Some(changed));
    let asked = Call::named("ModifyLoadBalancerAttributes");
    call(aws, asked, || request.clone().send()).await.map(drop)
}

pub(super) async fn update(aws: &Aws, update: Update<'_, LoadBalancer>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    if before.subnets != after.subnets {
        let request = aws.load_balancing().set_subnets().load_balancer_arn(&found.id);
        let request = request.set_subnets(Some(ids.ids(&after.subnets)?));
        call(aws, Call::named("SetSubnets").with(ids), || request.clone().send()).await?;
    }
    if before.security_groups != after.security_groups {
        let request = aws.load_balancing().set_security_groups().load_balancer_arn(&found.id);
        let request = request.set_security_groups(Some(ids.ids(&after.security_groups)?));
        call(aws, Call::named("SetSecurityGroups").with(ids), || request.clone().send()).await?;
    }
    set_attributes(aws, &found.id, before, after).await?;
    balancing::update_tags(aws, &found.id, &before.tags, &after.tags).await?;
    Ok(found.attributes.clone())
}

/// Switches AWS' own protection off first: ours was asked before.
pub(super) async fn delete(aws: &Aws, found: &Found, it: &LoadBalancer) -> Result<(), Error> {
    if it.deletion_protection {
        let unprotected = LoadBalancer { deletion_protection: false, ..it.clone() };
        match set_attributes(aws, &found.id, it, &unprotected).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    delete_unprotected(aws, &found.id).await
}

/// Deletes a balancer with its listeners.
pub(super) async fn delete_unprotected(aws: &Aws, arn: &str) -> Result<(), Error> {
    let request = aws.load_balancing().delete_load_balancer().load_balancer_arn(arn);
    delete_call(aws, "DeleteLoadBalancer", || request.clone().send()).await
}

/// A deleted balancer vanishes at once, but its network interfaces stay for minutes and hold subnets and security groups:
/// it is gone when they are.
pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let balancers = describe(aws).await?;
    let all = balancers.iter().filter_map(|it| Some((it.load_balancer_arn()?.to_owned(), state(it))));
    let mut seen: BTreeMap<String, Readiness> = all.filter(|(arn, _)| ids.contains(arn)).collect();
    // Elastic Load Balancing describes its interfaces as `ELB net/NAME/ID`, the last part of the balancer's ARN.
    let described = |arn: &String| Some((format!("ELB {}", arn.split_once(":loadbalancer/")?.1), arn.clone()));
    let vanished: BTreeMap<String, String> =
        ids.iter().filter(|id| !seen.contains_key(*id)).filter_map(described).collect();
    if vanished.is_empty() {
        return Ok(seen);
    }
    let descriptions: Vec<String> = vanished.keys().cloned().collect();
    let filter = tags::any_of("description", &descriptions);
    let request = aws.ec2().describe_network_interfaces().filters(filter).max_results(1000);
    let answer = call(aws, Call::read("DescribeNetworkInterfaces"), || request.clone().send()).await?;
    for interface in answer.network_interfaces.unwrap_or_default() {
        if let Some(arn) = interface.description().and_then(|text| vanished.get(text)) {
            let state = Readiness::Pending(String::from("its network interfaces are being removed"));
            seen.insert(arn.clone(), state);
        }
    }
    Ok(seen)
}
