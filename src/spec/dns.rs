//! Records in Route 53.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Duration, HostedZoneName, Percent};

/// Records in an existing Route 53 hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dns {
    /// Name of the existing hosted zone, such as `k8s.foo.bar`; the cluster's name ends with it.
    pub zone: HostedZoneName,
    /// Whether the zone is a private one. Default: false.
    #[serde(default)]
    pub private: bool,
    /// Seconds that answers may be kept, 1 to 86400. Default: 60, so that a shift of traffic is quick.
    #[serde(default = "default_ttl")]
    pub ttl: u32,
    /// More records, beside those of the API.
    #[serde(default)]
    pub records: Vec<Record>,
    /// Names of the application that move between clusters by weight.
    #[serde(default)]
    pub traffic: Option<Traffic>,
}

/// One record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Full name within the zone, lowercase, without the last dot; the first label may be `*`.
    pub name: String,
    /// Default: `CNAME`.
    #[serde(default, rename = "type")]
    pub record_type: RecordType,
    /// Seconds. Default: `dns.ttl`.
    #[serde(default)]
    pub ttl: Option<u32>,
    /// The values, at least one; a CNAME has exactly one.
    pub values: Vec<String>,
    /// Shares the name with records of other clusters.
    #[serde(default)]
    pub weight: Option<RecordWeight>,
}

/// A share of the answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordWeight {
    /// Tells the records of one name and type apart, at most 128 characters. Default: the cluster's name.
    #[serde(default)]
    pub set_identifier: Option<String>,
    /// 0 (no answers) to 255, relative to the other records of the name.
    pub weight: u8,
}

/// The type of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Another name.
    #[default]
    Cname,
    /// Text.
    Txt,
    /// Mail servers.
    Mx,
    /// Services.
    Srv,
}

impl RecordType {
    /// As Route 53 writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Txt => "TXT",
            Self::Mx => "MX",
            Self::Srv => "SRV",
        }
    }
}

/// Names of the application that move between clusters (blue and green) by weight: each becomes a weighted CNAME.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Traffic {
    /// Full names within the zone; the first label may be `*`.
    pub names: Vec<String>,
    /// What the names stand for in this cluster: the name of its ingress.
    pub target: HostedZoneName,
    /// This cluster's weight, 0 to 255. Default: 255, all.
    #[serde(default = "default_weight")]
    pub weight: u8,
    /// Tells this cluster's records from the other's. Default: the cluster's name.
    #[serde(default)]
    pub set_identifier: Option<String>,
    /// Share of the traffic that moves at a time. Default: 25.
    #[serde(default = "default_step")]
    pub step_percent: Percent,
    /// How long the gates must be green before the next step. Default: `5m`.
    #[serde(default = "default_pause")]
    pub pause: Duration,
}

const fn default_ttl() -> u32 {
    60
}

const fn default_weight() -> u8 {
    255
}

const fn default_step() -> Percent {
    Percent::new(25)
}

const fn default_pause() -> Duration {
    Duration::minutes(5)
}
