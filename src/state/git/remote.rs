//! The two commands that talk to a remote: fetch one branch, push one commit to it.

use std::path::Path;

use super::{Git, unexpected, words};
use crate::state::error::Error;

/// The repository that holds the state branches.
#[derive(Clone, Debug)]
pub(in crate::state) struct Remote {
    url: String,
    local: bool,
}

impl Remote {
    /// What the private copy calls it.
    pub(super) const NAME: &'static str = "windlass";

    /// Whatever a URL or path names: its own hooks and rules apply.
    pub(super) const fn elsewhere(url: String) -> Self {
        Self { url, local: false }
    }

    /// The user's own repository, or the sandbox's: their hooks do not run.
    pub(super) fn on_this_machine(path: &Path) -> Self {
        Self { url: path.to_string_lossy().into_owned(), local: true }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether there is no host that asks to be spared.
    pub(in crate::state) const fn is_local(&self) -> bool {
        self.local
    }
}

/// What came of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::state) enum Pushed {
    /// The server confirmed it.
    Yes,
    /// The server answered no: its words. A lost race or a rule of the host: the branch tells which.
    Rejected(String),
    /// No answer, or none that says anything: what git said. It may have been applied.
    Unknown(String),
}

/// How the private copy's receiving side is started in a repository on this machine: without the hooks and the
/// housekeeping of the user's repository.
const QUIET_RECEIVE: &str = "--receive-pack=git -c core.hooksPath=/dev/null -c receive.autogc=false -c gc.auto=0 -c maintenance.auto=false receive-pack";

/// How often a branch is fetched that is there when one looks, and was not when it was fetched.
const FETCHES: u32 = 3;

impl Git {
    /// Fetches a branch; its tip, or `None` if the remote has no such branch.
    pub(in crate::state) async fn fetch(
        &self,
        remote: &Remote,
        branch: &str,
        into: &str,
    ) -> Result<Option<String>, Error> {
        let refspec = format!("+refs/heads/{branch}:{into}");
        let arguments = [
            "fetch",
            "--porcelain",
            "--verbose",
            "--no-write-fetch-head",
            "--no-tags",
            "--no-auto-maintenance",
            "--no-show-forced-updates",
            Remote::NAME,
            &refspec,
        ];
        let unreachable = |words| Error::Unreachable { url: remote.shown(), words };
        let reference = format!("refs/heads/{branch}");
        let mut attempt = 1;
        loop {
            let finished = match self.run(&arguments, Vec::new()).await {
                Err(Error::TimedOut { limit, .. }) => {
                    return Err(unreachable(format!("no answer within {} s", limit.as_secs())));
                }
                other => other?,
            };
            if finished.success {
                return fetched(&finished.stdout, into).map(Some).ok_or_else(|| unexpected("fetch"));
            }
            // Whether the branch is missing or the way is blocked: only the exit code of this tells (git-ls-remote(1)).
            let listed = self.run(&["ls-remote", "--exit-code", Remote::NAME, &reference], Vec::new()).await?;
            match listed.code {
                Some(2) => return Ok(None),
                // Somebody made the branch in between.
                Some(0) if attempt < FETCHES => attempt += 1,
                _ => return Err(unreachable(words::words(&finished.stderr))),
            }
        }
    }

    /// Pushes `commit` to a branch as a plain fast-forward.
    pub(in crate::state) async fn push(&self, remote: &Remote, commit: &str, branch: &str) -> Result<Pushed, Error> {
        let refspec = format!("{commit}:refs/heads/{branch}");
        let mut arguments = vec!["push", "--porcelain", "--no-verify"];
        if remote.is_local() {
            arguments.push(QUIET_RECEIVE);
        }
        arguments.extend([Remote::NAME, &refspec]);
        let finished = match self.run(&arguments, Vec::new()).await {
            Err(Error::TimedOut { limit, .. }) => {
                return Ok(Pushed::Unknown(format!("no answer within {} s", limit.as_secs())));
            }
            other => other?,
        };
        Ok(outcome(finished.success, &finished.stdout, &finished.stderr))
    }
}

/// The new tip in `git fetch --porcelain`: flag, old, new, reference (git-fetch(1), OUTPUT).
fn fetched(stdout: &[u8], into: &str) -> Option<String> {
    let text = String::from_utf8_lossy(stdout);
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.get(1..)?.split_whitespace().collect();
        match fields[..] {
            [_, new, reference] if reference == into => Some(new.to_owned()),
            _ => None,
        }
    })
}

/// Reads `git push --porcelain` (git-push(1), OUTPUT): flag, tab, from:to, tab, summary and reason. The exit code
/// alone says too little: a killed push has often been applied, and a refused one looks like a lost one.
fn outcome(success: bool, stdout: &[u8], stderr: &[u8]) -> Pushed {
    let text = String::from_utf8_lossy(stdout);
    let line = text.lines().find_map(|line| {
        let (flag, rest) = line.split_once('\t')?;
        let (_, summary) = rest.split_once('\t')?;
        flag.chars().next().map(|flag| (flag, summary))
    });
    match line {
        Some((' ' | '*' | '=', _)) if success => Pushed::Yes,
        Some(('!', summary)) if !summary.contains("[remote failure]") => {
            let said = words::words(stderr);
            let reason = words::clean(summary);
            Pushed::Rejected(if said == "git said nothing" { reason } else { format!("{reason}: {said}") })
        }
        Some(_) | None => Pushed::Unknown(words::words(stderr)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_porcelain_of_a_push_is_read_and_the_exit_code_alone_is_not_believed() {
        let line =
            |flag: &str, summary: &str| format!("To /x\n{flag}\taaaa:refs/heads/b\t{summary}\nDone\n").into_bytes();
        assert_eq!(outcome(true, &line(" ", "aa..bb"), b""), Pushed::Yes);
        assert_eq!(outcome(true, &line("*", "[new branch]"), b""), Pushed::Yes);
        assert_eq!(outcome(true, &line("=", "[up to date]"), b""), Pushed::Yes);
        assert!(matches!(outcome(true, b"", b""), Pushed::Unknown(_)));
        assert!(matches!(outcome(false, &line(" ", "aa..bb"), b""), Pushed::Unknown(_)));
        assert_eq!(
            outcome(false, &line("!", "[remote rejected] (pre-receive hook declined)"), b"remote: not here\n"),
            Pushed::Rejected(String::from("[remote rejected] (pre-receive hook declined): not here"))
        );
        assert!(matches!(outcome(false, &line("!", "[remote failure] (x)"), b"y"), Pushed::Unknown(_)));
        assert_eq!(outcome(false, b"", b"fatal: broken pipe"), Pushed::Unknown(String::from("broken pipe")));
    }

    #[test]
    fn the_fetched_tip_is_the_one_of_our_reference() {
        let stdout = b"* 0000 aaaa refs/windlass/other\n+ bbbb cccc refs/windlass/seen\n";
        assert_eq!(fetched(stdout, "refs/windlass/seen").as_deref(), Some("cccc"));
        assert_eq!(fetched(b"  aa bb refs/windlass/seen\n", "refs/windlass/seen").as_deref(), Some("bb"));
        assert_eq!(fetched(b"", "refs/windlass/seen"), None);
    }
}
