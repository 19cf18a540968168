//! One resource record set, and what makes it acceptable by itself. Pure.
//!
//! Source: Route 53 API reference, ResourceRecordSet; developer guide, "Values that you specify".

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::name;

/// What tells one record of a zone from another, in the order in which they are listed: name with reversed labels,
/// type, set identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// [`name::reversed`].
    pub reversed: String,
    /// `A`, `NS`, ….
    pub record_type: String,
    /// Empty for a simple record.
    pub set_identifier: String,
}

/// A record set, its name normalized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Normalized, see [`name::normalize`].
    pub name: String,
    /// `A`, `AAAA`, `CNAME`, `TXT`, ….
    pub record_type: String,
    /// Seconds, 0 to 2147483647; none for an alias.
    pub ttl: Option<u64>,
    /// Values; none for an alias.
    pub values: Vec<String>,
    /// Alias target.
    pub alias: Option<AliasTarget>,
    /// Tells records with a routing policy apart, 1 to 128 characters.
    pub set_identifier: Option<String>,
    /// The routing policy.
    pub routing: Option<Routing>,
    /// Health check.
    pub health_check: Option<String>,
}

/// Where an alias points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AliasTarget {
    /// Hosted zone of the target.
    pub zone: String,
    /// Normalized name.
    pub name: String,
    /// Whether the target's health counts.
    pub evaluate_target_health: bool,
}

/// How Route 53 chooses among records of one name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Routing {
    /// By weight, 0 to 255.
    Weight(i64),
    /// By latency to a region.
    Region(String),
    /// `PRIMARY` or `SECONDARY`.
    Failover(String),
    /// Several answers at once.
    MultiValue,
}

/// Why a record is not acceptable by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request does not have the right shape: the API answers `InvalidInput`.
    Input(String),
    /// The batch is refused: `InvalidChangeBatch`.
    Batch(String),
}

const TYPES: [&str; 16] = [
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TXT",
];

impl Record {
    /// Its place in the zone.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            reversed: name::reversed(&self.name),
            record_type: self.record_type.clone(),
            set_identifier: self.set_identifier.clone().unwrap_or_default(),
        }
    }

    /// How AWS' messages name it.
    #[must_use]
    pub fn described(&self) -> String {
        let identifier = self.set_identifier.as_ref().map(|it| format!(", set-identifier='{it}'")).unwrap_or_default();
        format!("[name='{}', type='{}'{identifier}]", self.name, self.record_type)
    }

    /// Checks everything that needs no knowledge of the zone.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self) -> Result<(), Fault> {
        if !TYPES.contains(&self.record_type.as_str()) {
            return Err(Fault::Input(format!("Invalid record type {}", self.record_type)));
        }
        match (&self.routing, &self.set_identifier) {
            (Some(_), None) => {
                return Err(Fault::Input(format!(
                    "Invalid request: Missing field 'SetIdentifier' in Change with {}",
                    self.described()
                )));
            }
            (None, Some(_)) => {
                return Err(Fault::Input(format!(
                    "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, \
                     GeoProximityLocation, or CidrRoutingConfig], but found none in Change with {}",
                    self.described()
                )));
            }
            (Some(Routing::Weight(weight)), Some(_)) if !(0..=255).contains(weight) => {
                return Err(Fault::Input(format!("Invalid request: weight {weight} is not between 0 and 255")));
            }
            _ => {}
        }
        if !name::is_valid(&self.name) {
            return Err(Fault::Batch(format!(
                "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with '{}'",
                self.name
            )));
        }
        if self.alias.is_some() {
            if self.ttl.is_some() || !self.values.is_empty() {
                return Err(Fault::Input(format!(
                    "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
                     TrafficPolicyInstanceId], but found more than one in Change with {}",
                    self.described()
                )));
            }
            return Ok(());
        }
        if self.ttl.is_none() || self.values.is_empty() {
            return Err(Fault::Input(format!(
                "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
                 TrafficPolicyInstanceId], but found none in Change with {}",
                self.described()
            )));
        }
        self.values.iter().try_for_each(|value| self.check_value(value))
    }

    fn check_value(&self, value: &str) -> Result<(), Fault> {
        let problem = match self.record_type.as_str() {
            "A" if value.parse::<Ipv4Addr>().is_err() => {
                "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
            }
            "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
                "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
            }
            "TXT" | "SPF" if !(value.len() >= 2 && value.starts_with('"') && value.ends_with('"')) => {
                "InvalidCharacterString (Value should be enclosed in quotation marks)"
            }
            "CNAME" if self.values.len() > 1 => "TooManyRecords (A CNAME has exactly one value)",
            _ => return Ok(()),
        };
        Err(Fault::Batch(format!("Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''")))
    }
}
