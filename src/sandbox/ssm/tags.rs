//! Tags of parameters.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::wire::{Answer, Call, Refusal};
use super::super::world::World;
use super::Parameter;

/// The tags of a request.
pub fn read(call: &Call<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    call.list("Tags").iter().map(|tag| Ok((tag.required("Key")?, tag.text("Value").unwrap_or_default()))).collect()
}

fn tagged<'a>(world: &'a mut World, call: &Call<'_>) -> Result<&'a mut Parameter, Refusal> {
    let kind = call.text("ResourceType").unwrap_or_default();
    if kind != "Parameter" {
        return Err(Refusal::new("InvalidResourceType", format!("The sandbox tags no {kind}")));
    }
    let name = call.text("ResourceId").unwrap_or_default();
    let unknown = format!("The resource ID \"{name}\" is not valid. Verify that the ID exists and try again.");
    world.ssm.parameters.get_mut(&name).ok_or_else(|| Refusal::new("InvalidResourceId", unknown))
}

pub fn add(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let tags = read(call)?;
    let parameter = tagged(world, call)?;
    parameter.tags.extend(tags);
    if parameter.tags.len() > 50 {
        return Err(Refusal::new("TooManyTagsError", "A resource can have 50 tags at most."));
    }
    Ok(json!({}).into())
}

pub fn remove(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let keys = call.texts("TagKeys");
    tagged(world, call)?.tags.retain(|key, _| !keys.contains(key));
    Ok(json!({}).into())
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let parameter = tagged(world, call)?;
    let tags: Vec<_> = parameter.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "TagList": tags }).into())
}
