//! What is known of live objects while a plan is applied: their AWS ids, their facts, and how young they are.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::Error;
use crate::resource::{Address, Attributes, Found, Kind, Observed, Reference};

/// What a create gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The AWS id, ARN or name: what the delete call takes.
    pub id: String,
    /// Facts that others need.
    pub attributes: Attributes,
}

impl Made {
    /// Without facts.
    pub(super) fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), attributes: Attributes::new() }
    }
}

/// Resolves references to AWS ids, and to the facts that others need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    known: BTreeMap<Address, Known>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    id: String,
    attributes: Attributes,
    /// When this run, or the run that died before it, made it; `None`: long ago.
    made: Option<Timestamp>,
}

impl Ids {
    /// Everything that discovery found. Of duplicates the last one counts.
    #[must_use]
    pub fn observed(observed: &Observed) -> Self {
        let mut ids = Self::default();
        for found in &observed.found {
            ids.insert_found(found);
        }
        ids
    }

    /// Adds what exists since long.
    pub fn insert_found(&mut self, found: &Found) {
        let known = Known { id: found.id.clone(), attributes: found.attributes.clone(), made: None };
        self.known.insert(found.address.clone(), known);
    }

    /// Adds what was made at `made`: until five minutes later AWS may not see it everywhere.
    pub fn insert_made(&mut self, address: Address, made: &Made, at: Timestamp) {
        let known = Known { id: made.id.clone(), attributes: made.attributes.clone(), made: Some(at) };
        self.known.insert(address, known);
    }

    /// Replaces the facts after an update.
    pub fn set_attributes(&mut self, address: &Address, attributes: Attributes) {
        if let Some(known) = self.known.get_mut(address) {
            known.attributes = attributes;
        }
    }

    /// Forgets what was deleted.
    pub fn remove(&mut self, address: &Address) {
        self.known.remove(address);
    }

    /// The AWS id that `reference` stands for.
    ///
    /// # Errors
    /// [`Error::Unresolved`]: nothing of that address exists yet.
    pub fn id(&self, reference: &Reference) -> Result<String, Error> {
        match reference {
            Reference::Id(id) => Ok(id.clone()),
            Reference::Address(address) => match self.known.get(address) {
                Some(known) => Ok(known.id.clone()),
                None => Err(Error::Unresolved { reference: reference.clone(), attribute: None }),
            },
        }
    }

    /// The AWS ids of several references, in their order.
    ///
    /// # Errors
    /// [`Error::Unresolved`] for the first of them that does not exist yet.
    pub fn ids<'a>(&self, references: impl IntoIterator<Item = &'a Reference>) -> Result<Vec<String>, Error> {
        references.into_iter().map(|reference| self.id(reference)).collect()
    }

    /// A fact about what `reference` stands for; the keys are in [`crate::resource::attribute`].
    ///
    /// # Errors
    /// [`Error::Unresolved`]: it does not exist yet, is not of this cluster, or has no such fact.
    pub fn attribute(&self, reference: &Reference, key: &'static str) -> Result<String, Error> {
        let known = reference.address().and_then(|address| self.known.get(address));
        let value = known.and_then(|known| known.attributes.get(key));
        value.cloned().ok_or_else(|| Error::Unresolved { reference: reference.clone(), attribute: Some(key) })
    }

    /// Whether this run, or the run that died before it, made what `reference` stands for.
    pub(super) fn is_new(&self, reference: &Reference) -> bool {
        let known = reference.address().and_then(|address| self.known.get(address));
        known.is_some_and(|known| known.made.is_some())
    }

    /// When the youngest of the objects was made whose ids stand in `message`; when none stands there, the youngest of
    /// all: not every service says which id it does not see.
    pub(super) fn youngest_in(&self, message: &str) -> Option<Timestamp> {
        let mentioned = self.known.values().filter(|known| message.contains(&known.id));
        if mentioned.clone().next().is_some() {
            return mentioned.filter_map(|known| known.made).max();
        }
        self.known.values().filter_map(|known| known.made).max()
    }

    /// When the youngest role or instance profile was made.
    pub(super) fn youngest_access(&self) -> Option<Timestamp> {
        let access = |address: &Address| matches!(address.kind(), Kind::Role | Kind::InstanceProfile);
        self.known.iter().filter(|(address, _)| access(address)).filter_map(|(_, known)| known.made).max()
    }
}
