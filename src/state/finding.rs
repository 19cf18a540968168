//! What is wrong with a state branch: typed, so that `state fsck` can print, count and sort it.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong, where, and how to repair it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What sort of damage.
    pub kind: FindingKind,
    /// The file of the branch; `None`: the damage is in the history.
    pub path: Option<String>,
    /// The commit that brought it in: full object id; empty when a write was refused before it became a commit.
    pub commit: String,
    /// Lowercase sentence fragment. Never contains the contents of a file.
    pub message: String,
    /// What to do, a whole sentence.
    pub repair: String,
}

/// Sorts of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A file that must be there is not.
    Missing,
    /// A file cannot be read as its format.
    Unreadable,
    /// A record says something else than its path.
    Misplaced,
    /// A file that windlass never writes.
    Unknown,
    /// Not a plain file: a link, an executable or a submodule.
    NotAFile,
    /// A file under `secrets/` is not age ciphertext.
    NotEncrypted,
    /// A secret that is sealed for fewer than two, or nobody wrote down for whom.
    Recipients,
    /// A record of a certificate says something else than the certificate, or keys contradict each other.
    Certificate,
    /// Something outside `secrets/` looks like a secret.
    Secret,
    /// A commit with two parents, or a branch whose past changed.
    History,
    /// The root, or a commit, was not made by windlass for this cluster.
    Foreign,
    /// The epoch fell, or did not grow where the lock changed hands.
    Epoch,
    /// A result without an earlier intent.
    Result,
    /// Name, uid, account or region changed.
    Identity,
    /// Two records claim the same thing, or an open journal belongs to nobody.
    Contradiction,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, commit, message, .. } = self;
        match path {
            Some(path) => write!(formatter, "{path}: {message}")?,
            None => formatter.write_str(message)?,
        }
        if commit.is_empty() { Ok(()) } else { write!(formatter, " (commit {})", &commit[..commit.len().min(12)]) }
    }
}

/// Several findings, as an error: one per line, each with its repair.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Findings(pub Vec<Finding>);

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, finding) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{finding}. {}", finding.repair)?;
        }
        Ok(())
    }
}
