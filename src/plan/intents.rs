//! What runs that died had begun: the intents that no outcome closed. An intent says what may have been done, never
//! that it was.

use std::collections::BTreeMap;

use crate::resource::{Address, Resource};
use crate::state::{IntentKind, JournalLine, Records};

/// The open intents of one address.
#[derive(Default)]
pub(super) struct Begun {
    /// The generation of a create that may have been sent: the same one gives the same client token.
    pub(super) create: Option<u32>,
    /// Whether a delete may have been sent.
    pub(super) delete: bool,
    /// What creates and updates may have made of it.
    pub(super) made: Vec<Resource>,
}

/// The open intents of all addresses.
pub(super) fn open(records: &Records) -> BTreeMap<Address, Begun> {
    let mut open: BTreeMap<Address, Begun> = BTreeMap::new();
    // Runs sort by time, so that a later outcome closes an earlier intent.
    for line in records.open_journals.values().flatten() {
        match line {
            JournalLine::Intent(intent) => {
                let begun = open.entry(intent.address.clone()).or_default();
                match intent.operation {
                    IntentKind::Create => begun.create = begun.create.max(Some(intent.generation)),
                    IntentKind::Update | IntentKind::Adopt | IntentKind::Forget => {}
                    IntentKind::Delete => begun.delete = true,
                }
                begun.made.extend(intent.resource.clone());
            }
            JournalLine::Outcome(outcome) => {
                open.remove(&outcome.address);
            }
        }
    }
    open
}

/// What runs that died may have made of each address.
#[must_use]
pub fn begun(records: &Records) -> BTreeMap<Address, Vec<Resource>> {
    open(records).into_iter().map(|(address, begun)| (address, begun.made)).collect()
}
