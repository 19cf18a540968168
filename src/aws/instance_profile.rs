//! Instance profiles: a role's way onto instances. Discovery sees them with their roles (see [`super::role`]); one without
//! a role, which a crash between two calls leaves, or somebody's hand, is looked for by its name.

use std::collections::BTreeMap;

use aws_sdk_iam::types as wire;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::failure::Failure;
use super::identity::{Identity, tag};
use super::ids::{Ids, Made};
use super::role::{arn_of, from_iam, to_iam};
use super::{named, pages};
use crate::resource::{
    Address, Attributes, Found, InstanceProfile, Kind, Observed, Readiness, Reference, Resource, Tags,
};

/// What the IAM paths of all clusters begin with.
pub(super) const PATH: &str = "/windlass/";
/// Profiles in one page; the most that IAM gives (API reference, ListInstanceProfiles).
const PAGE: i32 = 1000;

/// Adds the profile that holds the role called `role`, whose tags are `role_tags`.
///
/// IAM leaves out a profile's tags where it lists several (API reference, ListInstanceProfiles). Its path, name and role
/// then say whose it is, and its tags count as what was last applied, or else as what they should be: reading them would take a call per profile.
pub(super) fn sight(
    observed: &mut Observed,
    scope: &Scope,
    profile: &wire::InstanceProfile,
    role: &str,
    role_tags: &Tags,
) {
    let name = profile.instance_profile_name();
    let all = match from_iam(profile.tags()) {
        listed if !listed.is_empty() => listed,
        _ if profile.path().starts_with(PATH) => assumed_tags(scope, name, role_tags),
        none => none,
    };
    let seen = named::Seen { kind: Kind::InstanceProfile, id: name.to_owned(), name, tags: &all };
    named::sight(observed, scope, seen, |tags| {
        let resource = InstanceProfile {
            name: name.to_owned(),
            path: profile.path().to_owned(),
            role: Some(Reference::Id(role.to_owned())),
            tags,
        };
        (resource.into(), arn_of(Some(profile.arn())), Readiness::Ready)
    });
}

/// Adds the profiles without a role among those that are looked for by name and were not seen with one: usually there are
/// none, and nothing is asked.
pub(super) async fn without_role(aws: &Aws, scope: &Scope, observed: &mut Observed) -> Result<(), Error> {
    let is_seen = |address: &Address| observed.found.iter().any(|found| found.address == *address);
    let is_missing = |address: &Address| address.kind() == Kind::InstanceProfile && !is_seen(address);
    if !scope.resources.keys().any(is_missing) {
        return Ok(());
    }
    for listed in list(aws).await?.iter().filter(|it| it.roles().is_empty()) {
        let name = listed.instance_profile_name();
        if named::wanted(scope, Kind::InstanceProfile, name).is_none() {
            continue;
        }
        // Lists lack the tags.
        let Some(profile) = get(aws, name).await? else { continue };
        let tags = from_iam(profile.tags());
        let seen = named::Seen { kind: Kind::InstanceProfile, id: name.to_owned(), name, tags: &tags };
        named::sight(observed, scope, seen, |tags| {
            let (name, path) = (name.to_owned(), profile.path().to_owned());
            let resource = InstanceProfile { name, path, role: None, tags };
            (resource.into(), arn_of(Some(profile.arn())), Readiness::Ready)
        });
    }
    Ok(())
}

/// The tags that a profile called `name` has when we made it for a role with `role_tags`.
fn assumed_tags(scope: &Scope, name: &str, role_tags: &Tags) -> Tags {
    let known = named::wanted(scope, Kind::InstanceProfile, name);
    let own = known.and_then(|address| match scope.applied.get(address).or_else(|| scope.resources.get(address)) {
        Some(Resource::InstanceProfile(profile)) => Some(profile.tags.clone()),
        _ => None,
    });
    let of_role = role_tags.get(tag::ADDRESS).and_then(|text| text.parse::<Address>().ok());
    let address = known.cloned().or(of_role.map(|role| Address::new(Kind::InstanceProfile, role.name())));
    let mut tags = own.unwrap_or_default();
    for key in [tag::CLUSTER, tag::UID, tag::GENERATION] {
        if let Some(value) = role_tags.get(key) {
            tags.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(address) = address {
        tags.insert(tag::ADDRESS.to_owned(), address.to_string());
    }
    tags
}

/// Makes a profile and puts its role in. One that exists with exactly this identity is completed.
pub(super) async fn create(aws: &Aws, identity: &Identity, it: &InstanceProfile, ids: &Ids) -> Result<Made, Error> {
    let role = it.role.as_ref().map(|role| ids.id(role)).transpose()?;
    let request = aws
        .iam()
        .create_instance_profile()
        .instance_profile_name(&it.name)
        .path(&it.path)
        .set_tags(Some(to_iam(&identity.tags(&it.tags))));
    let made = match call(aws, Call::named("CreateInstanceProfile"), || request.clone().send()).await {
        Ok(answer) => answer.instance_profile,
        Err(error) if error.already_exists() => {
            let existing = get(aws, &it.name).await?;
            if let Some(profile) = &existing {
                named::verify(identity, profile.arn(), &from_iam(profile.tags()))?;
            }
            existing
        }
        Err(error) => return Err(error),
    };
    let holds = made.as_ref().map(roles_of).unwrap_or_default();
    put_role(aws, Call::named("AddRoleToInstanceProfile").right_after(aws.clock().now()), &it.name, holds, role)
        .await?;
    Ok(Made { id: it.name.clone(), attributes: arn_of(made.as_ref().map(wire::InstanceProfile::arn)) })
}

async fn get(aws: &Aws, name: &str) -> Result<Option<wire::InstanceProfile>, Error> {
    let request = aws.iam().get_instance_profile().instance_profile_name(name);
    match call(aws, Call::read("GetInstanceProfile"), || request.clone().send()).await {
        Ok(answer) => Ok(answer.instance_profile),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn roles_of(profile: &wire::InstanceProfile) -> Vec<String> {
    profile.roles().iter().map(|role| role.role_name().to_owned()).collect()
}

/// Makes `role` the one role of a profile that `holds` these.
async fn put_role(aws: &Aws, add: Call<'_>, name: &str, holds: Vec<String>, role: Option<String>) -> Result<(), Error> {
    for other in holds.iter().filter(|other| Some(*other) != role.as_ref()) {
        remove_role(aws, name, other).await?;
    }
    let Some(role) = role.filter(|role| !holds.contains(role)) else { return Ok(()) };
    let request = aws.iam().add_role_to_instance_profile().instance_profile_name(name).role_name(&role);
    match call(aws, add, || request.clone().send()).await {
        // A profile holds one role: the answer to a repeat of a call whose first answer was lost.
        Err(error) if error.failure() == Some(Failure::Quota) => {
            let holds = get(aws, name).await?.as_ref().map(roles_of).unwrap_or_default();
            if holds.contains(&role) { Ok(()) } else { Err(error) }
        }
        other => other.map(drop),
    }
}

async fn remove_role(aws: &Aws, profile: &str, role: &str) -> Result<(), Error> {
    let request = aws.iam().remove_role_from_instance_profile().instance_profile_name(profile).role_name(role);
    delete_call(aws, "RemoveRoleFromInstanceProfile", || request.clone().send()).await
}

pub(super) async fn update(aws: &Aws, update: Update<'_, InstanceProfile>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    let role = after.role.as_ref().map(|role| ids.id(role)).transpose()?;
    let holds = get(aws, &found.id).await?.as_ref().map(roles_of).unwrap_or_default();
    put_role(aws, Call::named("AddRoleToInstanceProfile").with(ids), &found.id, holds, role).await?;
    let changed = to_iam(after.tags.iter().filter(|(key, value)| before.tags.get(*key) != Some(*value)));
    if !changed.is_empty() {
        let request = aws.iam().tag_instance_profile().instance_profile_name(&found.id).set_tags(Some(changed));
        call(aws, Call::named("TagInstanceProfile"), || request.clone().send()).await?;
    }
    let removed: Vec<String> = before.tags.keys().filter(|key| !after.tags.contains_key(*key)).cloned().collect();
    if !removed.is_empty() {
        let request = aws.iam().untag_instance_profile().instance_profile_name(&found.id).set_tag_keys(Some(removed));
        call(aws, Call::named("UntagInstanceProfile"), || request.clone().send()).await?;
    }
    Ok(found.attributes.clone())
}

/// Takes every role out, then deletes the profile.
pub(super) async fn delete(aws: &Aws, found: &Found, _profile: &InstanceProfile) -> Result<(), Error> {
    let Some(profile) = get(aws, &found.id).await? else { return Ok(()) };
    for role in roles_of(&profile) {
        remove_role(aws, &found.id, &role).await?;
    }
    let request = aws.iam().delete_instance_profile().instance_profile_name(&found.id);
    delete_call(aws, "DeleteInstanceProfile", || request.clone().send()).await
}

/// Which of the profiles exist.
pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let names: Vec<String> = list(aws).await?.into_iter().map(|it| it.instance_profile_name).collect();
    Ok(named::present(ids, &names))
}

/// The profiles of all clusters, without their tags.
async fn list(aws: &Aws) -> Result<Vec<wire::InstanceProfile>, Error> {
    pages::all("ListInstanceProfiles", async |marker: Option<String>| {
        let request = aws.iam().list_instance_profiles().path_prefix(PATH).max_items(PAGE).set_marker(marker);
        let page = call(aws, Call::read("ListInstanceProfiles"), || request.clone().send()).await?;
        Ok((page.instance_profiles, page.marker.filter(|_| page.is_truncated)))
    })
    .await
}
