//! Capacity: how machines are spread, which group takes over when another gets none, and what the cluster-autoscaler is
//! told about it. Pure: it decides and words, and calls nothing.

mod chains;
mod expander;
mod lint;
mod spread;

pub use chains::{Chain, Cycle, chains};
pub use expander::{MAX_NODE_PROVISION_TIME, autoscaler_flags, fallbacks, priority_expander};
#[cfg(test)]
pub(crate) use lint::tests::example;
pub use lint::{Level, Row, lint};
pub use spread::{Lifecycles, Spread, lifecycles, spread};
