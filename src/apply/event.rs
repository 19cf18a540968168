//! What happens during a run, as a stream: the terminal, the log of a CI job and the JSON lines are views of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::resource::Address;

/// Version of the JSON lines; the first line of a run carries it.
pub const EVENT_VERSION: u32 = 1;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// A run begins.
    RunStarted {
        /// [`EVENT_VERSION`].
        version: u32,
        /// The cluster.
        cluster: String,
        /// `apply` or `destroy`.
        operation: String,
        /// The run's id, as in the state branch.
        run: String,
        /// How many operations there are.
        operations: usize,
        /// In how many waves.
        waves: usize,
    },
    /// A wave begins: its intents are in git.
    WaveStarted {
        /// 1-based.
        wave: usize,
        /// How many there are.
        of: usize,
        /// Operations in it.
        operations: usize,
    },
    /// An operation begins.
    Started {
        /// Which.
        address: Address,
        /// What.
        act: ActName,
    },
    /// An operation waits for something.
    Waiting {
        /// Which.
        address: Address,
        /// For what: `nat-gateway/a to be available (pending)`.
        waits_for: String,
    },
    /// An operation is done.
    Done {
        /// Which.
        address: Address,
        /// What.
        act: ActName,
        /// The AWS id.
        id: String,
        /// How long it took.
        milliseconds: u128,
    },
    /// An operation failed.
    Failed {
        /// Which.
        address: Address,
        /// What.
        act: ActName,
        /// Why.
        error: String,
    },
    /// Nothing happened for a while; what is waited for.
    Heartbeat {
        /// Since the run began.
        seconds: u64,
        /// Operations under way, and what each waits for.
        waiting: Vec<String>,
    },
    /// Something worth telling.
    Notice {
        /// A sentence.
        message: String,
    },
    /// Something about the add-ons.
    AddOns {
        /// What.
        event: crate::install::Event,
    },
    /// A run ends.
    RunFinished {
        /// `done`, `failed` or `interrupted`.
        result: String,
        /// Operations done.
        done: usize,
        /// Operations that there were.
        operations: usize,
        /// How long it took.
        seconds: u64,
    },
}

/// What an operation does, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ActName {
    /// Makes it.
    Create,
    /// Changes it in place.
    Update,
    /// Deletes it.
    Delete,
    /// Writes the record of what exists.
    Adopt,
    /// Drops the record of what no longer exists.
    Forget,
    /// Waits until it can be used.
    Settle,
}

impl ActName {
    /// `create`, `update`, ….
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::Settle => "settle",
        }
    }
}

/// Receives events, with the time at which each happened. Must not block.
pub type Reporter = Arc<dyn Fn(Timestamp, Event) + Send + Sync>;
