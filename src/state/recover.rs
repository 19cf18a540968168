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
use super::store::Recovered;
use super::tree::{self, Changes, Content};
use super::{git, layout};

/// See [`super::Store::recover`].
pub(super) async fn recover(branch: &Branch, paths: &[String], actor: &str) -> Result<Recovered, Error> {
    let (mut snapshot, findings) = branch.inspect().await?;
    let Some(tip) = snapshot.tip.clone() else { return put_back(branch).await };
    if findings.iter().any(|finding| finding.kind == FindingKind::History) {
        // Which of two pasts is the right one is for a person to say.
        return Err(Error::Corrupt(Findings(findings)));
    }
    if let Some(lock) = snapshot.view.records.lock.clone()
        && !findings.iter().any(|finding| finding.path.as_deref() == Some(layout::LOCK))
    {
        let age = branch.clock().now().duration_since(lock.started);
        let age = std::time::Duration::try_from(age).unwrap_or_default();
        let cluster = branch.settings.cluster.to_string();
        return Err(Error::Held(Box::new(Held { cluster, lock, age, still: std::time::Duration::ZERO })));
    }
    let wanted = |finding: &&Finding| {
        finding.path.as_ref().is_some_and(|path| paths.is_empty() || paths.iter().any(|wanted| wanted == path))
    };
    let damaged: Vec<String> = findings.iter().filter(wanted).filter_map(|finding| finding.path.clone()).collect();
    let is_foreign = findings.iter().any(|finding| finding.kind == FindingKind::Foreign);
    if damaged.is_empty() && !is_foreign {
        return Ok(Recovered::default());
    }
    let mut edit = Edit { changes: Changes::new(), ..Edit::of(&snapshot.view) };
    let mut restored = BTreeMap::new();
    for path in damaged {
        if restored.contains_key(&path) {
            continue;
        }
        let from = restore(branch, &snapshot, &tip, &path, &mut edit.changes).await?;
        restored.insert(path, from);
    }
    let epoch = last_epoch(branch, &tip).await? + 1;
    // The damage is what the branch comes from, so only the result is checked, not the step.
    snapshot.files = tree::changed(&snapshot.files, &edit.changes);
    let (_, left) = tree::read(&branch.settings.cluster, Some(&tip), &snapshot.files);
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
        run: String::from("recover"),
        op: op.clone(),
        phase: Phase::Recover,
        config: None,
        actor: actor.to_owned(),
    };
    let what = if restored.is_empty() { String::from("go on from a foreign commit") } else { list(&restored) };
    let message = stamp.message("recover", &what);
    let commit = branch.draft(Some(&tip), &message, &edit.changes, &op).await?;
    match branch.land(&commit, Some(&tip)).await? {
        Landing::Landed => Ok(Recovered { commit: Some(commit), restored, put_back: None }),
        Landing::Refused(words) => Err(branch.refused(words)),
        Landing::Unreachable(words) => Err(branch.unreachable(words)),
        Landing::Moved => Err(branch.unreachable(String::from("the branch moved meanwhile"))),
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

/// Changes `path` to its newest version with which nothing is wrong with it; says the commit that has it, or `None`
/// when it is removed.
async fn restore(
    branch: &Branch,
    snapshot: &Snapshot,
    tip: &str,
    path: &str,
    changes: &mut Changes,
) -> Result<Option<String>, Error> {
    let commits: Vec<String> = branch.git.changes(tip, path).await?.into_iter().map(|(commit, _)| commit).collect();
    let names: Vec<String> = commits.iter().map(|commit| format!("{commit}:{path}")).collect();
    let contents = branch.git.contents(&names).await?;
    for (commit, content) in commits.into_iter().zip(contents) {
        let content = content.map(Body::new);
        let mut files = tree::changed(&snapshot.files, changes);
        match &content {
            Some(content) => files.insert(path.to_owned(), Content::Read(Arc::clone(content))),
            None => files.remove(path),
        };
        let (_, findings) = tree::read(&branch.settings.cluster, Some(tip), &files);
        if findings.iter().any(|finding| finding.path.as_deref() == Some(path)) {
            continue;
        }
        let from = content.is_some().then_some(commit);
        changes.insert(path.to_owned(), content);
        return Ok(from);
    }
    let fresh = (path == layout::FORMAT).then(|| Body::new(tree::json(&Format::current())));
    changes.insert(path.to_owned(), fresh);
    Ok(None)
}

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
