//! What the world must tell before the desired resources can be computed; [`crate::aws`] looks it up.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::pki::AuthorityName;
use crate::resource::Address;

/// Look-ups that the specification asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Account id, 12 digits.
    pub account: String,
    /// Region name.
    pub region: String,
    /// Names of the zones that are available in the region.
    pub zones: Vec<String>,
    /// The zone for the cluster's records; `None` if it was not found.
    pub hosted_zone: Option<HostedZone>,
    /// Image as the manifest says it → what it is. An image that was not found is absent.
    pub images: BTreeMap<String, Image>,
    /// The existing VPC, if the manifest names one and it was found.
    pub network: Option<ExistingNetwork>,
    /// Which keys the cluster has, as the state branch says.
    pub keys: Keys,
}

/// The keys of a cluster, by revision. A new cluster's are all the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keys {
    /// Of the authorities; one that is absent is new.
    pub authorities: BTreeMap<AuthorityName, Revisions>,
    /// Keys that sign service-account tokens.
    pub service_account: Revisions,
    /// Keys that encrypt etcd's content.
    pub encryption: Revisions,
    /// How often the certificate of a parameter must have been issued: once more than it was, when a renewal is due.
    /// Absent: once.
    pub issues: BTreeMap<Address, u32>,
}

/// Which revisions of a key are trusted, and which one signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revisions {
    /// Ascending, with `issuing` among them.
    pub trusted: Vec<u32>,
    /// The one that signs (or encrypts).
    pub issuing: u32,
}

impl Default for Revisions {
    fn default() -> Self {
        Self { trusted: vec![1], issuing: 1 }
    }
}

/// A Route 53 hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostedZone {
    /// `Z…`.
    pub id: String,
    /// Without the last dot.
    pub name: String,
    /// Whether it is private.
    pub private: bool,
}

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// Device of the root disk, such as `/dev/xvda`.
    pub root_device: String,
}

/// A VPC that somebody else made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExistingNetwork {
    /// `vpc-…`.
    pub vpc: String,
    /// All its address ranges.
    pub cidrs: Vec<Ipv4Net>,
    /// enableDnsSupport.
    pub dns_support: bool,
    /// enableDnsHostnames.
    pub dns_hostnames: bool,
    /// Id of the attached internet gateway, `igw-…`.
    pub internet_gateway: Option<String>,
    /// Its subnets by id: all of them, so that an unknown id can be told from a foreign one.
    pub subnets: BTreeMap<String, ExistingSubnet>,
}

/// A subnet that somebody else made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExistingSubnet {
    /// Zone name.
    pub zone: String,
    /// Its range.
    pub cidr: Ipv4Net,
    /// AvailableIpAddressCount.
    pub free_addresses: u32,
    /// Whether its route table has a default route to an internet gateway.
    pub public: bool,
    /// Whether its route table has any default route.
    pub reaches_internet: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}
