//! The commit of the configuration: what a run is made from, for plans and the audit log. Only reads.

use std::path::Path;
use std::time::Duration;

use super::{Git, Manner};
use crate::fault::Faults;

/// What of a checkout is configuration, relative to the project's root.
const CONFIGURATION: [&str; 5] = ["windlass.yaml", "addons", "templates", "snippets", "vars"];

/// Local commands; a checkout on a slow disk may take seconds.
const LIMIT: Duration = Duration::from_secs(30);

/// The commit that the project's checkout is at, with `-dirty` behind it when the configuration was changed since, new
/// files included. `None`: not in a git repository, without a commit, or without git.
pub async fn checked_out_commit(project: &Path) -> Option<String> {
    let git = Git::beside(project, Manner { limit: LIMIT, faults: Faults::default(), imitation: None });
    let head = git.output(&["rev-parse", "--verify", "--quiet", "HEAD"], Vec::new()).await.ok()?;
    let commit = String::from_utf8(head).ok()?.trim().to_owned();
    // Without optional locks: the user's index is not even refreshed.
    let mut status = vec!["--no-optional-locks", "status", "--porcelain", "--untracked-files=all", "--"];
    status.extend(CONFIGURATION);
    let changed = git.output(&status, Vec::new()).await.ok()?;
    Some(if changed.is_empty() { commit } else { format!("{commit}-dirty") })
}
