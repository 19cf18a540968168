//! What a member says of itself: the document that it writes into its `status` parameter whenever it has looked for new
//! keys. It comes from a machine and is believed only as far as it goes: nothing in it is ever executed or trusted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::name::AuthorityName;
use super::rotation::Report;

/// Version of the document.
const FORMAT: u32 = 1;

/// What a member has installed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MemberStatus {
    format: u32,
    /// Its name.
    pub member: String,
    /// When it said so, by its own clock.
    pub at: Timestamp,
    /// SHA-256 of the certificates that it trusts, lowercase hexadecimal.
    pub trust: BTreeMap<AuthorityName, BTreeSet<String>>,
    /// Name of a leaf (`etcd-peer`) → serial number, lowercase hexadecimal.
    pub leafs: BTreeMap<String, String>,
}

/// Why a document says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// Not the document that members write.
    #[error("the status of the member cannot be read: {0}")]
    Unreadable(String),
    /// Of another version.
    #[error("the status of the member has format {0}, and this windlass reads {FORMAT}")]
    Format(u32),
}

impl MemberStatus {
    /// Reads the document.
    ///
    /// # Errors
    /// When it is something else, or of another version.
    pub fn parse(text: &str) -> Result<Self, StatusError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| StatusError::Unreadable(error.to_string());
        let version: Version = serde_json::from_str(text).map_err(unreadable)?;
        if version.format != FORMAT {
            return Err(StatusError::Format(version.format));
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// Seconds since it said so; a clock that is ahead counts as now.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> u64 {
        u64::try_from(now.as_second() - self.at.as_second()).unwrap_or(0)
    }

    /// What it says about one authority, for the decision about a rotation.
    #[must_use]
    pub fn report(&self, authority: AuthorityName, now: Timestamp) -> Report {
        let trusted = self.trust.get(&authority).cloned().unwrap_or_default();
        Report { age: self.age(now), trusted, installed: self.leafs.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = r#"{"format":1,"member":"a","at":"2026-11-20T12:00:00Z",
        "trust":{"cluster":["0a","0b"],"etcd":["0c"],"front-proxy":[]},"leafs":{"etcd-peer":"41ff"},"new":1}"#;

    #[test]
    fn what_members_write_is_read() {
        let status = MemberStatus::parse(SAID).expect("a status");
        let now = "2026-11-20T12:10:00Z".parse().expect("a moment");
        let report = status.report(AuthorityName::Cluster, now);
        assert_eq!(
            report,
            Report {
                age: 600,
                trusted: BTreeSet::from([String::from("0a"), String::from("0b")]),
                installed: BTreeMap::from([(String::from("etcd-peer"), String::from("41ff"))]),
            }
        );
        assert_eq!(status.age("2026-11-20T11:00:00Z".parse().expect("a moment")), 0);
    }

    #[test]
    fn anything_else_says_nothing() {
        let newer = SAID.replace("\"format\":1", "\"format\":2");
        assert_eq!(MemberStatus::parse(&newer), Err(StatusError::Format(2)));
        for text in
            ["", "null", "[]", "{}", "{\"format\":1}", &SAID.replace("41ff\"", "41ff"), &SAID.replace("etcd\"", "x\"")]
        {
            assert!(matches!(MemberStatus::parse(text), Err(StatusError::Unreadable(_))), "{text}");
        }
    }
}
