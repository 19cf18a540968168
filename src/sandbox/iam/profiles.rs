//! Instance profiles, and whether EC2 knows one yet.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{
    Profile, State, already_exists, checked_name, checked_path, conflict, date, id, limit, no_such, page, roles, tags,
};

/// An instance profile as EC2 and Auto Scaling need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileReference {
    /// `AIPA…`.
    pub id: String,
    /// ARN.
    pub arn: String,
}

/// The instance profile of that name or ARN, if EC2 knows it already (see
/// [`super::super::world::Behaviour::iam_propagation_seconds`]): both the profile and the role in it must be that old.
#[must_use]
pub fn instance_profile(world: &World, name_or_arn: &str) -> Option<ProfileReference> {
    let lag = SignedDuration::from_secs(i64::from(world.behaviour.iam_propagation_seconds));
    world
        .iam
        .profiles
        .values()
        .find(|profile| profile.name == name_or_arn || profile.arn == name_or_arn)
        .filter(|profile| world.now.duration_since(profile.changed) >= lag)
        .map(|profile| ProfileReference { id: profile.id.clone(), arn: profile.arn.clone() })
}

pub fn xml(iam: &State, profile: &Profile, with_tags: bool) -> Xml {
    let role = profile.role.iter().filter_map(|name| iam.roles.get(name)).map(|role| roles::xml(role, false));
    let xml = Xml::new()
        .text("Path", &profile.path)
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Arn", &profile.arn)
        .text("CreateDate", date(profile.created))
        .list("Roles", "member", role);
    if with_tags && !profile.tags.is_empty() { xml.and(tags::xml(&profile.tags)) } else { xml }
}

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = checked_name(call, "InstanceProfileName", 128)?;
    let path = checked_path(call)?;
    let tags = tags::read(call)?;
    if world.iam.profiles.contains_key(&name) {
        return Err(already_exists(format!("Instance Profile {name} already exists.")));
    }
    let profile = Profile {
        id: id(world, "AIPA"),
        arn: format!("arn:aws:iam::{}:instance-profile{path}{name}", world.account),
        path,
        role: None,
        created: world.now,
        changed: world.now,
        tags,
        name: name.clone(),
    };
    let answer = Xml::new().element("InstanceProfile", xml(&world.iam, &profile, true));
    world.iam.profiles.insert(name, profile);
    Ok(answer.into())
}

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let profile = world.iam.profile(&call.text("InstanceProfileName").unwrap_or_default())?;
    Ok(Xml::new().element("InstanceProfile", xml(&world.iam, profile, true)).into())
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let prefix = call.text("PathPrefix").unwrap_or_else(|| "/".to_owned());
    answer(world, call, |profile| profile.path.starts_with(&prefix))
}

pub fn list_for_role(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("RoleName").unwrap_or_default();
    world.iam.role(&name)?;
    answer(world, call, |profile| profile.role.as_ref() == Some(&name))
}

fn answer(world: &World, call: &Call<'_>, wanted: impl Fn(&Profile) -> bool) -> Result<Answer, Refusal> {
    let profiles = world.iam.profiles.values().filter(|profile| wanted(profile));
    let items = profiles.map(|profile| (profile.name.clone(), xml(&world.iam, profile, false))).collect();
    let (profiles, end) = page(call, items)?;
    Ok(Xml::new().list("InstanceProfiles", "member", profiles).and(end).into())
}

pub fn add_role(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = call.text("RoleName").unwrap_or_default();
    let now = world.now;
    world.iam.role(&role)?;
    let profile = world.iam.profile_mut(&call.text("InstanceProfileName").unwrap_or_default())?;
    if profile.role.is_some() {
        return Err(limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".to_owned()));
    }
    profile.role = Some(role);
    profile.changed = now;
    Ok(Answer::empty())
}

pub fn remove_role(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = call.text("RoleName").unwrap_or_default();
    let now = world.now;
    let profile = world.iam.profile_mut(&call.text("InstanceProfileName").unwrap_or_default())?;
    if profile.role.as_ref() != Some(&role) {
        return Err(no_such(format!("The role with name {role} cannot be found.")));
    }
    profile.role = None;
    profile.changed = now;
    Ok(Answer::empty())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("InstanceProfileName").unwrap_or_default();
    if world.iam.profile(&name)?.role.is_some() {
        return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    world.iam.profiles.remove(&name);
    Ok(Answer::empty())
}
