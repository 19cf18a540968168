//! The rules of a security group: two sets, made to fit with one call per direction and change.
//!
//! EC2 takes a rule for the same when protocol, ports and peer are: its description can only be rewritten.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use ipnet::Ipv4Net;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::security_group::describe;
use super::settle::settle;
use super::tags;
use crate::resource::{Attributes, Found, Peer, Reference, Rule, SecurityGroupRules};

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

/// The rules that EC2 shows, one per peer.
pub(super) fn read_rules(permissions: &[IpPermission]) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    for permission in permissions {
        let (protocol, ports) = read_protocol(permission);
        let mut add = |peer: Peer, description: Option<&str>| {
            let description = description.unwrap_or_default().to_owned();
            rules.insert(Rule { protocol: protocol.clone(), ports, peer, description });
        };
        for range in permission.ip_ranges() {
            let text = range.cidr_ip().unwrap_or_default();
            let peer = text.parse::<Ipv4Net>().map_or_else(|_| Peer::Other(text.to_owned()), Peer::Cidr);
            add(peer, range.description());
        }
        for pair in permission.user_id_group_pairs() {
            add(Peer::Group(Reference::Id(pair.group_id().unwrap_or_default().to_owned())), pair.description());
        }
        for range in permission.ipv6_ranges() {
            add(Peer::Other(range.cidr_ipv6().unwrap_or_default().to_owned()), range.description());
        }
        for list in permission.prefix_list_ids() {
            add(Peer::Other(list.prefix_list_id().unwrap_or_default().to_owned()), list.description());
        }
    }
    rules
}

/// Protocol and ports. An ICMP type and code, which nobody here desires, go into the protocol: `icmp 8 -1`.
fn read_protocol(permission: &IpPermission) -> (String, Option<(u16, u16)>) {
    let protocol = permission.ip_protocol().unwrap_or("-1").to_owned();
    let (from, to) = (permission.from_port().unwrap_or(-1), permission.to_port().unwrap_or(-1));
    match protocol.as_str() {
        "tcp" | "udp" => (protocol, u16::try_from(from).ok().zip(u16::try_from(to).ok())),
        _ if (from, to) == (-1, -1) || protocol == "-1" => (protocol, None),
        _ => (format!("{protocol} {from} {to}"), None),
    }
}

/// A rule without its description, with the AWS ids of groups: what EC2 tells rules apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    protocol: String,
    ports: Option<(u16, u16)>,
    peer: String,
}

/// Rules by key, with their descriptions.
type Keyed = BTreeMap<Key, String>;

fn keyed(rules: &BTreeSet<Rule>, ids: &Ids) -> Result<Keyed, Error> {
    let pair = |rule: &Rule| {
        let peer = match &rule.peer {
            Peer::Cidr(range) => range.to_string(),
            Peer::Group(group) => ids.id(group)?,
            Peer::Other(other) => other.clone(),
        };
        Ok((Key { protocol: rule.protocol.clone(), ports: rule.ports, peer }, rule.description.clone()))
    };
    rules.iter().map(pair).collect()
}

/// The rules of a call.
fn permissions(rules: &Keyed) -> Vec<IpPermission> {
    rules.iter().map(|(key, description)| permission(key, description)).collect()
}

fn permission(key: &Key, description: &str) -> IpPermission {
    let mut words = key.protocol.split(' ');
    let protocol = words.next().unwrap_or_default();
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<i32>().ok());
    let type_and_code = number(words.next()).zip(number(words.next()));
    let ports = key.ports.map(|(from, to)| (i32::from(from), i32::from(to))).or(type_and_code);
    // EC2 wants -1 for every type and code (EC2 API reference, IpPermission).
    let ports = ports.or_else(|| protocol.starts_with("icmp").then_some((-1, -1)));
    let builder = IpPermission::builder()
        .ip_protocol(protocol)
        .set_from_port(ports.map(|(from, _)| from))
        .set_to_port(ports.map(|(_, to)| to));
    let text = (!description.is_empty()).then(|| description.to_owned());
    let peer = key.peer.as_str();
    let builder = if peer.starts_with("sg-") {
        builder.user_id_group_pairs(UserIdGroupPair::builder().group_id(peer).set_description(text).build())
    } else if peer.starts_with("pl-") {
        builder.prefix_list_ids(PrefixListId::builder().prefix_list_id(peer).set_description(text).build())
    } else if peer.contains(':') {
        builder.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(peer).set_description(text).build())
    } else {
        builder.ip_ranges(IpRange::builder().cidr_ip(peer).set_description(text).build())
    };
    builder.build()
}

/// What a new group has: everything may go out (Amazon VPC user guide, "Security group rules").
fn of_a_new_group() -> (Keyed, Keyed) {
    let everything = Key { protocol: String::from("-1"), ports: None, peer: String::from("0.0.0.0/0") };
    (Keyed::new(), Keyed::from([(everything, String::new())]))
}

/// The rules of one group while they are made to fit.
struct Group<'a> {
    aws: &'a Aws,
    id: &'a str,
    ids: &'a Ids,
}

impl Group<'_> {
    async fn fit(&self, direction: Direction, before: &Keyed, after: &Keyed) -> Result<(), Error> {
        let missing: Keyed = after.iter().filter(|(key, _)| !before.contains_key(key)).map(owned).collect();
        let extra: Keyed = before.iter().filter(|(key, _)| !after.contains_key(key)).map(owned).collect();
        let renamed: Keyed = after
            .iter()
            .filter(|(key, description)| before.get(key).is_some_and(|old| old != *description))
            .map(owned)
            .collect();
        // What is allowed grows before it shrinks, so that nobody is cut off in between.
        if !missing.is_empty() {
            self.authorize(direction, permissions(&missing)).await?;
        }
        if !renamed.is_empty() {
            self.describe_anew(direction, permissions(&renamed)).await?;
        }
        if !extra.is_empty() {
            self.revoke(direction, permissions(&extra)).await?;
        }
        Ok(())
    }

    async fn authorize(&self, direction: Direction, permissions: Vec<IpPermission>) -> Result<(), Error> {
        let ec2 = self.aws.ec2();
        match direction {
            Direction::Ingress => {
                let request = ec2.authorize_security_group_ingress().group_id(self.id);
                let request = request.set_ip_permissions(Some(permissions));
                let asked = Call::named("AuthorizeSecurityGroupIngress").with(self.ids);
                call(self.aws, asked, || request.clone().send()).await.map(drop)
            }
            Direction::Egress => {
                let request = ec2.authorize_security_group_egress().group_id(self.id);
                let request = request.set_ip_permissions(Some(permissions));
                let asked = Call::named("AuthorizeSecurityGroupEgress").with(self.ids);
                call(self.aws, asked, || request.clone().send()).await.map(drop)
            }
        }
    }

    async fn describe_anew(&self, direction: Direction, permissions: Vec<IpPermission>) -> Result<(), Error> {
        let ec2 = self.aws.ec2();
        match direction {
            Direction::Ingress => {
                let request = ec2.update_security_group_rule_descriptions_ingress().group_id(self.id);
                let request = request.set_ip_permissions(Some(permissions));
                let asked = Call::named("UpdateSecurityGroupRuleDescriptionsIngress").with(self.ids);
                call(self.aws, asked, || request.clone().send()).await.map(drop)
            }
            Direction::Egress => {
                let request = ec2.update_security_group_rule_descriptions_egress().group_id(self.id);
                let request = request.set_ip_permissions(Some(permissions));
                let asked = Call::named("UpdateSecurityGroupRuleDescriptionsEgress").with(self.ids);
                call(self.aws, asked, || request.clone().send()).await.map(drop)
            }
        }
    }

    async fn revoke(&self, direction: Direction, permissions: Vec<IpPermission>) -> Result<(), Error> {
        revoke(self.aws, self.id, direction, permissions).await
    }

    /// Reads what is there, and makes it fit: after somebody else, or an earlier attempt, got in between.
    async fn fit_anew(&self, ingress: &Keyed, egress: &Keyed) -> Result<(), Error> {
        let look = async || {
            let groups = describe(self.aws, vec![tags::filter("group-id", self.id)]).await?;
            Ok(groups.into_iter().next())
        };
        let missing = Error::Malformed { operation: "DescribeSecurityGroups", what: "no group of an id that it gave" };
        let group = settle(self.aws, self.aws.clock().now(), look).await?.ok_or(missing)?;
        let seen_in = keyed(&read_rules(group.ip_permissions()), self.ids)?;
        let seen_out = keyed(&read_rules(group.ip_permissions_egress()), self.ids)?;
        self.fit(Direction::Ingress, &seen_in, ingress).await?;
        self.fit(Direction::Egress, &seen_out, egress).await
    }
}

fn owned((key, description): (&Key, &String)) -> (Key, String) {
    (key.clone(), description.clone())
}

async fn revoke(aws: &Aws, id: &str, direction: Direction, permissions: Vec<IpPermission>) -> Result<(), Error> {
    match direction {
        Direction::Ingress => {
            let request = aws.ec2().revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(permissions));
            delete_call(aws, "RevokeSecurityGroupIngress", || request.clone().send()).await
        }
        Direction::Egress => {
            let request = aws.ec2().revoke_security_group_egress().group_id(id).set_ip_permissions(Some(permissions));
            delete_call(aws, "RevokeSecurityGroupEgress", || request.clone().send()).await
        }
    }
}

/// What a new group has is known, which saves a call; where it has something else by now, AWS says so. What any other group
/// has is read: somebody has taken its rules away, such as a destroy that did not come to its end.
pub(super) async fn create(aws: &Aws, _identity: &Identity, it: &SecurityGroupRules, ids: &Ids) -> Result<Made, Error> {
    let id = ids.id(&it.group)?;
    let group = Group { aws, id: &id, ids };
    let (ingress, egress) = (keyed(&it.ingress, ids)?, keyed(&it.egress, ids)?);
    if !ids.is_new(&it.group) {
        group.fit_anew(&ingress, &egress).await?;
        return Ok(Made::new(id));
    }
    let (new_ingress, new_egress) = of_a_new_group();
    let both = async {
        group.fit(Direction::Ingress, &new_ingress, &ingress).await?;
        group.fit(Direction::Egress, &new_egress, &egress).await
    };
    match both.await {
        Err(error) if error.already_exists() || error.is_not_found() => group.fit_anew(&ingress, &egress).await?,
        outcome => outcome?,
    }
    Ok(Made::new(id))
}

pub(super) async fn update(aws: &Aws, update: Update<'_, SecurityGroupRules>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    let group = Group { aws, id: &found.id, ids };
    let (ingress, egress) = (keyed(&after.ingress, ids)?, keyed(&after.egress, ids)?);
    // A rule that names a group of ours which is gone since cannot be told by its id any more: read what is there.
    let (Ok(seen_in), Ok(seen_out)) = (keyed(&before.ingress, ids), keyed(&before.egress, ids)) else {
        group.fit_anew(&ingress, &egress).await?;
        return Ok(found.attributes.clone());
    };
    let both = async {
        group.fit(Direction::Ingress, &seen_in, &ingress).await?;
        group.fit(Direction::Egress, &seen_out, &egress).await
    };
    match both.await {
        Err(error) if error.already_exists() => group.fit_anew(&ingress, &egress).await?,
        outcome => outcome?,
    }
    Ok(found.attributes.clone())
}

/// Revokes everything, so that groups which refer to each other can be deleted.
pub(super) async fn delete(aws: &Aws, found: &Found, _it: &SecurityGroupRules) -> Result<(), Error> {
    for group in describe(aws, vec![tags::filter("group-id", &found.id)]).await? {
        for (direction, permissions) in [
            (Direction::Ingress, group.ip_permissions.unwrap_or_default()),
            (Direction::Egress, group.ip_permissions_egress.unwrap_or_default()),
        ] {
            if !permissions.is_empty() {
                revoke(aws, &found.id, direction, permissions).await?;
            }
        }
    }
    Ok(())
}
