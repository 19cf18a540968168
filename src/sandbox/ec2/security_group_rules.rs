//! The rules of security groups: one rule is one permission for one peer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Parameters, Refusal, Xml};
use super::super::world::World;
use super::object::{self, Tags};
use super::security_groups::{self, SecurityGroup};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("AuthorizeSecurityGroupIngress", |world, call| authorize(world, call, false)),
    ("AuthorizeSecurityGroupEgress", |world, call| authorize(world, call, true)),
    ("RevokeSecurityGroupIngress", |world, call| revoke(world, call, false)),
    ("RevokeSecurityGroupEgress", |world, call| revoke(world, call, true)),
    ("UpdateSecurityGroupRuleDescriptionsIngress", |world, call| update_descriptions(world, call, false)),
    ("UpdateSecurityGroupRuleDescriptionsEgress", |world, call| update_descriptions(world, call, true)),
    ("DescribeSecurityGroupRules", describe_security_group_rules),
    ("ModifySecurityGroupRules", modify_security_group_rules),
];

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Out, not in.
    pub egress: bool,
    /// What it permits; unique within direction and group.
    pub permission: Permission,
    /// Why.
    pub description: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// What a rule permits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permission {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1`.
    pub protocol: String,
    /// First port, or ICMP type.
    pub from: Option<i32>,
    /// Last port, or ICMP code.
    pub to: Option<i32>,
    /// The other side.
    pub peer: Peer,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Peer {
    /// An IPv4 range.
    Cidr(String),
    /// An IPv6 range.
    CidrIpv6(String),
    /// A prefix list.
    PrefixList(String),
    /// A security group.
    Group(String),
}

impl Permission {
    /// What the filter `ip-permission.<field>` compares with.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<String> {
        match (field, &self.peer) {
            ("cidr", Peer::Cidr(cidr)) => Some(cidr.clone()),
            ("group-id", Peer::Group(id)) => Some(id.clone()),
            ("protocol", _) => Some(self.protocol.clone()),
            ("from-port", _) => self.from.map(|it| it.to_string()),
            ("to-port", _) => self.to.map(|it| it.to_string()),
            _ => None,
        }
    }

    fn words(&self) -> String {
        let peer = match &self.peer {
            Peer::Cidr(it) | Peer::CidrIpv6(it) | Peer::PrefixList(it) | Peer::Group(it) => it,
        };
        let protocol = if self.protocol == "-1" { "ALL".to_owned() } else { self.protocol.to_uppercase() };
        match (self.from, self.to) {
            (Some(from), Some(to)) => format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW"),
            _ => format!("peer: {peer}, {protocol}, ALLOW"),
        }
    }
}

/// Protocol and ports in the form in which EC2 keeps them.
fn protocol_and_ports(
    name: &str,
    from: Option<i32>,
    to: Option<i32>,
) -> Result<(String, Option<i32>, Option<i32>), Refusal> {
    let protocol = match name.to_ascii_lowercase().as_str() {
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "58" | "icmpv6" => "icmpv6",
        "-1" | "all" => "-1",
        other => match other.parse::<u8>() {
            Ok(number) => return Ok((number.to_string(), None, None)),
            Err(_) => {
                let message = format!("Invalid value '{other}' for IP protocol. Unknown protocol.");
                return Err(Refusal::new("InvalidPermission.Malformed", message));
            }
        },
    };
    match (protocol, from, to) {
        ("-1", ..) => Ok((protocol.to_owned(), None, None)),
        ("tcp" | "udp", Some(first), Some(last)) => {
            if !(0..=65535).contains(&first) || !(0..=65535).contains(&last) || first > last {
                let message = format!("Invalid TCP/UDP port range ({first}:{last})");
                return Err(Refusal::invalid(message));
            }
            Ok((protocol.to_owned(), from, to))
        }
        ("tcp" | "udp", ..) => {
            let message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
            Err(Refusal::invalid(message))
        }
        _ => Ok((protocol.to_owned(), Some(from.unwrap_or(-1)), Some(to.unwrap_or(-1)))),
    }
}

type Wanted = Vec<(Permission, Option<String>)>;

/// The permissions of `IpPermissions`, or of the older flat parameters.
fn permissions(world: &World, call: &Call<'_>, group: &SecurityGroup) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::new();
    for set in call.list("IpPermissions") {
        read_permission(world, &set, group, &mut wanted)?;
    }
    if let Some(protocol) = call.text("IpProtocol") {
        let (protocol, from, to) = protocol_and_ports(&protocol, call.parsed("FromPort")?, call.parsed("ToPort")?)?;
        let peer = Peer::Cidr(super::network(&call.required("CidrIp")?)?.to_string());
        wanted.push((Permission { protocol, from, to, peer }, None));
    }
    Ok(wanted)
}

fn read_permission(
    world: &World,
    set: &Parameters<'_>,
    group: &SecurityGroup,
    wanted: &mut Wanted,
) -> Result<(), Refusal> {
    let (protocol, from, to) =
        protocol_and_ports(&set.required("IpProtocol")?, set.parsed("FromPort")?, set.parsed("ToPort")?)?;
    let before = wanted.len();
    let mut push = |peer, parameters: &Parameters<'_>| -> Result<(), Refusal> {
        let description = parameters.text("Description").filter(|it| !it.is_empty());
        if let Some(description) = &description {
            security_groups::check_text("Description", description)?;
        }
        wanted.push((Permission { protocol: protocol.clone(), from, to, peer }, description));
        Ok(())
    };
    for range in set.list("IpRanges") {
        let cidr = super::network(&range.required("CidrIp")?)?;
        push(Peer::Cidr(cidr.to_string()), &range)?;
    }
    for range in set.list("Ipv6Ranges") {
        push(Peer::CidrIpv6(range.required("CidrIpv6")?), &range)?;
    }
    for list in set.list("PrefixListIds") {
        push(Peer::PrefixList(list.required("PrefixListId")?), &list)?;
    }
    for pair in set.list("Groups") {
        pair.accept_all(&["UserId", "VpcId", "PeeringStatus"]);
        let id = match (pair.text("GroupId"), pair.text("GroupName")) {
            (Some(id), _) => object::get::<SecurityGroup>(world, &id)?.id.clone(),
            (None, Some(name)) => {
                let named = |it: &&SecurityGroup| it.vpc == group.vpc && it.name == name;
                let found = world.ec2.security_groups.values().find(named);
                found.map(|it| it.id.clone()).ok_or_else(|| object::not_found::<SecurityGroup>(&name))?
            }
            (None, None) => return Err(Refusal::new("MissingParameter", "Missing source group")),
        };
        push(Peer::Group(id), &pair)?;
    }
    if wanted.len() == before {
        let message = "The request must contain a source or destination of the permission";
        return Err(Refusal::new("MissingParameter", message));
    }
    Ok(())
}

fn group_of(world: &World, call: &Call<'_>) -> Result<SecurityGroup, Refusal> {
    object::get::<SecurityGroup>(world, &call.required("GroupId")?).cloned()
}

fn authorize(world: &mut World, call: &Call<'_>, egress: bool) -> Result<Answer, Refusal> {
    let group = group_of(world, call)?;
    let wanted = permissions(world, call, &group)?;
    let tags =
        object::specified_tags(call, &["security-group-rule"])?.remove("security-group-rule").unwrap_or_default();
    if wanted.is_empty() {
        return Err(Refusal::new(
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
        ));
    }
    let mut all: Vec<&Permission> =
        group.rules.values().filter(|rule| rule.egress == egress).map(|rule| &rule.permission).collect();
    for (permission, _) in &wanted {
        if all.contains(&permission) {
            let message = format!("the specified rule \"{}\" already exists", permission.words());
            return Err(Refusal::new("InvalidPermission.Duplicate", message));
        }
        all.push(permission);
    }
    if all.len() > usize::try_from(world.quotas.rules_per_security_group).unwrap_or(usize::MAX) {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(Refusal::new("RulesPerSecurityGroupLimitExceeded", message));
    }
    let mut made = Vec::new();
    for (permission, description) in wanted {
        let rule = Rule { egress, permission, description, tags: tags.clone() };
        made.push((world.new_id("sgr"), rule));
    }
    let views: Vec<Xml> = made.iter().map(|(id, rule)| rule_view(world, &group, id, rule)).collect();
    object::get_mut::<SecurityGroup>(world, &group.id)?.rules.extend(made);
    Ok(Xml::new().text("return", true).list("securityGroupRuleSet", "item", views).into())
}

fn revoke(world: &mut World, call: &Call<'_>, egress: bool) -> Result<Answer, Refusal> {
    let group = group_of(world, call)?;
    let mut ids = call.texts("SecurityGroupRuleId");
    for id in &ids {
        if group.rules.get(id).is_none_or(|rule| rule.egress != egress) {
            let message = format!("The security group rule ID '{id}' does not exist");
            return Err(Refusal::new("InvalidSecurityGroupRuleId.NotFound", message));
        }
    }
    for (permission, _) in permissions(world, call, &group)? {
        let same = |(_, rule): &(&String, &Rule)| rule.egress == egress && rule.permission == permission;
        match group.rules.iter().find(same) {
            Some((id, _)) => ids.push(id.clone()),
            None => {
                let message = "The specified rule does not exist in this security group.";
                return Err(Refusal::new("InvalidPermission.NotFound", message));
            }
        }
    }
    let rules = &mut object::get_mut::<SecurityGroup>(world, &group.id)?.rules;
    ids.iter().for_each(|id| {
        rules.remove(id);
    });
    let revoked = ids.iter().filter_map(|id| Some((id, group.rules.get(id)?))).map(|(id, rule)| {
        let xml = Xml::new()
            .text("securityGroupRuleId", id)
            .text("groupId", &group.id)
            .text("isEgress", rule.egress)
            .text("ipProtocol", &rule.permission.protocol)
            .text("fromPort", rule.permission.from.unwrap_or(-1))
            .text("toPort", rule.permission.to.unwrap_or(-1))
            .maybe("description", rule.description.as_ref());
        match &rule.permission.peer {
            Peer::Cidr(cidr) => xml.text("cidrIpv4", cidr),
            Peer::CidrIpv6(cidr) => xml.text("cidrIpv6", cidr),
            Peer::PrefixList(id) => xml.text("prefixListId", id),
            Peer::Group(id) => xml.text("referencedGroupId", id),
        }
    });
    Ok(Xml::new().text("return", true).list("revokedSecurityGroupRuleSet", "item", revoked).into())
}

fn update_descriptions(world: &mut World, call: &Call<'_>, egress: bool) -> Result<Answer, Refusal> {
    let group = group_of(world, call)?;
    let mut changes: Vec<(String, Option<String>)> = Vec::new();
    for item in call.list("SecurityGroupRuleDescription") {
        changes.push((item.required("SecurityGroupRuleId")?, item.text("Description")));
    }
    for (permission, description) in permissions(world, call, &group)? {
        let same = |(_, rule): &(&String, &Rule)| rule.egress == egress && rule.permission == permission;
        let (id, _) = group.rules.iter().find(same).ok_or_else(|| {
            let message = "The specified rule does not exist in this security group.";
            Refusal::new("InvalidPermission.NotFound", message)
        })?;
        changes.push((id.clone(), description));
    }
    let rules = &mut object::get_mut::<SecurityGroup>(world, &group.id)?.rules;
    for (id, description) in changes {
        let rule = rules.get_mut(&id).filter(|rule| rule.egress == egress).ok_or_else(|| {
            let message = format!("The security group rule ID '{id}' does not exist");
            Refusal::new("InvalidSecurityGroupRuleId.NotFound", message)
        })?;
        rule.description = description;
    }
    Ok(Answer::yes())
}

fn rule_view(world: &World, group: &SecurityGroup, id: &str, rule: &Rule) -> Xml {
    let permission = &rule.permission;
    let xml = Xml::new()
        .text("securityGroupRuleId", id)
        .text("securityGroupRuleArn", world.arn("ec2", &format!("security-group-rule/{id}")))
        .text("groupId", &group.id)
        .text("groupOwnerId", &world.account)
        .text("isEgress", rule.egress)
        .text("ipProtocol", &permission.protocol)
        .text("fromPort", permission.from.unwrap_or(-1))
        .text("toPort", permission.to.unwrap_or(-1))
        .maybe("description", rule.description.as_ref());
    let xml = match &permission.peer {
        Peer::Cidr(cidr) => xml.text("cidrIpv4", cidr),
        Peer::CidrIpv6(cidr) => xml.text("cidrIpv6", cidr),
        Peer::PrefixList(id) => xml.text("prefixListId", id),
        Peer::Group(id) => {
            let peer = Xml::new().text("groupId", id).text("userId", &world.account).text("vpcId", &group.vpc);
            xml.element("referencedGroupInfo", peer)
        }
    };
    xml.and(object::tag_set(&rule.tags))
}

/// Protocol, first and last port.
type Ports<'rule> = (&'rule str, Option<i32>, Option<i32>);

/// `ipPermissions` and `ipPermissionsEgress`: the rules of equal protocol and ports together.
#[must_use]
pub fn permission_sets(world: &World, group: &SecurityGroup) -> Xml {
    let set = |egress: bool| {
        let mut by_ports: BTreeMap<Ports<'_>, Vec<&Rule>> = BTreeMap::new();
        for rule in group.rules.values().filter(|rule| rule.egress == egress) {
            let permission = &rule.permission;
            by_ports.entry((&permission.protocol, permission.from, permission.to)).or_default().push(rule);
        }
        by_ports
            .into_iter()
            .map(|((protocol, from, to), rules)| {
                let mut lists: [Vec<Xml>; 4] = Default::default();
                for rule in rules {
                    let (list, xml) = match &rule.permission.peer {
                        Peer::Group(id) => (0, Xml::new().text("groupId", id).text("userId", &world.account)),
                        Peer::Cidr(cidr) => (1, Xml::new().text("cidrIp", cidr)),
                        Peer::CidrIpv6(cidr) => (2, Xml::new().text("cidrIpv6", cidr)),
                        Peer::PrefixList(id) => (3, Xml::new().text("prefixListId", id)),
                    };
                    lists[list].push(xml.maybe("description", rule.description.as_ref()));
                }
                let [groups, ranges, ranges6, prefixes] = lists;
                Xml::new()
                    .text("ipProtocol", protocol)
                    .maybe("fromPort", from)
                    .maybe("toPort", to)
                    .list("groups", "item", groups)
                    .list("ipRanges", "item", ranges)
                    .list("ipv6Ranges", "item", ranges6)
                    .list("prefixListIds", "item", prefixes)
            })
            .collect::<Vec<_>>()
    };
    Xml::new().list("ipPermissions", "item", set(false)).list("ipPermissionsEgress", "item", set(true))
}

fn describe_security_group_rules(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = call.texts("SecurityGroupRuleId");
    let filters = object::filters(call, &["group-id", "security-group-rule-id"])?;
    for id in &ids {
        if !world.ec2.security_groups.values().any(|group| group.rules.contains_key(id)) {
            let message = format!("The security group rule ID '{id}' does not exist");
            return Err(Refusal::new("InvalidSecurityGroupRuleId.NotFound", message));
        }
    }
    let groups = world.ec2.security_groups.values().filter(|group| !world.is_hidden(&group.id));
    let mut found: Vec<(&SecurityGroup, &String, &Rule)> = groups
        .flat_map(|group| group.rules.iter().map(move |(id, rule)| (group, id, rule)))
        .filter(|(group, id, rule)| {
            let values = |name: &str| vec![if name == "group-id" { group.id.clone() } else { (*id).clone() }];
            (ids.is_empty() || ids.contains(id)) && filters.iter().all(|filter| filter.accepts(&rule.tags, values))
        })
        .collect();
    found.sort_by_key(|(_, id, _)| *id);
    let (found, next) = object::page(call, found, !ids.is_empty(), |(_, id, _)| (*id).clone())?;
    let items = found.into_iter().map(|(group, id, rule)| rule_view(world, group, id, rule));
    Ok(Xml::new().list("securityGroupRuleSet", "item", items).maybe("nextToken", next).into())
}

fn modify_security_group_rules(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut group = group_of(world, call)?;
    for update in call.list("SecurityGroupRule") {
        let id = update.required("SecurityGroupRuleId")?;
        let request = update.view("SecurityGroupRule");
        let (protocol, from, to) = protocol_and_ports(
            &request.required("IpProtocol")?,
            request.parsed("FromPort")?.filter(|port| *port != -1),
            request.parsed("ToPort")?.filter(|port| *port != -1),
        )?;
        let peer = if let Some(cidr) = request.text("CidrIpv4") {
            Peer::Cidr(super::network(&cidr)?.to_string())
        } else if let Some(cidr) = request.text("CidrIpv6") {
            Peer::CidrIpv6(cidr)
        } else if let Some(list) = request.text("PrefixListId") {
            Peer::PrefixList(list)
        } else {
            Peer::Group(object::get::<SecurityGroup>(world, &request.required("ReferencedGroupId")?)?.id.clone())
        };
        let permission = Permission { protocol, from, to, peer };
        let rule = group.rules.get(&id).ok_or_else(|| {
            let message = format!("The security group rule ID '{id}' does not exist");
            Refusal::new("InvalidSecurityGroupRuleId.NotFound", message)
        })?;
        let rule = Rule { permission, description: request.text("Description"), ..rule.clone() };
        let clash = |(other, it): (&String, &Rule)| {
            *other != id && it.egress == rule.egress && it.permission == rule.permission
        };
        if group.rules.iter().any(clash) {
            let message = format!("the specified rule \"{}\" already exists", rule.permission.words());
            return Err(Refusal::new("InvalidPermission.Duplicate", message));
        }
        group.rules.insert(id, rule);
    }
    let id = group.id.clone();
    *object::get_mut::<SecurityGroup>(world, &id)? = group;
    Ok(Answer::yes())
}
