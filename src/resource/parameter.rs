//! Systems Manager parameters: how certificates and keys reach the nodes.
//!
//! A parameter says by name and revision what is in it, never what it is: no secret is in a plan, a record or a diff.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Describe, Kind, Reference, Tags};
use crate::pki::{AuthorityName, LeafName, Usage};
use crate::spec::KeyAlgorithm;

/// A parameter. Its id is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    /// `/windlass/<cluster>/…`.
    pub name: String,
    /// What is in it.
    pub content: Content,
    /// KMS key (ARN, id or alias) of a secret one; `None`: the account's key for Systems Manager.
    pub kms_key: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// What a parameter holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// The certificates of an authority that are trusted, PEM, newest first. Public.
    #[serde(rename_all = "camelCase")]
    Trust {
        /// Whose.
        authority: AuthorityName,
        /// Which, ascending.
        revisions: Vec<u32>,
    },
    /// The key of an authority, PKCS#8 PEM. Secret.
    #[serde(rename_all = "camelCase")]
    AuthorityKey {
        /// Whose.
        authority: AuthorityName,
        /// Which.
        revision: u32,
    },
    /// The public keys that verify service-account tokens, PEM, newest first. Public.
    #[serde(rename_all = "camelCase")]
    ServiceAccountKeys {
        /// Which, ascending.
        revisions: Vec<u32>,
    },
    /// The key that signs service-account tokens, PKCS#8 PEM. Secret.
    #[serde(rename_all = "camelCase")]
    ServiceAccountKey {
        /// Which.
        revision: u32,
    },
    /// kube-apiserver's EncryptionConfiguration. Secret.
    #[serde(rename_all = "camelCase")]
    Encryption {
        /// Its keys: the last one encrypts, all decrypt.
        revisions: Vec<u32>,
    },
    /// A leaf certificate and its key (PKCS#8), PEM, one after the other, so that they change together. Secret. Issued
    /// while the plan is applied.
    Certificate(CertificateRequest),
    /// What neither a record nor a journal explains: somebody wrote it. Only ever observed.
    #[serde(rename_all = "camelCase")]
    Unknown {
        /// Which version of the parameter.
        version: i64,
    },
}

impl Content {
    /// Whether only the nodes may read it.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        !matches!(self, Self::Trust { .. } | Self::ServiceAccountKeys { .. })
    }
}

/// What a leaf certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateRequest {
    /// Which.
    pub leaf: LeafName,
    /// Who signs it.
    pub authority: AuthorityName,
    /// Which of the authority's keys.
    pub revision: u32,
    /// CN. For a kubelet `system:node:` and the private DNS name of `interface`.
    pub common_name: String,
    /// O.
    pub organizations: BTreeSet<String>,
    /// Extended key usage.
    pub usages: BTreeSet<Usage>,
    /// DNS names.
    pub names: BTreeSet<String>,
    /// IP addresses, beside that of `interface`.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// The member's network interface: a server's certificate is for its address, a kubelet's for its DNS name.
    pub interface: Option<Reference>,
    /// Of the key.
    pub algorithm: KeyAlgorithm,
    /// Seconds from its first to its last moment, the skew taken off already.
    pub lifetime: u64,
    /// Counts the times it was issued, from 1: a renewal is a change of this number.
    pub issue: u32,
}

impl Parameter {
    /// Digest of all but the tags, which change without a new value (SHA-256, hexadecimal).
    #[must_use]
    pub fn digest(&self) -> String {
        let untagged = Self { tags: Tags::new(), ..self.clone() };
        // Plain data with string keys always serializes.
        let mut value = serde_json::to_value(untagged).unwrap_or(Value::Null);
        value.sort_all_objects();
        HEXLOWER.encode(&Sha256::digest(value.to_string()))
    }
}

impl Describe for Parameter {
    const KIND: Kind = Kind::Parameter;
    // PutParameter changes all but the name, and a parameter never turns from String into SecureString: each content
    // has its own name.
    const REPLACED_BY: &'static [&'static str] = &["name"];

    fn references(&self) -> Vec<&Reference> {
        match &self.content {
            Content::Certificate(request) => request.interface.iter().collect(),
            _ => Vec::new(),
        }
    }
}
