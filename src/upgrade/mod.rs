//! Guardrails of upgrades: which versions may follow each other, what a release removed, which add-ons go with it, and which
//! machines a change leaves behind. Pure.

mod addons;
mod needs_roll;
mod removed;
mod skew;

pub use addons::{AddonVersions, addon_versions};
pub use needs_roll::{NeedsRoll, Reason, Urgency, difference, needs_roll, of_fields};
pub use removed::{InUse, RemovedApi, removed_by, still_in_use};
pub use skew::{Skew, kubelet_skew, recorded_version, step};
