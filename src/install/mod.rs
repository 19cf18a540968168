//! Add-ons: what is installed into a cluster once its API answers.

mod difference;
mod health;
mod inventory;
mod object;
mod run;

pub use difference::{Sides, differences};
pub use health::{Health, health};
pub use inventory::{ADD_ON, GroupKind, Inventory, NAMESPACE, PART_OF, marked};
pub use object::{AddOn, ObjectName};
pub use run::{Conflicts, Error, Event, Means, Report, Seen, SeenAddOn, install, look, wait_for_api};
