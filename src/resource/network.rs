//! The network: VPC, subnets, gateways, routes.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{Describe, Kind, Reference, Tags};

/// A virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vpc {
    /// Its address range, `/16` to `/28`.
    pub cidr: Ipv4Net,
    /// Whether instances resolve names through the VPC's resolver.
    pub dns_support: bool,
    /// Whether instances get names; nodes register under them.
    pub dns_hostnames: bool,
    /// Tags.
    pub tags: Tags,
}

impl Describe for Vpc {
    const KIND: Kind = Kind::Vpc;
    const REPLACED_BY: &'static [&'static str] = &["cidr"];

    fn references(&self) -> Vec<&Reference> {
        Vec::new()
    }
}

/// A subnet in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subnet {
    /// The VPC.
    pub vpc: Reference,
    /// Zone name, `eu-west-3a`.
    pub zone: String,
    /// Range within the VPC's.
    pub cidr: Ipv4Net,
    /// Whether instances get a public address.
    pub map_public_ip_on_launch: bool,
    /// Tags.
    pub tags: Tags,
}

impl Describe for Subnet {
    const KIND: Kind = Kind::Subnet;
    const REPLACED_BY: &'static [&'static str] = &["vpc", "zone", "cidr"];

    fn references(&self) -> Vec<&Reference> {
        vec![&self.vpc]
    }
}

/// The VPC's way to the internet, attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InternetGateway {
    /// The VPC that it is attached to.
    pub vpc: Reference,
    /// Tags.
    pub tags: Tags,
}

impl Describe for InternetGateway {
    const KIND: Kind = Kind::InternetGateway;
    const REPLACED_BY: &'static [&'static str] = &["vpc"];

    fn references(&self) -> Vec<&Reference> {
        vec![&self.vpc]
    }
}

/// A fixed public IPv4 address. Its id is the allocation id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ElasticIp {
    /// Tags.
    pub tags: Tags,
}

impl Describe for ElasticIp {
    const KIND: Kind = Kind::ElasticIp;
    const REPLACED_BY: &'static [&'static str] = &[];

    fn references(&self) -> Vec<&Reference> {
        Vec::new()
    }
}

/// The way out for private subnets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NatGateway {
    /// The public subnet in which it stands.
    pub subnet: Reference,
    /// Its public address.
    pub elastic_ip: Reference,
    /// Tags.
    pub tags: Tags,
}

impl Describe for NatGateway {
    const KIND: Kind = Kind::NatGateway;
    const REPLACED_BY: &'static [&'static str] = &["subnet", "elasticIp"];

    fn references(&self) -> Vec<&Reference> {
        vec![&self.subnet, &self.elastic_ip]
    }
}

/// Routes, and the subnets that use them. The VPC's own local route is not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteTable {
    /// The VPC.
    pub vpc: Reference,
    /// Routes, sorted by destination.
    pub routes: Vec<Route>,
    /// The subnets associated with it, sorted.
    pub subnets: Vec<Reference>,
    /// Tags.
    pub tags: Tags,
}

/// Where packets for a range go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The range, `0.0.0.0/0` for everything else.
    pub destination: Ipv4Net,
    /// The gateway.
    pub target: RouteTarget,
}

/// The gateway of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteTarget {
    /// An internet gateway.
    InternetGateway(Reference),
    /// A NAT gateway.
    NatGateway(Reference),
    /// Anything else that AWS shows, by its id: never desired, only observed.
    Other(String),
}

impl RouteTarget {
    /// The reference, if it is to a gateway that windlass knows.
    #[must_use]
    pub const fn reference(&self) -> Option<&Reference> {
        match self {
            Self::InternetGateway(reference) | Self::NatGateway(reference) => Some(reference),
            Self::Other(_) => None,
        }
    }
}

impl Describe for RouteTable {
    const KIND: Kind = Kind::RouteTable;
    const REPLACED_BY: &'static [&'static str] = &["vpc"];

    fn references(&self) -> Vec<&Reference> {
        std::iter::once(&self.vpc)
            .chain(self.routes.iter().filter_map(|route| route.target.reference()))
            .chain(&self.subnets)
            .collect()
    }
}
