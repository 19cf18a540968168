//! NAT gateways: slow to come, slow to go, and visible for an hour after.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::{World, iso};
use super::addresses::{self, Address};
use super::internet_gateways;
use super::network_interfaces::{self, New};
use super::object::{self, Object, Tags, Words, kept_in};
use super::subnets::Subnet;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateNatGateway", create_nat_gateway),
    ("DeleteNatGateway", delete_nat_gateway),
    ("DescribeNatGateways", describe_nat_gateways),
];

/// Seconds until it is available: what was seen on AWS.
const CREATION: (u32, u32) = (85, 125);
/// Seconds until one without a way to the internet fails.
const FAILURE: (u32, u32) = (20, 40);
/// Seconds from `deleting` to `deleted`.
const DELETION: (u32, u32) = (40, 60);
/// Seconds that a deleted one is still shown (Amazon VPC user guide: "for about an hour").
const REMNANT: f64 = 3600.0;

/// A NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NatGateway {
    /// `nat-…`.
    pub id: String,
    /// The VPC.
    pub vpc: String,
    /// The subnet.
    pub subnet: String,
    /// Its address.
    pub allocation: String,
    /// Its public address as text, for after the deletion.
    pub public_ip: String,
    /// Its interface.
    pub interface: String,
    /// Its private address as text.
    pub private_ip: String,
    /// The association of the address.
    pub association: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// `pending` before; `available`, or `failed`, from then on.
    pub settled_at: Timestamp,
    /// Why it fails, if it does.
    pub failure: Option<String>,
    /// `deleting` from then on.
    pub delete_requested_at: Option<Timestamp>,
    /// `deleted` from then on.
    pub deleted_at: Option<Timestamp>,
    /// Whether interface and address were given back.
    pub released: bool,
    /// Tags.
    pub tags: Tags,
}

impl Object for NatGateway {
    const WORDS: Words = Words {
        prefix: "nat",
        resource_type: "natgateway",
        malformed: "NatGatewayMalformed",
        not_found: "NatGatewayNotFound",
        message: "NatGateway {} was not found",
    };
    const FILTERS: &'static [&'static str] = &["nat-gateway-id", "state", "subnet-id", "vpc-id"];

    kept_in!(nat_gateways);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        vec![match filter {
            "nat-gateway-id" => self.id.clone(),
            "state" => self.state(world).to_owned(),
            "subnet-id" => self.subnet.clone(),
            "vpc-id" => self.vpc.clone(),
            _ => return Vec::new(),
        }]
    }

    fn exists(&self, world: &World) -> bool {
        self.state(world) != "deleted"
    }

    fn shown(&self, _: &World) -> bool {
        true
    }

    fn view(&self, world: &World) -> Xml {
        let state = self.state(world);
        let address = Xml::new()
            .text("allocationId", &self.allocation)
            .maybe("associationId", (!self.released).then_some(&self.association))
            .text("networkInterfaceId", &self.interface)
            .text("privateIp", &self.private_ip)
            .text("publicIp", &self.public_ip)
            .text("isPrimary", true)
            .text("status", if self.released { "disassociating" } else { "succeeded" });
        let failed = self.failure.as_ref().filter(|_| state == "failed");
        Xml::new()
            .text("natGatewayId", &self.id)
            .text("vpcId", &self.vpc)
            .text("subnetId", &self.subnet)
            .text("state", state)
            .text("createTime", iso(self.created_at))
            .maybe("deleteTime", self.deleted_at.filter(|at| *at <= world.now).map(iso))
            .maybe("failureCode", failed.map(|_| "Gateway.NotAttached"))
            .maybe("failureMessage", failed)
            .list("natGatewayAddressSet", "item", [address])
            .text("connectivityType", "public")
            .and(object::tag_set(&self.tags))
    }
}

impl NatGateway {
    /// `pending`, `available`, `failed`, `deleting` or `deleted`.
    #[must_use]
    pub fn state(&self, world: &World) -> &'static str {
        if self.deleted_at.is_some_and(|at| at <= world.now) {
            "deleted"
        } else if self.delete_requested_at.is_some() {
            "deleting"
        } else if world.now < self.settled_at {
            "pending"
        } else if self.failure.is_some() {
            "failed"
        } else {
            "available"
        }
    }
}

fn create_nat_gateway(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["ConnectivityType"]);
    let subnet = call.required("SubnetId")?;
    let allocation = call.required("AllocationId")?;
    let tags = object::new_tags::<NatGateway>(call)?;
    if let Some(id) = world.replay(call)? {
        return Ok(made(world, call, &id));
    }
    let subnet = object::get::<Subnet>(world, &subnet)?.clone();
    let address = object::get::<Address>(world, &allocation)?.clone();
    if let Some(holder) = address.holder(world) {
        let message = format!("Elastic IP address [{allocation}] is already associated with {}", holder.id);
        return Err(Refusal::new("Resource.AlreadyAssociated", message));
    }
    let in_zone = world.ec2.nat_gateways.values().filter(|it| {
        it.exists(world) && world.ec2.subnets.get(&it.subnet).is_some_and(|other| other.zone == subnet.zone)
    });
    let quota = world.quotas.nat_gateways_per_zone;
    if in_zone.count() >= usize::try_from(quota).unwrap_or(usize::MAX) {
        let message = format!("Performing this operation would exceed the limit of {quota} NAT gateways");
        return Err(Refusal::new("NatGatewayLimitExceeded", message));
    }
    let failure = internet_gateways::attached(world, &subnet.vpc)
        .is_none()
        .then(|| format!("Network {} has no Internet gateway attached", subnet.vpc));
    let id = world.new_id("nat");
    let private_ip = subnet.free_address(world)?;
    let interface = network_interfaces::create(
        world,
        &subnet,
        New {
            private_ip,
            description: format!("Interface for NAT Gateway {id}"),
            groups: Vec::new(),
            interface_type: "nat_gateway".to_owned(),
            requester: Some("nat-gateway".to_owned()),
            tags: Tags::new(),
        },
    );
    let association = addresses::associate(world, &interface, &address)?;
    let (from, to) = if failure.is_some() { FAILURE } else { CREATION };
    let gateway = NatGateway {
        id: id.clone(),
        vpc: subnet.vpc,
        subnet: subnet.id,
        allocation,
        public_ip: address.public_ip.to_string(),
        interface,
        private_ip: private_ip.to_string(),
        association,
        created_at: world.now,
        settled_at: world.after_between(from, to),
        failure,
        delete_requested_at: None,
        deleted_at: None,
        released: false,
        tags,
    };
    world.ec2.nat_gateways.insert(id.clone(), gateway);
    world.remember(call, &id);
    Ok(made(world, call, &id))
}

fn made(world: &World, call: &Call<'_>, id: &str) -> Answer {
    let view = world.ec2.nat_gateways.get(id).map(|gateway| gateway.view(world)).unwrap_or_default();
    Xml::new().maybe("clientToken", call.text("ClientToken")).element("natGateway", view).into()
}

fn delete_nat_gateway(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("NatGatewayId")?;
    object::get::<NatGateway>(world, &id)?;
    let deleted_at = world.after_between(DELETION.0, DELETION.1);
    let now = world.now;
    let gateway = object::get_mut::<NatGateway>(world, &id)?;
    if gateway.delete_requested_at.is_none() {
        gateway.delete_requested_at = Some(now);
        gateway.deleted_at = Some(deleted_at);
    }
    Ok(Xml::new().text("natGatewayId", id).into())
}

fn describe_nat_gateways(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<NatGateway>(world, call, "NatGatewayId", "natGatewaySet")
}

fn gone_at(gateway: &NatGateway) -> Option<Timestamp> {
    let at = gateway.deleted_at?;
    if gateway.released { at.saturating_add(jiff::SignedDuration::from_secs_f64(REMNANT)).ok() } else { Some(at) }
}

/// The next moment at which a deleted one gives back what it holds, or is no longer shown.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    world.ec2.nat_gateways.values().filter_map(gone_at).min()
}

/// Gives back the interface and the address of deleted ones, and forgets old remnants.
pub fn advance(world: &mut World) {
    let now = world.now;
    world.ec2.nat_gateways.retain(|_, it| !(it.released && gone_at(it).is_some_and(|at| at <= now)));
    for gateway in world.ec2.nat_gateways.values_mut() {
        if !gateway.released && gone_at(gateway).is_some_and(|at| at <= now) {
            gateway.released = true;
            let _ = world.ec2.network_interfaces.remove(&gateway.interface);
        }
    }
}
