//! The git command, wrapped: the only place that starts it.
//!
//! Remotes are spoken to by the git command line and not by a library, because the user's credentials, proxies and
//! SSH settings work there. Everything happens in a private bare repository; nothing here opens the user's checkout or
//! index, or runs a hook of the user's.

mod authorization;
mod checkout;
mod environment;
mod imitation;
mod mishap;
mod objects;
mod process;
mod remote;
mod repository;
mod words;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use checkout::checked_out_commit;
pub use imitation::Imitation;
pub(super) use objects::{Commit, Draft, Identity, unique};
pub(super) use remote::{Pushed, Remote};
pub(super) use repository::Project;

use super::error::Error;
use crate::fault::{Effect, Faults};
use process::{Failure, Finished};

/// The first git with `fetch --porcelain`, which says what was fetched without a reference that another process may
/// move (release notes of git 2.41).
const OLDEST: (u32, u32) = (2, 41);

/// How commands are run.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// How long one may take.
    pub(super) limit: Duration,
    /// What goes wrong with it on purpose.
    pub(super) faults: Faults,
    /// What takes the command's place.
    pub(super) imitation: Option<Imitation>,
}

/// A way to run git in one repository.
#[derive(Clone, Debug)]
pub(super) struct Git {
    /// The repository itself (`--git-dir`); `None`: wherever `folder` is.
    repository: Option<PathBuf>,
    /// Where the command runs.
    folder: PathBuf,
    /// Settings that are handed over in the environment, because they may hold secrets.
    configuration: Vec<(String, String)>,
    manner: Manner,
}

impl Git {
    /// Runs git in `folder`, as the user would.
    fn beside(folder: &Path, manner: Manner) -> Self {
        Self { repository: None, folder: folder.to_owned(), configuration: Vec::new(), manner }
    }

    /// Runs git on the bare repository `repository`.
    fn on(repository: &Path, configuration: Vec<(String, String)>, manner: Manner) -> Self {
        let folder = repository.to_owned();
        Self { repository: Some(repository.to_owned()), folder, configuration, manner }
    }

    /// The folder of the repository.
    pub(super) fn repository_path(&self) -> PathBuf {
        self.repository.clone().unwrap_or_else(|| self.folder.clone())
    }

    /// The standard output of a command that must succeed.
    async fn output<S: AsRef<OsStr>>(&self, arguments: &[S], input: Vec<u8>) -> Result<Vec<u8>, Error> {
        let finished = self.run(arguments, input).await?;
        if finished.success { Ok(finished.stdout) } else { Err(failed(arguments, &finished.stderr)) }
    }

    /// Runs a command; its exit code is the caller's to judge.
    async fn run<S: AsRef<OsStr>>(&self, arguments: &[S], input: Vec<u8>) -> Result<Finished, Error> {
        let operation = format!("git:{}", subcommand(arguments));
        match self.manner.faults.meet(Effect::Git(&operation)) {
            None => self.run_well(arguments, input).await,
            Some(kind) => mishap::run(self, kind, arguments, input).await,
        }
    }

    async fn run_well<S: AsRef<OsStr>>(&self, arguments: &[S], input: Vec<u8>) -> Result<Finished, Error> {
        if let Some(imitation) = &self.manner.imitation {
            return Ok(imitation.run(arguments, &input));
        }
        let mut command = Command::new("git");
        environment::prepare(&mut command, &self.configuration);
        for setting in environment::SETTINGS {
            command.args(["-c", setting]);
        }
        if let Some(repository) = &self.repository {
            command.arg("--git-dir").arg(repository);
        }
        command.args(arguments).current_dir(&self.folder);
        let name = subcommand(arguments);
        tracing::debug!(command = name, folder = %self.folder.display(), "git");
        process::run(command, input, self.manner.limit).await.map_err(|failure| match failure {
            Failure::Start(error) if error.kind() == std::io::ErrorKind::NotFound && self.folder.is_dir() => {
                Error::GitMissing
            }
            Failure::Start(source) => Error::Io { path: self.folder.clone(), source },
            Failure::TimedOut => Error::TimedOut { command: name, limit: self.manner.limit },
            Failure::Cancelled => Error::Git { command: name, words: String::from("it was interrupted") },
        })
    }
}

/// Checks that git is there and new enough.
pub(super) async fn check_version(folder: &Path, manner: Manner) -> Result<(), Error> {
    let output = Git::beside(folder, manner).output(&["--version"], Vec::new()).await?;
    let text = String::from_utf8_lossy(&output);
    match version(&text) {
        Some(found) if found >= OLDEST => Ok(()),
        Some(_) | None => Err(Error::GitTooOld { found: words::clean(text.trim().trim_start_matches("git version ")) }),
    }
}

/// Major and minor of `git version 2.47.3 (Apple Git-1)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// `fetch` of `["fetch", "--porcelain", …]`, for messages.
fn subcommand<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    arguments.first().map(|argument| argument.as_ref().to_string_lossy().into_owned()).unwrap_or_default()
}

fn failed<S: AsRef<OsStr>>(arguments: &[S], stderr: &[u8]) -> Error {
    Error::Git { command: subcommand(arguments), words: words::words(stderr) }
}

/// Output that is not what git's documentation says.
fn unexpected(command: &str) -> Error {
    Error::Git { command: command.to_owned(), words: String::from("its output is not understood") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_vendors_line() {
        assert_eq!(version("git version 2.47.3\n"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)\n"), Some((2, 39)));
        assert_eq!(version("git version 2.50.0.windows.1\n"), Some((2, 50)));
        assert_eq!(version("hub version 1"), None);
        assert!((2, 40) < OLDEST && (2, 41) >= OLDEST && (3, 0) > OLDEST);
    }
}
