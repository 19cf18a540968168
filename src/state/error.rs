//! Why the state could not be read or written: a variant per situation that a caller can act on.

use std::path::PathBuf;
use std::time::Duration;

use super::fence::LeaseEnded;
use super::finding::Findings;
use super::record::LockRecord;
use crate::exit::Exit;

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no git command.
    #[error("the git command was not found")]
    GitMissing,
    /// The git command is older than 2.41.
    #[error("git {found} is too old: windlass needs git 2.41 or newer")]
    GitTooOld {
        /// The version that was found.
        found: String,
    },
    /// The project is not in a git repository.
    #[error("{} is not in a git repository, and the state lives in git", .project.display())]
    NoRepository {
        /// The project's root.
        project: PathBuf,
    },
    /// What windlass keeps for itself came with the project: somebody else's configuration of git would be followed.
    #[error("{} is committed, and nobody but windlass on this machine may write it", .path.display())]
    Committed {
        /// windlass' folder, in the project.
        path: PathBuf,
    },
    /// The repository has no remote of that name.
    #[error("the git repository has no remote called {name:?} (it has {})", listed(.known))]
    NoRemote {
        /// What `state.remote` says.
        name: String,
        /// The remotes that there are.
        known: Vec<String>,
    },
    /// `state.remote` names a repository that is a part of the project.
    #[error("state.remote is {url}, which is inside of the project: its hooks and its state would come with a commit")]
    RemoteInside {
        /// What `state.remote` says.
        url: String,
    },
    /// The remote did not answer, or did not let us in; nothing was changed.
    #[error("cannot reach the state in {url}: {words}")]
    Unreachable {
        /// The repository, without credentials.
        url: String,
        /// What git said.
        words: String,
    },
    /// The remote answered, and refused the push by a rule of its own.
    #[error("{url} refuses pushes to {branch}: {words}")]
    Refused {
        /// The repository, without credentials.
        url: String,
        /// The state branch.
        branch: String,
        /// What the server said.
        words: String,
    },
    /// Another run holds the lock.
    #[error("{0}")]
    Held(Box<Held>),
    /// `unlock` or `state recover` was given an epoch that is not the lock's.
    #[error("the lock has epoch {actual}, not {given}")]
    WrongEpoch {
        /// The lock's epoch.
        actual: u64,
        /// What was typed.
        given: u64,
    },
    /// `unlock` of a lock that nobody holds.
    #[error("nobody holds the lock")]
    NotHeld,
    /// The lease has ended; the run must stop.
    #[error("{0}")]
    LeaseEnded(#[from] LeaseEnded),
    /// The last records could not be pushed. They are in a bundle; the next run recovers without it as well.
    #[error("the last state could not be pushed: {words}; it was saved in {}", .bundle.display())]
    Unpushed {
        /// What git said.
        words: String,
        /// The git bundle.
        bundle: PathBuf,
        /// The shell command that pushes it.
        replay: String,
    },
    /// A newer windlass wrote the branch.
    #[error("the state of {cluster} was written by a newer windlass (format {format}), and this one is {running}")]
    TooNew {
        /// The cluster.
        cluster: String,
        /// The branch's format.
        format: u64,
        /// The oldest version that may write it.
        needed: String,
        /// This version.
        running: &'static str,
    },
    /// The branch is damaged; nothing acts on it.
    #[error("the state branch is damaged:\n{0}")]
    Corrupt(Findings),
    /// What was about to be written breaks an invariant; nothing was written.
    #[error("refusing to write the state:\n{0}")]
    Invalid(Findings),
    /// A git command failed in a way that nothing here foresees.
    #[error("git {command} failed: {words}")]
    Git {
        /// The subcommand.
        command: String,
        /// What git said.
        words: String,
    },
    /// A git command took too long.
    #[error("git {command} took longer than {} s", .limit.as_secs())]
    TimedOut {
        /// The subcommand.
        command: String,
        /// How long it might take.
        limit: Duration,
    },
    /// A file or folder of windlass' own could not be read or made.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// What to do, a sentence for the line behind `hint:`; `None` where the message says it all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::GitMissing | Self::GitTooOld { .. } => String::from("install git 2.41 or newer"),
            Self::NoRepository { .. } => {
                String::from("run `git init` in the project, or set `state.remote` to the URL of a repository")
            }
            Self::Committed { path } => {
                format!("look at what it is, then: git rm -r --cached {0} && rm -r {0}", path.display())
            }
            Self::NoRemote { .. } => {
                String::from("set `state.remote` to one of these, to a URL, or to `none` to keep the state here")
            }
            Self::RemoteInside { .. } => String::from(
                "name a repository elsewhere, or set `state.remote` to `none` to keep the state in this clone",
            ),
            Self::Unreachable { url, .. } => {
                format!("nothing was changed; `git ls-remote {url}` must work without asking anything")
            }
            Self::Refused { .. } => String::from(
                "the state branch needs plain pushes: except windlass-state/* from branch protection for this user, \
                 or set `state.remote` to another repository",
            ),
            Self::Held(held) => format!(
                "wait for it with --lock-timeout; if that run is dead: windlass {} {} --epoch {}",
                held.way_out, held.cluster, held.lock.epoch
            ),
            Self::LeaseEnded(_) => String::from("run the same command again: it finds what was done and goes on"),
            Self::Unpushed { replay, .. } => format!("push it with: {replay}"),
            Self::TooNew { needed, .. } => format!("install windlass {needed} or newer"),
            Self::TimedOut { .. } => String::from("run the same command again"),
            Self::WrongEpoch { actual, .. } => {
                format!("look at who holds it now, then type that epoch: --epoch {actual}")
            }
            Self::NotHeld | Self::Corrupt(_) | Self::Invalid(_) | Self::Git { .. } | Self::Io { .. } => return None,
        })
    }

    /// The exit code that this ends a run with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Held(_) => Exit::Locked,
            Self::LeaseEnded(_) | Self::Unpushed { .. } => Exit::Resumable,
            Self::NoRepository { .. } | Self::NoRemote { .. } | Self::RemoteInside { .. } => Exit::Config,
            Self::Committed { .. }
            | Self::TooNew { .. }
            | Self::WrongEpoch { .. }
            | Self::Corrupt(_)
            | Self::Invalid(_) => Exit::Refused,
            Self::GitMissing
            | Self::GitTooOld { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::NotHeld
            | Self::Git { .. }
            | Self::TimedOut { .. }
            | Self::Io { .. } => Exit::Unexpected,
        }
    }
}

/// A lock that another run holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The cluster.
    pub cluster: String,
    /// The lock: run, holder, operation, epoch.
    pub lock: LockRecord,
    /// Since when, by this machine's date.
    pub age: Duration,
    /// How long we have seen the branch stand still; at [`super::Timing::ttl`] the lock may be taken over.
    pub still: Duration,
    /// The command that goes on at once, with the epoch from a person who knows that the run is dead.
    pub way_out: &'static str,
}

impl std::fmt::Display for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LockRecord { run, holder, operation, .. } = &self.lock;
        write!(
            formatter,
            "{} is locked by {holder}: {operation}, run {run}, since {} ago",
            self.cluster,
            spoken(self.age)
        )
    }
}

/// `3 h 20 min`, `4 min`, `12 s`.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { String::from("none") } else { names.join(", ") }
}
