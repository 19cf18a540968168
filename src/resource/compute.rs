//! What instances are made of: network interfaces, volumes, launch templates.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Describe, Kind, Reference, Tags};

/// The fixed network interface of a control-plane member: it outlives the instance, and so does its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkInterface {
    /// The subnet.
    pub subnet: Reference,
    /// Its security groups, sorted.
    pub security_groups: Vec<Reference>,
    /// The primary address; `None`: AWS chooses (and the observed one is no difference).
    pub private_address: Option<Ipv4Addr>,
    /// ASCII, at most 255 characters.
    pub description: String,
    /// Tags.
    pub tags: Tags,
}

impl Describe for NetworkInterface {
    const KIND: Kind = Kind::NetworkInterface;
    const REPLACED_BY: &'static [&'static str] = &["subnet", "privateAddress"];

    fn references(&self) -> Vec<&Reference> {
        std::iter::once(&self.subnet).chain(&self.security_groups).collect()
    }
}

/// An EBS volume that outlives instances: a member's etcd data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// Zone name.
    pub zone: String,
    /// GiB; can only grow.
    pub size: u32,
    /// `gp3`, `io2`, ….
    pub volume_type: String,
    /// Provisioned operations a second; `None` where the type has none.
    pub iops: Option<u32>,
    /// MiB a second; `None` where the type has none.
    pub throughput: Option<u32>,
    /// Always true when desired.
    pub encrypted: bool,
    /// KMS key (ARN, id or alias); `None`: the account's key for EBS (and the observed one is no difference).
    pub kms_key: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Describe for Volume {
    const KIND: Kind = Kind::Volume;
    const REPLACED_BY: &'static [&'static str] = &["zone", "encrypted", "kmsKey"];

    fn references(&self) -> Vec<&Reference> {
        Vec::new()
    }
}

/// A launch template: its default version is what the data says; a change makes a new version and its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchTemplate {
    /// 3 to 128 characters, unique in the region.
    pub name: String,
    /// `ami-…`.
    pub image: String,
    /// The instance type; `None` when the group's overrides name them.
    pub machine_type: Option<String>,
    /// The instance profile.
    pub instance_profile: Reference,
    /// Its network interface.
    pub network: LaunchNetwork,
    /// Disks, root first.
    pub block_devices: Vec<BlockDevice>,
    /// The instance metadata service.
    pub metadata_options: MetadataOptions,
    /// Plain text, at most 16 KB before base64; no secret in it.
    pub user_data: String,
    /// CloudWatch detailed monitoring.
    pub detailed_monitoring: bool,
    /// Tags of launched instances.
    pub instance_tags: Tags,
    /// Tags of launched volumes.
    pub volume_tags: Tags,
    /// Tags of the template itself.
    pub tags: Tags,
}

/// How a launched instance is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LaunchNetwork {
    /// It takes over an existing interface as its primary one (a control-plane member).
    Interface(Reference),
    /// It gets a new interface.
    #[serde(rename_all = "camelCase")]
    New {
        /// Sorted.
        security_groups: Vec<Reference>,
        /// Whether it gets a public address.
        public_address: bool,
    },
}

/// One disk of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockDevice {
    /// `/dev/xvda`.
    pub device: String,
    /// GiB.
    pub size: u32,
    /// `gp3`, ….
    pub volume_type: String,
    /// Operations a second.
    pub iops: Option<u32>,
    /// MiB a second.
    pub throughput: Option<u32>,
    /// Always true when desired.
    pub encrypted: bool,
    /// KMS key; `None`: the account's default.
    pub kms_key: Option<String>,
}

/// The instance metadata service (IMDS).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataOptions {
    /// Whether only version 2 (with a session token) answers.
    pub tokens_required: bool,
    /// 1 keeps pods without host network away from the node's credentials.
    pub hop_limit: u32,
}

impl Describe for LaunchTemplate {
    const KIND: Kind = Kind::LaunchTemplate;
    const REPLACED_BY: &'static [&'static str] = &["name"];

    fn references(&self) -> Vec<&Reference> {
        let network: Vec<&Reference> = match &self.network {
            LaunchNetwork::Interface(interface) => vec![interface],
            LaunchNetwork::New { security_groups, .. } => security_groups.iter().collect(),
        };
        std::iter::once(&self.instance_profile).chain(network).collect()
    }
}
