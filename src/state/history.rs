//! What happened to a cluster: its runs, newest first.

use super::record::{LockRecord, RunRecord};

/// The runs of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The run that holds the lock now.
    pub current: Option<LockRecord>,
    /// The runs that ended, newest first.
    pub runs: Vec<PastRun>,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// Who, what, when, config commit, counts, result.
    pub record: RunRecord,
    /// The commit of the state branch that closed it.
    pub commit: String,
}
