//! The only code that calls Kubernetes, and what it sees as plain data.
//!
//! [`Node`], [`Pod`] and [`Budget`] are what an API server's objects say, as far as windlass is concerned with it: pure
//! values that [`crate::health`] and [`crate::roll`] decide on. Named so that it does not shadow the crate `kube`.
//!
//! [`Kubernetes`] calls one API server, over connections of [`crate::live::Dial`]. It never
//! repeats a call and never waits for anything but an answer: when to try again is its callers' decision.

mod budget;
mod call;
mod change;
mod connect;
mod connector;
mod error;
mod event;
mod evict;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod health;
mod kubeconfig;
mod node;
mod objects;
mod pod;
pub(crate) mod quantity;
mod read;
mod seen;
#[cfg(test)]
mod tests;
mod watch;

pub use budget::{Budget, Expression, Selector};
pub use call::DEADLINE;
pub use change::Changed;
pub use connect::{Credentials, Endpoint, Kubernetes};
pub use error::{Error, Untrusted};
pub use event::Event;
pub use evict::Eviction;
pub use health::DeprecatedApi;
pub use node::{Node, Ready};
pub use objects::{Applied, Applying, FIELD_MANAGER, FieldConflict, ObjectKind};
pub use pod::{Controller, Pod, PodPhase};
pub use quantity::{bytes, millicores};
pub use read::{read_budget, read_expressions, read_node, read_pod, read_selector, read_texts};
pub use seen::{Kind, Object, Revisions, Seen};
pub use watch::Watching;
