//! Roles, with their inline and managed policies. They are read together with their instance profiles, in one paginated
//! call for the whole account; never one call per role.

mod document;

use std::collections::BTreeMap;

use aws_sdk_iam::types as wire;
use serde_json::Value;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::{instance_profile, named, pages};
use crate::resource::{Attributes, Found, Kind, Observed, Readiness, Resource, Role, Tags, attribute};

/// Roles in one page; the most that IAM gives (API reference, GetAccountAuthorizationDetails).
const PAGE: i32 = 1000;

/// Finds the cluster's roles, and the instance profiles that hold one of them.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for role in details(aws).await? {
        let name = role.role_name().unwrap_or_default().to_owned();
        let tags = from_iam(role.tags());
        for profile in role.instance_profile_list() {
            instance_profile::sight(&mut observed, scope, profile, &name, &tags);
        }
        let seen = named::Seen { kind: Kind::Role, id: name.clone(), name: &name, tags: &tags };
        named::sight(&mut observed, scope, seen, |tags| read(&role, tags));
    }
    instance_profile::without_role(aws, scope, &mut observed).await?;
    Ok(observed)
}

/// All roles of the account with everything that IAM knows about them.
async fn details(aws: &Aws) -> Result<Vec<wire::RoleDetail>, Error> {
    const OPERATION: &str = "GetAccountAuthorizationDetails";
    pages::all(OPERATION, async |marker: Option<String>| {
        let send = || {
            aws.iam()
                .get_account_authorization_details()
                .filter(wire::EntityType::Role)
                .max_items(PAGE)
                .set_marker(marker.clone())
                .send()
        };
        let page = call(aws, Call::read(OPERATION), send).await?;
        Ok((page.role_detail_list.unwrap_or_default(), page.marker.filter(|_| page.is_truncated)))
    })
    .await
}

fn read(role: &wire::RoleDetail, tags: Tags) -> (Resource, Attributes, Readiness) {
    let policies = role.role_policy_list().iter();
    let attached = role.attached_managed_policies().iter();
    let resource = Role {
        name: role.role_name().unwrap_or_default().to_owned(),
        path: role.path().unwrap_or_default().to_owned(),
        trust: role.assume_role_policy_document().map_or(Value::Null, document::decode),
        policies: policies
            .filter_map(|policy| Some((policy.policy_name()?.to_owned(), document::decode(policy.policy_document()?))))
            .collect(),
        managed_policies: attached.filter_map(|policy| policy.policy_arn().map(str::to_owned)).collect(),
        tags,
    };
    (resource.into(), arn_of(role.arn()), Readiness::Ready)
}

/// The ARN as an attribute.
pub(super) fn arn_of(arn: Option<&str>) -> Attributes {
    arn.map(|arn| (attribute::ARN.to_owned(), arn.to_owned())).into_iter().collect()
}

/// IAM's tags as a map.
pub(super) fn from_iam(tags: &[wire::Tag]) -> Tags {
    tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}

/// A map as IAM's tags.
pub(super) fn to_iam<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<wire::Tag> {
    let tag = |(key, value)| wire::Tag::builder().key(key).value(value).build().expect("key and value are set");
    tags.into_iter().map(tag).collect()
}

/// Makes a role, then its policies. One that exists with exactly this identity is completed.
pub(super) async fn create(aws: &Aws, identity: &Identity, role: &Role, _ids: &Ids) -> Result<Made, Error> {
    let tags = to_iam(&identity.tags(&role.tags));
    let send = || {
        aws.iam()
            .create_role()
            .role_name(&role.name)
            .path(&role.path)
            .assume_role_policy_document(role.trust.to_string())
            .set_tags(Some(tags.clone()))
            .send()
    };
    let arn = match call(aws, Call::named("CreateRole"), send).await {
        Ok(answer) => answer.role.map(|role| role.arn),
        Err(error) if error.already_exists() => Some(adopt(aws, identity, role).await?),
        Err(error) => return Err(error),
    };
    let put = Call::named("PutRolePolicy").right_after(aws.clock().now());
    put_policies(aws, put, &role.name, &BTreeMap::new(), &role.policies).await?;
    for policy in &role.managed_policies {
        attach(aws, &role.name, policy).await?;
    }
    Ok(Made { id: role.name.clone(), attributes: arn_of(arn.as_deref()) })
}

/// Gives the ARN of the role that stands in the way, if it is the one that an earlier call made.
async fn adopt(aws: &Aws, identity: &Identity, role: &Role) -> Result<String, Error> {
    let send = || aws.iam().get_role().role_name(&role.name).send();
    let answer = call(aws, Call::read("GetRole"), send).await?;
    let existing = answer.role.ok_or(Error::Malformed { operation: "GetRole", what: "no role" })?;
    named::verify(identity, &existing.arn, &from_iam(existing.tags()))?;
    let trust = existing.assume_role_policy_document().map(document::decode);
    if trust.as_ref() != Some(&role.trust) {
        update_trust(aws, role).await?;
    }
    Ok(existing.arn)
}

pub(super) async fn update(aws: &Aws, update: Update<'_, Role>) -> Result<Attributes, Error> {
    let Update { found, before, after: role, .. } = update;
    if before.trust != role.trust {
        update_trust(aws, role).await?;
    }
    put_policies(aws, Call::named("PutRolePolicy"), &role.name, &before.policies, &role.policies).await?;
    for policy in before.policies.keys().filter(|name| !role.policies.contains_key(*name)) {
        delete_policy(aws, &role.name, policy).await?;
    }
    for policy in role.managed_policies.difference(&before.managed_policies) {
        attach(aws, &role.name, policy).await?;
    }
    for policy in before.managed_policies.difference(&role.managed_policies) {
        detach(aws, &role.name, policy).await?;
    }
    update_tags(aws, role, &before.tags).await?;
    Ok(found.attributes.clone())
}

async fn update_trust(aws: &Aws, role: &Role) -> Result<(), Error> {
    let trust = role.trust.to_string();
    let send = || aws.iam().update_assume_role_policy().role_name(&role.name).policy_document(&trust).send();
    call(aws, Call::named("UpdateAssumeRolePolicy"), send).await.map(drop)
}

async fn put_policies(
    aws: &Aws,
    put: Call<'_>,
    role: &str,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Result<(), Error> {
    for (name, document) in after.iter().filter(|(name, document)| before.get(*name) != Some(*document)) {
        let document = document.to_string();
        let send = || aws.iam().put_role_policy().role_name(role).policy_name(name).policy_document(&document).send();
        call(aws, put, send).await?;
    }
    Ok(())
}

async fn attach(aws: &Aws, role: &str, policy: &str) -> Result<(), Error> {
    let send = || aws.iam().attach_role_policy().role_name(role).policy_arn(policy).send();
    call(aws, Call::named("AttachRolePolicy"), send).await.map(drop)
}

async fn detach(aws: &Aws, role: &str, policy: &str) -> Result<(), Error> {
    let send = || aws.iam().detach_role_policy().role_name(role).policy_arn(policy).send();
    delete_call(aws, "DetachRolePolicy", send).await
}

async fn delete_policy(aws: &Aws, role: &str, policy: &str) -> Result<(), Error> {
    let send = || aws.iam().delete_role_policy().role_name(role).policy_name(policy).send();
    delete_call(aws, "DeleteRolePolicy", send).await
}

async fn update_tags(aws: &Aws, role: &Role, before: &Tags) -> Result<(), Error> {
    let changed = to_iam(role.tags.iter().filter(|(key, value)| before.get(*key) != Some(*value)));
    if !changed.is_empty() {
        let send = || aws.iam().tag_role().role_name(&role.name).set_tags(Some(changed.clone())).send();
        call(aws, Call::named("TagRole"), send).await?;
    }
    let removed: Vec<String> = before.keys().filter(|key| !role.tags.contains_key(*key)).cloned().collect();
    if !removed.is_empty() {
        let send = || aws.iam().untag_role().role_name(&role.name).set_tag_keys(Some(removed.clone())).send();
        call(aws, Call::named("UntagRole"), send).await?;
    }
    Ok(())
}

/// Deletes the role's policies, then the role. It must be out of every instance profile by then.
pub(super) async fn delete(aws: &Aws, found: &Found, role: &Role) -> Result<(), Error> {
    for policy in role.policies.keys() {
        delete_policy(aws, &found.id, policy).await?;
    }
    for policy in &role.managed_policies {
        detach(aws, &found.id, policy).await?;
    }
    let send = || aws.iam().delete_role().role_name(&found.id).send();
    delete_call(aws, "DeleteRole", send).await
}

/// Which of the roles exist.
pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let names = pages::all("ListRoles", async |marker: Option<String>| {
        let send = || {
            aws.iam().list_roles().path_prefix(instance_profile::PATH).max_items(PAGE).set_marker(marker.clone()).send()
        };
        let page = call(aws, Call::read("ListRoles"), send).await?;
        let names: Vec<String> = page.roles.into_iter().map(|role| role.role_name).collect();
        Ok((names, page.marker.filter(|_| page.is_truncated)))
    })
    .await?;
    Ok(named::present(ids, &names))
}
