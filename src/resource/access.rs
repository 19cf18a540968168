//! What instances may do: IAM roles and instance profiles.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, Kind, Reference, Tags};

/// An IAM role that EC2 instances take. Its id is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// At most 64 characters.
    pub name: String,
    /// IAM path, `/windlass/…/`: what discovery filters by.
    pub path: String,
    /// The assume-role policy document.
    pub trust: Value,
    /// Inline policies: name → document.
    pub policies: BTreeMap<String, Value>,
    /// ARNs of attached managed policies.
    pub managed_policies: BTreeSet<String>,
    /// Tags.
    pub tags: Tags,
}

impl Describe for Role {
    const KIND: Kind = Kind::Role;
    const REPLACED_BY: &'static [&'static str] = &["name", "path"];

    fn references(&self) -> Vec<&Reference> {
        Vec::new()
    }
}

/// What ties a role to instances. Its id is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceProfile {
    /// At most 128 characters.
    pub name: String,
    /// IAM path.
    pub path: String,
    /// Its one role; `None` is only ever observed (a crash between the two calls).
    pub role: Option<Reference>,
    /// Tags.
    pub tags: Tags,
}

impl Describe for InstanceProfile {
    const KIND: Kind = Kind::InstanceProfile;
    const REPLACED_BY: &'static [&'static str] = &["name", "path"];

    fn references(&self) -> Vec<&Reference> {
        self.role.iter().collect()
    }
}
