//! Everything that a plan is made from, indexed once.

use std::collections::{BTreeMap, BTreeSet};

use super::chosen::Schedules;
use super::intents::{self, Begun};
use super::{Inputs, Purpose};
use crate::planted::{self, Bug};
use crate::resource::{Address, Found, Resource, attribute};
use crate::state::Records;

/// The inputs of a plan by address.
pub(super) struct World<'a> {
    pub(super) uid: Option<&'a str>,
    pub(super) purpose: Purpose,
    pub(super) desired: &'a BTreeMap<Address, Resource>,
    pub(super) records: &'a Records,
    pub(super) begun: BTreeMap<Address, Begun>,
    pub(super) schedules: Schedules,
    found: BTreeMap<&'a Address, Vec<&'a Found>>,
}

impl<'a> World<'a> {
    pub(super) fn new(inputs: &Inputs<'a>) -> Self {
        let mut found: BTreeMap<&Address, Vec<&Found>> = BTreeMap::new();
        for it in &inputs.observed.found {
            found.entry(&it.address).or_default().push(it);
        }
        let applied = inputs.records.resources.values().map(|record| &record.applied);
        Self {
            uid: inputs.uid,
            purpose: inputs.purpose,
            desired: inputs.desired,
            records: inputs.records,
            begun: intents::open(inputs.records),
            schedules: Schedules::of(inputs.desired.values().chain(applied)),
            found,
        }
    }

    /// Every address that anybody knows of.
    pub(super) fn addresses(&self) -> BTreeSet<&'a Address> {
        let found = self.found.keys().copied();
        self.desired.keys().chain(self.records.resources.keys()).chain(found).collect()
    }

    /// What was observed at an address, ours or not.
    pub(super) fn found_at(&self, address: &Address) -> impl Iterator<Item = &'a Found> {
        self.found.get(address).into_iter().flatten().copied()
    }

    /// The primary private address of an interface, once it exists; of duplicates none.
    pub(super) fn private_address(&self, interface: &Address) -> Option<String> {
        let mut found = self.found_at(interface);
        let only = found.next().filter(|_| found.next().is_none())?;
        only.attributes.get(attribute::PRIVATE_ADDRESS).cloned()
    }

    /// The lowest generation that a live object of the address can have: everything below was deleted.
    pub(super) fn generation_floor(&self, address: &Address) -> u32 {
        let recorded = self.records.resources.get(address).map_or(1, |record| record.generation);
        let retired = self.records.retired.get(address).map_or(1, |retired| retired.saturating_add(1));
        recorded.max(retired)
    }

    /// The generation of a create: above everything that was ever there, or the one whose create may have been sent.
    pub(super) fn next_generation(&self, address: &Address) -> u32 {
        let recorded = self.records.resources.get(address).map(|record| record.generation);
        let retired = self.records.retired.get(address).copied();
        // Kinds without tags say nothing of their generation: what is there counts when the record of it is lost.
        let counts = |found: &&Found| found.uid.is_some() || recorded.is_none();
        let seen = self.found_at(address).filter(counts).map(|found| found.generation).max();
        let last = recorded.max(retired).max(seen).unwrap_or(0);
        let begun = self.begun.get(address).and_then(|begun| begun.create).unwrap_or(0);
        last.saturating_add(u32::from(!planted::is(Bug::SameGeneration))).max(begun)
    }
}
