//! Rolling updates: machines whose launch template changed are replaced, without pods noticing more than their budgets
//! allow.
//!
//! `decide` is pure: a [`View`](crate::health::View), a [`Policy`] and a [`Record`] give the next [`Action`]s. The runner
//! looks, asks, acts and asks again; it decides nothing.

mod action;
mod policy;
mod record;
mod windows;

pub use action::{Action, Replace};
pub use policy::{Amount, GroupPolicy, Policy, Window};
pub use record::{Baseline, Done, Raise, Record, State, Surge};
pub use windows::windows;
