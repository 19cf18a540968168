//! Installs add-ons into a cluster: which objects there belong to which add-on, how they differ from what they should be,
//! whether they work, and the run that makes them so. What an add-on is, is [`crate::addon`]'s.

mod difference;
mod health;
mod inventory;
mod run;

pub use difference::{Sides, differences};
pub use health::{Health, health};
pub use inventory::{ADD_ON, GroupKind, Inventory, NAMESPACE, PART_OF, marked};
pub use run::{Conflicts, Error, Event, Means, Report, Seen, SeenAddOn, clear, install, look, wait_for_api};

use crate::addon::ObjectKey;

/// The key of an object as an API server or a record has it.
#[must_use]
pub fn key_of(object: &serde_json::Value) -> ObjectKey {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let api_version = text(&object["apiVersion"]);
    ObjectKey {
        group: api_version.split_once('/').map_or_else(String::new, |(group, _)| group.to_owned()),
        kind: text(&object["kind"]),
        namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
        name: text(&object["metadata"]["name"]),
    }
}
