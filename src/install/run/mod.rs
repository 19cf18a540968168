//! Installs add-ons: looks, applies what differs, waits until it works, deletes what is no longer there.
//!
//! Everything may be repeated: an apply says what should be, and a deletion names one object by its uid. What a dead run
//! has begun is found by its mark, because an inventory names the kinds of what is to come before any of it is made.

mod clear;
mod event;
mod install;
mod kinds;
mod look;
#[cfg(test)]
mod tests;
mod told;

use std::time::Duration;

pub use clear::clear;
pub use event::Event;
pub use install::{Conflicts, Means, Report, install, wait_for_api};
pub use look::{Seen, SeenAddOn, look};

use crate::addon::ObjectKey;
use crate::kubernetes;

/// Calls at the same time: a hundred objects are looked at within a second or two, and no server feels it (kube-apiserver
/// works on 600 requests at once by default, `--max-requests-inflight` and `--max-mutating-requests-inflight`).
const CALLS: usize = 8;
/// How often it is looked whether something is healthy.
const LOOK: Duration = Duration::from_secs(2);

/// Why add-ons cannot be looked at or installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A call failed.
    #[error(transparent)]
    Kubernetes(#[from] kubernetes::Error),
    /// The call for an object failed.
    #[error("{object}: {error}")]
    Object {
        /// The object.
        object: Box<ObjectKey>,
        /// What the server says.
        error: Box<kubernetes::Error>,
    },
    /// The cluster has no such kind, although everything before was applied.
    #[error(
        "{0}: the cluster serves no such kind\nhint: apply its CustomResourceDefinition first: `needs` of the add-on"
    )]
    NoSuchKind(Box<ObjectKey>),
    /// Its kind lives in namespaces, which nothing but the cluster knew.
    #[error("{0}: its kind lives in namespaces\nhint: name one as `metadata.namespace` in the add-on's template")]
    NoNamespace(Box<ObjectKey>),
    /// Others have set fields to other values.
    #[error(
        "{object} was changed by others: {}\nhint: take their values over into the manifests, or overrule them with \
         --force-conflicts",
        .fields.join(", ")
    )]
    Conflict {
        /// The object.
        object: Box<ObjectKey>,
        /// Which fields, and who.
        fields: Vec<String>,
    },
    /// An object does not get healthy by itself.
    #[error("{object} failed: {why}")]
    Failed {
        /// The object.
        object: Box<ObjectKey>,
        /// Why.
        why: String,
    },
    /// It took too long.
    #[error("not healthy after {after}: {}", .waiting.join("; "))]
    TimedOut {
        /// How long it was waited for.
        after: String,
        /// What is not healthy, and why.
        waiting: Vec<String>,
    },
    /// What it needs failed.
    #[error("not begun: it needs {0}, which failed")]
    NotBegun(String),
    /// The lock may be somebody else's by now.
    #[error("{0}")]
    LeaseEnded(String),
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Whether nothing is wrong, and the next run goes on.
    #[must_use]
    pub const fn is_resumable(&self) -> bool {
        matches!(self, Self::Interrupted | Self::LeaseEnded(_))
    }
}
