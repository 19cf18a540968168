//! Checks a whole branch: every file at the tip, every commit, and every object that was ever in it.

use std::collections::{BTreeMap, BTreeSet};

use super::branch::{self, Branch};
use super::error::Error;
use super::finding::{Finding, FindingKind};
use super::git::Commit;
use super::journal::Journal;
use super::layout::{self, File};
use super::message::{Phase, Stamp};
use super::reading::Body;
use super::record::ClusterRecord;
use super::tree::{self, Content};
use super::{invariant, keys, secret};

/// See [`super::Store::fsck`].
pub(super) async fn check(branch: &Branch) -> Result<Vec<Finding>, Error> {
    let (snapshot, mut findings) = branch.inspect().await?;
    let Some(tip) = &snapshot.tip else { return Ok(findings) };
    let mut commits = branch.git.log(&[tip]).await?;
    let known: BTreeSet<(FindingKind, String)> =
        findings.iter().map(|finding| (finding.kind, finding.commit.clone())).collect();
    let chain = branch::line(&branch.settings.cluster, &commits, None);
    findings.extend(chain.into_iter().filter(|finding| !known.contains(&(finding.kind, finding.commit.clone()))));
    commits.reverse();
    findings.extend(stamps(branch, &commits));
    findings.extend(identities(branch, tip, &commits).await?.findings);
    findings.extend(journals(branch, tip).await?);
    findings.extend(closed(branch, tip, &snapshot).await?);
    findings.extend(removed(branch, tip, &snapshot).await?);
    findings.extend(signatures(branch, tip, &snapshot).await?);
    findings.extend(objects(branch, tip, &findings).await?);
    for finding in findings.iter_mut().filter(|finding| finding.repair.is_empty()) {
        finding.repair = match &finding.path {
            Some(path) => tree::repair(&branch.settings.cluster, path),
            None => format!("Look at it with `git show {}`; what is in the history stays there.", finding.commit),
        };
    }
    Ok(findings)
}

/// What is wrong with files at the tip that reading all that a run needs does not tell.
pub(super) async fn beyond_reading(
    branch: &Branch,
    tip: &str,
    snapshot: &branch::Snapshot,
) -> Result<Vec<Finding>, Error> {
    let mut commits = branch.git.log(&[tip]).await?;
    commits.reverse();
    let identities = identities(branch, tip, &commits).await?;
    // The first change is the one that is taken back.
    let mut findings: Vec<Finding> =
        identities.findings.into_iter().take(usize::from(identities.is_another_now)).collect();
    findings.extend(closed(branch, tip, snapshot).await?);
    findings.extend(removed(branch, tip, snapshot).await?);
    findings.extend(signatures(branch, tip, snapshot).await?);
    Ok(findings)
}

fn finding(kind: FindingKind, path: Option<&str>, commit: &str, message: String) -> Finding {
    Finding { kind, path: path.map(str::to_owned), commit: commit.to_owned(), message, repair: String::new() }
}

/// Commits, oldest first: all ours, with an epoch that never falls and grows where the lock changes hands.
fn stamps(branch: &Branch, commits: &[Commit]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last: Option<Stamp> = None;
    let mut operations: BTreeMap<String, &str> = BTreeMap::new();
    for (index, commit) in commits.iter().enumerate() {
        let Some(stamp) = Stamp::read(&commit.message) else {
            // The root and the tip were looked at already.
            if index > 0 && index + 1 < commits.len() {
                let message = format!("a commit by {}, which windlass did not make", commit.author);
                findings.push(finding(FindingKind::Foreign, None, &commit.id, message));
            }
            continue;
        };
        if let Some(first) = operations.insert(stamp.op.clone(), &commit.id)
            && index + 1 < commits.len()
        {
            findings.push(finding(FindingKind::Foreign, None, &commit.id, branch::repeated(commit, first)));
        }
        if stamp.cluster != branch.settings.cluster.as_str() {
            let message = format!("a commit for cluster {}", stamp.cluster);
            findings.push(finding(FindingKind::Foreign, None, &commit.id, message));
        }
        if stamp.phase == Phase::Request {
            // Whoever asks has no lock, and takes none.
            continue;
        }
        let before = last.as_ref().map_or(0, |stamp| stamp.epoch);
        let is_grown = stamp.epoch > before;
        // What was repaired under the lock of a run, or its lock itself: it is still that run's.
        let is_repaired = stamp.phase == Phase::Recover
            && last.as_ref().is_some_and(|last| last.holds() && (last.epoch, &last.run) == (stamp.epoch, &stamp.run));
        let message = match stamp.phase {
            Phase::Acquire | Phase::Steal | Phase::Recover if !is_grown && !is_repaired => {
                Some(format!("the epoch is {} and should be above {before}", stamp.epoch))
            }
            Phase::Intent | Phase::Result | Phase::Beat | Phase::Release
                if last
                    .as_ref()
                    .is_none_or(|last| !last.holds() || (last.epoch, &last.run) != (stamp.epoch, &stamp.run)) =>
            {
                Some(format!("run {} writes with epoch {} without having the lock", stamp.run, stamp.epoch))
            }
            _ => None,
        };
        findings.extend(message.map(|message| finding(FindingKind::Epoch, None, &commit.id, message)));
        if !is_repaired {
            last = Some(stamp);
        }
    }
    findings
}

/// `cluster.json` of every commit: an identity never changes.
async fn identities(branch: &Branch, tip: &str, commits: &[Commit]) -> Result<Identities, Error> {
    let names: Vec<String> = commits.iter().map(|commit| format!("{}:{}", commit.id, layout::CLUSTER)).collect();
    let former = |path: &String| match File::of(path) {
        Some(File::Former(uid)) => Some(uid),
        _ => None,
    };
    let ever = branch.git.changes(tip, layout::FORMER).await?;
    let uids: BTreeSet<String> = ever.iter().flat_map(|(_, paths)| paths).filter_map(former).collect();
    let contents = branch.git.contents(&names).await?;
    // The identity that counts, and the one of the commit before.
    let (mut own, mut before): (Option<ClusterRecord>, Option<ClusterRecord>) = (None, None);
    let mut identities = Identities::default();
    for (commit, content) in commits.iter().zip(contents) {
        let record = content.as_deref().and_then(|content| serde_json::from_slice::<ClusterRecord>(content).ok());
        // Damaged at that time, and repaired since: the tip is what counts.
        if content.is_some() && record.is_none() {
            continue;
        }
        let message = invariant::identity(own.as_ref(), record.as_ref(), |uid| uids.contains(uid));
        identities.is_another_now = message.is_some();
        match message {
            Some(message) if record != before => {
                let finding = finding(FindingKind::Identity, Some(layout::CLUSTER), &commit.id, message);
                identities.findings.push(finding);
            }
            Some(_) => {}
            None if record.is_some() || own.as_ref().is_some_and(|own| uids.contains(&own.uid)) => {
                own.clone_from(&record);
            }
            None => {}
        }
        before = record;
    }
    Ok(identities)
}

/// What became of a cluster's identity.
#[derive(Default)]
struct Identities {
    findings: Vec<Finding>,
    /// Whether it is another one at the tip.
    is_another_now: bool,
}

/// Certificates that are not signed by who they are recorded under: a bit is another one.
async fn signatures(branch: &Branch, tip: &str, snapshot: &branch::Snapshot) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for (record, message) in keys::unsigned(&snapshot.view.records) {
        let path = layout::certificate(record.authority, &record.serial);
        findings.push(finding(FindingKind::Certificate, Some(&path), tip, message));
    }
    branch.blame(tip, &mut findings).await?;
    Ok(findings)
}

/// Files that are never removed, and were: closed runs, and former identities.
async fn removed(branch: &Branch, tip: &str, snapshot: &branch::Snapshot) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let mut gone: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in [layout::RUNS, layout::FORMER] {
        for (commit, paths) in branch.git.changes(tip, folder).await? {
            for path in paths.into_iter().filter(|path| !snapshot.files.contains_key(path)) {
                gone.entry(path).or_default().push(commit.clone());
            }
        }
    }
    for (path, commits) in gone {
        let names: Vec<String> = commits.iter().map(|commit| format!("{commit}:{path}")).collect();
        let contents = branch.git.contents(&names).await?;
        let was_good = |content: Vec<u8>| {
            let files = tree::Files::from([(path.clone(), Content::Read(Body::new(content)))]);
            tree::read_apart(&branch.settings.cluster, &files).is_empty()
        };
        if let (true, Some(commit)) = (contents.into_iter().flatten().any(was_good), commits.first()) {
            let message = String::from("removed, and nothing ever removes it");
            findings.push(finding(FindingKind::Missing, Some(&path), commit, message));
        }
    }
    Ok(findings)
}

/// Every journal that ever was: no result without an earlier intent.
async fn journals(branch: &Branch, tip: &str) -> Result<Vec<Finding>, Error> {
    let mut places = Vec::new();
    for (commit, paths) in branch.git.changes(tip, layout::JOURNALS).await? {
        places.extend(paths.into_iter().map(|path| (commit.clone(), path)));
    }
    let names: Vec<String> = places.iter().map(|(commit, path)| format!("{commit}:{path}")).collect();
    let contents = branch.git.contents(&names).await?;
    // Oldest first, and one finding a file: later versions repeat it.
    let mut found: BTreeMap<String, Finding> = BTreeMap::new();
    for ((commit, path), content) in places.into_iter().zip(contents).rev() {
        let Some(Ok(journal)) = content.map(|content| Journal::read(&content)) else { continue };
        if let Some(line) = journal.orphan_result() {
            let message = format!("line {line} is a result without an earlier intent");
            let finding = finding(FindingKind::Result, Some(&path), &commit, message);
            found.entry(path).or_insert(finding);
        }
    }
    Ok(found.into_values().collect())
}

/// The files at the tip that no run reads: closed runs.
async fn closed(branch: &Branch, tip: &str, snapshot: &branch::Snapshot) -> Result<Vec<Finding>, Error> {
    let paths: Vec<&String> = snapshot
        .files
        .iter()
        .filter(|(_, content)| matches!(content, Content::Unread))
        .map(|(path, _)| path)
        .filter(|path| File::of(path).is_some())
        .collect();
    let names: Vec<String> = paths.iter().map(|path| format!("{tip}:{path}")).collect();
    let contents = branch.git.contents(&names).await?;
    let mut files = tree::Files::new();
    for (path, content) in paths.into_iter().zip(contents) {
        files.insert(path.clone(), Content::Read(Body::new(content.unwrap_or_default())));
    }
    let mut findings = tree::read_apart(&branch.settings.cluster, &files);
    branch.blame(tip, &mut findings).await?;
    Ok(findings)
}

/// Every object that any commit of the branch has: what was a secret once stays one.
async fn objects(branch: &Branch, tip: &str, known: &[Finding]) -> Result<Vec<Finding>, Error> {
    let reachable: Vec<(String, String)> =
        branch.git.reachable(tip).await?.into_iter().filter(|(_, path)| path.contains('.')).collect();
    let names: Vec<String> = reachable.iter().map(|(object, _)| object.clone()).collect();
    let contents = branch.git.contents(&names).await?;
    let mut findings = Vec::new();
    for ((_, path), content) in reachable.into_iter().zip(contents) {
        let Some(content) = content else { continue };
        let flaw = match File::of(&path) {
            // A folder with a dot in its name, or a file that is reported as unknown.
            None => continue,
            Some(File::Secret(_)) if secret::is_encrypted(&content) => None,
            Some(File::Secret(_)) => Some((FindingKind::NotEncrypted, String::from("was not age ciphertext once"))),
            Some(_) => secret::find(&content)
                .map(|secret| (FindingKind::Secret, format!("line {} held {} once", secret.line, secret.what))),
        };
        let Some((kind, message)) = flaw else { continue };
        if known.iter().any(|known| known.kind == kind && known.path.as_ref() == Some(&path)) {
            continue;
        }
        let commit = branch.git.changes(tip, &path).await?.pop().map(|(commit, _)| commit).unwrap_or_default();
        let mut finding = finding(kind, Some(&path), &commit, message);
        finding.repair = String::from("It stays in the history: replace that secret where it is used.");
        findings.push(finding);
    }
    Ok(findings)
}
