//! VPCs and their attributes. The model for the other areas' files: the object, its words, its operations.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::object::{self, Object, Tags, Words, kept_in};
use super::{route_tables, security_groups};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateVpc", create_vpc),
    ("DeleteVpc", delete_vpc),
    ("DescribeVpcs", describe_vpcs),
    ("DescribeVpcAttribute", describe_vpc_attribute),
    ("ModifyVpcAttribute", modify_vpc_attribute),
];

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vpc {
    /// `vpc-…`.
    pub id: String,
    /// Its first range.
    pub cidr: Ipv4Net,
    /// Association ids of all its ranges.
    pub associations: BTreeMap<String, Ipv4Net>,
    /// enableDnsSupport.
    pub dns_support: bool,
    /// enableDnsHostnames.
    pub dns_hostnames: bool,
    /// Whether it came with the account.
    pub is_default: bool,
    /// `pending` before, `available` from then on.
    pub available_at: Timestamp,
    /// Tags.
    pub tags: Tags,
}

impl Object for Vpc {
    const WORDS: Words = Words {
        prefix: "vpc",
        resource_type: "vpc",
        malformed: "InvalidVpcID.Malformed",
        not_found: "InvalidVpcID.NotFound",
        message: "The vpc ID '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] =
        &["cidr", "cidr-block-association.cidr-block", "dhcp-options-id", "is-default", "owner-id", "state", "vpc-id"];

    kept_in!(vpcs);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        match filter {
            "cidr" => vec![self.cidr.to_string()],
            "cidr-block-association.cidr-block" => self.associations.values().map(ToString::to_string).collect(),
            "dhcp-options-id" => vec!["default".to_owned()],
            "is-default" => vec![self.is_default.to_string()],
            "owner-id" => vec![world.account.clone()],
            "state" => vec![self.state(world).to_owned()],
            "vpc-id" => vec![self.id.clone()],
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World) -> Xml {
        let associations = self.associations.iter().map(|(id, cidr)| {
            let state = Xml::new().text("state", "associated");
            Xml::new().text("associationId", id).text("cidrBlock", cidr).element("cidrBlockState", state)
        });
        Xml::new()
            .text("vpcId", &self.id)
            .text("ownerId", &world.account)
            .text("state", self.state(world))
            .text("cidrBlock", self.cidr)
            .list("cidrBlockAssociationSet", "item", associations)
            .text("dhcpOptionsId", "default")
            .text("instanceTenancy", "default")
            .text("isDefault", self.is_default)
            .and(object::tag_set(&self.tags))
    }
}

impl Vpc {
    fn state(&self, world: &World) -> &'static str {
        if world.now < self.available_at { "pending" } else { "available" }
    }

    /// Whether an address range lies within one of its ranges.
    #[must_use]
    pub fn contains(&self, cidr: &Ipv4Net) -> bool {
        self.associations.values().any(|range| range.contains(cidr))
    }
}

fn create_vpc(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["InstanceTenancy", "AmazonProvidedIpv6CidrBlock"]);
    let cidr: Ipv4Net = call.required("CidrBlock").and_then(|text| super::network(&text))?;
    if !(16..=28).contains(&cidr.prefix_len()) {
        return Err(Refusal::new("InvalidVpc.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    let tags = object::new_tags::<Vpc>(call)?;
    if world.ec2.vpcs.len() >= usize::try_from(world.quotas.vpcs).unwrap_or(usize::MAX) {
        return Err(Refusal::new("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
    }
    let id = create(world, cidr, tags);
    let view = world.ec2.vpcs.get(&id).map(|vpc| vpc.view(world)).unwrap_or_default();
    Ok(Xml::new().element("vpc", view).into())
}

/// Makes a VPC with what every VPC has from the start: a main route table and a default security group.
pub fn create(world: &mut World, cidr: Ipv4Net, tags: Tags) -> String {
    let id = world.new_id("vpc");
    let association = world.new_id("vpc-cidr-assoc");
    let vpc = Vpc {
        id: id.clone(),
        cidr,
        associations: BTreeMap::from([(association, cidr)]),
        dns_support: true,
        dns_hostnames: false,
        is_default: false,
        available_at: world.after(1.0),
        tags,
    };
    world.ec2.vpcs.insert(id.clone(), vpc);
    route_tables::create_main(world, &id);
    security_groups::create_default(world, &id);
    id
}

fn delete_vpc(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("VpcId")?;
    object::get::<Vpc>(world, &id)?;
    let held = world.ec2.subnets.values().any(|subnet| subnet.vpc == id)
        || world.ec2.internet_gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(id.as_str()))
        || world.ec2.network_interfaces.values().any(|interface| interface.vpc == id)
        || world.ec2.route_tables.values().any(|table| table.vpc == id && !table.is_main())
        || world.ec2.security_groups.values().any(|group| group.vpc == id && group.name != security_groups::DEFAULT);
    if held {
        return Err(Refusal::dependency(format!("The vpc '{id}' has dependencies and cannot be deleted.")));
    }
    world.ec2.vpcs.remove(&id);
    world.ec2.route_tables.retain(|_, table| table.vpc != id);
    world.ec2.security_groups.retain(|_, group| group.vpc != id);
    Ok(Answer::yes())
}

fn describe_vpcs(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<Vpc>(world, call, "VpcId", "vpcSet")
}

fn describe_vpc_attribute(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let vpc = object::get::<Vpc>(world, &call.required("VpcId")?)?;
    let attribute = call.required("Attribute")?;
    let value = match attribute.as_str() {
        "enableDnsSupport" => vpc.dns_support,
        "enableDnsHostnames" => vpc.dns_hostnames,
        "enableNetworkAddressUsageMetrics" => false,
        other => return Err(Refusal::invalid(format!("Value ({other}) for parameter attribute is invalid."))),
    };
    Ok(Xml::new().text("vpcId", &vpc.id).element(&attribute, Xml::new().text("value", value)).into())
}

fn modify_vpc_attribute(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let support = call.view("EnableDnsSupport").flag("Value")?;
    let hostnames = call.view("EnableDnsHostnames").flag("Value")?;
    if support.is_some() == hostnames.is_some() {
        // One attribute a call (EC2 API reference, ModifyVpcAttribute).
        let message = "Exactly one attribute can be modified in a call";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let vpc = object::get_mut::<Vpc>(world, &call.required("VpcId")?)?;
    vpc.dns_support = support.unwrap_or(vpc.dns_support);
    vpc.dns_hostnames = hostnames.unwrap_or(vpc.dns_hostnames);
    Ok(Answer::yes())
}
