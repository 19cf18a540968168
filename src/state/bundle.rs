//! The last resort of a run that cannot push: a git bundle beside the project, and the command that replays it. The
//! next run recovers without it as well, because intents say what was begun and AWS what came of it.

use std::path::PathBuf;

use super::branch::{Branch, draft_reference};
use super::error::Error;
use super::settings::Location;
use crate::private;

/// Saves the draft of operation `op`, and returns the error that says where.
pub(super) async fn save(branch: &Branch, run: &str, op: &str, words: String) -> Error {
    let reference = draft_reference(op);
    let name = format!("windlass-{}-{run}.bundle", branch.settings.cluster);
    let mut failure = None;
    for folder in folders(branch) {
        let bundle = folder.join(&name);
        let made = branch.git.bundle(&bundle.to_string_lossy(), &reference).await;
        let kept = |()| private::take(&bundle).map_err(|source| Error::Io { path: bundle.clone(), source });
        match made.and_then(kept) {
            Ok(()) => {
                let replay = replay(branch, &bundle.to_string_lossy(), &reference);
                return Error::Unpushed { words, bundle, replay };
            }
            Err(error) => failure = Some(error),
        }
    }
    failure.unwrap_or_else(|| branch.unreachable(words))
}

/// Beside the working directory, where no `git status` shows it and no `git clean` removes it; if that cannot be
/// written, in windlass' own folder.
fn folders(branch: &Branch) -> Vec<PathBuf> {
    let project = branch.settings.project.canonicalize().unwrap_or_else(|_| branch.settings.project.clone());
    project.parent().map(PathBuf::from).into_iter().chain([branch.settings.directory.clone()]).collect()
}

/// For a shell, in the project: a plain fast-forward again, so it can never overwrite a later run.
fn replay(branch: &Branch, bundle: &str, reference: &str) -> String {
    let to = match &branch.settings.location {
        Location::Remote(name) if !name.contains("://") => name.clone(),
        Location::Remote(_) | Location::Sandbox => branch.remote.shown(),
        Location::Local => String::from("."),
    };
    format!(
        "git fetch {} {reference}:refs/windlass/replay && git push --no-verify {} refs/windlass/replay:refs/heads/{}",
        quoted(bundle),
        quoted(&to),
        branch.name
    )
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        assert_eq!(quoted("/a/b-1.bundle"), "/a/b-1.bundle");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
