//! Security groups. One describe shows the groups and their rules: discovery gives both.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, ResourceType};

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::security_group_rules::read_rules;
use super::settle::adopt;
use super::{holders, pages, tags};
use crate::resource::{
    Address, Attributes, Found, Kind, Observed, Readiness, Reference, SecurityGroup, SecurityGroupRules, Tags,
};

/// Largest page of DescribeSecurityGroups (EC2 API reference).
const PAGE: i32 = 1000;

/// Also how the rules of a group are read.
pub(super) async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<aws_sdk_ec2::types::SecurityGroup>, Error> {
    pages::all("DescribeSecurityGroups", async |token| {
        let request = aws.ec2().describe_security_groups().set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeSecurityGroups"), || request.clone().send()).await?;
        Ok((answer.security_groups.unwrap_or_default(), answer.next_token))
    })
    .await
}

/// The groups, and for each its rules under the address of the same name.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for group in describe(aws, vec![tags::of_cluster(&scope.cluster)]).await? {
        let id = group.group_id.clone().unwrap_or_default();
        let rules = SecurityGroupRules {
            group: Reference::Id(id.clone()),
            ingress: read_rules(group.ip_permissions()),
            egress: read_rules(group.ip_permissions_egress()),
        };
        let all = tags::from_ec2(group.tags);
        let before = observed.found.len();
        tags::sight(&mut observed, scope, Kind::SecurityGroup, id, &all, |tags| {
            let it = SecurityGroup {
                vpc: Reference::Id(group.vpc_id.unwrap_or_default()),
                name: group.group_name.unwrap_or_default(),
                description: group.description.unwrap_or_default(),
                tags,
            };
            (it.into(), Attributes::new(), Readiness::Ready)
        });
        let of_rules = observed.found.get(before).map(|group| Found {
            address: Address::new(Kind::SecurityGroupRules, group.address.name()),
            resource: rules.into(),
            ..group.clone()
        });
        observed.found.extend(of_rules);
    }
    Ok(observed)
}

async fn find(aws: &Aws, vpc: &str, name: &str) -> Result<Option<(String, Tags)>, Error> {
    let groups = describe(aws, vec![tags::filter("vpc-id", vpc), tags::filter("group-name", name)]).await?;
    let group = groups.into_iter().next();
    Ok(group.map(|group| (group.group_id.unwrap_or_default(), tags::from_ec2(group.tags))))
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &SecurityGroup, ids: &Ids) -> Result<Made, Error> {
    let vpc = ids.id(&it.vpc)?;
    let request = aws
        .ec2()
        .create_security_group()
        .vpc_id(&vpc)
        .group_name(&it.name)
        .description(&it.description)
        .tag_specifications(tags::specification(ResourceType::SecurityGroup, identity, &it.tags));
    match call(aws, Call::named("CreateSecurityGroup").with(ids), || request.clone().send()).await {
        Ok(answer) => {
            answer.group_id.map(Made::new).ok_or(Error::Malformed { operation: "CreateSecurityGroup", what: "no id" })
        }
        Err(error) if error.already_exists() => adopt(aws, identity, || find(aws, &vpc, &it.name)).await.map(Made::new),
        Err(error) => Err(error),
    }
}

pub(super) async fn update(aws: &Aws, update: Update<'_, SecurityGroup>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

pub(super) async fn delete(aws: &Aws, found: &Found, _it: &SecurityGroup) -> Result<(), Error> {
    let request = aws.ec2().delete_security_group().group_id(&found.id);
    let outcome = delete_call(aws, "DeleteSecurityGroup", || request.clone().send()).await;
    holders::explain(aws, outcome, "group-id", &found.id).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let groups = describe(aws, vec![tags::any_of("group-id", ids)]).await?;
    let seen: BTreeSet<String> = groups.into_iter().filter_map(|group| group.group_id).collect();
    Ok(seen.into_iter().map(|id| (id, Readiness::Ready)).collect())
}
