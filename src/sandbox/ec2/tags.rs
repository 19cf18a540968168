//! Tags of any EC2 object: CreateTags, DeleteTags, DescribeTags.

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::addresses::Address;
use super::images::Image;
use super::instances::Instance;
use super::internet_gateways::InternetGateway;
use super::launch_templates::LaunchTemplate;
use super::nat_gateways::NatGateway;
use super::network_interfaces::NetworkInterface;
use super::object::{self, Object, Tags};
use super::route_tables::RouteTable;
use super::security_groups::SecurityGroup;
use super::snapshots::Snapshot;
use super::subnets::Subnet;
use super::volumes::Volume;
use super::vpcs::Vpc;

/// Operation and handler.
pub const OPERATIONS: &[Operation] =
    &[("CreateTags", create_tags), ("DeleteTags", delete_tags), ("DescribeTags", describe_tags)];

/// Runs the same code for every type of object.
macro_rules! for_each_type {
    ($run:ident) => {
        $run!(
            Address,
            Image,
            Instance,
            InternetGateway,
            LaunchTemplate,
            NatGateway,
            NetworkInterface,
            RouteTable,
            SecurityGroup,
            Snapshot,
            Subnet,
            Volume,
            Vpc,
        )
    };
}

/// The tags of the object with that id, whatever it is; `None`: there is none.
#[must_use]
pub fn of(world: &World, id: &str) -> Option<Tags> {
    let prefix = id.rsplit_once('-').map_or(id, |(prefix, _)| prefix);
    macro_rules! find {
        ($($kind:ty),+ $(,)?) => {
            $(if prefix == <$kind>::WORDS.prefix {
                return <$kind as Object>::all(world).get(id).map(|it| it.tags().clone());
            })+
        };
    }
    for_each_type!(find);
    None
}

/// The tags of the object with that id, whatever it is.
fn tags_of<'w>(world: &'w mut World, id: &str) -> Result<&'w mut Tags, Refusal> {
    let prefix = id.rsplit_once('-').map_or(id, |(prefix, _)| prefix);
    macro_rules! find {
        ($($kind:ty),+ $(,)?) => {
            $(if prefix == <$kind>::WORDS.prefix {
                return object::get_mut::<$kind>(world, id).map(Object::tags_mut);
            })+
        };
    }
    for_each_type!(find);
    if prefix == "sgr" {
        let mut groups = world.ec2.security_groups.values_mut();
        let rule = groups.find_map(|group| group.rules.get_mut(id));
        return rule.map(|rule| &mut rule.tags).ok_or_else(|| {
            let message = format!("The security group rule ID '{id}' does not exist");
            Refusal::new("InvalidSecurityGroupRuleId.NotFound", message)
        });
    }
    Err(Refusal::new("InvalidID", format!("The ID '{id}' is not valid")))
}

fn ids(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let ids = call.texts("ResourceId");
    if ids.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter resourceIdSet"));
    }
    Ok(ids)
}

fn create_tags(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = ids(call)?;
    let new = object::tag_list(call)?;
    if new.is_empty() {
        return Err(Refusal::new("MissingParameter", "The request must contain the parameter tagSet"));
    }
    for id in &ids {
        let mut tags = tags_of(world, id)?.clone();
        tags.extend(new.clone());
        object::check_tag_count(&tags)?;
    }
    for id in &ids {
        tags_of(world, id)?.extend(new.clone());
    }
    Ok(Answer::yes())
}

fn delete_tags(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = ids(call)?;
    let doomed: Vec<(String, Option<String>)> = call
        .list("Tag")
        .iter()
        .map(|tag| Ok((tag.required("Key")?, tag.text("Value"))))
        .collect::<Result<_, Refusal>>()?;
    for (key, _) in &doomed {
        object::check_tag_key(key)?;
    }
    for id in &ids {
        tags_of(world, id)?;
    }
    for id in &ids {
        // A value limits the deletion to that value; without any tag, all go (EC2 API reference, DeleteTags).
        tags_of(world, id)?.retain(|key, value| {
            key.starts_with("aws:")
                || !(doomed.is_empty()
                    || doomed.iter().any(|(name, only)| name == key && only.as_ref().is_none_or(|only| only == value)))
        });
    }
    Ok(Answer::yes())
}

fn describe_tags(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let filters = object::filters(call, &["key", "resource-id", "resource-type", "value"])?;
    let mut all: Vec<(String, &'static str, String, String)> = Vec::new();
    macro_rules! collect {
        ($($kind:ty),+ $(,)?) => {
            $(for (id, it) in <$kind as Object>::all(world).iter().filter(|(id, it)| it.shown(world) && !world.is_hidden(id)) {
                let one = it.tags().iter().map(|(key, value)| {
                    (id.clone(), <$kind>::WORDS.resource_type, key.clone(), value.clone())
                });
                all.extend(one);
            })+
        };
    }
    for_each_type!(collect);
    all.retain(|(id, resource_type, key, value)| {
        let own = Tags::from([(key.clone(), value.clone())]);
        let values = |name: &str| {
            vec![match name {
                "key" => key.clone(),
                "resource-id" => id.clone(),
                "resource-type" => (*resource_type).to_owned(),
                _ => value.clone(),
            }]
        };
        filters.iter().all(|filter| filter.accepts(&own, values))
    });
    let key = |it: &(String, &'static str, String, String)| format!("{}/{}", it.0, it.2);
    all.sort_by_key(key);
    let (page, next) = object::page(call, all, false, key)?;
    let items = page.into_iter().map(|(id, resource_type, key, value)| {
        Xml::new().text("resourceId", id).text("resourceType", resource_type).text("key", key).text("value", value)
    });
    Ok(Xml::new().list("tagSet", "item", items).maybe("nextToken", next).into())
}
