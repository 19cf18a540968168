//! Security groups. Their rules are in [`super::security_group_rules`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::object::{self, Object, Tags, Words, kept_in};
use super::security_group_rules::{Peer, Permission, Rule, permission_sets};
use super::vpcs::Vpc;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateSecurityGroup", create_security_group),
    ("DeleteSecurityGroup", delete_security_group),
    ("DescribeSecurityGroups", describe_security_groups),
];

/// The name of the group that every VPC has.
pub const DEFAULT: &str = "default";

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// The VPC.
    pub vpc: String,
    /// Unique in the VPC.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Rules by id.
    pub rules: BTreeMap<String, Rule>,
    /// Tags.
    pub tags: Tags,
}

impl Object for SecurityGroup {
    const WORDS: Words = Words {
        prefix: "sg",
        resource_type: "security-group",
        malformed: "InvalidGroupId.Malformed",
        not_found: "InvalidGroup.NotFound",
        message: "The security group '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] = &[
        "description",
        "egress.ip-permission.cidr",
        "egress.ip-permission.group-id",
        "egress.ip-permission.protocol",
        "group-id",
        "group-name",
        "ip-permission.cidr",
        "ip-permission.from-port",
        "ip-permission.group-id",
        "ip-permission.protocol",
        "ip-permission.to-port",
        "owner-id",
        "vpc-id",
    ];

    kept_in!(security_groups);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        let (egress, name) = match filter.strip_prefix("egress.") {
            Some(rest) => (true, rest),
            None => (false, filter),
        };
        if let Some(field) = name.strip_prefix("ip-permission.") {
            let rules = self.rules.values().filter(|rule| rule.egress == egress);
            return rules.filter_map(|rule| rule.permission.value(field)).collect();
        }
        vec![match filter {
            "description" => self.description.clone(),
            "group-id" => self.id.clone(),
            "group-name" => self.name.clone(),
            "owner-id" => world.account.clone(),
            "vpc-id" => self.vpc.clone(),
            _ => return Vec::new(),
        }]
    }

    fn view(&self, world: &World) -> Xml {
        Xml::new()
            .text("ownerId", &world.account)
            .text("groupId", &self.id)
            .text("securityGroupArn", world.arn("ec2", &format!("security-group/{}", self.id)))
            .text("groupName", &self.name)
            .text("groupDescription", &self.description)
            .text("vpcId", &self.vpc)
            .and(permission_sets(world, self))
            .and(object::tag_set(&self.tags))
    }
}

impl SecurityGroup {
    /// Whether one of its rules names the group.
    #[must_use]
    pub fn refers_to(&self, group: &str) -> bool {
        self.rules.values().any(|rule| matches!(&rule.permission.peer, Peer::Group(id) if id == group))
    }
}

/// Makes the group that every VPC has: everything from its own members, everything out.
pub fn create_default(world: &mut World, vpc: &str) -> String {
    let id = create(world, vpc, DEFAULT, "default VPC security group", Tags::new());
    let permission = Permission { protocol: "-1".to_owned(), from: None, to: None, peer: Peer::Group(id.clone()) };
    let rule = Rule { egress: false, permission, description: None, tags: Tags::new() };
    let rule_id = world.new_id("sgr");
    if let Some(group) = world.ec2.security_groups.get_mut(&id) {
        group.rules.insert(rule_id, rule);
    }
    id
}

/// Makes a group with the rule that every new group has: everything out.
pub fn create(world: &mut World, vpc: &str, name: &str, description: &str, tags: Tags) -> String {
    let id = world.new_id("sg");
    let everywhere = Peer::Cidr("0.0.0.0/0".to_owned());
    let permission = Permission { protocol: "-1".to_owned(), from: None, to: None, peer: everywhere };
    let rule = Rule { egress: true, permission, description: None, tags: Tags::new() };
    let group = SecurityGroup {
        id: id.clone(),
        vpc: vpc.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        rules: BTreeMap::from([(world.new_id("sgr"), rule)]),
        tags,
    };
    world.ec2.security_groups.insert(id.clone(), group);
    id
}

/// Letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*` (EC2 API reference, CreateSecurityGroup).
pub fn check_text(what: &str, text: &str) -> Result<(), Refusal> {
    let allowed = |it: char| it.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(it);
    if text.len() > 255 || !text.chars().all(allowed) {
        return Err(Refusal::invalid(format!(
            "Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported."
        )));
    }
    Ok(())
}

fn create_security_group(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.required("GroupName")?;
    let description = call.required("GroupDescription")?;
    let vpc = call.required("VpcId")?;
    object::get::<Vpc>(world, &vpc)?;
    check_text("GroupName", &name)?;
    check_text("GroupDescription", &description)?;
    if name.starts_with("sg-") {
        let message =
            format!("Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.");
        return Err(Refusal::invalid(message));
    }
    if name == DEFAULT {
        let message = format!("Cannot use reserved security group name: {name}");
        return Err(Refusal::invalid(message));
    }
    let tags = object::new_tags::<SecurityGroup>(call)?;
    if world.ec2.security_groups.values().any(|group| group.vpc == vpc && group.name == name) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Refusal::new("InvalidGroup.Duplicate", message));
    }
    if world.ec2.security_groups.len() >= usize::try_from(world.quotas.security_groups).unwrap_or(usize::MAX) {
        let message = "The maximum number of security groups has been reached.";
        return Err(Refusal::new("SecurityGroupLimitExceeded", message));
    }
    let id = create(world, &vpc, &name, &description, tags);
    let tags = world.ec2.security_groups.get(&id).map(|group| object::tag_set(&group.tags)).unwrap_or_default();
    let arn = world.arn("ec2", &format!("security-group/{id}"));
    Ok(Xml::new().text("return", true).text("groupId", id).text("securityGroupArn", arn).and(tags).into())
}

fn delete_security_group(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("GroupId")?;
    let group = object::get::<SecurityGroup>(world, &id)?;
    if group.name == DEFAULT {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Refusal::new("CannotDelete", message));
    }
    let used = world.ec2.network_interfaces.values().any(|interface| interface.groups.contains(&id));
    let referenced = world.ec2.security_groups.values().any(|other| other.id != id && other.refers_to(&id));
    if used || referenced {
        return Err(Refusal::dependency(format!("resource {id} has a dependent object")));
    }
    world.ec2.security_groups.remove(&id);
    Ok(Xml::new().text("return", true).text("groupId", id).into())
}

fn describe_security_groups(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<SecurityGroup>(world, call, "GroupId", "securityGroupInfo")
}
