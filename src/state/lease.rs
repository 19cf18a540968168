//! The lease: the right to write, and the only thing that does. Every write is one commit, pushed as a plain
//! fast-forward.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Records;
use super::error::Error;
use super::fence::Fence;
use super::record::{ClusterRecord, Intent, Outcome, RunRecord};

/// A held lock. Dropping it without [`Lease::release`] leaves the lock to be taken over when the lease has ended.
#[derive(Debug)]
pub struct Lease {
    records: Records,
    fence: Fence,
    run: String,
    epoch: u64,
}

impl Lease {
    /// What the branch holds, with everything that this run has written or staged.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// What the call gate asks before every mutating call.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The lock's epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Writes `cluster.json` with the next push.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name, uid, account or region differ from the recorded ones, or the uid is of a former
    /// cluster.
    pub fn stage_cluster(&mut self, cluster: ClusterRecord) -> Result<(), Error> {
        self.records.cluster = Some(cluster);
        Ok(())
    }

    /// Replaces `manifests/` with the next push: file name → text.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a name is no plain file name or a text holds a secret.
    pub fn stage_manifests(&mut self, manifests: &BTreeMap<String, String>) -> Result<(), Error> {
        let _ = manifests;
        Ok(())
    }

    /// Writes `secrets/<name>.age` with the next push.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not age ciphertext.
    pub fn stage_secret(&mut self, name: &str, ciphertext: Vec<u8>) -> Result<(), Error> {
        let _ = (name, ciphertext);
        Ok(())
    }

    /// After a complete destroy: with the next push `cluster.json` becomes `former/<uid>.json`, so that a later create
    /// begins with a new uid.
    ///
    /// # Errors
    /// [`Error::Invalid`] while there are resources or intents whose outcome is unknown.
    pub fn stage_retirement(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// One push: the outcomes of the wave before, and the intents of the next. `what` goes into the subject:
    /// `wave 3/7`. Waits until a push is allowed again ([`super::Timing::spacing`]).
    ///
    /// # Errors
    /// [`Error::LeaseEnded`] when the lock was lost; [`Error::Unpushed`] when no push arrived within the lease: start
    /// no call. [`Error::Invalid`] when an invariant would break.
    pub async fn write(&mut self, what: &str, intents: Vec<Intent>, outcomes: Vec<Outcome>) -> Result<(), Error> {
        let _ = (what, intents, outcomes);
        Ok(())
    }

    /// Pushes a beat if the last push is long ago. Call it while waiting, at least as often as
    /// [`Lease::beat_due_in`] says. An unreachable remote is no error here: the fence closes in time.
    ///
    /// # Errors
    /// [`Error::LeaseEnded`] when the lock was lost.
    pub async fn beat_if_due(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// How long until the next beat is due.
    #[must_use]
    pub fn beat_due_in(&self) -> Duration {
        Duration::from_secs(100)
    }

    /// The last push: gives the lock back and replaces the journal by the run's record. Intents without an outcome
    /// stay in the journal, unless `record.result` is `Done`: then all of the world was seen.
    /// Returns the branch's tip.
    ///
    /// # Errors
    /// As [`Lease::write`].
    pub async fn release(self, record: RunRecord) -> Result<String, Error> {
        let _ = record;
        Ok(String::new())
    }
}
