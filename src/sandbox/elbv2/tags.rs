//! Tags of load balancers, target groups and listeners.

use std::collections::BTreeMap;

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{State, no_listener, no_load_balancer, no_target_group, validation};

type Tags = BTreeMap<String, String>;

/// Resources of one DescribeTags call.
const MOST_RESOURCES: usize = 20;
/// Tags of one resource.
const MOST_TAGS: usize = 50;

/// The tags of a create call.
pub fn read(call: &Call<'_>) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in call.list("Tags") {
        let key = tag.text("Key").unwrap_or_default();
        if key.is_empty() || key.starts_with("aws:") {
            return Err(validation(format!("Tag key '{key}' is not allowed")));
        }
        if tags.insert(key.clone(), tag.text("Value").unwrap_or_default()).is_some() {
            return Err(Refusal::new("DuplicateTagKeys", format!("Tag key '{key}' was specified more than once")));
        }
    }
    limit(tags)
}

fn limit(tags: Tags) -> Result<Tags, Refusal> {
    if tags.len() > MOST_TAGS {
        return Err(Refusal::new("TooManyTags", format!("The maximum number of tags ({MOST_TAGS}) has been reached")));
    }
    Ok(tags)
}

/// The tags of what has that ARN; `None`: there is nothing.
#[must_use]
pub fn of<'a>(state: &'a State, arn: &str) -> Option<&'a Tags> {
    let balancer = state.load_balancers.get(arn).map(|it| &it.tags);
    balancer
        .or_else(|| state.target_groups.get(arn).map(|it| &it.tags))
        .or_else(|| state.listeners.get(arn).map(|it| &it.tags))
}

fn find<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Tags, Refusal> {
    if arn.contains(":loadbalancer/") {
        let missing = || no_load_balancer(&format!("'[{arn}]'"));
        return state.load_balancers.get_mut(arn).map(|it| &mut it.tags).ok_or_else(missing);
    }
    if arn.contains(":targetgroup/") {
        return state.target_groups.get_mut(arn).map(|it| &mut it.tags).ok_or_else(no_target_group);
    }
    if arn.contains(":listener/") {
        return state.listeners.get_mut(arn).map(|it| &mut it.tags).ok_or_else(no_listener);
    }
    Err(validation(format!("'{arn}' is not a valid ARN")))
}

pub fn add(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let tags = read(call)?;
    for arn in call.texts("ResourceArns") {
        let present = find(&mut world.elbv2, &arn)?;
        let mut all = present.clone();
        all.extend(tags.clone());
        *present = limit(all)?;
    }
    Ok(Answer::empty())
}

pub fn remove(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let keys = call.texts("TagKeys");
    for arn in call.texts("ResourceArns") {
        find(&mut world.elbv2, &arn)?.retain(|key, _| !keys.contains(key));
    }
    Ok(Answer::empty())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arns = call.texts("ResourceArns");
    if arns.len() > MOST_RESOURCES {
        return Err(validation(format!("A maximum of {MOST_RESOURCES} resources can be described in one call")));
    }
    let mut items = Vec::new();
    for arn in arns {
        let tags = find(&mut world.elbv2, &arn)?;
        let tags = tags.iter().map(|(key, value)| Xml::new().text("Key", key).text("Value", value));
        items.push(Xml::new().text("ResourceArn", &arn).list("Tags", "member", tags));
    }
    Ok(Xml::new().list("TagDescriptions", "member", items).into())
}
