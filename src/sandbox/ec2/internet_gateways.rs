//! Internet gateways.

use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::object::{self, Object, Tags, Words, kept_in};
use super::vpcs::Vpc;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateInternetGateway", create_internet_gateway),
    ("AttachInternetGateway", attach_internet_gateway),
    ("DetachInternetGateway", detach_internet_gateway),
    ("DeleteInternetGateway", delete_internet_gateway),
    ("DescribeInternetGateways", describe_internet_gateways),
];

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InternetGateway {
    /// `igw-…`.
    pub id: String,
    /// The VPC that it is attached to.
    pub vpc: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Object for InternetGateway {
    const WORDS: Words = Words {
        prefix: "igw",
        resource_type: "internet-gateway",
        malformed: "InvalidInternetGatewayId.Malformed",
        not_found: "InvalidInternetGatewayID.NotFound",
        message: "The internetGateway ID '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] =
        &["attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id"];

    kept_in!(internet_gateways);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        match filter {
            "attachment.state" => self.vpc.iter().map(|_| "available".to_owned()).collect(),
            "attachment.vpc-id" => self.vpc.iter().cloned().collect(),
            "internet-gateway-id" => vec![self.id.clone()],
            "owner-id" => vec![world.account.clone()],
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World) -> Xml {
        let attachments = self.vpc.iter().map(|vpc| Xml::new().text("vpcId", vpc).text("state", "available"));
        Xml::new()
            .text("internetGatewayId", &self.id)
            .text("ownerId", &world.account)
            .list("attachmentSet", "item", attachments)
            .and(object::tag_set(&self.tags))
    }
}

fn create_internet_gateway(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let tags = object::new_tags::<InternetGateway>(call)?;
    if world.ec2.internet_gateways.len() >= usize::try_from(world.quotas.internet_gateways).unwrap_or(usize::MAX) {
        let message = "The maximum number of internet gateways has been reached.";
        return Err(Refusal::new("InternetGatewayLimitExceeded", message));
    }
    let id = create(world, tags);
    let view = world.ec2.internet_gateways.get(&id).map(|gateway| gateway.view(world)).unwrap_or_default();
    Ok(Xml::new().element("internetGateway", view).into())
}

/// Makes a gateway that is not attached.
pub fn create(world: &mut World, tags: Tags) -> String {
    let id = world.new_id("igw");
    world.ec2.internet_gateways.insert(id.clone(), InternetGateway { id: id.clone(), vpc: None, tags });
    id
}

fn attach_internet_gateway(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (id, vpc) = (call.required("InternetGatewayId")?, call.required("VpcId")?);
    let gateway = object::get::<InternetGateway>(world, &id)?;
    object::get::<Vpc>(world, &vpc)?;
    if let Some(other) = &gateway.vpc {
        let message = format!("resource {id} is already attached to network {other}");
        return Err(Refusal::new("Resource.AlreadyAssociated", message));
    }
    if attached(world, &vpc).is_some() {
        return Err(Refusal::invalid(format!("Network {vpc} already has an internet gateway attached")));
    }
    object::get_mut::<InternetGateway>(world, &id)?.vpc = Some(vpc);
    Ok(Answer::yes())
}

/// The gateway that is attached to a VPC.
#[must_use]
pub fn attached<'w>(world: &'w World, vpc: &str) -> Option<&'w InternetGateway> {
    world.ec2.internet_gateways.values().find(|gateway| gateway.vpc.as_deref() == Some(vpc))
}

fn detach_internet_gateway(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (id, vpc) = (call.required("InternetGatewayId")?, call.required("VpcId")?);
    object::get::<Vpc>(world, &vpc)?;
    if object::get::<InternetGateway>(world, &id)?.vpc.as_deref() != Some(vpc.as_str()) {
        let message = format!("resource {id} is not attached to network {vpc}");
        return Err(Refusal::new("Gateway.NotAttached", message));
    }
    let mapped =
        world.ec2.network_interfaces.values().any(|interface| interface.vpc == vpc && interface.association.is_some());
    if mapped {
        return Err(Refusal::dependency(format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        )));
    }
    object::get_mut::<InternetGateway>(world, &id)?.vpc = None;
    Ok(Answer::yes())
}

fn delete_internet_gateway(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("InternetGatewayId")?;
    if object::get::<InternetGateway>(world, &id)?.vpc.is_some() {
        let message = format!("The internetGateway '{id}' has dependencies and cannot be deleted.");
        return Err(Refusal::dependency(message));
    }
    world.ec2.internet_gateways.remove(&id);
    Ok(Answer::yes())
}

fn describe_internet_gateways(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<InternetGateway>(world, call, "InternetGatewayId", "internetGatewaySet")
}
