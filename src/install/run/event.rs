//! What is told while add-ons are installed.

use serde::Serialize;

use crate::plan::Action;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// It began; the API answers.
    AddOnsStarted {
        /// The cluster.
        cluster: String,
        /// Objects to make, change or delete.
        changes: usize,
    },
    /// Something is waited for.
    AddOnWaiting {
        /// The add-on; `None`: the cluster itself.
        add_on: Option<String>,
        /// What for, and why it is not there yet.
        waits_for: String,
    },
    /// An object was made, changed or deleted.
    AddOnDid {
        /// The add-on.
        add_on: String,
        /// `Deployment kube-system/coredns`.
        object: String,
        /// What was done.
        action: Action,
    },
    /// All objects of an add-on are as they should be, and healthy.
    AddOnHealthy {
        /// The add-on.
        add_on: String,
        /// Since its first change.
        seconds: u64,
    },
    /// An add-on does not get there.
    AddOnFailed {
        /// The add-on.
        add_on: String,
        /// Why.
        error: String,
    },
    /// It is over.
    AddOnsFinished {
        /// Objects made, changed or deleted.
        done: usize,
        /// Add-ons that failed, or were not begun because what they need failed.
        failed: usize,
        /// Since it began.
        seconds: u64,
    },
}
