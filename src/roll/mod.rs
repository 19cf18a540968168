//! Rolling updates: machines whose launch template changed are replaced, without pods noticing more than their budgets
//! allow.
//!
//! `decide` is pure: a [`View`](crate::health::View), a [`Policy`] and a [`Record`] give the next [`Action`]s. The runner
//! looks, asks, acts and asks again; it decides nothing.

mod action;
pub mod decide;
mod estimate;
mod policy;
mod preflight;
mod run;
mod windows;

pub use action::Action;
pub use decide::{Decision, Outcome, Stop, Waiting, baseline, decide};
pub use estimate::{Estimate, Timings, estimate};
pub use policy::{Amount, GroupPolicy, Policy, Window};
pub use preflight::preflight;
pub use run::{
    Cluster, EVENT_VERSION, Ending, Event, InMemory, Keeper, Means, Names, Observer, Place, Report, Reporter, RunError,
    ScopedGate, name, run, scoped,
};
pub use windows::windows;

pub use crate::state::roll::{
    Baseline, Done, Lacking, LeaderSeen, MemberInWork, Memory, Raise, Record, Replace, RestartsSeen, State, Surge,
    Termination,
};

#[cfg(test)]
pub(crate) mod tests;
