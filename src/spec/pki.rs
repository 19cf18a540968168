//! Certificates: lifetimes, algorithm, warnings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Duration, Percent};

/// Certificates of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Pki {
    /// How long certificates are valid. A leaf never outlives its authority.
    pub lifetimes: Lifetimes,
    /// Keys. Default: `ecdsaP256`.
    pub algorithm: KeyAlgorithm,
    /// How long before the end people are warned.
    pub thresholds: Thresholds,
    /// When a leaf is renewed, as a share of its life, 10 to 90 percent. Default: 67.
    pub renew_at_percent: Percent,
    /// KMS key (ARN, id or alias) that encrypts the secrets which nodes fetch from Systems Manager. Default: the
    /// account's key for Systems Manager.
    pub kms_key: Option<String>,
}

impl Default for Pki {
    fn default() -> Self {
        Self {
            lifetimes: Lifetimes::default(),
            algorithm: KeyAlgorithm::default(),
            thresholds: Thresholds::default(),
            renew_at_percent: Percent::new(67),
            kms_key: None,
        }
    }
}

/// How long certificates are valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Lifetimes {
    /// The authorities: cluster, etcd, front proxy. Default: `10y`.
    pub authority: Duration,
    /// Certificates of components and nodes. Default: `1y`.
    pub leaf: Duration,
    /// A person's kubeconfig, at most `24h`. Default: `8h`.
    pub admin: Duration,
    /// Leafs end up to this share earlier, a different one each, so that they do not expire all at once. Default: 10.
    pub skew_percent: Percent,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authority: Duration::years(10),
            leaf: Duration::years(1),
            admin: Duration::hours(8),
            skew_percent: Percent::new(10),
        }
    }
}

/// The algorithm of keys; kubeadm takes no Ed25519.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    #[default]
    EcdsaP256,
    /// RSA of 2048 bits.
    Rsa2048,
    /// RSA of 4096 bits.
    Rsa4096,
}

/// Warnings: remaining life at which `certs check` and `status` become louder, longest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Thresholds {
    /// For leafs. Default: `90d`, `60d`, `30d`.
    pub leaf: Vec<Duration>,
    /// For authorities. Default: `2y`, `1y`, `180d`.
    pub authority: Vec<Duration>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            leaf: vec![Duration::days(90), Duration::days(60), Duration::days(30)],
            authority: vec![Duration::years(2), Duration::years(1), Duration::days(180)],
        }
    }
}
