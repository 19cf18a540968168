//! Asks something of the run that holds the lock, from another process: a commit on top of the holder's, which adds one
//! file and touches neither the lock nor anything of the holder's. The holder sees it at its next push or look.

use super::branch::{Branch, Landing};
use super::edit::Edit;
use super::error::Error;
use super::git;
use super::message::{Phase, Stamp};
use super::record::{Asked, LockRecord, RequestRecord};

/// How often a request starts over because the branch moved: a live holder pushes at most every ten seconds.
const ATTEMPTS: u32 = 5;

/// See [`super::Store::request`].
pub(super) async fn request(branch: &Branch, request: RequestRecord) -> Result<LockRecord, Error> {
    for _ in 0..ATTEMPTS {
        let snapshot = branch.snapshot().await?;
        let Some(lock) = snapshot.view.records.lock.clone() else { return Err(Error::NotHeld) };
        let op = git::unique()?;
        let mut edit = Edit::of(&snapshot.view);
        edit.request(&op, request.clone());
        branch.check(&snapshot, &edit, snapshot.epoch)?;
        let stamp = Stamp {
            cluster: branch.settings.cluster.to_string(),
            epoch: snapshot.epoch,
            run: lock.run.clone(),
            op: op.clone(),
            phase: Phase::Request,
            config: None,
            actor: request.by.clone(),
        };
        let what = match request.what {
            Asked::Pause => "pause",
            Asked::Abort => "abort",
        };
        let message = stamp.message(&lock.operation, &format!("{what}, asks {}", request.by));
        let commit = branch.draft(snapshot.tip.as_deref(), &message, &edit.changes, &op).await?;
        match branch.land(&commit, snapshot.tip.as_deref()).await? {
            Landing::Landed => return Ok(lock),
            Landing::Refused(words) => return Err(branch.refused(words)),
            Landing::Unreachable(words) => return Err(branch.unreachable(words)),
            Landing::Moved => {}
        }
    }
    Err(branch.unreachable(String::from("the branch moves faster than this can push")))
}
