//! Backups of etcd.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::Duration;

/// Where etcd snapshots go, and how long they stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backup {
    /// Name of an existing S3 bucket.
    pub bucket: String,
    /// Folder in it. Default: the cluster's name.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Time between snapshots. Default: `1h`.
    #[serde(default = "default_interval")]
    pub interval: Duration,
    /// How long a snapshot is kept. Default: `30d`.
    #[serde(default = "default_retention")]
    pub retention: Duration,
    /// ARN, id or alias of a KMS key. Default: the bucket's own encryption.
    #[serde(default)]
    pub kms_key: Option<String>,
}

impl Backup {
    /// The folder of the bucket that a cluster's snapshots are in, without slashes around it.
    #[must_use]
    pub fn folder<'backup>(&'backup self, cluster: &'backup str) -> &'backup str {
        self.prefix.as_deref().unwrap_or(cluster).trim_matches('/')
    }
}

const fn default_interval() -> Duration {
    Duration::hours(1)
}

const fn default_retention() -> Duration {
    Duration::days(30)
}
