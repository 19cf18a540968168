//! Roles.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::document::{Purpose, check};
use super::{Role, already_exists, checked_name, checked_path, conflict, date, encoded, id, page, tags};

/// What every answer with a role in it says; listings leave the tags out, as IAM does.
pub fn xml(role: &Role, with_tags: bool) -> Xml {
    let xml = Xml::new()
        .text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Arn", &role.arn)
        .text("CreateDate", date(role.created))
        .text("AssumeRolePolicyDocument", encoded(&role.trust))
        .maybe("Description", role.description.as_ref())
        .text("MaxSessionDuration", role.max_session);
    if with_tags && !role.tags.is_empty() { xml.and(tags::xml(&role.tags)) } else { xml }
}

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = checked_name(call, "RoleName", 64)?;
    let path = checked_path(call)?;
    let trust = call.required("AssumeRolePolicyDocument")?;
    check(&trust, Purpose::Trust)?;
    let tags = tags::read(call)?;
    let max_session = call.parsed("MaxSessionDuration")?.unwrap_or(3600);
    let description = call.text("Description");
    if world.iam.roles.contains_key(&name) {
        return Err(already_exists(format!("Role with name {name} already exists.")));
    }
    let role = Role {
        id: id(world, "AROA"),
        arn: format!("arn:aws:iam::{}:role{path}{name}", world.account),
        path,
        trust,
        description,
        max_session,
        created: world.now,
        policies: Default::default(),
        attached: Default::default(),
        tags,
        name: name.clone(),
    };
    let answer = Xml::new().element("Role", xml(&role, true));
    world.iam.roles.insert(name, role);
    Ok(answer.into())
}

/// Roles of AWS services, such as Auto Scaling's own.
pub fn create_service_linked(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let service = call.required("AWSServiceName")?;
    call.accept_all(&["Description", "CustomSuffix"]);
    let word: String = service.split('.').next().unwrap_or_default().to_owned();
    let name = format!("AWSServiceRoleFor{}{}", word[..1].to_ascii_uppercase(), &word[1..]);
    if world.iam.roles.contains_key(&name) {
        let message =
            format!("Service role name {name} has been taken in this account, please try a different suffix.");
        return Err(Refusal::new("InvalidInput", message));
    }
    let path = format!("/aws-service-role/{service}/");
    let role = Role {
        id: id(world, "AROA"),
        arn: format!("arn:aws:iam::{}:role{path}{name}", world.account),
        path,
        trust: format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
        ),
        description: None,
        max_session: 3600,
        created: world.now,
        policies: Default::default(),
        attached: Default::default(),
        tags: Default::default(),
        name: name.clone(),
    };
    let answer = Xml::new().element("Role", xml(&role, true));
    world.iam.roles.insert(name, role);
    Ok(answer.into())
}

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = world.iam.role(&call.text("RoleName").unwrap_or_default())?;
    Ok(Xml::new().element("Role", xml(role, true)).into())
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let prefix = call.text("PathPrefix").unwrap_or_else(|| "/".to_owned());
    let roles = world.iam.roles.values().filter(|role| role.path.starts_with(&prefix));
    let (roles, end) = page(call, roles.map(|role| (role.name.clone(), xml(role, false))).collect())?;
    Ok(Xml::new().list("Roles", "member", roles).and(end).into())
}

pub fn update(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?;
    if let Some(description) = call.text("Description") {
        role.description = Some(description);
    }
    if let Some(seconds) = call.parsed("MaxSessionDuration")? {
        role.max_session = seconds;
    }
    Ok(Answer::empty())
}

pub fn update_trust(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let document = call.required("PolicyDocument")?;
    let role = world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?;
    check(&document, Purpose::Trust)?;
    role.trust = document;
    Ok(Answer::empty())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("RoleName").unwrap_or_default();
    let role = world.iam.role(&name)?;
    if world.iam.profiles.values().any(|profile| profile.role.as_ref() == Some(&name)) {
        return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    if !role.attached.is_empty() {
        return Err(conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.policies.is_empty() {
        return Err(conflict("Cannot delete entity, must delete policies first."));
    }
    world.iam.roles.remove(&name);
    Ok(Answer::empty())
}
