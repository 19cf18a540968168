//! Runs a plan: waves of idempotent operations, journalled in git before they act, reported as events. Decides
//! nothing: the plan did. Recovery is planning again, not undoing.

mod event;

pub use event::{ActName, EVENT_VERSION, Event, Reporter};
