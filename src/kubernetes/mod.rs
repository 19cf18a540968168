//! The only code that calls Kubernetes, and what it sees as plain data.
//!
//! [`Node`], [`Pod`] and [`Budget`] are what an API server's objects say, as far as windlass is concerned with it: pure
//! values that [`crate::health`] and [`crate::roll`] decide on. Named so that it does not shadow the crate `kube`.

mod budget;
mod node;
mod pod;

pub use budget::{Budget, Expression, Selector};
pub use node::{Node, Ready};
pub use pod::{Controller, Pod, PodPhase};
