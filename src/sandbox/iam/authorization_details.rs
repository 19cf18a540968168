//! Everything about all roles and policies in one listing: what discovery reads instead of one call per role.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{Policy, Role, State, date, encoded, managed, page, profiles, tags};

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let filter = call.texts("Filter");
    let wants = |kind: &str| filter.is_empty() || filter.iter().any(|it| it == kind);
    let iam = &world.iam;
    // One marker runs through both kinds: roles before policies.
    let mut items: Vec<(String, (bool, Xml))> = Vec::new();
    if wants("Role") {
        items.extend(iam.roles.values().map(|role| (format!("1{}", role.name), (true, role_xml(iam, role)))));
    }
    if wants("LocalManagedPolicy") {
        items
            .extend(iam.policies.values().map(|policy| (format!("2{}", policy.arn), (false, policy_xml(iam, policy)))));
    }
    let (items, end) = page(call, items)?;
    let (roles, policies): (Vec<_>, Vec<_>) = items.into_iter().partition(|(is_role, _)| *is_role);
    let elements = |items: Vec<(bool, Xml)>| items.into_iter().map(|(_, xml)| xml);
    Ok(Xml::new()
        .list("UserDetailList", "member", [])
        .list("GroupDetailList", "member", [])
        .list("RoleDetailList", "member", elements(roles))
        .list("Policies", "member", elements(policies))
        .and(end)
        .into())
}

fn role_xml(iam: &State, role: &Role) -> Xml {
    let inline = role
        .policies
        .iter()
        .map(|(name, document)| Xml::new().text("PolicyName", name).text("PolicyDocument", encoded(document)));
    let profiles = iam.profiles.values().filter(|profile| profile.role.as_ref() == Some(&role.name));
    Xml::new()
        .text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Arn", &role.arn)
        .text("CreateDate", date(role.created))
        .text("AssumeRolePolicyDocument", encoded(&role.trust))
        .list("InstanceProfileList", "member", profiles.map(|profile| profiles::xml(iam, profile, false)))
        .list("RolePolicyList", "member", inline)
        .list("AttachedManagedPolicies", "member", role.attached.iter().map(|arn| managed::attached(arn)))
        .and(tags::xml(&role.tags))
}

fn policy_xml(iam: &State, policy: &Policy) -> Xml {
    let version = Xml::new()
        .text("Document", encoded(&policy.document))
        .text("VersionId", "v1")
        .text("IsDefaultVersion", true)
        .text("CreateDate", date(policy.created));
    let attachments = iam.roles.values().filter(|role| role.attached.contains(&policy.arn)).count();
    Xml::new()
        .text("PolicyName", &policy.name)
        .text("PolicyId", &policy.id)
        .text("Arn", &policy.arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", "v1")
        .text("AttachmentCount", attachments)
        .text("IsAttachable", true)
        .text("CreateDate", date(policy.created))
        .text("UpdateDate", date(policy.created))
        .list("PolicyVersionList", "member", [version])
}
