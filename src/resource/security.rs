//! Security groups and, apart from them, their rules.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{Describe, Kind, Reference, Tags};

/// A security group without its rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityGroup {
    /// The VPC.
    pub vpc: Reference,
    /// GroupName: unique in the VPC, at most 255 characters.
    pub name: String,
    /// ASCII, at most 255 characters.
    pub description: String,
    /// Tags.
    pub tags: Tags,
}

impl Describe for SecurityGroup {
    const KIND: Kind = Kind::SecurityGroup;
    const REPLACED_BY: &'static [&'static str] = &["vpc", "name", "description"];

    fn references(&self) -> Vec<&Reference> {
        vec![&self.vpc]
    }
}

/// All rules of one group. A new group's own "everything out" rule counts as an observed egress rule.
///
/// It has the id of its group, and exists as soon as the group does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityGroupRules {
    /// The group.
    pub group: Reference,
    /// What may come in.
    pub ingress: BTreeSet<Rule>,
    /// What may go out.
    pub egress: BTreeSet<Rule>,
}

/// One permission: a protocol, ports and a peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, a protocol number such as `4`, or `-1` for all.
    pub protocol: String,
    /// First and last port; `None` for protocols without ports and for all.
    pub ports: Option<(u16, u16)>,
    /// The other side.
    pub peer: Peer,
    /// Why it is there; ASCII.
    pub description: String,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    /// A range.
    Cidr(Ipv4Net),
    /// The members of a group.
    Group(Reference),
    /// Anything else that AWS shows (a prefix list, an IPv6 range), as text: never desired, only observed.
    Other(String),
}

impl Describe for SecurityGroupRules {
    const KIND: Kind = Kind::SecurityGroupRules;
    const REPLACED_BY: &'static [&'static str] = &["group"];

    fn references(&self) -> Vec<&Reference> {
        let peers = self.ingress.iter().chain(&self.egress).filter_map(|rule| match &rule.peer {
            Peer::Group(reference) => Some(reference),
            Peer::Cidr(_) | Peer::Other(_) => None,
        });
        std::iter::once(&self.group).chain(peers).collect()
    }
}
