//! Subnets.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::object::{self, Object, Tags, Words, kept_in};
use super::vpcs::Vpc;
use super::zones;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateSubnet", create_subnet),
    ("DeleteSubnet", delete_subnet),
    ("DescribeSubnets", describe_subnets),
    ("ModifySubnetAttribute", modify_subnet_attribute),
];

/// The first four addresses and the last one are AWS' own (Amazon VPC user guide, subnet sizing).
const RESERVED: u32 = 5;

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// The VPC.
    pub vpc: String,
    /// Zone name.
    pub zone: String,
    /// Its range.
    pub cidr: Ipv4Net,
    /// Whether launched instances get a public address.
    pub map_public_ip_on_launch: bool,
    /// Addresses that others use, beside those of the interfaces in this world.
    pub used_addresses: u32,
    /// Whether it came with the account.
    pub default_for_zone: bool,
    /// `pending` before, `available` from then on.
    pub available_at: Timestamp,
    /// Tags.
    pub tags: Tags,
}

impl Object for Subnet {
    const WORDS: Words = Words {
        prefix: "subnet",
        resource_type: "subnet",
        malformed: "InvalidSubnetID.Malformed",
        not_found: "InvalidSubnetID.NotFound",
        message: "The subnet ID '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "available-ip-address-count",
        "cidr",
        "cidr-block",
        "default-for-az",
        "map-public-ip-on-launch",
        "owner-id",
        "state",
        "subnet-id",
        "vpc-id",
    ];

    kept_in!(subnets);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        vec![match filter {
            "availability-zone" | "availabilityZone" => self.zone.clone(),
            "availability-zone-id" => zones::id(world, &self.zone),
            "available-ip-address-count" => self.free_addresses(world).to_string(),
            "cidr" | "cidr-block" => self.cidr.to_string(),
            "default-for-az" => self.default_for_zone.to_string(),
            "map-public-ip-on-launch" => self.map_public_ip_on_launch.to_string(),
            "owner-id" => world.account.clone(),
            "state" => self.state(world).to_owned(),
            "subnet-id" => self.id.clone(),
            "vpc-id" => self.vpc.clone(),
            _ => return Vec::new(),
        }]
    }

    fn view(&self, world: &World) -> Xml {
        Xml::new()
            .text("subnetId", &self.id)
            .text("subnetArn", world.arn("ec2", &format!("subnet/{}", self.id)))
            .text("state", self.state(world))
            .text("vpcId", &self.vpc)
            .text("ownerId", &world.account)
            .text("cidrBlock", self.cidr)
            .text("availableIpAddressCount", self.free_addresses(world))
            .text("availabilityZone", &self.zone)
            .text("availabilityZoneId", zones::id(world, &self.zone))
            .text("defaultForAz", self.default_for_zone)
            .text("mapPublicIpOnLaunch", self.map_public_ip_on_launch)
            .text("assignIpv6AddressOnCreation", false)
            .and(object::tag_set(&self.tags))
    }
}

impl Subnet {
    fn state(&self, world: &World) -> &'static str {
        if world.now < self.available_at { "pending" } else { "available" }
    }

    /// AvailableIpAddressCount.
    #[must_use]
    pub fn free_addresses(&self, world: &World) -> u32 {
        let size = 1_u32.checked_shl(u32::from(32 - self.cidr.prefix_len())).unwrap_or(u32::MAX);
        let used = world.ec2.network_interfaces.values().filter(|interface| interface.subnet == self.id).count();
        let used = u32::try_from(used).unwrap_or(u32::MAX).saturating_add(self.used_addresses);
        size.saturating_sub(RESERVED).saturating_sub(used)
    }

    /// The lowest free address that has rested.
    ///
    /// # Errors
    /// `InsufficientFreeAddressesInSubnet`.
    pub fn free_address(&self, world: &World) -> Result<Ipv4Addr, Refusal> {
        let used: BTreeSet<Ipv4Addr> = world
            .ec2
            .network_interfaces
            .values()
            .filter(|interface| interface.subnet == self.id)
            .map(|interface| interface.private_ip)
            .collect();
        let first = u32::from(self.cidr.network()) + 4;
        // Those of others lie at the end of the range.
        let last = u32::from(self.cidr.broadcast()).saturating_sub(self.used_addresses);
        // Amazon VPC does not give an address out again at once: that of an instance which ended within the hour comes last.
        let ended = world.ec2.instances.values().filter(|it| it.subnet == self.id && !it.phase.is_live());
        let resting: BTreeSet<Ipv4Addr> = ended.map(|it| it.private_ip).collect();
        let free = || (first..last).map(Ipv4Addr::from).filter(|address| !used.contains(address));
        free().find(|address| !resting.contains(address)).or_else(|| free().next()).ok_or_else(|| {
            Refusal::new(
                "InsufficientFreeAddressesInSubnet",
                "The specified subnet does not have enough free addresses to satisfy the request.",
            )
        })
    }

    /// Refuses an address that cannot be given to a new interface.
    ///
    /// # Errors
    /// `InvalidParameterValue` outside the range or reserved, `InvalidIPAddress.InUse` when taken.
    pub fn check_address(&self, world: &World, address: Ipv4Addr) -> Result<(), Refusal> {
        if !self.cidr.contains(&address) {
            return Err(Refusal::invalid("Address does not fall within the subnet's address range"));
        }
        let offset = u32::from(address) - u32::from(self.cidr.network());
        if offset < 4 || address == self.cidr.broadcast() {
            return Err(Refusal::invalid("Address is in subnet's reserved address range"));
        }
        let taken = |interface: &super::network_interfaces::NetworkInterface| {
            interface.subnet == self.id && interface.private_ip == address
        };
        if world.ec2.network_interfaces.values().any(taken) {
            return Err(Refusal::new(
                "InvalidIPAddress.InUse",
                format!("The specified address is already in use: {address}"),
            ));
        }
        Ok(())
    }
}

fn create_subnet(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let vpc = object::get::<Vpc>(world, &call.required("VpcId")?)?.clone();
    let cidr = call.required("CidrBlock").and_then(|text| super::network(&text))?;
    let zone = match (call.text("AvailabilityZone"), call.text("AvailabilityZoneId")) {
        (Some(zone), _) => zone,
        (None, Some(id)) => world.zones.iter().find(|zone| zones::id(world, zone) == id).cloned().unwrap_or(id),
        (None, None) => world.zones.first().cloned().unwrap_or_default(),
    };
    if !world.zones.contains(&zone) {
        let zones = world.zones.join(", ");
        return Err(Refusal::invalid(format!(
            "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {zones}."
        )));
    }
    if !(16..=28).contains(&cidr.prefix_len()) || !vpc.contains(&cidr) {
        return Err(Refusal::new("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    let overlaps =
        |subnet: &Subnet| subnet.vpc == vpc.id && (subnet.cidr.contains(&cidr) || cidr.contains(&subnet.cidr));
    if world.ec2.subnets.values().any(overlaps) {
        let message = format!("The CIDR '{cidr}' conflicts with another subnet");
        return Err(Refusal::new("InvalidSubnet.Conflict", message));
    }
    let tags = object::new_tags::<Subnet>(call)?;
    let id = create(world, &vpc.id, &zone, cidr, tags);
    let view = world.ec2.subnets.get(&id).map(|subnet| subnet.view(world)).unwrap_or_default();
    Ok(Xml::new().element("subnet", view).into())
}

/// Makes a subnet.
pub fn create(world: &mut World, vpc: &str, zone: &str, cidr: Ipv4Net, tags: Tags) -> String {
    let id = world.new_id("subnet");
    let subnet = Subnet {
        id: id.clone(),
        vpc: vpc.to_owned(),
        zone: zone.to_owned(),
        cidr,
        map_public_ip_on_launch: false,
        used_addresses: 0,
        default_for_zone: false,
        available_at: world.after(1.0),
        tags,
    };
    world.ec2.subnets.insert(id.clone(), subnet);
    id
}

fn delete_subnet(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("SubnetId")?;
    object::get::<Subnet>(world, &id)?;
    if world.ec2.network_interfaces.values().any(|interface| interface.subnet == id) {
        let message = format!("The subnet '{id}' has dependencies and cannot be deleted.");
        return Err(Refusal::dependency(message));
    }
    world.ec2.subnets.remove(&id);
    for table in world.ec2.route_tables.values_mut() {
        table.associations.retain(|_, subnet| subnet.as_deref() != Some(id.as_str()));
    }
    Ok(Answer::yes())
}

fn describe_subnets(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<Subnet>(world, call, "SubnetId", "subnetSet")
}

fn modify_subnet_attribute(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let public = call.view("MapPublicIpOnLaunch").flag("Value")?;
    call.accept_all(&[
        "PrivateDnsHostnameTypeOnLaunch",
        "EnableResourceNameDnsARecordOnLaunch",
        "EnableResourceNameDnsAAAARecordOnLaunch",
    ]);
    let subnet = object::get_mut::<Subnet>(world, &call.required("SubnetId")?)?;
    subnet.map_public_ip_on_launch = public.unwrap_or(subnet.map_public_ip_on_launch);
    Ok(Answer::yes())
}
