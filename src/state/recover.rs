//! Repairs a damaged branch: puts the last good version of each damaged file back, in a commit of its own on top. The
//! damage stays in the history, where `git log` shows it. A branch that is gone is put back as it was last seen here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::branch::{Branch, Landing, Snapshot};
use super::edit::Edit;
use super::error::{Error, Held};
use super::finding::{Finding, FindingKind, Findings};
use super::format::Format;
use super::message::{Phase, Stamp};
use super::reading::Body;
use super::record::LockRecord;
use super::store::{Recover, Recovered};
use super::tree::{self, Changes, Content};
use super::watch::{Patience, Watch};
use super::{acquire, fsck, git, layout};

/// See [`super::Store::recover`].
pub(super) async fn recover(
    branch: &Branch,
    recover: Recover,
    waiting: &mut (dyn FnMut(&Held) + Send),
) -> Result<Recovered, Error> {
    let Found { mut snapshot, findings, dead } = find(branch, &recover, waiting).await?;
    let Some(tip) = snapshot.tip.clone() else { return put_back(branch).await };
    let is_foreign = findings.iter().any(|finding| finding.kind == FindingKind::Foreign);
    let (_, told_by_reading) = tree::read(&branch.settings.cluster, Some(&tip), &snapshot.files);
    let is_told = |lock: &Finding| told_by_reading.iter().any(|other| other.path == lock.path);
    let mut given = fsck::beyond_reading(branch, &tip, &snapshot).await?;
    let lock = findings.iter().find(|finding| finding.path.as_deref() == Some(layout::LOCK) && !is_told(finding));
    given.extend(lock.cloned());
    let mut repair = Repair {
        branch,
        tip: &tip,
        paths: &recover.paths,
        given,
        edit: Edit { changes: Changes::new(), ..Edit::of(&snapshot.view) },
        restored: BTreeMap::new(),
        beyond: BTreeMap::new(),
    };
    if !snapshot.files.contains_key(layout::FORMAT) {
        repair.take_back(&snapshot).await?;
    }
    repair.everything(&snapshot).await?;
    let Repair { edit, restored, beyond, .. } = repair;
    let beyond = beyond.into_values().collect();
    if restored.is_empty() && !is_foreign {
        return Ok(Recovered { left: beyond, ..Recovered::default() });
    }
    let last = last_epoch(branch, &tip).await?;
    // The damage is what the branch comes from, so only the result is checked, not the step.
    snapshot.files = tree::changed(&snapshot.files, &edit.changes);
    let (repaired, left) = tree::read(&branch.settings.cluster, Some(&tip), &snapshot.files);
    // A lock that is put back is still its holder's; else a repair is an epoch of its own.
    let (epoch, run) = match &repaired.records.lock {
        Some(lock) if lock.epoch == last => (last, lock.run.clone()),
        _ => (last + 1, String::from("recover")),
    };
    let left: Vec<Finding> = left
        .into_iter()
        .filter(|finding| finding.path.as_ref().is_some_and(|path| restored.contains_key(path)))
        .collect();
    if !left.is_empty() {
        return Err(Error::Invalid(Findings(left)));
    }
    let op = git::unique()?;
    let stamp = Stamp {
        cluster: branch.settings.cluster.to_string(),
        epoch,
        run,
        op: op.clone(),
        phase: Phase::Recover,
        config: None,
        actor: recover.actor.clone(),
    };
    let what = if restored.is_empty() { String::from("go on from a foreign commit") } else { list(&restored) };
    let message = stamp.message("recover", &what);
    let commit = branch.draft(Some(&tip), &message, &edit.changes, &op).await?;
    match branch.land(&commit, Some(&tip)).await? {
        Landing::Landed => {
            let unlocked = match dead {
                Some(lock) => unlocked(branch, &lock, &recover.actor).await?,
                None => None,
            };
            Ok(Recovered { commit: Some(commit), restored, left: beyond, put_back: None, unlocked })
        }
        Landing::Refused(words) => Err(branch.refused(words)),
        Landing::Unreachable(words) => Err(branch.unreachable(words)),
        Landing::Moved => Err(branch.unreachable(String::from("the branch moved meanwhile"))),
    }
}

/// A branch whose lock, if it has one that can be believed, is that of a dead run.
struct Found {
    snapshot: Snapshot,
    findings: Vec<Finding>,
    dead: Option<LockRecord>,
}

/// Waits until no living run holds the lock. Damage ends a living run too, but it may have calls in flight until then.
async fn find(branch: &Branch, recover: &Recover, waiting: &mut (dyn FnMut(&Held) + Send)) -> Result<Found, Error> {
    let patience = Patience { timeout: recover.timeout, stop: recover.stop.clone(), way_out: "state recover" };
    let mut watch = Watch::begin(branch, patience);
    let (mut snapshot, mut findings) = branch.inspect().await?;
    loop {
        if snapshot.tip.is_some() && findings.iter().any(|finding| finding.kind == FindingKind::History) {
            // Which of two pasts is the right one is for a person to say.
            return Err(Error::Corrupt(Findings(findings)));
        }
        let is_damaged = findings.iter().any(|finding| finding.path.as_deref() == Some(layout::LOCK));
        let lock = snapshot.view.records.lock.clone().filter(|_| !is_damaged);
        let Some(lock) = lock else { return Ok(Found { snapshot, findings, dead: None }) };
        let is_dead = match recover.dead {
            Some(given) if given != lock.epoch => return Err(Error::WrongEpoch { actual: lock.epoch, given }),
            Some(_) => true,
            None => branch.signs().death(&lock.run).is_some(),
        };
        let tip = snapshot.tip.as_deref();
        if is_dead || watch.may_take_over(tip, &lock, waiting).await? {
            return Ok(Found { snapshot, findings, dead: Some(lock) });
        }
        if watch.has_moved(tip).await? {
            (snapshot, findings) = branch.inspect().await?;
        }
    }
}

/// Breaks the lock of the dead run, so that whoever comes next need not find out once more that it is dead; unless
/// something else is damaged still.
async fn unlocked(branch: &Branch, dead: &LockRecord, actor: &str) -> Result<Option<LockRecord>, Error> {
    match acquire::unlock(branch, dead.epoch, actor).await {
        Ok(unlocked) => Ok(Some(unlocked.lock)),
        Err(Error::Corrupt(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a branch back that is gone. It is pushed as it was: its history, its records, and the lock if somebody held it.
async fn put_back(branch: &Branch) -> Result<Recovered, Error> {
    let Some(tip) = branch.remembered().await? else { return Ok(Recovered::default()) };
    match branch.land(&tip, None).await? {
        Landing::Landed => Ok(Recovered { put_back: Some(tip), ..Recovered::default() }),
        Landing::Refused(words) => Err(branch.refused(words)),
        Landing::Unreachable(words) => Err(branch.unreachable(words)),
        Landing::Moved => Err(branch.unreachable(String::from("somebody else has made the branch meanwhile"))),
    }
}

/// The repair of the files, one after the other: what one says wrong of another goes with it.
struct Repair<'a> {
    branch: &'a Branch,
    tip: &'a str,
    /// Which files; empty: all.
    paths: &'a [String],
    /// What is wrong that reading the files does not tell.
    given: Vec<Finding>,
    edit: Edit,
    restored: BTreeMap<String, Option<String>>,
    /// By file: what no version of it takes away.
    beyond: BTreeMap<String, Finding>,
}

impl Repair<'_> {
    async fn everything(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        while let Some(finding) = self.next(snapshot) {
            let path = finding.path.clone().unwrap_or_default();
            match self.restore(snapshot, &finding).await? {
                Some((path, content, from)) => {
                    self.edit.changes.insert(path.clone(), content);
                    self.restored.insert(path, from);
                }
                None => drop(self.beyond.insert(path, finding)),
            }
        }
        Ok(())
    }

    /// Nothing of ours ever removes `format.json`: whatever else was removed with it comes back too.
    async fn take_back(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let git = &self.branch.git;
        let Some((removal, _)) = git.changes(self.tip, layout::FORMAT).await?.into_iter().next() else { return Ok(()) };
        let Some(before) = git.log(&[&removal]).await?.into_iter().next().and_then(|it| it.parents.into_iter().next())
        else {
            return Ok(());
        };
        let paths: Vec<String> = git.tree(&before).await?.into_keys().collect();
        let gone: Vec<String> = paths.into_iter().filter(|path| !snapshot.files.contains_key(path)).collect();
        let names: Vec<String> = gone.iter().map(|path| format!("{before}:{path}")).collect();
        for (path, content) in gone.into_iter().zip(git.contents(&names).await?) {
            if let (true, Some(content)) = (self.is_wanted(&path), content) {
                self.edit.changes.insert(path.clone(), Some(Body::new(content)));
                self.restored.insert(path, Some(before.clone()));
            }
        }
        Ok(())
    }

    /// A lock that is wrong is repaired with any journal: without it the holder's would be thrown away as
    /// nobody's, and with it what the holder has begun.
    fn is_wanted(&self, path: &String) -> bool {
        let judges = || path == layout::LOCK && self.paths.iter().any(|path| path.starts_with(layout::JOURNALS));
        self.paths.is_empty() || self.paths.contains(path) || judges()
    }

    /// The next finding that is to be repaired. A lock that contradicts its commit comes first: by it others are judged, such
    /// as the journal of the run that holds it.
    fn next(&self, snapshot: &Snapshot) -> Option<Finding> {
        let files = tree::changed(&snapshot.files, &self.edit.changes);
        let (_, findings) = tree::read(&self.branch.settings.cluster, Some(self.tip), &files);
        let (lock, given): (Vec<_>, Vec<_>) =
            self.given.iter().cloned().partition(|finding| finding.path.as_deref() == Some(layout::LOCK));
        let all = lock.into_iter().chain(findings).chain(given);
        all.into_iter().find(|finding| {
            finding.path.as_ref().is_some_and(|path| {
                self.is_wanted(path) && !self.restored.contains_key(path) && !self.beyond.contains_key(path)
            })
        })
    }

    /// The newest version of the file (or of a file beneath the folder) with which the finding is gone, and the commit
    /// that has it. What was never good, and says nothing that others need, is removed.
    async fn restore(&mut self, snapshot: &Snapshot, finding: &Finding) -> Result<Option<Restored>, Error> {
        let place = finding.path.clone().unwrap_or_default();
        let mut versions = Vec::new();
        for (commit, paths) in self.branch.git.changes(self.tip, &place).await? {
            let paths = if place.ends_with('/') { paths } else { vec![place.clone()] };
            versions.extend(paths.into_iter().map(|path| (commit.clone(), path)));
        }
        let names: Vec<String> = versions.iter().map(|(commit, path)| format!("{commit}:{path}")).collect();
        let contents = self.branch.git.contents(&names).await?;
        let versions = versions.into_iter().zip(contents);
        let versions: Vec<_> = match finding.kind {
            // What reading does not tell reads well: those versions count that were before.
            _ if self.given.contains(finding) => {
                versions.skip_while(|((commit, _), _)| *commit != finding.commit).skip(1).collect()
            }
            // What stands there now is no version of a file.
            FindingKind::NotAFile => versions.skip(1).collect(),
            _ => versions.collect(),
        };
        let must_be_there = finding.kind == FindingKind::Missing || self.given.contains(finding);
        for ((commit, path), content) in versions {
            let content = content.map(Body::new);
            if must_be_there && content.is_none() {
                continue;
            }
            let mut files = tree::changed(&snapshot.files, &self.edit.changes);
            match &content {
                Some(content) => files.insert(path.clone(), Content::Read(Arc::clone(content))),
                None => files.remove(&path),
            };
            let (_, findings) = tree::read(&self.branch.settings.cluster, Some(self.tip), &files);
            if findings.iter().any(|other| other.path.as_deref() == Some(place.as_str())) {
                continue;
            }
            let from = content.is_some().then_some(commit);
            return Ok(Some((path, content, from)));
        }
        if place == layout::FORMAT {
            return Ok(Some((place, Some(Body::new(tree::json(&Format::current()))), None)));
        }
        let is_useless = matches!(
            finding.kind,
            FindingKind::Unknown
                | FindingKind::NotAFile
                | FindingKind::NotEncrypted
                | FindingKind::Secret
                | FindingKind::Unreadable
                | FindingKind::Misplaced
                | FindingKind::Result
                | FindingKind::Contradiction
        );
        if !is_useless {
            return Ok(None);
        }
        if let Some(restored) = self.buried(&place).await? {
            // The folder goes with what is in it.
            self.edit.changes.insert(place, None);
            return Ok(Some(restored));
        }
        Ok(Some((place, None, None)))
    }

    /// The newest version of a file in whose place there is a folder now, with this path in it.
    async fn buried(&self, place: &str) -> Result<Option<Restored>, Error> {
        let above = place.match_indices('/').map(|(end, _)| &place[..end]);
        let Some(file) = above.into_iter().find(|above| layout::File::of(above).is_some()) else { return Ok(None) };
        for (commit, _) in self.branch.git.changes(self.tip, file).await? {
            if self.branch.git.tree(&commit).await?.contains_key(file) {
                let content =
                    self.branch.git.contents(&[format!("{commit}:{file}")]).await?.into_iter().next().flatten();
                return Ok(content.map(|content| (file.to_owned(), Some(Body::new(content)), Some(commit))));
            }
        }
        Ok(None)
    }
}

/// A path, its content, and the commit that this is from.
type Restored = (String, Option<Arc<Body>>, Option<String>);

/// The epoch of the newest commit of ours.
async fn last_epoch(branch: &Branch, tip: &str) -> Result<u64, Error> {
    let commits = branch.git.log(&[tip]).await?;
    Ok(commits.iter().filter_map(|commit| Stamp::read(&commit.message)).map(|stamp| stamp.epoch).max().unwrap_or(0))
}

fn list(restored: &BTreeMap<String, Option<String>>) -> String {
    match restored.len() {
        1 => restored.keys().next().cloned().unwrap_or_default(),
        count => format!("{count} files"),
    }
}
