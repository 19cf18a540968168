//! Writing and deleting parameters.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::wire::{Answer, Call, Refusal};
use super::super::world::World;
use super::{Parameter, tags};

/// Bytes of a standard parameter's value (PutParameter, "Value").
const STANDARD: usize = 4096;
/// Bytes of an advanced parameter's value.
const ADVANCED: usize = 8192;
/// Levels of a hierarchy (PutParameter, "Name").
const LEVELS: usize = 15;

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

pub fn put(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("Name").unwrap_or_default();
    check_name(&name)?;
    let value = call.text("Value").unwrap_or_default();
    let overwrite = call.flag("Overwrite")?.unwrap_or(false);
    let tags = tags::read(call)?;
    let previous = world.ssm.parameters.get(&name);
    if overwrite && !tags.is_empty() {
        let message = "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please \
                       remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
                       RemoveTagsFromResource.";
        return Err(validation(message));
    }
    if previous.is_some() && !overwrite {
        let message =
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(Refusal::new("ParameterAlreadyExists", message));
    }
    let kind = match call.text("Type").or_else(|| previous.map(|it| it.kind.clone())) {
        Some(kind) if ["String", "StringList", "SecureString"].contains(&kind.as_str()) => kind,
        Some(kind) => return Err(Refusal::new("UnsupportedParameterType", format!("{kind} is not a supported type."))),
        None => return Err(validation("A parameter type is required when you create a parameter.")),
    };
    let tier = tier(call, value.len())?;
    let key_id = call.text("KeyId");
    if key_id.is_some() && kind != "SecureString" {
        return Err(validation("KeyId is required for SecureString type parameter only."));
    }
    let key_id = (kind == "SecureString").then(|| key_id.unwrap_or_else(|| "alias/aws/ssm".to_owned()));
    if let Some(key) = &key_id
        && key != "alias/aws/ssm"
        && !key.contains("key/")
        && !key.contains("alias/")
        && key.len() != 36
    {
        return Err(Refusal::new("InvalidKeyId", format!("Invalid keyId {key}")));
    }
    call.accept_all(&["AllowedPattern", "Policies"]);
    let parameter = Parameter {
        kind,
        value,
        version: previous.map_or(1, |it| it.version + 1),
        modified: world.now,
        tier: tier.clone(),
        key_id,
        description: call.text("Description").or_else(|| previous.and_then(|it| it.description.clone())),
        data_type: call.text("DataType").unwrap_or_else(|| "text".to_owned()),
        tags: previous.map_or(tags, |it| it.tags.clone()),
        name: name.clone(),
    };
    let version = parameter.version;
    world.ssm.parameters.insert(name, parameter);
    Ok(json!({ "Version": version, "Tier": tier }).into())
}

/// Writes a parameter as an instance does: makes it, or gives it a new value.
///
/// # Errors
/// A name or a size that PutParameter refuses.
pub fn write(world: &mut World, name: &str, kind: &str, value: String) -> Result<(), Refusal> {
    check_name(name)?;
    if value.is_empty() || value.len() > STANDARD {
        return Err(validation(format!("{} bytes are not a value of a standard parameter", value.len())));
    }
    let previous = world.ssm.parameters.get(name);
    let parameter = Parameter {
        name: name.to_owned(),
        kind: kind.to_owned(),
        value,
        version: previous.map_or(1, |it| it.version + 1),
        modified: world.now,
        tier: String::from("Standard"),
        key_id: (kind == "SecureString").then(|| String::from("alias/aws/ssm")),
        description: previous.and_then(|it| it.description.clone()),
        data_type: String::from("text"),
        tags: previous.map(|it| it.tags.clone()).unwrap_or_default(),
    };
    world.ssm.parameters.insert(name.to_owned(), parameter);
    Ok(())
}

fn tier(call: &Call<'_>, bytes: usize) -> Result<String, Refusal> {
    let asked = call.text("Tier").unwrap_or_else(|| "Standard".to_owned());
    let tier = match asked.as_str() {
        "Intelligent-Tiering" if bytes > STANDARD => "Advanced",
        "Intelligent-Tiering" | "Standard" => "Standard",
        "Advanced" => "Advanced",
        other => return Err(validation(format!("Value '{other}' at 'tier' failed to satisfy constraint"))),
    };
    let most = if tier == "Standard" { STANDARD } else { ADVANCED };
    if bytes > most {
        return Err(validation(format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters. To create a larger parameter \
             value, upgrade the parameter to use the advanced-parameter tier."
        )));
    }
    if bytes == 0 {
        return Err(validation("1 validation error detected: Value '' at 'value' failed to satisfy constraint"));
    }
    Ok(tier.to_owned())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if name.is_empty() || name.len() > 1011 || !name.chars().all(allowed) {
        return Err(validation(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of \
             sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the \
             following 3 symbols .-_",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(validation("Parameter name must be a fully qualified name."));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("/aws") || lower.starts_with("/ssm") || lower.starts_with("aws") || lower.starts_with("ssm") {
        return Err(Refusal::new("AccessDeniedException", format!("No access to reserved parameter name: {name}.")));
    }
    if name.matches('/').count() > LEVELS {
        return Err(Refusal::new(
            "HierarchyLevelLimitExceededException",
            format!("A parameter name can have {LEVELS} levels at most."),
        ));
    }
    Ok(())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("Name").unwrap_or_default();
    match world.ssm.parameters.remove(&name) {
        Some(_) => Ok(json!({}).into()),
        None => Err(Refusal::new("ParameterNotFound", format!("Parameter {name} not found."))),
    }
}

pub fn delete_many(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("Names");
    if names.is_empty() || names.len() > 10 {
        return Err(validation("Member must have length less than or equal to 10 and at least 1"));
    }
    let outcome: BTreeMap<String, bool> =
        names.into_iter().map(|name| (name.clone(), world.ssm.parameters.remove(&name).is_some())).collect();
    let of =
        |done: bool| outcome.iter().filter(|(_, it)| **it == done).map(|(name, _)| name.clone()).collect::<Vec<_>>();
    Ok(json!({ "DeletedParameters": of(true), "InvalidParameters": of(false) }).into())
}
