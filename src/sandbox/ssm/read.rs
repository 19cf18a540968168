//! Reading parameters. A SecureString that is not decrypted never shows its value.

use serde_json::{Value, json};

use super::super::wire::{Answer, Call, Refusal};
use super::super::world::World;
use super::{Parameter, paging};

/// The shape `Parameter`.
fn shape(world: &World, parameter: &Parameter, decrypt: bool) -> Value {
    let value = if parameter.kind == "SecureString" && !decrypt {
        data_encoding::BASE64.encode(format!("sandbox:{}:{}", parameter.name, parameter.version).as_bytes())
    } else {
        parameter.value.clone()
    };
    json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "Value": value,
        "Version": parameter.version,
        "LastModifiedDate": parameter.modified.as_second(),
        "ARN": arn(world, parameter),
        "DataType": parameter.data_type,
    })
}

fn arn(world: &World, parameter: &Parameter) -> String {
    let separator = if parameter.name.starts_with('/') { "" } else { "/" };
    if world.ssm.parameters.contains_key(&parameter.name) {
        world.arn("ssm", &format!("parameter{separator}{}", parameter.name))
    } else {
        format!("arn:aws:ssm:{}::parameter{separator}{}", world.region, parameter.name)
    }
}

/// The parameter that a name, `name:version` or an ARN means.
fn find<'a>(world: &'a World, name: &str) -> Result<&'a Parameter, Refusal> {
    let name = name.split_once(":parameter").map_or(name, |(_, path)| path);
    let (bare, version) = match name.split_once(':') {
        Some((bare, version)) => (bare, Some(version)),
        None => (name, None),
    };
    let parameter =
        world.ssm.find(bare).filter(|_| !world.is_hidden(bare)).ok_or_else(|| Refusal::new("ParameterNotFound", ""))?;
    match version {
        Some(version) if version.parse() != Ok(parameter.version) => Err(Refusal::new(
            "ParameterVersionNotFound",
            format!("Systems Manager could not find version {version} of {bare}. Verify the version and try again."),
        )),
        _ => Ok(parameter),
    }
}

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("Name").unwrap_or_default();
    let decrypt = call.flag("WithDecryption")?.unwrap_or(false);
    let parameter = find(world, &name)?;
    Ok(json!({ "Parameter": shape(world, parameter, decrypt) }).into())
}

pub fn get_many(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("Names");
    let decrypt = call.flag("WithDecryption")?.unwrap_or(false);
    if names.is_empty() || names.len() > 10 {
        let message = format!(
            "1 validation error detected: Value '[{}]' at 'names' failed to satisfy constraint: Member must have length \
             less than or equal to 10",
            names.join(", ")
        );
        return Err(Refusal::new("ValidationException", message));
    }
    let (found, missing): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| find(world, name).is_ok());
    let parameters: Vec<Value> =
        found.iter().filter_map(|name| find(world, name).ok()).map(|it| shape(world, it, decrypt)).collect();
    Ok(json!({ "Parameters": parameters, "InvalidParameters": missing }).into())
}

pub fn get_by_path(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let path = call.text("Path").unwrap_or_default();
    if !path.starts_with('/') {
        let message = "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a \
                       forward slash \"/\".";
        return Err(Refusal::new("ValidationException", message));
    }
    let recursive = call.flag("Recursive")?.unwrap_or(false);
    let decrypt = call.flag("WithDecryption")?.unwrap_or(false);
    let prefix = format!("{}/", path.trim_end_matches('/'));
    let below = |name: &str| name.strip_prefix(&prefix).is_some_and(|rest| recursive || !rest.contains('/'));
    let all = world.ssm.parameters.values().chain(world.ssm.public.values());
    let items = all.filter(|it| below(&it.name)).map(|it| (it.name.clone(), shape(world, it, decrypt))).collect();
    let (parameters, next) = paging::page(call, items, 10)?;
    Ok(paging::answer("Parameters", parameters, next))
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut wanted: Vec<&Parameter> = world.ssm.parameters.values().collect();
    for filter in call.list("ParameterFilters").into_iter().chain(call.list("Filters")) {
        let key = filter.required("Key")?;
        let option = filter.text("Option").unwrap_or_else(|| "Equals".to_owned());
        let values = filter.texts("Values");
        wanted.retain(|it| values.iter().any(|value| matches(it, &key, &option, value)));
    }
    let items = wanted.into_iter().map(|it| (it.name.clone(), metadata(world, it))).collect();
    let (parameters, next) = paging::page(call, items, 50)?;
    Ok(paging::answer("Parameters", parameters, next))
}

fn matches(parameter: &Parameter, key: &str, option: &str, value: &str) -> bool {
    let text = match key {
        "Name" => &parameter.name,
        "Type" => &parameter.kind,
        "Path" => {
            let prefix = format!("{}/", value.trim_end_matches('/'));
            let rest = parameter.name.strip_prefix(&prefix);
            return rest.is_some_and(|rest| option == "Recursive" || !rest.contains('/'));
        }
        tag => match tag.strip_prefix("tag:").and_then(|tag| parameter.tags.get(tag)) {
            Some(tag) => tag,
            None => return false,
        },
    };
    match option {
        "BeginsWith" => text.starts_with(value),
        "Contains" => text.contains(value),
        _ => text == value,
    }
}

fn metadata(world: &World, parameter: &Parameter) -> Value {
    let mut value = json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "Version": parameter.version,
        "LastModifiedDate": parameter.modified.as_second(),
        "ARN": arn(world, parameter),
        "DataType": parameter.data_type,
        "Tier": parameter.tier,
        "LastModifiedUser": world.sts.arn(&world.account),
        "Policies": [],
    });
    if let Some(key) = &parameter.key_id {
        value["KeyId"] = json!(key);
    }
    if let Some(description) = &parameter.description {
        value["Description"] = json!(description);
    }
    value
}
