//! `format.json`: which version of this layout the branch has, and who may write it.

use serde::{Deserialize, Serialize};

use super::error::Error;

/// The version of the layout and of all records that this windlass reads and writes. A change that an older windlass
/// would misread raises it.
pub(super) const VERSION: u64 = 1;

/// The oldest windlass that may write this layout.
const OLDEST_WRITER: &str = "0.1.0";

const RUNNING: &str = env!("CARGO_PKG_VERSION");

/// `format.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Format {
    /// The layout's version.
    version: u64,
    /// The oldest windlass that may write: `major.minor.patch`.
    oldest_writer: String,
}

impl Format {
    /// What this windlass writes into a new branch.
    pub(super) fn current() -> Self {
        Self { version: VERSION, oldest_writer: OLDEST_WRITER.to_owned() }
    }
}

/// Refuses a branch that a newer windlass wrote. Anything else that is wrong with the file is for the reader of the
/// whole tree to say.
///
/// # Errors
/// [`Error::TooNew`], which names what to install.
pub(super) fn check(cluster: &str, content: &[u8]) -> Result<(), Error> {
    // A newer format may have fields that this version does not know: only these two keep their meaning for ever.
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(content) else { return Ok(()) };
    let version = value.get("version").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let needed = value.get("oldestWriter").and_then(serde_json::Value::as_str).unwrap_or_default();
    let is_newer = numbers(needed).is_some_and(|needed| numbers(RUNNING).is_some_and(|running| needed > running));
    if version <= VERSION && !is_newer {
        return Ok(());
    }
    let needed = if numbers(needed).is_some() { needed } else { "of a later release" };
    Err(Error::TooNew { cluster: cluster.to_owned(), format: version, needed: needed.to_owned(), running: RUNNING })
}

/// `0.12.3` as numbers; a suffix such as `-rc.1` does not count.
fn numbers(version: &str) -> Option<(u64, u64, u64)> {
    let core = version.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse().ok());
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(major), Some(minor), Some(patch), None) => Some((major?, minor?, patch?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_or_writer_is_refused_and_says_what_to_install() {
        let newer = check("c", br#"{"version": 2, "oldestWriter": "0.9.0", "more": 1}"#).expect_err("too new");
        assert_eq!(newer.hint().as_deref(), Some("install windlass 0.9.0 or newer"));
        assert!(matches!(check("c", br#"{"version": 1, "oldestWriter": "99.0.0"}"#), Err(Error::TooNew { .. })));
        let unnamed = check("c", br#"{"version": 7}"#).expect_err("too new");
        assert_eq!(unnamed.hint().as_deref(), Some("install windlass of a later release or newer"));
    }

    #[test]
    fn our_own_and_damaged_formats_are_left_to_the_reader() {
        let own = serde_json::to_vec(&Format::current()).expect("plain data");
        assert!(check("c", &own).is_ok());
        assert!(check("c", b"{").is_ok());
        assert!(check("c", b"[]").is_ok());
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("0.10.0") > numbers("0.9.9"));
        assert_eq!(numbers("1.2.3-rc.1"), Some((1, 2, 3)));
        assert_eq!(numbers("1.2"), None);
    }
}
