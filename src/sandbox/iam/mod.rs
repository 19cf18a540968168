//! IAM: roles, instance profiles, managed policies, and how long EC2 takes to hear of them.
//!
//! Source: IAM API reference (2010-05-08). What instances may do is checked ([`allows`]), and what
//! the caller may when it has policies ([`authorize`]).

mod authorization_details;
mod authorize;
mod document;
mod evaluate;
mod managed;
mod profiles;
mod role_policies;
mod roles;
mod simulate;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kept::Table;
use super::wire::{Call, Operation, Refusal, Xml};
use super::world::{Live, World};

pub use authorize::authorize;
pub use evaluate::{Request, allows};
pub use profiles::{ProfileReference, instance_profile};

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// By name.
    pub roles: Table<Role>,
    /// By name.
    pub profiles: BTreeMap<String, Profile>,
    /// Customer managed policies by ARN.
    pub policies: Table<Policy>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// `AROA…`.
    pub id: String,
    /// Its ARN, with the path.
    pub arn: String,
    /// `/` or `/…/`.
    pub path: String,
    /// The assume-role policy document as it was sent.
    pub trust: String,
    /// Description.
    pub description: Option<String>,
    /// Seconds of the longest session.
    pub max_session: u32,
    /// When it was made.
    pub created: Timestamp,
    /// Inline policies by name, as they were sent.
    pub policies: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub attached: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// `AIPA…`.
    pub id: String,
    /// Its ARN, with the path.
    pub arn: String,
    /// `/` or `/…/`.
    pub path: String,
    /// Its one role.
    pub role: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When its role last changed: EC2 hears of it later.
    pub changed: Timestamp,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A customer managed policy, its default version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// `ANPA…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Path.
    pub path: String,
    /// The document.
    pub document: String,
    /// When it was made.
    pub created: Timestamp,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// The operations.
pub const OPERATIONS: &[Operation] = &[
    ("CreateRole", roles::create),
    ("GetRole", roles::get),
    ("ListRoles", roles::list),
    ("UpdateRole", roles::update),
    ("UpdateAssumeRolePolicy", roles::update_trust),
    ("DeleteRole", roles::delete),
    ("CreateServiceLinkedRole", roles::create_service_linked),
    ("PutRolePolicy", role_policies::put),
    ("GetRolePolicy", role_policies::get),
    ("ListRolePolicies", role_policies::list),
    ("DeleteRolePolicy", role_policies::delete),
    ("AttachRolePolicy", role_policies::attach),
    ("DetachRolePolicy", role_policies::detach),
    ("ListAttachedRolePolicies", role_policies::list_attached),
    ("CreateInstanceProfile", profiles::create),
    ("GetInstanceProfile", profiles::get),
    ("ListInstanceProfiles", profiles::list),
    ("ListInstanceProfilesForRole", profiles::list_for_role),
    ("AddRoleToInstanceProfile", profiles::add_role),
    ("RemoveRoleFromInstanceProfile", profiles::remove_role),
    ("DeleteInstanceProfile", profiles::delete),
    ("TagRole", tags::tag_role),
    ("UntagRole", tags::untag_role),
    ("ListRoleTags", tags::list_role_tags),
    ("TagInstanceProfile", tags::tag_profile),
    ("UntagInstanceProfile", tags::untag_profile),
    ("ListInstanceProfileTags", tags::list_profile_tags),
    ("CreatePolicy", managed::create),
    ("GetPolicy", managed::get),
    ("DeletePolicy", managed::delete),
    ("SimulatePrincipalPolicy", simulate::principal_policy),
    ("GetAccountAuthorizationDetails", authorization_details::get),
];

/// Its live objects.
#[must_use]
pub fn live(world: &World) -> Live {
    let value = |it: Result<serde_json::Value, serde_json::Error>| it.unwrap_or_default();
    let iam = &world.iam;
    let roles = iam.roles.values().map(|role| (format!("iam/role/{}", role.name), value(serde_json::to_value(role))));
    let profiles = iam
        .profiles
        .values()
        .map(|profile| (format!("iam/instance-profile/{}", profile.name), value(serde_json::to_value(profile))));
    let policies =
        iam.policies.values().map(|policy| (format!("iam/policy/{}", policy.arn), value(serde_json::to_value(policy))));
    roles.chain(profiles).chain(policies).collect()
}

fn no_such(message: String) -> Refusal {
    Refusal::new("NoSuchEntity", message).with_status(404)
}

fn already_exists(message: String) -> Refusal {
    Refusal::new("EntityAlreadyExists", message).with_status(409)
}

fn conflict(message: &str) -> Refusal {
    Refusal::new("DeleteConflict", message).with_status(409)
}

fn limit(message: String) -> Refusal {
    Refusal::new("LimitExceeded", message).with_status(409)
}

impl State {
    fn role(&self, name: &str) -> Result<&Role, Refusal> {
        self.roles.get(name).ok_or_else(|| no_such(format!("The role with name {name} cannot be found.")))
    }

    fn role_mut(&mut self, name: &str) -> Result<&mut Role, Refusal> {
        self.roles.get_mut(name).ok_or_else(|| no_such(format!("The role with name {name} cannot be found.")))
    }

    fn profile(&self, name: &str) -> Result<&Profile, Refusal> {
        self.profiles.get(name).ok_or_else(|| no_such(format!("Instance Profile {name} cannot be found.")))
    }

    fn profile_mut(&mut self, name: &str) -> Result<&mut Profile, Refusal> {
        self.profiles.get_mut(name).ok_or_else(|| no_such(format!("Instance Profile {name} cannot be found.")))
    }
}

/// A name of `most` characters at most, of letters, digits and `+=,.@_-`.
fn checked_name(call: &Call<'_>, parameter: &str, most: usize) -> Result<String, Refusal> {
    let name = call.text(parameter).unwrap_or_default();
    let member = format!("{}{}", parameter[..1].to_ascii_lowercase(), &parameter[1..]);
    let invalid = |constraint: &str| {
        let message = format!(
            "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must {constraint}"
        );
        Err(Refusal::new("ValidationError", message))
    };
    if name.is_empty() {
        return invalid("have length greater than or equal to 1");
    }
    if name.len() > most {
        return invalid(&format!("have length less than or equal to {most}"));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)) {
        return invalid("satisfy regular expression pattern: [\\w+=,.@-]+");
    }
    Ok(name)
}

fn checked_path(call: &Call<'_>) -> Result<String, Refusal> {
    let path = call.text("Path").unwrap_or_else(|| "/".to_owned());
    if path.starts_with('/') && path.ends_with('/') && path.len() <= 512 {
        return Ok(path);
    }
    Err(Refusal::new(
        "ValidationError",
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
         and/or / characters.",
    ))
}

/// One page of `items`, and the elements `IsTruncated` and `Marker`.
///
/// Source: IAM API reference, "MaxItems" (100 by default, 1000 at most).
fn page<T>(call: &Call<'_>, items: Vec<(String, T)>) -> Result<(Vec<T>, Xml), Refusal> {
    let most = call.parsed::<usize>("MaxItems")?.unwrap_or(100).clamp(1, 1000);
    let marker = call.text("Marker").filter(|marker| !marker.is_empty());
    let mut rest: Vec<(String, T)> =
        items.into_iter().filter(|(key, _)| marker.as_ref().is_none_or(|marker| key > marker)).collect();
    let truncated = rest.len() > most;
    rest.truncate(most);
    let next = if truncated { rest.last().map(|(key, _)| key.clone()) } else { None };
    let end = Xml::new().text("IsTruncated", truncated).maybe("Marker", next);
    Ok((rest.into_iter().map(|(_, item)| item).collect(), end))
}

fn id(world: &mut World, prefix: &str) -> String {
    format!("{prefix}{}", world.new_letters(17))
}

fn date(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn encoded(document: &str) -> String {
    percent_encoding::utf8_percent_encode(document, percent_encoding::NON_ALPHANUMERIC).to_string()
}
