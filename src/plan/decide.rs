//! One address at a time: what happens to it, judged by itself. What follows from other addresses is `cascade`'s.

use super::chosen;
use super::difference::{self, Fields};
use super::forced;
use super::ours::Standing;
use super::world::World;
use super::{Action, Drift, FieldChange, Purpose};
use crate::planted::{self, Bug};
use crate::resource::{Address, Found, Readiness, Resource, attribute};

/// What happens to one address.
pub(super) struct Decision<'a> {
    pub(super) action: Option<Action>,
    pub(super) fields: Vec<FieldChange>,
    pub(super) reason: Option<String>,
    pub(super) desired: Option<&'a Resource>,
    pub(super) kept: Option<&'a Found>,
    pub(super) discarded: Vec<(&'a Found, String)>,
    pub(super) drift: Option<Drift>,
}

/// Decides on `address`, given what stands there.
pub(super) fn decide<'a>(world: &World<'a>, address: &Address, standing: Standing<'a>) -> Decision<'a> {
    let desired = world.desired.get(address);
    let mut decision = Decision {
        action: None,
        fields: Vec::new(),
        reason: None,
        desired,
        kept: standing.kept,
        discarded: standing.discarded,
        drift: None,
    };
    match (desired, standing.kept) {
        (Some(desired), Some(found)) => both(world, address, desired, found, &mut decision),
        (Some(desired), None) => {
            decision.action = Some(Action::Create);
            decision.fields = difference::changes(&Fields::new(), &worth_showing(desired.fields()), &[]);
            decision.drift = vanished(world, address);
            if decision.drift.is_some() {
                decision.reason = Some(String::from("vanished"));
            }
        }
        (None, Some(found)) => {
            // A group's rules exist as long as the group does: without any there is nothing left to do.
            if !is_empty(&found.resource) {
                decision.action = Some(Action::Delete);
            } else if world.records.resources.contains_key(address) {
                decision.action = Some(Action::Forget);
            }
            if world.purpose == Purpose::Apply {
                decision.reason = Some(String::from("no longer in the manifests"));
                decision.drift = drift(world, address, found);
            }
        }
        (None, None) if world.records.resources.contains_key(address) => {
            decision.action = Some(Action::Forget);
            decision.drift = vanished(world, address);
            decision.reason = Some(String::from("no longer exists"));
        }
        (None, None) => {}
    }
    decision
}

fn both<'a>(world: &World<'a>, address: &Address, desired: &Resource, found: &Found, decision: &mut Decision<'a>) {
    let wanted = desired.fields();
    let applied = applied(world, address, found).map(Resource::fields);
    let settle = |fields: &mut Fields| {
        chosen::overlook(address.kind(), &wanted, fields, applied.as_ref());
        world.schedules.overlook(address, &wanted, fields, applied.as_ref());
    };
    let mut seen = found.resource.fields();
    settle(&mut seen);
    chosen::overlook_addresses(desired, &mut seen, |interface| world.private_address(interface));
    let mut bases: Vec<Fields> = applied.iter().cloned().chain(begun(world, address)).collect();
    for base in &mut bases {
        chosen::overlook(address.kind(), &wanted, base, applied.as_ref());
    }
    let views: Vec<&Fields> = if applied.is_some() { bases.iter().collect() } else { Vec::new() };
    let mut fields = difference::changes(&seen, &wanted, &views);
    for field in &mut fields {
        field.forces_replacement = forced::forces(&found.resource, field);
    }
    decision.drift = drift(world, address, found);
    decision.action = if let Readiness::Failed(why) = &found.readiness {
        decision.reason = Some(format!("AWS says that it failed: {why}"));
        Some(Action::Replace)
    } else if fields.iter().any(|field| field.forces_replacement) {
        Some(Action::Replace)
    } else if !fields.is_empty() {
        decision.reason = is_renewal(desired, &fields).then(|| String::from("its certificate is renewed"));
        Some(Action::Update)
    } else if let Some(why) = interface_moved(world, address, desired) {
        decision.reason = Some(why);
        Some(Action::Update)
    } else if applied.is_none() {
        decision.reason = Some(String::from("exists with this cluster's tags, but is not in the records"));
        Some(Action::Adopt)
    } else if bases.first().is_some_and(|applied| !difference::changes(applied, &wanted, &[]).is_empty()) {
        decision.reason = Some(String::from("is as the manifests say already; its record is brought up to date"));
        Some(Action::Adopt)
    } else {
        None
    };
    decision.fields = fields;
}

/// Whether nothing changes but how often a certificate was issued.
fn is_renewal(desired: &Resource, fields: &[FieldChange]) -> bool {
    matches!(desired, Resource::Parameter(_)) && fields.iter().all(|field| field.path == "content.certificate.issue")
}

/// Why a certificate no longer fits the interface that it was issued for: no field says so, because the address is only
/// known once the interface exists.
fn interface_moved(world: &World<'_>, address: &Address, desired: &Resource) -> Option<String> {
    let Resource::Parameter(_) = desired else { return None };
    let issued_for = world.records.resources.get(address)?.attributes.get(attribute::PRIVATE_ADDRESS)?;
    let interface = desired.references().into_iter().find_map(|reference| reference.address())?;
    match world.private_address(interface) {
        Some(now) if now == *issued_for => None,
        Some(now) => Some(format!("{interface} has the address {now} now")),
        None => Some(format!("{interface} is made anew")),
    }
}

/// What was last applied to this very object.
fn applied<'a>(world: &World<'a>, address: &Address, found: &Found) -> Option<&'a Resource> {
    world.records.resources.get(address).filter(|record| record.id == found.id).map(|record| &record.applied)
}

/// What a run that died may have made of it.
fn begun<'a>(world: &'a World<'_>, address: &Address) -> impl Iterator<Item = Fields> + use<'a> {
    world.begun.get(address).into_iter().flat_map(|begun| &begun.made).map(Resource::fields)
}

/// What somebody changed by hand: only an apply asks, because a destroy deletes it anyway.
fn drift(world: &World<'_>, address: &Address, found: &Found) -> Option<Drift> {
    if world.purpose == Purpose::Destroy {
        return None;
    }
    let resource = applied(world, address, found)?;
    let applied = resource.fields();
    let mut seen = found.resource.fields();
    chosen::overlook(address.kind(), &applied, &mut seen, Some(&applied));
    chosen::overlook_addresses(resource, &mut seen, |interface| world.private_address(interface));
    world.schedules.overlook(address, &applied, &mut seen, Some(&applied));
    let mut bases = vec![applied.clone()];
    for mut base in begun(world, address) {
        chosen::overlook(address.kind(), &applied, &mut base, Some(&applied));
        bases.push(base);
    }
    let fields = difference::drifted(&seen, &bases.iter().collect::<Vec<_>>());
    (!fields.is_empty()).then(|| Drift { address: address.clone(), vanished: false, fields })
}

/// It was recorded and is no more, and no run of ours had begun to delete it.
fn vanished(world: &World<'_>, address: &Address) -> Option<Drift> {
    let recorded = world.records.resources.contains_key(address);
    let by_us = world.begun.get(address).is_some_and(|begun| begun.delete);
    let asked = world.purpose == Purpose::Apply;
    let seen = !planted::is(Bug::UnseenDrift);
    (recorded && asked && !by_us && seen).then(|| Drift {
        address: address.clone(),
        vanished: true,
        fields: Vec::new(),
    })
}

/// Empty lists and maps say nothing about a new resource.
fn worth_showing(mut fields: Fields) -> Fields {
    fields.retain(|_, value| {
        !value.as_array().is_some_and(Vec::is_empty) && !value.as_object().is_some_and(serde_json::Map::is_empty)
    });
    fields
}

fn is_empty(resource: &Resource) -> bool {
    matches!(resource, Resource::SecurityGroupRules(rules) if rules.ingress.is_empty() && rules.egress.is_empty())
}
