//! Which of the observed objects is the one of its address: ours or not, which one stays, which are duplicates.

use std::cmp::Reverse;

use super::chosen;
use super::world::World;
use crate::planted::{self, Bug};
use crate::resource::{Address, Clash, Found, Kind, Readiness};

/// What was found at one address.
#[derive(Default)]
pub(super) struct Standing<'a> {
    /// The one that stays.
    pub(super) kept: Option<&'a Found>,
    /// The others, each with the reason why it goes.
    pub(super) discarded: Vec<(&'a Found, String)>,
    /// What is in the place of something desired without being ours.
    pub(super) foreign: Vec<Clash>,
}

/// Sorts out everything observed at `address`. `group` is the id of the kept security group, for its rules.
pub(super) fn stand<'a>(world: &World<'a>, address: &Address, group: Option<&str>) -> Standing<'a> {
    let mut standing = Standing::default();
    let record = world.records.resources.get(address);
    let mut ours: Vec<&Found> = Vec::new();
    for found in world.found_at(address) {
        if found.readiness == Readiness::Gone {
            continue;
        }
        match why_foreign(world, found) {
            None => ours.push(found),
            Some(why) if world.desired.contains_key(address) => {
                standing.foreign.push(Clash { address: address.clone(), id: found.id.clone(), why });
            }
            Some(_) => {}
        }
    }
    ours.sort_by_key(|found| {
        let recorded = record.is_some_and(|record| record.id == found.id);
        let of_the_group = group.is_some_and(|group| group == found.id);
        (!of_the_group, !recorded, Reverse(found.generation), completeness(found), found.id.as_str())
    });
    let mut ours = ours.into_iter();
    let first = ours.next();
    let floor = world.generation_floor(address);
    match first {
        Some(found) if is_left_over(found, record.map(|record| record.id.as_str()), floor) => {
            let why = format!("{} is left over of generation {}", found.id, found.generation);
            standing.discarded.push((found, why));
        }
        first => standing.kept = first,
    }
    for found in ours {
        let why = match standing.kept {
            Some(kept) => format!("{} is a duplicate of {}", found.id, kept.id),
            None => format!("{} is left over of generation {}", found.id, found.generation),
        };
        standing.discarded.push((found, why));
    }
    standing
}

/// Older than what the records know to be deleted. Kinds without tags show no generation.
fn is_left_over(found: &Found, recorded: Option<&str>, floor: u32) -> bool {
    found.uid.is_some() && recorded != Some(found.id.as_str()) && found.generation < floor
}

/// The better it has come up, the lower.
const fn completeness(found: &Found) -> u8 {
    match found.readiness {
        Readiness::Ready => 0,
        Readiness::Pending(_) => 1,
        Readiness::Failed(_) => 2,
        Readiness::Gone => 3,
    }
}

fn why_foreign(world: &World<'_>, found: &Found) -> Option<String> {
    match (&found.uid, world.uid) {
        _ if planted::is(Bug::AdoptedStranger) => None,
        (Some(theirs), Some(ours)) if theirs == ours => None,
        (Some(theirs), _) => Some(format!("belongs to another cluster of this name (uid {theirs})")),
        // Route 53 keeps no tags on records: only our own records, our journal, or sameness prove anything.
        (None, _) if found.address.kind() == Kind::RecordSet && !is_known_record(world, found) => {
            Some(String::from("is in the zone, but not in this cluster's records"))
        }
        (None, _) => None,
    }
}

fn is_known_record(world: &World<'_>, found: &Found) -> bool {
    let address = &found.address;
    world.records.resources.contains_key(address)
        || world.begun.get(address).is_some_and(|begun| !begun.made.is_empty())
        || world.desired.get(address).is_some_and(|desired| {
            let mut seen = found.resource.fields();
            chosen::overlook_addresses(desired, &mut seen, |interface| world.private_address(interface));
            seen == desired.fields()
        })
}
