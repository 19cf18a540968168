//! EC2, VPC and EBS, imitated; one file per area.
//!
//! Each area is a file with its object ([`Object`]), its table of operations and its handlers. Other services come in
//! through the functions here: [`launch`], [`terminate`], [`new_interface`] and the lookups.

mod addresses;
mod console;
mod images;
mod instance_calls;
mod instance_types;
mod instances;
mod internet_gateways;
mod launch_data;
mod launch_templates;
mod launching;
mod nat_gateways;
mod network_interfaces;
mod object;
mod route_tables;
mod security_group_rules;
mod security_groups;
mod snapshots;
mod subnets;
mod tags;
#[cfg(test)]
mod tests;
mod volumes;
mod vpcs;
mod zones;

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use addresses::Address;
pub use images::Image;
pub use instance_types::{InstanceType, find as instance_type, is_offered};
pub use instances::{Instance, Phase, primary_interface};
pub use internet_gateways::{InternetGateway, attached as internet_gateway_of};
pub use launch_data::{BlockDevice, Interface, LaunchData, Profile};
pub use launch_templates::{LaunchTemplate, Resolved, TemplateReference, Version, resolve};
pub use launching::{
    CapacityLimit, End, LaunchFailure, LaunchRequest, LaunchedFrom, Purchase, address, check_capacity, launch, living,
    start, stop, terminate,
};
pub use nat_gateways::NatGateway;
pub use network_interfaces::{
    Association, Attachment as InterfaceAttachment, NetworkInterface, New as NewInterface, create as new_interface,
    groups_in, private_name,
};
pub use object::{Object, Tags, Words, get, get_mut, matches, not_found};
pub use route_tables::{RouteTable, Target as RouteTarget};
pub use security_group_rules::{Peer, Permission, Rule};
pub use security_groups::{SecurityGroup, create_default as new_default_security_group};
pub use snapshots::Snapshot;
pub use subnets::Subnet;
pub use tags::of as tags_of;
pub use volumes::{Attachment as VolumeAttachment, Modification, Shape, Volume};
pub use vpcs::Vpc;
pub use zones::id as zone_id;

use super::kept::Table;
use super::wire::{Operation, Refusal};
use super::world::{Live, World};

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct State {
    /// VPCs.
    pub vpcs: Table<Vpc>,
    /// Subnets.
    pub subnets: Table<Subnet>,
    /// Internet gateways.
    pub internet_gateways: Table<InternetGateway>,
    /// Elastic IP addresses.
    pub addresses: Table<Address>,
    /// NAT gateways.
    pub nat_gateways: Table<NatGateway>,
    /// Route tables.
    pub route_tables: Table<RouteTable>,
    /// Security groups.
    pub security_groups: Table<SecurityGroup>,
    /// Network interfaces.
    pub network_interfaces: Table<NetworkInterface>,
    /// Volumes.
    pub volumes: Table<Volume>,
    /// Snapshots.
    pub snapshots: Table<Snapshot>,
    /// Launch templates.
    pub launch_templates: Table<LaunchTemplate>,
    /// Instances.
    pub instances: Table<Instance>,
    /// Machine images.
    pub images: Table<Image>,
    /// Ids of zones that do not follow the region's rule.
    pub zone_ids: BTreeMap<String, String>,
    /// Instance types that only some zones have.
    pub offered_only_in: BTreeMap<String, Vec<String>>,
    /// Limits to what can be launched.
    pub capacity: Vec<CapacityLimit>,
}

/// Operation and handler, area by area.
pub const OPERATIONS: &[&[Operation]] = &[
    addresses::OPERATIONS,
    console::OPERATIONS,
    images::OPERATIONS,
    instance_types::OPERATIONS,
    instances::OPERATIONS,
    internet_gateways::OPERATIONS,
    launch_templates::OPERATIONS,
    instance_calls::OPERATIONS,
    nat_gateways::OPERATIONS,
    network_interfaces::OPERATIONS,
    route_tables::OPERATIONS,
    security_group_rules::OPERATIONS,
    security_groups::OPERATIONS,
    snapshots::OPERATIONS,
    subnets::OPERATIONS,
    tags::OPERATIONS,
    volumes::OPERATIONS,
    vpcs::OPERATIONS,
    zones::OPERATIONS,
];

/// The earliest moment at which something happens by itself.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    [launching::due(world), nat_gateways::due(world)].into_iter().flatten().min()
}

/// Does what is due at `world.now`.
pub fn advance(world: &mut World) {
    launching::advance(world);
    nat_gateways::advance(world);
}

/// The live objects.
#[must_use]
pub fn live(world: &World) -> Live {
    let mut live = Live::new();
    collect::<Address>(world, &mut live);
    collect::<Image>(world, &mut live);
    collect::<Instance>(world, &mut live);
    collect::<InternetGateway>(world, &mut live);
    collect::<LaunchTemplate>(world, &mut live);
    collect::<NatGateway>(world, &mut live);
    collect::<NetworkInterface>(world, &mut live);
    collect::<RouteTable>(world, &mut live);
    collect::<SecurityGroup>(world, &mut live);
    collect::<Snapshot>(world, &mut live);
    collect::<Subnet>(world, &mut live);
    collect::<Volume>(world, &mut live);
    collect::<Vpc>(world, &mut live);
    live
}

fn collect<T: Object + Serialize>(world: &World, live: &mut Live) {
    for (id, object) in T::all(world).iter().filter(|(_, object)| object.exists(world)) {
        let value = serde_json::to_value(object).unwrap_or_default();
        live.insert(format!("ec2/{}/{id}", T::WORDS.resource_type), value);
    }
}

/// Parses an address range; AWS cuts off the host bits.
fn network(text: &str) -> Result<Ipv4Net, Refusal> {
    let network: Ipv4Net = text.parse().map_err(|_| {
        let message = format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
        Refusal::invalid(message)
    })?;
    Ok(network.trunc())
}
