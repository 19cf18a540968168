//! Takes the lock: a commit with the next epoch, pushed as a plain fast-forward. Who waits takes a dead run's lock over
//! only after having seen the branch stand still for a whole lease, on the waiter's own clock; or at once, when the run
//! was a process of this machine that is known to have ended.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::branch::{Branch, Landing, Snapshot};
use super::edit::Edit;
use super::error::{Error, Held};
use super::fence::{LONGEST_PAUSE, LeaseEnded};
use super::git;
use super::lease::{Lease, Taken};
use super::message::{self, Phase, Stamp};
use super::record::LockRecord;
use super::sign::Sign;
use super::store::{Acquire, Unlocked};
use super::watch::{Patience, Watch};
use crate::planted::{self, Bug};

/// How often an acquire that nobody answers is tried.
const ATTEMPTS: u32 = 3;

/// Between two of those.
const PAUSE: Duration = Duration::from_secs(2);

/// How often `unlock` starts over because the branch moved: a live holder pushes at most every ten seconds.
const UNLOCK_ATTEMPTS: u32 = 5;

/// See [`super::Store::acquire`].
pub(super) async fn acquire(
    branch: &Arc<Branch>,
    acquire: Acquire,
    waiting: &mut (dyn FnMut(&Held) + Send),
) -> Result<Lease, Error> {
    let clock = *branch.clock();
    let patience = Patience { timeout: acquire.timeout, stop: acquire.stop.clone(), way_out: "unlock" };
    let mut watch = Watch::begin(branch, patience);
    let mut sent: Vec<(String, Duration)> = Vec::new();
    let mut unanswered = 0;
    let (mut sign, mut dead) = (None, None);
    let mut death = None;
    let mut snapshot = branch.snapshot().await?;
    loop {
        // A push of ours that nobody confirmed has arrived after all.
        let ours = sent.iter().find(|(op, _)| snapshot.op.as_ref() == Some(op)).map(|(_, started)| *started);
        if let Some(started) = ours {
            return Ok(Lease::begin(Arc::clone(branch), acquire, snapshot, Taken { started, sign, from: dead }));
        }
        // It arrived, nobody told us, and this process stood still for so long that somebody took us for dead.
        if snapshot.view.runs.contains(&acquire.run) {
            let by = String::from("whoever has closed this run meanwhile");
            return Err(Error::LeaseEnded(LeaseEnded::Taken { by }));
        }
        if let Some(lock) = &snapshot.view.records.lock {
            death = branch.signs().death(&lock.run);
            let tip = snapshot.tip.as_deref();
            if death.is_none() && !watch.may_take_over(tip, lock, waiting).await? {
                if watch.has_moved(tip).await? {
                    snapshot = branch.snapshot().await?;
                }
                continue;
            }
        }
        sign = sign.or_else(|| give_sign(branch, &acquire.run));
        dead.clone_from(&snapshot.view.records.lock);
        let started = clock.since_boot();
        let attempt = Attempt::make(branch, &snapshot, &acquire, death).await?;
        sent.push((attempt.op.clone(), started));
        match branch.land(&attempt.commit, snapshot.tip.as_deref()).await? {
            Landing::Landed => {
                let (commit, op) = (attempt.commit.clone(), attempt.op);
                let landed = snapshot.with(commit, attempt.epoch, op, &attempt.edit, &branch.settings.cluster);
                branch.landed(&landed).await;
                if let Err(error) = branch.signs().tidy() {
                    tracing::debug!(%error, "signs of dead runs stay");
                }
                return Ok(Lease::begin(Arc::clone(branch), acquire, landed, Taken { started, sign, from: dead }));
            }
            Landing::Moved => {}
            Landing::Refused(words) => return Err(branch.refused(words)),
            Landing::Unreachable(words) => {
                unanswered += 1;
                if unanswered == ATTEMPTS {
                    return Err(branch.unreachable(words));
                }
                clock.sleep(PAUSE).await;
            }
        }
        snapshot = branch.snapshot().await?;
    }
}

/// From here on other processes of this machine see whether the run lives. Without a sign they go by its lease.
fn give_sign(branch: &Branch, run: &str) -> Option<Arc<Sign>> {
    match branch.signs().give(run, branch.clock().now()) {
        Ok(sign) => Some(Arc::new(sign)),
        Err(error) => {
            tracing::debug!(%error, "the run gives no sign of life");
            None
        }
    }
}

/// A commit that takes the lock.
struct Attempt {
    edit: Edit,
    epoch: u64,
    op: String,
    commit: String,
}

impl Attempt {
    /// `death`: when the run that had the lock was last seen alive, if that is known.
    async fn make(
        branch: &Branch,
        snapshot: &Snapshot,
        acquire: &Acquire,
        death: Option<Timestamp>,
    ) -> Result<Self, Error> {
        let now = branch.clock().now();
        let epoch = snapshot.epoch + u64::from(!planted::is(Bug::SameEpoch));
        let mut edit = Edit::of(&snapshot.view);
        if snapshot.tip.is_none() {
            edit.found();
        }
        let dead = snapshot.view.records.lock.as_ref();
        // Between two signs of life it may have begun another call.
        let end = death.and_then(|death| death.saturating_add(LONGEST_PAUSE).ok());
        edit.abandon_others(&acquire.run, end.unwrap_or(now).min(now));
        edit.lock(Some(LockRecord {
            epoch,
            run: acquire.run.clone(),
            holder: acquire.holder.clone(),
            operation: acquire.operation.clone(),
            started: now,
            ttl: u32::try_from(branch.settings.timing.ttl.as_secs()).unwrap_or(u32::MAX),
            beat: 1,
        }));
        branch.check(snapshot, &edit, epoch)?;
        let op = git::unique()?;
        let what = dead.map_or_else(|| String::from("acquire"), |dead| format!("take over from run {}", dead.run));
        let stamp = Stamp {
            cluster: branch.settings.cluster.to_string(),
            epoch,
            run: acquire.run.clone(),
            op: op.clone(),
            phase: if dead.is_some() { Phase::Steal } else { Phase::Acquire },
            config: acquire.config.clone(),
            actor: acquire.actor.clone(),
        };
        let message = stamp.message(&acquire.operation, &what);
        let commit = branch.draft(snapshot.tip.as_deref(), &message, &edit.changes, &op).await?;
        Ok(Self { edit, epoch, op, commit })
    }
}

/// See [`super::Store::unlock`].
pub(super) async fn unlock(branch: &Branch, given: u64, actor: &str) -> Result<Unlocked, Error> {
    let mut attempts = 0;
    loop {
        let snapshot = branch.snapshot().await?;
        let Some(lock) = snapshot.view.records.lock.clone() else { return Err(Error::NotHeld) };
        if lock.epoch != given {
            return Err(Error::WrongEpoch { actual: lock.epoch, given });
        }
        let mut edit = Edit::of(&snapshot.view);
        edit.abandon_others("", branch.clock().now());
        edit.lock(None);
        let epoch = snapshot.epoch + 1;
        branch.check(&snapshot, &edit, epoch)?;
        let op = git::unique()?;
        let stamp = Stamp {
            cluster: branch.settings.cluster.to_string(),
            epoch,
            run: String::from(message::UNLOCK),
            op: op.clone(),
            phase: Phase::Steal,
            config: None,
            actor: actor.to_owned(),
        };
        let words = stamp.message("unlock", &format!("break epoch {given} of run {}", lock.run));
        let commit = branch.draft(snapshot.tip.as_deref(), &words, &edit.changes, &op).await?;
        match branch.land(&commit, snapshot.tip.as_deref()).await? {
            Landing::Landed => return Ok(Unlocked { lock, commit }),
            Landing::Refused(words) => return Err(branch.refused(words)),
            Landing::Unreachable(words) => return Err(branch.unreachable(words)),
            Landing::Moved => {
                attempts += 1;
                if attempts == UNLOCK_ATTEMPTS {
                    return Err(branch.unreachable(String::from("the branch moves faster than this can push")));
                }
            }
        }
    }
}
