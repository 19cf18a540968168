//! Guardrails of upgrades: which versions may follow each other, and what a release removed. Pure.

mod addons;
mod removed;
mod skew;

pub use addons::{Verdict, judge};
pub use removed::{InUse, RemovedApi, Served, removed_by, served, still_in_use};
pub use skew::{Skew, kubelet_skew, recorded_version, step};
