//! The identity of a resource: an address that is stable across runs, and references between resources.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of AWS object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `AWS::EC2::VPC`
    Vpc,
    /// `AWS::EC2::Subnet`
    Subnet,
    /// `AWS::EC2::InternetGateway`, with its attachment
    InternetGateway,
    /// `AWS::EC2::EIP`
    ElasticIp,
    /// `AWS::EC2::NatGateway`
    NatGateway,
    /// `AWS::EC2::RouteTable`, with its routes and associations
    RouteTable,
    /// `AWS::EC2::SecurityGroup`, without rules
    SecurityGroup,
    /// All rules of one security group: apart, because groups refer to each other
    SecurityGroupRules,
    /// `AWS::IAM::Role`, with its policies
    Role,
    /// `AWS::IAM::InstanceProfile`
    InstanceProfile,
    /// `AWS::EC2::NetworkInterface`
    NetworkInterface,
    /// `AWS::EC2::Volume`
    Volume,
    /// `AWS::ElasticLoadBalancingV2::LoadBalancer` of type network
    LoadBalancer,
    /// `AWS::ElasticLoadBalancingV2::TargetGroup`
    TargetGroup,
    /// `AWS::ElasticLoadBalancingV2::Listener`
    Listener,
    /// `AWS::EC2::LaunchTemplate`, with its versions
    LaunchTemplate,
    /// `AWS::AutoScaling::AutoScalingGroup`
    AutoScalingGroup,
    /// `AWS::AutoScaling::ScheduledAction`
    ScheduledAction,
    /// `AWS::Route53::RecordSet`
    RecordSet,
    /// `AWS::SSM::Parameter`
    Parameter,
}

impl Kind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 20] = [
        Self::Vpc,
        Self::Subnet,
        Self::InternetGateway,
        Self::ElasticIp,
        Self::NatGateway,
        Self::RouteTable,
        Self::SecurityGroup,
        Self::SecurityGroupRules,
        Self::Role,
        Self::InstanceProfile,
        Self::NetworkInterface,
        Self::Volume,
        Self::LoadBalancer,
        Self::TargetGroup,
        Self::Listener,
        Self::LaunchTemplate,
        Self::AutoScalingGroup,
        Self::ScheduledAction,
        Self::RecordSet,
        Self::Parameter,
    ];

    /// The word in addresses, for example `auto-scaling-group`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vpc => "vpc",
            Self::Subnet => "subnet",
            Self::InternetGateway => "internet-gateway",
            Self::ElasticIp => "elastic-ip",
            Self::NatGateway => "nat-gateway",
            Self::RouteTable => "route-table",
            Self::SecurityGroup => "security-group",
            Self::SecurityGroupRules => "security-group-rules",
            Self::Role => "role",
            Self::InstanceProfile => "instance-profile",
            Self::NetworkInterface => "network-interface",
            Self::Volume => "volume",
            Self::LoadBalancer => "load-balancer",
            Self::TargetGroup => "target-group",
            Self::Listener => "listener",
            Self::LaunchTemplate => "launch-template",
            Self::AutoScalingGroup => "auto-scaling-group",
            Self::ScheduledAction => "scheduled-action",
            Self::RecordSet => "record-set",
            Self::Parameter => "parameter",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// `kind/name`, for example `subnet/private-a`: unique in a cluster, the same in every run. The name is what the
/// manifest calls the thing, lowercase, of `a-z 0-9 . _ * -` (a record set's is `name/type` or `name/type/set`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    kind: Kind,
    name: String,
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no resource address: expected KIND/NAME, such as subnet/private-a")]
pub struct InvalidAddress(pub String);

impl Address {
    /// The address of the `kind` called `name`.
    #[must_use]
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The name within the kind.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        let (word, name) = text.split_once('/').ok_or_else(invalid)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(invalid)?;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._*-/".contains(c);
        let parts_are_names = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !parts_are_names || !name.chars().all(allowed) {
            return Err(invalid());
        }
        Ok(Self::new(kind, name))
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}

/// Another resource: one of this cluster's by its address, or one that exists already by its AWS id.
///
/// Serialized as one string: an address as `@subnet/private-a`, an id as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reference {
    /// Managed with this cluster.
    Address(Address),
    /// Not ours: for example the subnet of an existing VPC, `subnet-0a1b…`.
    Id(String),
}

impl Reference {
    /// Refers to the `kind` called `name` of this cluster.
    #[must_use]
    pub fn to(kind: Kind, name: impl Into<String>) -> Self {
        Self::Address(Address::new(kind, name))
    }

    /// The address, if it is of this cluster.
    #[must_use]
    pub const fn address(&self) -> Option<&Address> {
        match self {
            Self::Address(address) => Some(address),
            Self::Id(_) => None,
        }
    }
}

impl From<Address> for Reference {
    fn from(address: Address) -> Self {
        Self::Address(address)
    }
}

impl TryFrom<String> for Reference {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        match text.strip_prefix('@') {
            Some(address) => address.parse().map(Self::Address),
            None => Ok(Self::Id(text)),
        }
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(formatter, "@{address}"),
            Self::Id(id) => formatter.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_prints() {
        for kind in Kind::ALL {
            let address = Address::new(kind, "private-a");
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn an_address_never_leaves_its_folder() {
        for text in ["subnet/../x", "subnet//x", "subnet/", "subnet", "nothing/x", "subnet/A", "vpc/a b"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn references_tell_addresses_from_ids() {
        let ours: Reference = String::from("@vpc/main").try_into().expect("a valid address");
        assert_eq!(ours, Reference::to(Kind::Vpc, "main"));
        let existing: Reference = String::from("vpc-0a1b").try_into().expect("any id");
        assert_eq!(existing.address(), None);
    }
}
