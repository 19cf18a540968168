//! Disks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An EBS volume; always encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// GiB. An etcd volume can grow later, but never shrink.
    pub size: u32,
    /// Default: `gp3`.
    #[serde(default, rename = "type")]
    pub volume_type: VolumeType,
    /// Operations a second; for `gp3` (default: AWS' own, 3000), `io1` and `io2` (required) only.
    #[serde(default)]
    pub iops: Option<u32>,
    /// MiB a second; for `gp3` only. Default: AWS' own, 125.
    #[serde(default)]
    pub throughput: Option<u32>,
    /// ARN, id or alias of a KMS key. Default: the account's key for EBS.
    #[serde(default)]
    pub kms_key: Option<String>,
}

impl Volume {
    /// A `gp3` volume of `size` GiB.
    #[must_use]
    pub const fn gp3(size: u32) -> Self {
        Self { size, volume_type: VolumeType::Gp3, iops: None, throughput: None, kms_key: None }
    }
}

/// The type of an EBS volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    /// General purpose; operations and throughput independent of the size.
    #[default]
    Gp3,
    /// General purpose, older: operations grow with the size.
    Gp2,
    /// Provisioned operations.
    Io1,
    /// Provisioned operations, more durable.
    Io2,
}

impl VolumeType {
    /// As EC2 writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gp3 => "gp3",
            Self::Gp2 => "gp2",
            Self::Io1 => "io1",
            Self::Io2 => "io2",
        }
    }
}
