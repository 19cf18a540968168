//! What happened to a cluster: its runs, newest first.

use serde::Serialize;

use std::collections::BTreeMap;

use super::branch::Branch;
use super::error::Error;
use super::finding::{Finding, FindingKind, Findings};
use super::layout::{self, File};
use super::record::{LockRecord, RunRecord};

/// The runs of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The run that holds the lock now.
    pub current: Option<LockRecord>,
    /// The runs that ended, newest first.
    pub runs: Vec<PastRun>,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastRun {
    /// Who, what, when, config commit, counts, result.
    pub record: RunRecord,
    /// The commit of the state branch that closed it.
    pub commit: String,
}

/// See [`super::Store::history`].
pub(super) async fn read(branch: &Branch) -> Result<History, Error> {
    let snapshot = branch.snapshot().await?;
    let Some(tip) = &snapshot.tip else { return Ok(History::default()) };
    let mut commits: BTreeMap<String, String> = BTreeMap::new();
    for (commit, paths) in branch.git.changes(tip, layout::RUNS).await? {
        for path in paths {
            // Newest first: the first commit is the one that wrote what is there now.
            commits.entry(path).or_insert_with(|| commit.clone());
        }
    }
    let paths: Vec<&String> =
        snapshot.files.keys().filter(|path| matches!(File::of(path), Some(File::Run(_)))).collect();
    let names: Vec<String> = paths.iter().map(|path| format!("{tip}:{path}")).collect();
    let mut runs = Vec::new();
    for (path, content) in paths.into_iter().zip(branch.git.contents(&names).await?) {
        let commit = commits.get(path).unwrap_or(tip).clone();
        let content = content.unwrap_or_default();
        let record: RunRecord = serde_json::from_slice(&content).map_err(|error| {
            Error::Corrupt(Findings(vec![Finding {
                kind: FindingKind::Unreadable,
                path: Some(path.clone()),
                commit: commit.clone(),
                message: format!("cannot be read: {error}"),
                repair: super::tree::repair(&branch.settings.cluster, path),
            }]))
        })?;
        runs.push(PastRun { record, commit });
    }
    runs.sort_by_key(|run| std::cmp::Reverse((run.record.started, run.record.epoch)));
    Ok(History { current: snapshot.view.records.lock, runs })
}
