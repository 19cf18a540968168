//! Target groups of instances behind a network load balancer; discovered by [`super::balancing`].

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types as wire;

use super::balancing::{self, attribute_of, attributes, is_on};
use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::named::{self, count, whole};
use super::pages;
use super::settle::settle;
use crate::resource::{Attributes, Found, HealthCheck, Readiness, Reference, Resource, Tags, TargetGroup};

/// Groups in one page; the most that Elastic Load Balancing gives (API reference, DescribeTargetGroups).
const PAGE: i32 = 400;

/// Attribute keys (Elastic Load Balancing API reference, TargetGroupAttribute).
const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
const PRESERVE_CLIENT_IP: &str = "preserve_client_ip.enabled";

/// All groups of the account in the region: a describe by name fails when one of the names does not exist.
pub(super) async fn describe(aws: &Aws) -> Result<Vec<wire::TargetGroup>, Error> {
    pages::all("DescribeTargetGroups", async |marker| {
        let request = aws.load_balancing().describe_target_groups().page_size(PAGE).set_marker(marker);
        let answer = call(aws, Call::read("DescribeTargetGroups"), || request.clone().send()).await?;
        Ok((answer.target_groups.unwrap_or_default(), answer.next_marker))
    })
    .await
}

/// The attributes of a group by key; none when it is gone by now.
pub(super) async fn describe_attributes(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let request = aws.load_balancing().describe_target_group_attributes().target_group_arn(arn);
    let asked = call(aws, Call::read("DescribeTargetGroupAttributes"), || request.clone().send()).await;
    let answer = match asked {
        Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
        other => other?,
    };
    Ok(attributes(answer.attributes.unwrap_or_default().into_iter().map(|it| (it.key, it.value))))
}

/// Reads a group.
pub(super) fn read(
    group: &wire::TargetGroup,
    settings: &BTreeMap<String, String>,
    tags: Tags,
) -> (Resource, Attributes, Readiness) {
    let protocol = group.health_check_protocol().map_or("TCP", wire::ProtocolEnum::as_str).to_owned();
    let health_check = HealthCheck {
        // A check by TCP has none; some servers answer one all the same.
        path: group.health_check_path().filter(|_| protocol != "TCP").map(str::to_owned),
        protocol,
        interval: count(group.health_check_interval_seconds()),
        healthy_threshold: count(group.healthy_threshold_count()),
        unhealthy_threshold: count(group.unhealthy_threshold_count()),
    };
    let delay = settings.get(DEREGISTRATION_DELAY).and_then(|seconds| seconds.parse().ok());
    let resource = TargetGroup {
        name: group.target_group_name().unwrap_or_default().to_owned(),
        vpc: Reference::Id(group.vpc_id().unwrap_or_default().to_owned()),
        port: group.port().and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        health_check,
        deregistration_delay: delay.unwrap_or(0),
        preserve_client_ip: is_on(settings, PRESERVE_CLIENT_IP),
        tags,
    };
    (resource.into(), Attributes::new(), Readiness::Ready)
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &TargetGroup, ids: &Ids) -> Result<Made, Error> {
    let check = &it.health_check;
    let request = aws
        .load_balancing()
        .create_target_group()
        .name(&it.name)
        .protocol(wire::ProtocolEnum::Tcp)
        .port(i32::from(it.port))
        .vpc_id(ids.id(&it.vpc)?)
        .target_type(wire::TargetTypeEnum::Instance)
        .health_check_protocol(wire::ProtocolEnum::from(check.protocol.as_str()))
        .set_health_check_path(check.path.clone())
        .health_check_interval_seconds(whole(check.interval))
        .healthy_threshold_count(whole(check.healthy_threshold))
        .unhealthy_threshold_count(whole(check.unhealthy_threshold))
        .set_tags(Some(balancing::tags(&identity.tags(&it.tags))));
    let answer = call(aws, Call::named("CreateTargetGroup").with(ids), || request.clone().send()).await;
    let made = match answer {
        Ok(answer) => answer.target_groups.and_then(|groups| groups.into_iter().next()),
        Err(error) if error.already_exists() => {
            settle(aws, aws.clock().now(), || existing(aws, identity, &it.name)).await?
        }
        Err(error) => return Err(error),
    };
    let arn = made.and_then(|group| group.target_group_arn);
    let arn = arn.ok_or(Error::Malformed { operation: "CreateTargetGroup", what: "no target group" })?;
    set_attributes(aws, &arn, it).await?;
    Ok(Made::new(arn))
}

/// The group that has the name, if an earlier call made it; its next discovery shows what differs in it.
async fn existing(aws: &Aws, identity: &Identity, name: &str) -> Result<Option<wire::TargetGroup>, Error> {
    let found = describe(aws).await?.into_iter().find(|it| it.target_group_name() == Some(name));
    if let Some(arn) = found.as_ref().and_then(wire::TargetGroup::target_group_arn) {
        balancing::verify(aws, identity, arn).await?;
    }
    Ok(found)
}

async fn set_attributes(aws: &Aws, arn: &str, it: &TargetGroup) -> Result<(), Error> {
    let attribute = |key: &str, value: String| wire::TargetGroupAttribute::builder().key(key).value(value).build();
    let request = aws
        .load_balancing()
        .modify_target_group_attributes()
        .target_group_arn(arn)
        .attributes(attribute(DEREGISTRATION_DELAY, it.deregistration_delay.to_string()))
        .attributes(attribute(PRESERVE_CLIENT_IP, attribute_of(it.preserve_client_ip).to_owned()));
    call(aws, Call::named("ModifyTargetGroupAttributes"), || request.clone().send()).await.map(drop)
}

pub(super) async fn update(aws: &Aws, update: Update<'_, TargetGroup>) -> Result<Attributes, Error> {
    let Update { found, before, after, .. } = update;
    if before.health_check != after.health_check {
        let check = &after.health_check;
        let request = aws
            .load_balancing()
            .modify_target_group()
            .target_group_arn(&found.id)
            .health_check_protocol(wire::ProtocolEnum::from(check.protocol.as_str()))
            .set_health_check_path(check.path.clone())
            .health_check_interval_seconds(whole(check.interval))
            .healthy_threshold_count(whole(check.healthy_threshold))
            .unhealthy_threshold_count(whole(check.unhealthy_threshold));
        call(aws, Call::named("ModifyTargetGroup"), || request.clone().send()).await?;
    }
    let settings = |it: &TargetGroup| (it.deregistration_delay, it.preserve_client_ip);
    if settings(before) != settings(after) {
        set_attributes(aws, &found.id, after).await?;
    }
    balancing::update_tags(aws, &found.id, &before.tags, &after.tags).await?;
    Ok(found.attributes.clone())
}

pub(super) async fn delete(aws: &Aws, found: &Found, _it: &TargetGroup) -> Result<(), Error> {
    let request = aws.load_balancing().delete_target_group().target_group_arn(&found.id);
    delete_call(aws, "DeleteTargetGroup", || request.clone().send()).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let existing: Vec<String> = describe(aws).await?.into_iter().filter_map(|it| it.target_group_arn).collect();
    Ok(named::present(ids, &existing))
}
