//! Kinds that are unique by name: what bears a name that we need is ours by its tags, or in our way.

use std::collections::BTreeMap;

use super::discover::Scope;
use super::error::Error;
use super::identity::Identity;
use super::tags;
use crate::resource::{Address, Attributes, Clash, Kind, Observed, Readiness, Resource, Tags};

/// Something that was seen.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// Its kind.
    pub(super) kind: Kind,
    /// What the delete call takes.
    pub(super) id: String,
    /// Its name.
    pub(super) name: &'a str,
    /// All its tags.
    pub(super) tags: &'a Tags,
}

/// Adds something seen to `observed`: as found when it is this cluster's; as a clash when it is not and bears a name that
/// we need; and not at all when it has nothing to do with us.
pub(super) fn sight(
    observed: &mut Observed,
    scope: &Scope,
    seen: Seen<'_>,
    describe: impl FnOnce(Tags) -> (Resource, Attributes, Readiness),
) {
    let Seen { kind, id, name, tags: all } = seen;
    if tags::Owned::read(kind, all).is_some() && tags::foreign(scope, all).is_none() {
        tags::sight(observed, scope, kind, id, all, describe);
    } else if let Some(address) = wanted(scope, kind, name) {
        let why = tags::foreign(scope, all).unwrap_or_else(|| String::from("it has no address of this cluster"));
        observed.clashes.push(Clash { address: address.clone(), id, why });
    }
}

/// The address of the known resource of that kind and name.
pub(super) fn wanted<'a>(scope: &'a Scope, kind: Kind, name: &str) -> Option<&'a Address> {
    scope.of(kind).find(|(_, resource)| name_of(resource) == Some(name)).map(|(address, _)| address)
}

/// The name that a resource has in AWS, for kinds that are unique by it.
pub(super) fn name_of(resource: &Resource) -> Option<&str> {
    match resource {
        Resource::Role(it) => Some(&it.name),
        Resource::InstanceProfile(it) => Some(&it.name),
        Resource::LoadBalancer(it) => Some(&it.name),
        Resource::TargetGroup(it) => Some(&it.name),
        Resource::LaunchTemplate(it) => Some(&it.name),
        Resource::AutoScalingGroup(it) => Some(&it.name),
        _ => None,
    }
}

/// Refuses what an earlier call cannot have made: it does not carry exactly the tags of `identity`.
///
/// # Errors
/// [`Error::Clash`].
pub(super) fn verify(identity: &Identity, id: &str, all: &Tags) -> Result<(), Error> {
    if tags::is_exactly(identity, all) {
        return Ok(());
    }
    let why = String::from("it does not have the tags of this cluster and address");
    Err(Error::Clash(Clash { address: identity.address.clone(), id: id.to_owned(), why }))
}

/// Readiness of kinds that can be used as soon as they exist: those of `ids` that `existing` names.
pub(super) fn present(ids: &[String], existing: &[String]) -> BTreeMap<String, Readiness> {
    ids.iter().filter(|id| existing.contains(id)).map(|id| (id.clone(), Readiness::Ready)).collect()
}

/// A count for the wire; none of ours comes near the bound.
pub(super) fn whole(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A count from the wire; absent and negative ones count as 0.
pub(super) fn count(wire: Option<i32>) -> u32 {
    wire.and_then(|wire| u32::try_from(wire).ok()).unwrap_or(0)
}
