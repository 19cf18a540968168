//! Runs a plan: waves of idempotent operations, journalled in git before they act, reported as events. Decides
//! nothing: the plan did. Recovery is planning again, not undoing.

mod event;
mod operation;
mod run;
mod sweep;
mod vault;
mod waits;

pub use event::{ActName, EVENT_VERSION, Event, Reporter};
pub use operation::OperationError;
pub use run::{Failure, Means, Report, RunError, certificate_record, run};
pub use vault::{Filled, InterfaceFacts, Vault, VaultError, needs};
pub use waits::WaitError;
