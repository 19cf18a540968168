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
