//! Inline and attached policies of roles.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::document::{Purpose, check};
use super::{checked_name, encoded, limit, managed, no_such, page};

/// Characters of all inline policies of a role together, without white space (IAM quotas).
const MOST_INLINE: usize = 10_240;
/// Managed policies attached to a role (IAM quotas, default).
const MOST_ATTACHED: usize = 10;

pub fn put(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = checked_name(call, "PolicyName", 128)?;
    let document = call.required("PolicyDocument")?;
    let role = world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?;
    check(&document, Purpose::Permission)?;
    let size = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let others: usize = role.policies.iter().filter(|(other, _)| **other != name).map(|(_, text)| size(text)).sum();
    if others + size(&document) > MOST_INLINE {
        return Err(limit(format!("Maximum policy size of {MOST_INLINE} bytes exceeded for role {}", role.name)));
    }
    role.policies.insert(name, document);
    Ok(Answer::empty())
}

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = world.iam.role(&call.text("RoleName").unwrap_or_default())?;
    let name = call.text("PolicyName").unwrap_or_default();
    let document = role.policies.get(&name).ok_or_else(|| unknown(&name))?;
    let answer =
        Xml::new().text("RoleName", &role.name).text("PolicyName", &name).text("PolicyDocument", encoded(document));
    Ok(answer.into())
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = world.iam.role(&call.text("RoleName").unwrap_or_default())?;
    let (names, end) = page(call, role.policies.keys().map(|name| (name.clone(), name.clone())).collect())?;
    Ok(Xml::new().texts("PolicyNames", "member", names).and(end).into())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?;
    let name = call.text("PolicyName").unwrap_or_default();
    role.policies.remove(&name).ok_or_else(|| unknown(&name))?;
    Ok(Answer::empty())
}

pub fn attach(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.required("PolicyArn")?;
    let known = managed::exists(&world.iam, &arn);
    let role = world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?;
    if !known {
        return Err(no_such(format!("Policy {arn} does not exist or is not attachable.")));
    }
    if !role.attached.contains(&arn) && role.attached.len() >= MOST_ATTACHED {
        return Err(limit(format!("Cannot exceed quota for PoliciesPerRole: {MOST_ATTACHED}")));
    }
    role.attached.insert(arn);
    Ok(Answer::empty())
}

pub fn detach(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.required("PolicyArn")?;
    let role = world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?;
    if !role.attached.remove(&arn) {
        return Err(no_such(format!("Policy {arn} was not found.")));
    }
    Ok(Answer::empty())
}

pub fn list_attached(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let role = world.iam.role(&call.text("RoleName").unwrap_or_default())?;
    let (policies, end) = page(call, role.attached.iter().map(|arn| (arn.clone(), managed::attached(arn))).collect())?;
    Ok(Xml::new().list("AttachedPolicies", "member", policies).and(end).into())
}

fn unknown(name: &str) -> Refusal {
    no_such(format!("The role policy with name {name} cannot be found."))
}
