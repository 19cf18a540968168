//! Tags of hosted zones.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::{Zone, no_such_zone};

fn tagged<'a>(world: &'a mut World, call: &Call<'_>, id: &str) -> Result<&'a mut Zone, Refusal> {
    let kind = call.text("ResourceType").unwrap_or_default();
    if kind != "hostedzone" {
        return Err(Refusal::new("InvalidInput", format!("The sandbox tags no {kind}")));
    }
    world.route53.zones.get_mut(id).ok_or_else(|| no_such_zone(id))
}

fn xml(zone: &Zone) -> Xml {
    let tags = zone.tags.iter().map(|(key, value)| Xml::new().text("Key", key).text("Value", value));
    Xml::new().text("ResourceType", "hostedzone").text("ResourceId", &zone.id).list("Tags", "Tag", tags)
}

pub fn change(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.text("ResourceId").unwrap_or_default();
    let zone = tagged(world, call, &id)?;
    for tag in call.list("AddTags") {
        zone.tags.insert(tag.text("Key").unwrap_or_default(), tag.text("Value").unwrap_or_default());
    }
    for key in call.texts("RemoveTagKeys") {
        zone.tags.remove(&key);
    }
    Ok(Answer::empty())
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.text("ResourceId").unwrap_or_default();
    Ok(Xml::new().element("ResourceTagSet", xml(tagged(world, call, &id)?)).into())
}

pub fn list_many(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = call.texts("ResourceIds");
    if ids.is_empty() || ids.len() > 10 {
        return Err(Refusal::new("InvalidInput", "ListTagsForResources takes 1 to 10 resources"));
    }
    let sets = ids.iter().map(|id| tagged(world, call, id).map(|zone| xml(zone))).collect::<Result<Vec<_>, _>>()?;
    Ok(Xml::new().list("ResourceTagSets", "ResourceTagSet", sets).into())
}
