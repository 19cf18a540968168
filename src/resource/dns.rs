//! Records in a hosted zone that exists already.

use serde::{Deserialize, Serialize};

use super::{Describe, Kind, Reference};

/// One resource record set. Its id is `zone id/name/type[/set identifier]`. Route 53 keeps no tags on records: whose
/// one is, our journal and records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordSet {
    /// `Z…`, without `/hostedzone/`.
    pub zone: String,
    /// Lowercase, without the last dot; `*` as it is.
    pub name: String,
    /// `A`, `CNAME`, `TXT`, ….
    pub record_type: String,
    /// Seconds; `None` for an alias.
    pub ttl: Option<u32>,
    /// Values, sorted; empty for an alias.
    pub values: Vec<String>,
    /// Network interfaces whose primary private addresses (`attribute::PRIVATE_ADDRESS`) are values too: the API's
    /// names where no load balancer stands in front of the members. Observed ones are values, except where
    /// such references are wanted.
    #[serde(default)]
    pub addresses: Vec<Reference>,
    /// Points at a load balancer instead of having values.
    pub alias: Option<Alias>,
    /// Shares the name with others by weight.
    pub weight: Option<Weight>,
}

/// A record that follows a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alias {
    /// The load balancer.
    pub target: Reference,
    /// Whether Route 53 leaves it out when the target is unhealthy.
    pub evaluate_target_health: bool,
}

/// A share of the answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Weight {
    /// Tells the records of one name and type apart, at most 128 characters.
    pub set_identifier: String,
    /// 0 to 255.
    pub weight: u8,
}

impl Describe for RecordSet {
    const KIND: Kind = Kind::RecordSet;
    const REPLACED_BY: &'static [&'static str] = &["zone", "name", "recordType"];

    fn references(&self) -> Vec<&Reference> {
        self.alias.iter().map(|alias| &alias.target).chain(&self.addresses).collect()
    }
}
