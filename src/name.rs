//! Names that the whole program shares, as types: a cluster name is not just any string.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused: a sentence fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

/// The DNS name of a cluster: lowercase labels joined by dots, at most 63 characters in all, because it becomes the
/// value of Kubernetes labels (63, see "Labels and Selectors" of the Kubernetes documentation) and part of tag keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

/// Kubernetes' limit on a label value, and RFC 1035's on one DNS label.
const LABEL_LIMIT: usize = 63;

impl ClusterName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() > LABEL_LIMIT {
            return Err(InvalidName(format!(
                "cluster name {text:?} has {} characters, and at most {LABEL_LIMIT} are possible",
                text.len()
            )));
        }
        if !text.contains('.') {
            return Err(InvalidName(format!("cluster name {text:?} is not a DNS name: it has no dot")));
        }
        for label in text.split('.') {
            dns_label(label).map_err(|InvalidName(why)| InvalidName(format!("cluster name {text:?}: {why}")))?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ClusterName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Checks one DNS label (RFC 1123): 1 to 63 of `a-z`, `0-9` and `-`, not starting or ending with `-`.
///
/// # Errors
/// Says which rule is broken.
pub fn dns_label(label: &str) -> Result<(), InvalidName> {
    let allowed = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if label.is_empty() {
        return Err(InvalidName(String::from("a label is empty")));
    }
    if label.len() > LABEL_LIMIT {
        return Err(InvalidName(format!("label {label:?} is longer than {LABEL_LIMIT} characters")));
    }
    if let Some(wrong) = label.chars().find(|&character| !allowed(character)) {
        return Err(InvalidName(format!("{label:?} has {wrong:?}, but only a-z, 0-9 and - are allowed")));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(InvalidName(format!("{label:?} starts or ends with -")));
    }
    Ok(())
}
