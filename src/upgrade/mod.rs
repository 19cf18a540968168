//! Guardrails of upgrades: which versions may follow each other, what a release removed, and which add-ons go with it. Pure.

mod addons;
mod removed;
mod skew;

pub use addons::{AddonVersions, addon_versions};
pub use removed::{InUse, RemovedApi, removed_by, still_in_use};
pub use skew::{Skew, kubelet_skew, recorded_version, step};
