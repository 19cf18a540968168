//! Rolling updates: machines whose launch template changed are replaced, without pods noticing more than their budgets
//! allow.
//!
//! `decide` is pure: a [`View`](crate::health::View), a [`Policy`] and a [`Record`] give the next [`Action`]s. The runner
//! looks, asks, acts and asks again; it decides nothing.

mod action;
pub mod decide;
mod estimate;
mod memory;
mod policy;
mod preflight;
mod record;
mod run;
mod summary;
mod windows;

pub use action::{Action, Replace};
pub use decide::{Decision, Outcome, Stop, Waiting, baseline, decide};
pub use estimate::{Estimate, Timings, estimate};
pub use memory::{Lacking, LeaderSeen, MemberInWork, Memory, RestartsSeen, Termination};
pub use policy::{Amount, GroupPolicy, Policy, Window};
pub use preflight::preflight;
pub use record::{Baseline, Done, Raise, Record, State, Surge};
pub use run::{
    Cluster, EVENT_VERSION, Ending, Event, InMemory, Keeper, Means, Names, Observer, Place, Report, Reporter, RunError,
    ScopedGate, name, run, scoped,
};
pub use summary::summary;
pub use windows::windows;

#[cfg(test)]
pub(crate) mod tests;
