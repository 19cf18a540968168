//! The lease: the right to write, and the only thing that does. Every write is one commit, pushed as a plain
//! fast-forward.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::branch::{Branch, Landing, Snapshot};
use super::bundle;
use super::edit::Edit;
use super::error::Error;
use super::fence::{Fence, LeaseEnded, Pulse};
use super::finding::{Finding, FindingKind, Findings};
use super::keys::KeyChange;
use super::message::{Phase, Stamp};
use super::record::{AddOnRecord, CertificateRecord, ClusterRecord, Intent, LockRecord, Outcome, RunRecord, RunResult};
use super::roll;
use super::sign::Sign;
use super::store::Acquire;
use super::{Records, git, layout, tree};
use crate::resource::Address;

/// How often a holder that pushes nothing looks at the branch. A look costs a host less than a push.
const LOOK: Duration = Duration::from_secs(20);

/// How often the lock is looked after while something else is waited for.
const WAKE: Duration = Duration::from_secs(10);

/// The longest pause between two tries of a push that nobody answers.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A held lock. Dropping it without [`Lease::release`] leaves the lock to be taken over when the lease has ended.
#[derive(Debug)]
pub struct Lease {
    branch: Arc<Branch>,
    acquire: Acquire,
    epoch: u64,
    fence: Fence,
    /// Tells other processes of this machine whether this one lives.
    sign: Option<Arc<Sign>>,
    /// The lock of a dead run that this one has taken over.
    predecessor: Option<LockRecord>,
    /// Tells the fence that this process lives.
    _pulse: Pulse,
    /// When the branch was last looked at.
    looked: Duration,
    /// The branch as we last moved it.
    base: Snapshot,
    /// What the next push changes in it.
    staged: Edit,
    /// Our pushes, confirmed or not: operation and when it started.
    sent: Vec<(String, Duration)>,
    /// When a push was last tried.
    tried: Duration,
}

/// How a lock was taken.
pub(super) struct Taken {
    /// When its push started.
    pub(super) started: Duration,
    /// What shows that the run lives; `None`: only its lease does.
    pub(super) sign: Option<Arc<Sign>>,
    /// The dead run's lock that it was taken over from.
    pub(super) from: Option<LockRecord>,
}

/// What a push is for.
struct Purpose<'a> {
    phase: Phase,
    what: &'a str,
    patience: Patience,
}

/// What to do when nobody answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Try until the lease ends, then write a bundle.
    Lease,
    /// Try once, then write a bundle: a person or a CI system has asked to stop.
    Once,
    /// Try once and leave it: a beat.
    None,
}

impl Lease {
    /// A lock that was just taken; the branch is at `base`.
    pub(super) fn begin(branch: Arc<Branch>, acquire: Acquire, base: Snapshot, taken: Taken) -> Self {
        let Taken { started, sign, from: predecessor } = taken;
        let fence = Fence::new(*branch.clock(), branch.settings.timing, started).showing(sign.clone());
        let (epoch, staged) = (base.epoch, Edit::of(&base.view));
        let sent = base.op.iter().map(|op| (op.clone(), started)).collect();
        let (_pulse, looked, tried) = (fence.watch(), started, started);
        Self { branch, acquire, epoch, fence, sign, predecessor, _pulse, looked, base, staged, sent, tried }
    }

    /// What the branch holds, with everything that this run has written or staged.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.staged.view.records
    }

    /// What the call gate asks before every mutating call.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.acquire.run
    }

    /// The lock of the dead run that this one has taken over.
    #[must_use]
    pub const fn predecessor(&self) -> Option<&LockRecord> {
        self.predecessor.as_ref()
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
        self.stage(|edit| edit.cluster(cluster))
    }

    /// Replaces `manifests/` with the next push: file name → text.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a name is no plain file name or a text holds a secret.
    pub fn stage_manifests(&mut self, manifests: &BTreeMap<String, String>) -> Result<(), Error> {
        let present: Vec<String> = self.base.files.keys().chain(self.staged.changes.keys()).cloned().collect();
        self.stage(|edit| {
            let files = manifests.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
            edit.replace_folder(present.iter(), layout::MANIFESTS, files);
        })
    }

    /// Replaces `addons/` with the next push.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a name is no plain file name or an object holds a secret.
    pub fn stage_add_ons(&mut self, add_ons: &[AddOnRecord]) -> Result<(), Error> {
        let present: Vec<String> = self.base.files.keys().chain(self.staged.changes.keys()).cloned().collect();
        self.stage(|edit| {
            let files = add_ons.iter().map(|it| (format!("{}.json", it.name), tree::json(it)));
            edit.replace_folder(present.iter(), layout::ADD_ONS, files);
            edit.view.records.add_ons = add_ons.iter().map(|it| (it.name.clone(), it.clone())).collect();
        })
    }

    /// Writes `certs/<authority>/<serial>.json` with the next push.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the record is not what the certificate says.
    pub fn stage_certificate(&mut self, record: CertificateRecord) -> Result<(), Error> {
        self.stage_keys(KeyChange { certificates: vec![record], ..KeyChange::default() })
    }

    /// Writes down what became of keys, certificates and secrets with the next push, all of it or nothing. Keys are
    /// pushed before anything uses them.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the records would contradict each other, a ciphertext is none, or a secret is sealed for
    /// fewer than two.
    pub fn stage_keys(&mut self, change: KeyChange) -> Result<(), Error> {
        self.stage(|edit| edit.keys(&change))
    }

    /// Writes down with the next push that these were seen ready.
    ///
    /// # Errors
    /// [`Error::Invalid`] as for every change.
    pub fn stage_settled(&mut self, addresses: &[Address]) -> Result<(), Error> {
        if addresses.is_empty() { Ok(()) } else { self.stage(|edit| edit.settled(addresses)) }
    }

    /// After a complete destroy, when the whole account was searched and nothing is left: with the next push
    /// `cluster.json` becomes `former/<uid>.json`, so that a later create begins with a new uid. Open intents are
    /// answered with it: whatever they began is not there.
    ///
    /// # Errors
    /// [`Error::Invalid`] while there are resources.
    pub fn stage_retirement(&mut self) -> Result<(), Error> {
        let left = self.records().resources.len();
        if left > 0 {
            let message = format!("{left} resources are left, so the cluster is not gone");
            return Err(invalid(FindingKind::Identity, layout::CLUSTER, message));
        }
        self.stage(|edit| {
            edit.settle();
            edit.retire();
        })
    }

    /// Writes `roll.json` with the next push, or drops it at the end of a roll.
    ///
    /// # Errors
    /// [`Error::Invalid`] when an invariant would break.
    pub fn stage_roll(&mut self, record: Option<roll::Record>) -> Result<(), Error> {
        self.stage(|edit| edit.roll(record))
    }

    /// Drops what somebody asked for with the next push: it is done.
    ///
    /// # Errors
    /// [`Error::Invalid`] when an invariant would break.
    pub fn stage_answer(&mut self, request: &str) -> Result<(), Error> {
        self.stage(|edit| edit.answer(request))
    }

    /// Looks whether somebody has asked something of this run: [`Records::requests`] then has it. One look at the
    /// remote's tip. An unreachable remote is no error here: the fence closes in time.
    ///
    /// # Errors
    /// [`Error::LeaseEnded`] when the lock was lost.
    pub async fn look(&mut self) -> Result<(), Error> {
        let silent = |error: &Error| matches!(error, Error::Unreachable { .. } | Error::TimedOut { .. });
        self.looked = self.branch.clock().since_boot();
        match self.branch.tip().await {
            Ok(tip) if tip == self.base.tip => {
                self.fence.confirm();
                Ok(())
            }
            Ok(_) => match self.find_ours(Phase::Beat).await {
                Err(error) if silent(&error) => Ok(()),
                other => other.map(drop),
            },
            Err(error) if silent(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// One push: the outcomes of the wave before, and the intents of the next. `what` goes into the subject:
    /// `wave 3/7`. Waits until a push is allowed again ([`super::Timing::spacing`]).
    ///
    /// # Errors
    /// [`Error::LeaseEnded`] when the lock was lost; [`Error::Unpushed`] when no push arrived within the lease: start
    /// no call. [`Error::Invalid`] when an invariant would break.
    pub async fn write(&mut self, what: &str, intents: Vec<Intent>, outcomes: Vec<Outcome>) -> Result<(), Error> {
        let phase = if intents.is_empty() { Phase::Result } else { Phase::Intent };
        let run = self.acquire.run.clone();
        self.stage(|edit| {
            for outcome in outcomes {
                edit.outcome(&run, outcome);
            }
            for intent in intents {
                edit.intent(&run, intent);
            }
        })?;
        self.space_out().await;
        self.push(Purpose { phase, what, patience: Patience::Lease }).await
    }

    /// Pushes a beat if the last push is long ago, and looks now and then whether the lock is still ours: a person may
    /// have broken it. Call it while waiting, at least as often as [`Lease::beat_due_in`] says. An unreachable remote is
    /// no error here: the fence closes in time.
    ///
    /// # Errors
    /// [`Error::LeaseEnded`] when the lock was lost.
    pub async fn beat_if_due(&mut self) -> Result<(), Error> {
        if !self.beat_due_in().is_zero() {
            let is_old = self.branch.clock().since_boot() >= self.looked + LOOK;
            return if is_old || self.fence.is_suspended() { self.look().await } else { Ok(()) };
        }
        match self.push(Purpose { phase: Phase::Beat, what: "beat", patience: Patience::None }).await {
            Err(Error::Unreachable { words, .. } | Error::Refused { words, .. }) => {
                tracing::warn!(words, "the beat could not be pushed");
                Ok(())
            }
            other => other,
        }
    }

    /// Waits for some work, and keeps the lock meanwhile.
    ///
    /// # Errors
    /// As [`Lease::beat_if_due`]; the work is dropped then.
    pub async fn beating<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        let clock = *self.branch.clock();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = clock.sleep(WAKE) => self.beat_if_due().await?,
            }
        }
    }

    /// How long until the next beat is due: a spacing before [`super::Timing::beat`] is over, so that a caller who
    /// looks every few seconds is never late.
    #[must_use]
    pub fn beat_due_in(&self) -> Duration {
        let timing = self.branch.settings.timing;
        let due = self.fence.pushed() + timing.beat.saturating_sub(timing.spacing);
        due.max(self.tried + timing.spacing).saturating_sub(self.branch.clock().since_boot())
    }

    /// The last push: gives the lock back and replaces the journal by the run's record. Intents without an outcome
    /// stay in the journal, unless `record` has a plan and its result is `Done`: then all of the world was seen.
    /// Returns the branch's tip.
    ///
    /// # Errors
    /// As [`Lease::write`].
    pub async fn release(mut self, mut record: RunRecord) -> Result<String, Error> {
        record.run.clone_from(&self.acquire.run);
        record.epoch = self.epoch;
        let is_done = record.result == RunResult::Done;
        let patience = if record.result == RunResult::Interrupted { Patience::Once } else { Patience::Lease };
        let applied = record.plan.is_some().then(|| self.records().cluster.clone()).flatten();
        self.stage(|edit| {
            edit.close(&record);
            if is_done && record.plan.is_some() {
                edit.settle();
                if let Some(cluster) = applied {
                    edit.cluster(ClusterRecord { config: record.config.clone(), plan: record.plan.clone(), ..cluster });
                }
            }
            edit.lock(None);
        })?;
        let what = match record.result {
            RunResult::Done => "done",
            RunResult::Failed => "failed",
            RunResult::Interrupted => "interrupted",
            RunResult::Abandoned => "abandoned",
        };
        self.push(Purpose { phase: Phase::Release, what, patience }).await?;
        self.fence.end(LeaseEnded::Released);
        if let Some(Err(error)) = self.sign.as_ref().map(|sign| sign.take_back()) {
            tracing::debug!(%error, "the sign of this run stays");
        }
        Ok(self.base.tip.unwrap_or_default())
    }

    /// Adds to the next push, all or nothing.
    fn stage(&mut self, change: impl FnOnce(&mut Edit)) -> Result<(), Error> {
        let mut edit = self.staged.clone();
        change(&mut edit);
        edit.view = self.branch.check(&self.base, &edit, self.epoch)?;
        self.staged = edit;
        Ok(())
    }

    /// Waits until the host may be pushed to again.
    async fn space_out(&self) {
        if self.branch.remote.is_local() {
            return;
        }
        let next = self.tried + self.branch.settings.timing.spacing;
        let clock = self.branch.clock();
        clock.sleep(next.saturating_sub(clock.since_boot())).await;
    }

    /// Pushes what is staged. Whatever happens, it stays staged until it has arrived.
    async fn push(&mut self, purpose: Purpose<'_>) -> Result<(), Error> {
        let clock = *self.branch.clock();
        let mut pause = Duration::from_secs(2);
        loop {
            let edit = self.next_edit(purpose.phase);
            let op = git::unique()?;
            let message = self.stamp(&op, purpose.phase).message(&self.acquire.operation, purpose.what);
            let parent = self.base.tip.clone();
            let commit = self.branch.draft(parent.as_deref(), &message, &edit.changes, &op).await?;
            let started = clock.since_boot();
            self.tried = started;
            self.sent.push((op.clone(), started));
            let (words, is_refused) = match self.branch.land(&commit, parent.as_deref()).await? {
                Landing::Landed => {
                    let cluster = &self.branch.settings.cluster;
                    let landed = self.base.clone().with(commit, self.epoch, op, &edit, cluster);
                    self.arrive(landed, started);
                    self.branch.landed(&self.base).await;
                    return Ok(());
                }
                Landing::Moved => match self.find_ours(purpose.phase).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => continue,
                    Err(Error::Unreachable { words, .. }) => (words, false),
                    Err(error) => return Err(error),
                },
                Landing::Refused(words) => (words, true),
                Landing::Unreachable(words) => (words, false),
            };
            let now = clock.since_boot();
            let end = self.fence.pushed() + self.branch.settings.timing.ttl;
            match purpose.patience {
                Patience::None if is_refused => return Err(self.branch.refused(words)),
                Patience::None => return Err(self.branch.unreachable(words)),
                Patience::Lease if !is_refused && now + pause < end => {
                    clock.sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Patience::Lease | Patience::Once => {
                    return Err(bundle::save(&self.branch, &self.acquire.run, &op, words).await);
                }
            }
        }
    }

    /// The branch is not where we left it. If a push of ours has moved it, which nobody had confirmed, or if somebody has
    /// asked something of us, we go on from there; otherwise the lock is lost. Says whether nothing is left to push.
    async fn find_ours(&mut self, phase: Phase) -> Result<bool, Error> {
        let snapshot = match self.branch.snapshot().await {
            Err(error @ Error::Corrupt(_)) => {
                // Whoever did that had no lock either: nothing may build on it.
                self.fence.end(LeaseEnded::Taken { by: String::from("somebody who damaged the state branch") });
                return Err(error);
            }
            other => other?,
        };
        let since = self.since(snapshot.tip.as_deref()).await?;
        let Some(started) = since else {
            let by = match (&snapshot.view.records.lock, &snapshot.tip) {
                (Some(lock), _) => format!("run {} of {}", lock.run, lock.holder),
                (None, Some(tip)) => format!("commit {}", &tip[..tip.len().min(12)]),
                (None, None) => String::from("somebody who removed the branch"),
            };
            let ended = LeaseEnded::Taken { by };
            self.fence.end(ended.clone());
            return Err(ended.into());
        };
        if phase == Phase::Release && snapshot.view.records.lock.is_none() {
            self.arrive(snapshot, started);
            return Ok(true);
        }
        self.fence.extend(started);
        self.staged.view.records.requests.clone_from(&snapshot.view.records.requests);
        self.base = snapshot;
        Ok(false)
    }

    /// When the newest push of ours in the branch started, if all that came after what we knew is ours or asks something
    /// of us: a request takes nothing from the holder. `None`: somebody else has moved the branch.
    async fn since(&self, tip: Option<&str>) -> Result<Option<Duration>, Error> {
        let Some(tip) = tip else { return Ok(None) };
        let known = self.base.tip.as_ref().map(|known| format!("^{known}"));
        let range: Vec<&str> = std::iter::once(tip).chain(known.as_deref()).collect();
        let mut newest = None;
        for commit in self.branch.git.log(&range).await? {
            let Some(stamp) = Stamp::read(&commit.message) else { return Ok(None) };
            let ours = self.sent.iter().find(|(op, _)| *op == stamp.op).map(|(_, started)| *started);
            match (ours, stamp.phase) {
                (Some(started), _) => newest = newest.max(Some(started)),
                (None, Phase::Request) => {}
                (None, _) => return Ok(None),
            }
        }
        Ok(Some(newest.unwrap_or_else(|| self.fence.pushed())))
    }

    fn arrive(&mut self, base: Snapshot, started: Duration) {
        self.fence.extend(started);
        self.looked = started;
        self.staged = Edit::of(&base.view);
        self.base = base;
        // Older pushes can no longer become the tip.
        self.sent.retain(|(op, _)| self.base.op.as_ref() == Some(op));
    }

    /// What is staged, and one more beat in the lock.
    fn next_edit(&self, phase: Phase) -> Edit {
        let mut edit = self.staged.clone();
        if phase != Phase::Release
            && let Some(mut lock) = self.base.view.records.lock.clone()
        {
            lock.beat += 1;
            edit.lock(Some(lock));
        }
        edit
    }

    fn stamp(&self, op: &str, phase: Phase) -> Stamp {
        Stamp {
            cluster: self.branch.settings.cluster.to_string(),
            epoch: self.epoch,
            run: self.acquire.run.clone(),
            op: op.to_owned(),
            phase,
            config: self.acquire.config.clone(),
            actor: self.acquire.actor.clone(),
        }
    }
}

impl Branch {
    /// Reads what `edit` would make of the branch.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it breaks an invariant.
    pub(super) fn check(&self, before: &Snapshot, edit: &Edit, epoch: u64) -> Result<tree::View, Error> {
        let files = tree::changed(&before.files, &edit.changes);
        let (view, mut findings) = tree::read(&self.settings.cluster, before.tip.as_deref(), &files);
        findings.extend(super::invariant::transition(&before.view, before.epoch, &view, epoch));
        if findings.is_empty() { Ok(view) } else { Err(Error::Invalid(Findings(findings))) }
    }

    /// After a push that arrived: the private copy keeps the tip and lets the draft go.
    pub(super) async fn landed(&self, landed: &Snapshot) {
        if let (Some(tip), Some(op)) = (&landed.tip, &landed.op) {
            self.remember(tip, vec![super::branch::draft_reference(op)]).await;
        }
    }
}

impl Snapshot {
    /// The branch after a commit of ours.
    pub(super) fn with(
        self,
        tip: String,
        epoch: u64,
        op: String,
        edit: &Edit,
        cluster: &crate::name::ClusterName,
    ) -> Self {
        let files = tree::changed(&self.files, &edit.changes);
        // Checked before it was pushed: no findings.
        let (view, _) = tree::read(cluster, Some(&tip), &files);
        Self { tip: Some(tip), epoch, op: Some(op), files, view }
    }
}

fn invalid(kind: FindingKind, path: &str, message: String) -> Error {
    let repair = String::from("Run the same command again.");
    Error::Invalid(Findings(vec![Finding {
        kind,
        path: Some(path.to_owned()),
        commit: String::new(),
        message,
        repair,
    }]))
}
