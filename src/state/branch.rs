//! The state branch: reads it at one tip, and moves it by fast-forward pushes whose outcome is always found out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::Error;
use super::finding::{Finding, FindingKind, Findings};
use super::format;
use super::git::{self, Commit, Draft, Git, Identity, Project, Pushed, Remote};
use super::layout::{self, File};
use super::message::Stamp;
use super::reading::{self, Body};
use super::settings::StoreSettings;
use super::sign::Signs;
use super::tree::{self, Changes, Content, Files, View};
use crate::clock::Clock;
use crate::planted::{self, Bug};

/// How often a question that only the network can answer is asked before giving up, and the pauses between.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// What servers say when another push holds their lock at this very moment, and not by any rule (git's own refs code).
const BUSY: [&str; 4] = ["failed to update ref", "cannot lock ref", "failed to lock", "Unable to create"];

/// One cluster's branch.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) settings: StoreSettings,
    pub(super) git: Git,
    pub(super) remote: Remote,
    /// `windlass-state/<cluster>`
    pub(super) name: String,
    identity: Identity,
}

/// The branch at one tip.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    /// `None`: there is no branch.
    pub(super) tip: Option<String>,
    /// The epoch of the tip; 0 if there is none.
    pub(super) epoch: u64,
    /// The operation that made the tip.
    pub(super) op: Option<String>,
    pub(super) files: Files,
    pub(super) view: View,
}

/// What came of a push, for certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// The branch is at our commit.
    Landed,
    /// The branch is somewhere else: another push was faster, or came on top of ours.
    Moved,
    /// The branch stands where it stood; the server has a rule against us, in its words.
    Refused(String),
    /// The branch stands where it stood, or nobody knows: the remote does not answer.
    Unreachable(String),
}

impl Branch {
    /// Finds git, the repository and the private copy; talks to no remote.
    pub(super) async fn open(settings: StoreSettings) -> Result<Self, Error> {
        let manner = settings.manner();
        if !settings.project.is_dir() {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Error::Io { path: settings.project, source });
        }
        git::check_version(&settings.project, manner.clone()).await?;
        let project = Project::read(&settings.project, manner).await?;
        let (git, remote) = project.workspace(&settings).await?;
        let name = format!("windlass-state/{}", settings.cluster);
        Ok(Self { identity: project.identity(&whoami()), settings, git, remote, name })
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.settings.clock
    }

    /// The tip now, without reading anything of it.
    pub(super) async fn tip(&self) -> Result<Option<String>, Error> {
        self.git.fetch(&self.remote, &self.name, &seen()?).await
    }

    /// Everything at the tip, checked.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        let (snapshot, findings) = self.inspect().await?;
        if findings.is_empty() { Ok(snapshot) } else { Err(Error::Corrupt(Findings(findings))) }
    }

    /// Everything at the tip, with all that is wrong with it.
    pub(super) async fn inspect(&self) -> Result<(Snapshot, Vec<Finding>), Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let reference = seen()?;
            let tip = self.git.fetch(&self.remote, &self.name, &reference).await?;
            let (stamp, mut findings) = match &tip {
                Some(tip) => self.verify(tip).await?,
                None => (None, self.vanished().await?),
            };
            // Another process may have seen a later tip than this one: look again before crying wolf.
            if findings.iter().any(|finding| finding.kind == FindingKind::History)
                && let Some(pause) = pauses.next()
            {
                self.clock().sleep(pause).await;
                continue;
            }
            let Some(tip) = tip else { return Ok((Snapshot::default(), findings)) };
            let files = self.files(&tip).await?;
            let (view, mut flaws) = tree::read(&self.settings.cluster, Some(&tip), &files);
            if let Some((lock, stamp)) = self.lock_of_another(&files, &view, stamp.as_ref()).zip(stamp.as_ref()) {
                // That nobody holds the lock for the open journal is said by this.
                let journal = layout::journal(&stamp.run);
                let is_said = |flaw: &Finding| {
                    flaw.kind == FindingKind::Contradiction && flaw.path.as_deref() == Some(journal.as_str())
                };
                flaws.retain(|flaw| !is_said(flaw));
                flaws.push(lock);
            }
            self.blame(&tip, &mut flaws).await?;
            findings.append(&mut flaws);
            if findings.is_empty() {
                self.remember(&tip, vec![reference]).await;
            }
            let epoch = stamp.as_ref().map_or(0, |stamp| stamp.epoch);
            let op = stamp.map(|stamp| stamp.op);
            return Ok((Snapshot { tip: Some(tip), epoch, op, files, view }, findings));
        }
    }

    /// A lock is written by the commit that takes it, every later one of that holder has its epoch, and it is there until
    /// the holder gives it back.
    fn lock_of_another(&self, files: &Files, view: &View, stamp: Option<&Stamp>) -> Option<Finding> {
        let stamp = stamp?;
        let Some(lock) = view.records.lock.as_ref() else {
            // A damaged one is told by itself.
            let is_gone = !files.contains_key(layout::LOCK);
            let is_open = view.journals.contains_key(&stamp.run) && !view.runs.contains(&stamp.run);
            let message = format!("it is gone, and run {}, whose journal is open, has not given it back", stamp.run);
            let flaw = || reading::flaw(&self.settings.cluster, FindingKind::Contradiction, layout::LOCK, message);
            return (is_gone && is_open).then(flaw);
        };
        if (lock.epoch, &lock.run) == (stamp.epoch, &stamp.run) {
            return None;
        }
        let message = format!(
            "held by run {} with epoch {}, and the last commit is of run {} with epoch {}",
            lock.run, lock.epoch, stamp.run, stamp.epoch
        );
        Some(reading::flaw(&self.settings.cluster, FindingKind::Contradiction, layout::LOCK, message))
    }

    /// The last tip that was found good here; `None`: this private copy has never seen the branch.
    pub(super) async fn remembered(&self) -> Result<Option<String>, Error> {
        self.git.resolve(&self.verified()).await
    }

    /// What is wrong with there being no branch: nothing, unless one was seen before.
    async fn vanished(&self) -> Result<Vec<Finding>, Error> {
        let Some(known) = self.remembered().await? else { return Ok(Vec::new()) };
        Ok(vec![Finding {
            kind: FindingKind::History,
            path: None,
            message: format!("the branch {} is gone; {known} was its tip", self.name),
            repair: format!(
                "`windlass state recover {}` puts it back as it was. If it was removed on purpose: git -C {} update-ref -d {}",
                self.settings.cluster,
                self.cache().display(),
                self.verified()
            ),
            commit: known,
        }])
    }

    /// Checks what is new since the last look: one line of commits, ours from the root on. Returns the tip's stamp.
    async fn verify(&self, tip: &str) -> Result<(Option<Stamp>, Vec<Finding>), Error> {
        let known = self.remembered().await?;
        let parents = known.as_ref().map(|known| format!("^{known}^@"));
        let mut range = vec![tip];
        range.extend(parents.as_deref());
        let commits = self.git.log(&range).await?;
        let mut findings = line(&self.settings.cluster, &commits, known.as_deref());
        for finding in &mut findings {
            finding.repair = match (finding.kind, &known) {
                (FindingKind::History, Some(known)) => format!(
                    "Find out who moved the branch. To go back: git -C {} push --force windlass {known}:refs/heads/{}; \
                     to accept it as it is: remove that folder.",
                    self.cache().display(),
                    self.name
                ),
                (FindingKind::Foreign, _) => format!(
                    "Look at it with `git show {}`. To go on from it: `windlass state recover {}`; to go back: push the \
                     commit before it over the branch.",
                    finding.commit, self.settings.cluster
                ),
                _ => format!("Push the last good commit over the branch {}.", self.name),
            };
        }
        let stamp = commits.first().and_then(|commit| Stamp::read(&commit.message));
        Ok((stamp, findings))
    }

    /// The files of a commit: one listing, one batch.
    pub(super) async fn files(&self, commit: &str) -> Result<Files, Error> {
        let listing = self.git.tree(commit).await?;
        let is_plain = |mode: &str| mode == "100644";
        let wanted = |path: &String| File::of(path).is_some_and(|file| file.is_read_always());
        let read: Vec<(&String, &String)> = listing
            .iter()
            .filter(|(path, entry)| is_plain(&entry.mode) && wanted(path))
            .map(|(path, entry)| (path, &entry.object))
            .collect();
        let names: Vec<String> = read.iter().map(|(_, object)| (*object).clone()).collect();
        let contents = self.git.contents(&names).await?;
        let mut files: Files = BTreeMap::new();
        for (path, entry) in &listing {
            let content = if is_plain(&entry.mode) { Content::Unread } else { Content::Odd(entry.mode.clone()) };
            files.insert(path.clone(), content);
        }
        for ((path, _), content) in read.into_iter().zip(contents) {
            let content = content.ok_or_else(|| Error::Git {
                command: String::from("cat-file"),
                words: format!("{path} of {commit} is missing in {}", self.cache().display()),
            })?;
            files.insert(path.clone(), Content::Read(Body::new(content)));
        }
        if let Some(Content::Read(content)) = files.get(layout::FORMAT) {
            format::check(self.settings.cluster.as_str(), content.bytes())?;
        }
        Ok(files)
    }

    /// Names the commit that last touched each file with a finding.
    pub(super) async fn blame(&self, tip: &str, findings: &mut [Finding]) -> Result<(), Error> {
        for finding in findings.iter_mut() {
            let path = finding.path.as_deref().unwrap_or_default();
            let touched = self.git.changes(tip, path).await?;
            finding.commit = touched.into_iter().next().map_or_else(|| tip.to_owned(), |(commit, _)| commit);
        }
        Ok(())
    }

    /// Makes a commit on `parent`, in the private copy only.
    pub(super) async fn draft(
        &self,
        parent: Option<&str>,
        message: &str,
        changes: &Changes,
        op: &str,
    ) -> Result<String, Error> {
        let reference = draft_reference(op);
        let identity = &self.identity;
        let changes = changes.iter().map(|(path, body)| (path.as_str(), body.as_ref().map(|body| body.bytes())));
        let changes = &changes.collect();
        let draft = Draft { parent, message, changes, identity, time: self.clock().now(), reference: &reference };
        self.git.commit(&draft).await
    }

    /// Pushes a commit that [`Branch::draft`] made, and finds out what came of it.
    pub(super) async fn land(&self, commit: &str, parent: Option<&str>) -> Result<Landing, Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let pushed = self.git.push(&self.remote, commit, &self.name).await?;
            let (is_rejected, words) = match pushed {
                Pushed::Yes => return Ok(Landing::Landed),
                Pushed::Rejected(words) => (true, words),
                Pushed::Unknown(_) if planted::is(Bug::BelievedPush) => return Ok(Landing::Landed),
                Pushed::Unknown(words) => (false, words),
            };
            tracing::debug!(branch = self.name, words, "push not confirmed");
            let Some(tip) = self.tip_at_last().await? else { return Ok(Landing::Unreachable(words)) };
            if tip.as_deref() == Some(commit) {
                return Ok(Landing::Landed);
            }
            if tip.is_some() && tip.as_deref() != parent {
                return Ok(Landing::Moved);
            }
            if !is_rejected {
                return Ok(Landing::Unreachable(words));
            }
            match pauses.next() {
                Some(pause) if BUSY.iter().any(|busy| words.contains(busy)) => self.clock().sleep(pause).await,
                _ => return Ok(Landing::Refused(words)),
            }
        }
    }

    /// The tip, asked more than once; the outer `None`: the remote does not answer.
    async fn tip_at_last(&self) -> Result<Option<Option<String>>, Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.tip().await {
                Ok(tip) => return Ok(Some(tip)),
                Err(Error::Unreachable { .. } | Error::TimedOut { .. }) => match pauses.next() {
                    Some(pause) => self.clock().sleep(pause).await,
                    None => return Ok(None),
                },
                Err(other) => return Err(other),
            }
        }
    }

    /// Remembers a tip that was found good, and drops what kept other objects alive until now. Only an optimization
    /// and a memory: that it fails, because another process does the same, is no harm.
    pub(super) async fn remember(&self, tip: &str, drop: Vec<String>) {
        if let Err(error) = self.git.keep(&self.verified(), tip, &drop).await {
            tracing::debug!(%error, "the private copy keeps its references");
        }
    }

    /// The error for a landing that is none.
    pub(super) fn refused(&self, words: String) -> Error {
        Error::Refused { url: self.remote.shown(), branch: self.name.clone(), words }
    }

    /// The error for a remote that does not answer.
    pub(super) fn unreachable(&self, words: String) -> Error {
        Error::Unreachable { url: self.remote.shown(), words }
    }

    /// The private copy's folder.
    pub(super) fn cache(&self) -> std::path::PathBuf {
        self.git.repository_path()
    }

    /// The signs that runs of this cluster on this machine give.
    pub(super) fn signs(&self) -> Signs {
        Signs::of(&self.settings.directory, self.settings.cluster.as_str())
    }

    fn verified(&self) -> String {
        format!("refs/windlass/tips/{}", self.settings.cluster)
    }
}

/// What is wrong with a line of commits, newest first, that must end at `known` or at our root.
pub(super) fn line(cluster: &crate::name::ClusterName, commits: &[Commit], known: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut flaw = |kind, commit: &str, message: String| {
        findings.push(Finding { kind, path: None, commit: commit.to_owned(), message, repair: String::new() });
    };
    for commit in commits {
        if commit.parents.len() > 1 {
            flaw(
                FindingKind::History,
                &commit.id,
                format!("a merge by {}: the branch must be one line", commit.author),
            );
        }
    }
    let Some((tip, root)) = commits.first().zip(commits.last()) else {
        // Nothing is new, not even the tip: it is older than what was seen.
        if let Some(known) = known {
            flaw(FindingKind::History, known, format!("the branch was moved back by force: {known} was its tip"));
        }
        return findings;
    };
    match known {
        Some(known) if root.id != known => {
            let message = format!("the branch was moved by force: it no longer contains {known}, which was its tip");
            flaw(FindingKind::History, &tip.id, message);
        }
        Some(_) => {}
        None if Stamp::read(&root.message).is_none_or(|stamp| stamp.cluster != cluster.as_str()) => {
            flaw(
                FindingKind::Foreign,
                &root.id,
                format!("the branch does not begin with a commit of ours for {cluster}"),
            );
        }
        None => {}
    }
    let operation = |commit: &Commit| Stamp::read(&commit.message).map(|stamp| stamp.op);
    if let Some(own) = operation(tip)
        && let Some(first) = commits.iter().skip(1).find(|commit| operation(commit).as_ref() == Some(&own))
    {
        flaw(FindingKind::Foreign, &tip.id, repeated(tip, &first.id));
    }
    if Stamp::read(&tip.message).is_none_or(|stamp| stamp.cluster != cluster.as_str()) {
        flaw(FindingKind::Foreign, &tip.id, format!("the last commit, by {}, was not made by windlass", tip.author));
    }
    findings
}

/// What is wrong with a commit that has the operation of an earlier one: each push has its own.
pub(super) fn repeated(commit: &Commit, first: &str) -> String {
    format!("a commit by {} with the words of commit {}", commit.author, &first[..first.len().min(12)])
}

/// The reference that keeps a commit alive until it is pushed.
pub(super) fn draft_reference(op: &str) -> String {
    format!("refs/windlass/drafts/{op}")
}

/// A reference that no other fetch uses.
fn seen() -> Result<String, Error> {
    Ok(format!("refs/windlass/seen/{}", git::unique()?))
}

/// `user@host`, for commits of users without a git identity.
fn whoami() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|user| !user.is_empty());
    let names = rustix::system::uname();
    format!("{}@{}", user.unwrap_or_else(|| String::from("windlass")), names.nodename().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::super::message::Phase;
    use super::*;

    fn commit(id: &str, parents: &[&str], cluster: Option<&str>) -> Commit {
        let stamp = cluster.map(|cluster| Stamp {
            cluster: cluster.to_owned(),
            epoch: 1,
            run: String::from("r"),
            op: id.to_owned(),
            phase: Phase::Beat,
            config: None,
            actor: String::from("a"),
        });
        Commit {
            id: id.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            author: String::from("a <b>"),
            message: stamp.map_or_else(|| String::from("by hand"), |stamp| stamp.message("apply", "x")),
        }
    }

    #[test]
    fn a_history_is_one_line_of_ours_that_never_loses_what_was_seen() {
        let cluster = "prod.example".parse().expect("a name");
        let ours = Some("prod.example");
        let kinds =
            |commits: &[Commit], known| line(&cluster, commits, known).iter().map(|f| f.kind).collect::<Vec<_>>();
        let good = [commit("c", &["b"], ours), commit("b", &["a"], ours), commit("a", &[], ours)];
        assert_eq!(kinds(&good, None), []);
        assert_eq!(kinds(&good[..2], Some("b")), []);
        assert_eq!(kinds(&good, Some("z")), [FindingKind::History]);
        assert_eq!(kinds(&[], Some("z")), [FindingKind::History]);
        assert_eq!(kinds(&[commit("m", &["a", "b"], ours), good[2].clone()], None), [FindingKind::History]);
        assert_eq!(kinds(&[good[0].clone(), commit("a", &[], None)], None), [FindingKind::Foreign]);
        assert_eq!(kinds(&[good[0].clone(), commit("a", &[], Some("other.example"))], None), [FindingKind::Foreign]);
        assert_eq!(kinds(&[commit("c", &["b"], None), good[2].clone()], None), [FindingKind::Foreign]);
    }
}
