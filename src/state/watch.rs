//! Whether the run that holds the lock is dead, for whoever cannot know it by a sign: its branch stands still for a whole
//! lease, on the watcher's own clock.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::LockRecord;
use super::branch::Branch;
use super::error::{Error, Held};
use crate::planted::{self, Bug};

/// How long a held branch has been watched.
pub(super) struct Watch<'a> {
    branch: &'a Branch,
    patience: Patience,
    begin: Duration,
    /// The tip, and when it was first seen.
    standing: Option<(Option<String>, Duration)>,
}

/// How long somebody waits, and what for.
pub(super) struct Patience {
    /// From the first look on. Zero: not at all.
    pub timeout: Duration,
    /// Ends the wait early.
    pub stop: CancellationToken,
    /// The command that goes on at once when a person says that the run is dead.
    pub way_out: &'static str,
}

impl<'a> Watch<'a> {
    /// Begins to watch.
    pub(super) fn begin(branch: &'a Branch, patience: Patience) -> Self {
        Self { branch, patience, begin: branch.clock().since_boot(), standing: None }
    }

    /// Whether the lease of `lock`, which is on the branch at `tip`, has ended; otherwise waits for a while.
    ///
    /// # Errors
    /// [`Error::Held`] when the patience is over, and those of looking at the branch.
    pub(super) async fn may_take_over(
        &mut self,
        tip: Option<&str>,
        lock: &LockRecord,
        waiting: &mut (dyn FnMut(&Held) + Send),
    ) -> Result<bool, Error> {
        let Self { branch, patience, .. } = self;
        let clock = branch.clock();
        let now = clock.since_boot();
        let since = match &self.standing {
            Some((seen, since)) if seen.as_deref() == tip => *since,
            _ => now,
        };
        self.standing = Some((tip.map(ToOwned::to_owned), since));
        let still = now.saturating_sub(since);
        if planted::is(Bug::EarlySteal) {
            return Ok(true);
        }
        // Whatever the file says: nobody is robbed sooner than this windlass would let go itself.
        let ttl = Duration::from_secs(lock.ttl.into()).max(branch.settings.timing.ttl);
        if still >= ttl {
            // The last look may be as old as a poll: the branch must stand at the same tip at the end of the lease.
            return Ok(branch.tip().await?.as_deref() == tip);
        }
        let age = Duration::try_from(clock.now().duration_since(lock.started)).unwrap_or_default();
        let cluster = branch.settings.cluster.to_string();
        let held = Held { cluster, lock: lock.clone(), age, still, way_out: patience.way_out };
        let waited = now.saturating_sub(self.begin);
        if waited >= patience.timeout {
            return Err(Error::Held(Box::new(held)));
        }
        waiting(&held);
        let pause = branch.settings.timing.poll.min(patience.timeout - waited).min(ttl - still);
        tokio::select! {
            () = clock.wait_for_others(pause) => Ok(false),
            () = patience.stop.cancelled() => Err(Error::Held(Box::new(held))),
        }
    }

    /// Whether the branch is somewhere else than at `tip` by now. A remote that does not answer for a moment has not
    /// moved for us: the branch is one line, so the same tip later means that it stood still in between.
    ///
    /// # Errors
    /// Those of looking at the branch, but for a remote that does not answer.
    pub(super) async fn has_moved(&self, tip: Option<&str>) -> Result<bool, Error> {
        match self.branch.tip().await {
            Ok(now) => Ok(now.as_deref() != tip),
            Err(Error::Unreachable { .. } | Error::TimedOut { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
