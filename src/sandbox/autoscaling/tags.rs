//! Tags of groups.

use std::collections::BTreeMap;

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{change, page, validation};

/// Tags of one group (Auto Scaling quotas).
const MOST: usize = 50;

type Tags = BTreeMap<String, (String, bool)>;

/// The shape `TagDescription`.
pub fn xml(group: &str, key: &str, (value, propagate): &(String, bool)) -> Xml {
    Xml::new()
        .text("ResourceId", group)
        .text("ResourceType", "auto-scaling-group")
        .text("Key", key)
        .text("Value", value)
        .text("PropagateAtLaunch", propagate)
}

/// The tags of a request that creates a group.
pub fn read(call: &Call<'_>, group: &str) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for (of, key, value) in listed(call)? {
        if of.as_deref().is_some_and(|of| of != group) {
            return Err(validation("Tag resource id must be the name of the Auto Scaling group"));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(validation(format!("Duplicate tag key {key}")));
        }
    }
    limit(tags)
}

fn limit(tags: Tags) -> Result<Tags, Refusal> {
    if tags.len() > MOST {
        return Err(validation(format!("The maximum number of tags of an Auto Scaling group is {MOST}")));
    }
    Ok(tags)
}

type Listed = (Option<String>, String, (String, bool));

fn listed(call: &Call<'_>) -> Result<Vec<Listed>, Refusal> {
    let mut tags = Vec::new();
    for tag in call.list("Tags") {
        if tag.text("ResourceType").is_some_and(|it| it != "auto-scaling-group") {
            return Err(validation("The only supported resource type is auto-scaling-group"));
        }
        let key = tag.text("Key").unwrap_or_default();
        if key.is_empty() || key.len() > 128 {
            return Err(validation(format!("Tag key '{key}' must have 1 to 128 characters")));
        }
        if key.starts_with("aws:") {
            return Err(validation(format!("Reserved tag prefix 'aws:' in {key}")));
        }
        let value = tag.text("Value").unwrap_or_default();
        tags.push((tag.text("ResourceId"), key, (value, tag.flag("PropagateAtLaunch")?.unwrap_or(false))));
    }
    Ok(tags)
}

pub fn create_or_update(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let tags = listed(call)?;
    for (group, ..) in &tags {
        world.autoscaling.group(group.as_deref().unwrap_or_default())?;
    }
    for (group, key, value) in tags {
        let group = change(world, &group.unwrap_or_default())?;
        let mut all = group.tags.clone();
        all.insert(key, value);
        group.tags = limit(all)?;
    }
    Ok(Answer::empty())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    for (group, key, _) in listed(call)? {
        change(world, &group.unwrap_or_default())?.tags.remove(&key);
    }
    Ok(Answer::empty())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let filters: Vec<(String, Vec<String>)> = call
        .list("Filters")
        .iter()
        .map(|filter| (filter.text("Name").unwrap_or_default(), filter.texts("Values")))
        .collect();
    let mut items = Vec::new();
    for group in world.autoscaling.groups.values() {
        for (key, value) in &group.tags {
            let mut passes = true;
            for (name, values) in &filters {
                let text = match name.as_str() {
                    "auto-scaling-group" => &group.name,
                    "key" => key,
                    "value" => &value.0,
                    "propagate-at-launch" => {
                        if value.1 {
                            "true"
                        } else {
                            "false"
                        }
                    }
                    other => return Err(validation(format!("Filter type {other} is not correct"))),
                };
                passes &= values.iter().any(|it| it == text);
            }
            if passes {
                items.push((format!("{}/{key}", group.name), xml(&group.name, key, value)));
            }
        }
    }
    let (items, next) = page(call, items, 100)?;
    Ok(Xml::new().list("Tags", "member", items).maybe("NextToken", next).into())
}
