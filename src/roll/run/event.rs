//! What happens during a roll, as a stream: the terminal, the log of a CI job and the JSON lines are views of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::health::CapacityFailure;
use crate::roll::{Action, Done};

/// Version of the JSON lines; the first line of a roll carries it.
pub const EVENT_VERSION: u32 = 1;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// A roll begins, or goes on.
    RollStarted {
        /// [`EVENT_VERSION`].
        version: u32,
        /// The cluster.
        cluster: String,
        /// Id of the roll: that of the run that began it.
        roll: String,
        /// Whether an earlier run began it.
        resumed: bool,
        /// Machines to replace.
        machines: usize,
        /// How long it will take, as far as one can tell.
        estimate_seconds: u64,
    },
    /// Something was done.
    Did {
        /// What.
        action: Action,
    },
    /// Something could not be done now; it is tried again.
    Failed {
        /// What.
        action: Action,
        /// Why.
        error: String,
    },
    /// A pod was not evicted: its budget allows no disruption now.
    Refused {
        /// `namespace/name`.
        pod: String,
        /// Where it runs.
        node: String,
        /// What the API server said.
        cause: String,
    },
    /// A launch failed.
    NoCapacity {
        /// The failure.
        failure: CapacityFailure,
    },
    /// What is waited for now, when that has changed.
    Waiting {
        /// Machine or group.
        about: String,
        /// For what.
        what: String,
    },
    /// A machine or group is no longer waited for.
    Settled {
        /// Machine or group.
        about: String,
    },
    /// A sign of life.
    Heartbeat {
        /// Since this run began.
        seconds: u64,
        /// Machines that are still to be replaced.
        left: usize,
        /// What is waited for.
        waiting: Vec<String>,
    },
    /// Something worth telling.
    Notice {
        /// A sentence.
        message: String,
    },
    /// A roll ends, or stops.
    RollFinished {
        /// `done`, `paused`, `aborted`, `stopped`, `interrupted`.
        result: String,
        /// What was done in all its runs.
        done: Done,
        /// How long this run took.
        seconds: u64,
    },
}

/// Receives events, with the time at which each happened. Must not block.
pub type Reporter = Arc<dyn Fn(Timestamp, Event) + Send + Sync>;
