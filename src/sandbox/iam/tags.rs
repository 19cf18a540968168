//! Tags of roles and instance profiles: 50 at most, keys of 128 characters, values of 256 (IAM quotas).

use std::collections::BTreeMap;

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{limit, page};

type Tags = BTreeMap<String, String>;

const MOST: usize = 50;

/// The element `Tags`.
pub fn xml(tags: &Tags) -> Xml {
    Xml::new().list("Tags", "member", tags.iter().map(|(key, value)| Xml::new().text("Key", key).text("Value", value)))
}

/// The tags of a request.
pub fn read(call: &Call<'_>) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in call.list("Tags") {
        let key = tag.required("Key")?;
        let value = tag.text("Value").unwrap_or_default();
        if key.len() > 128 || value.len() > 256 || key.starts_with("aws:") {
            return Err(Refusal::new("InvalidInput", format!("The tag {key} is not allowed.")));
        }
        if tags.insert(key, value).is_some() {
            return Err(Refusal::new(
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    if tags.len() > MOST {
        return Err(limit(format!("The number of tags has reached the maximum limit of {MOST}.")));
    }
    Ok(tags)
}

fn add(present: &mut Tags, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut all = present.clone();
    all.extend(read(call)?);
    if all.len() > MOST {
        return Err(limit(format!("The number of tags has reached the maximum limit of {MOST}.")));
    }
    *present = all;
    Ok(Answer::empty())
}

fn remove(present: &mut Tags, call: &Call<'_>) -> Answer {
    for key in call.texts("TagKeys") {
        present.remove(&key);
    }
    Answer::empty()
}

fn list(present: &Tags, call: &Call<'_>) -> Result<Answer, Refusal> {
    let items = present.iter().map(|(key, value)| (key.clone(), (key.clone(), value.clone()))).collect();
    let (tags, end) = page(call, items)?;
    Ok(xml(&tags.into_iter().collect()).and(end).into())
}

pub fn tag_role(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    add(&mut world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?.tags, call)
}

pub fn untag_role(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(remove(&mut world.iam.role_mut(&call.text("RoleName").unwrap_or_default())?.tags, call))
}

pub fn list_role_tags(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    list(&world.iam.role(&call.text("RoleName").unwrap_or_default())?.tags, call)
}

pub fn tag_profile(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    add(&mut world.iam.profile_mut(&call.text("InstanceProfileName").unwrap_or_default())?.tags, call)
}

pub fn untag_profile(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(remove(&mut world.iam.profile_mut(&call.text("InstanceProfileName").unwrap_or_default())?.tags, call))
}

pub fn list_profile_tags(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    list(&world.iam.profile(&call.text("InstanceProfileName").unwrap_or_default())?.tags, call)
}
