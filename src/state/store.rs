//! The store: reads a cluster's records, and takes its lock. Only a [`super::Lease`] writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::branch::Branch;
use super::error::{Error, Held};
use super::finding::Finding;
use super::history::History;
use super::lease::Lease;
use super::settings::StoreSettings;
use super::{LockRecord, Records, RequestRecord};

/// Access to one cluster's state branch. Cheap to open; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    branch: Arc<Branch>,
}

/// Who takes the lock, and what for.
#[derive(Clone, Debug)]
pub struct Acquire {
    /// `apply`, `destroy`, …: shown to whoever finds the lock held.
    pub operation: String,
    /// The run's id: lowercase letters, digits and `-`; sorts by time.
    pub run: String,
    /// `user@host pid 1234`: shown to whoever finds the lock held.
    pub holder: String,
    /// `user@host`, for the audit log.
    pub actor: String,
    /// Commit of the configuration, for the audit log.
    pub config: Option<String>,
    /// How long to wait for a lock that another holds. Zero: do not wait. A dead holder's lock is taken over at
    /// once when its process was on this machine; else once the branch has stood still for a whole lease, so that only
    /// waits of more than [`super::Timing::ttl`] outlast one.
    pub timeout: Duration,
    /// Ends the wait early: somebody asked to stop.
    pub stop: CancellationToken,
}

/// What `unlock` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlocked {
    /// The lock that was broken.
    pub lock: LockRecord,
    /// The commit that broke it.
    pub commit: String,
}

/// What is repaired, and for whom.
#[derive(Clone, Debug)]
pub struct Recover {
    /// The files; empty: all damaged ones.
    pub paths: Vec<String>,
    /// `user@host`, for the audit log.
    pub actor: String,
    /// The epoch of a lock whose run is dead, typed by a person who knows that.
    pub dead: Option<u64>,
    /// How long to wait for a lock that another holds, as for [`Acquire::timeout`].
    pub timeout: Duration,
    /// Ends the wait early.
    pub stop: CancellationToken,
}

/// What `recover` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The commit; `None`: no file was wrong.
    pub commit: Option<String>,
    /// The files that were put back, and the commit that their content is from; `None`: removed, or made anew.
    pub restored: BTreeMap<String, Option<String>>,
    /// What is wrong still, because no version in the history makes it good.
    pub left: Vec<Finding>,
    /// The tip of a branch that was gone, and is back.
    pub put_back: Option<String>,
    /// The lock of a dead run that was broken, because no other file is damaged any more.
    pub unlocked: Option<LockRecord>,
}

impl Store {
    /// Checks git and finds the repository; talks to no remote.
    ///
    /// # Errors
    /// [`Error::GitMissing`], [`Error::GitTooOld`], [`Error::NoRepository`], [`Error::NoRemote`], [`Error::Io`].
    pub async fn open(settings: StoreSettings) -> Result<Self, Error> {
        Ok(Self { branch: Arc::new(Branch::open(settings).await?) })
    }

    /// What the branch holds now: empty records if there is no branch yet.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::TooNew`], [`Error::Corrupt`] and what git itself fails with.
    pub async fn read(&self) -> Result<Records, Error> {
        Ok(self.branch.snapshot().await?.view.records)
    }

    /// Takes the lock; `waiting` is told about every look at a lock that another holds.
    ///
    /// # Errors
    /// [`Error::Held`] when the time is over; [`Error::Refused`], [`Error::Unreachable`] and those of
    /// [`Store::read`]: nothing was changed.
    pub async fn acquire(&self, acquire: Acquire, waiting: &mut (dyn FnMut(&Held) + Send)) -> Result<Lease, Error> {
        super::acquire::acquire(&self.branch, acquire, waiting).await
    }

    /// Breaks the lock of a dead run at once. `epoch` is the lock's, typed by a person who has looked at it.
    ///
    /// # Errors
    /// [`Error::NotHeld`], [`Error::WrongEpoch`] and those of [`Store::acquire`].
    pub async fn unlock(&self, epoch: u64, actor: &str) -> Result<Unlocked, Error> {
        super::acquire::unlock(&self.branch, epoch, actor).await
    }

    /// Asks something of the run that holds the lock; it does it within seconds, and ends. Gives the lock that it was
    /// asked under.
    ///
    /// # Errors
    /// [`Error::NotHeld`] when no run is there to ask, and those of [`Store::acquire`].
    pub async fn request(&self, request: RequestRecord) -> Result<LockRecord, Error> {
        super::request::request(&self.branch, request).await
    }

    /// The runs of this cluster, newest first.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn history(&self) -> Result<History, Error> {
        super::history::read(&self.branch).await
    }

    /// Checks the whole branch, every commit and every object of it. No finding: all is well.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and what git itself fails with; damage is a finding, not an error.
    pub async fn fsck(&self) -> Result<Vec<Finding>, Error> {
        super::fsck::check(&self.branch).await
    }

    /// Puts the last good version of damaged files back (or removes those that never had one), in a commit of its
    /// own, which also accepts a foreign commit at the tip. A branch that is gone is put back as this private copy saw
    /// it last. The lock of a run that is known to be dead, as [`Store::acquire`] knows it or a person says, is broken
    /// once nothing is damaged any more: under damage nobody can take it over.
    ///
    /// # Errors
    /// [`Error::Held`] while a run holds the lock; [`Error::WrongEpoch`]; [`Error::Corrupt`] when the history itself was
    /// changed, which only a person can judge; those of [`Store::acquire`].
    pub async fn recover(&self, recover: Recover, waiting: &mut (dyn FnMut(&Held) + Send)) -> Result<Recovered, Error> {
        super::recover::recover(&self.branch, recover, waiting).await
    }
}
