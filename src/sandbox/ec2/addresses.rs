//! Elastic IP addresses.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::network_interfaces::{Association, NetworkInterface};
use super::object::{self, Object, Tags, Words, kept_in};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("AllocateAddress", allocate_address),
    ("AssociateAddress", associate_address),
    ("DisassociateAddress", disassociate_address),
    ("ReleaseAddress", release_address),
    ("DescribeAddresses", describe_addresses),
];

/// An Elastic IP address. Who has it is said by the interface that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// The allocation id, `eipalloc-…`.
    pub id: String,
    /// The address.
    pub public_ip: Ipv4Addr,
    /// Tags.
    pub tags: Tags,
}

impl Object for Address {
    const WORDS: Words = Words {
        prefix: "eipalloc",
        resource_type: "elastic-ip",
        malformed: "InvalidAllocationID.Malformed",
        not_found: "InvalidAllocationID.NotFound",
        message: "The allocation ID '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] = &[
        "allocation-id",
        "association-id",
        "domain",
        "instance-id",
        "network-border-group",
        "network-interface-id",
        "network-interface-owner-id",
        "private-ip-address",
        "public-ip",
    ];

    kept_in!(addresses);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        let holder = self.holder(world);
        match filter {
            "allocation-id" => vec![self.id.clone()],
            "association-id" => holder.and_then(|it| Some(it.association.as_ref()?.id.clone())).into_iter().collect(),
            "domain" => vec!["vpc".to_owned()],
            "instance-id" => holder.and_then(|it| it.instance().map(str::to_owned)).into_iter().collect(),
            "network-border-group" => vec![world.region.clone()],
            "network-interface-id" => holder.map(|it| it.id.clone()).into_iter().collect(),
            "network-interface-owner-id" => holder.map(|_| world.account.clone()).into_iter().collect(),
            "private-ip-address" => holder.map(|it| it.private_ip.to_string()).into_iter().collect(),
            "public-ip" => vec![self.public_ip.to_string()],
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World) -> Xml {
        let xml = Xml::new()
            .text("publicIp", self.public_ip)
            .text("allocationId", &self.id)
            .text("publicIpv4Pool", "amazon")
            .text("networkBorderGroup", &world.region)
            .text("domain", "vpc");
        let xml = match self.holder(world) {
            Some(holder) => xml
                .maybe("instanceId", holder.instance())
                .maybe("associationId", holder.association.as_ref().map(|it| &it.id))
                .text("networkInterfaceId", &holder.id)
                .text("networkInterfaceOwnerId", &world.account)
                .text("privateIpAddress", holder.private_ip),
            None => xml,
        };
        xml.and(object::tag_set(&self.tags))
    }
}

impl Address {
    /// The interface that has it.
    #[must_use]
    pub fn holder<'w>(&self, world: &'w World) -> Option<&'w NetworkInterface> {
        world
            .ec2
            .network_interfaces
            .values()
            .find(|it| it.association.as_ref().is_some_and(|it| it.allocation.as_deref() == Some(self.id.as_str())))
    }
}

fn allocate_address(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["Domain", "NetworkBorderGroup"]);
    let tags = object::new_tags::<Address>(call)?;
    if world.ec2.addresses.len() >= usize::try_from(world.quotas.addresses).unwrap_or(usize::MAX) {
        let message = "The maximum number of addresses has been reached.";
        return Err(Refusal::new("AddressLimitExceeded", message));
    }
    let id = world.new_id("eipalloc");
    let public_ip = public_address(world);
    let view = Xml::new()
        .text("publicIp", public_ip)
        .text("allocationId", &id)
        .text("publicIpv4Pool", "amazon")
        .text("networkBorderGroup", &world.region)
        .text("domain", "vpc");
    world.ec2.addresses.insert(id.clone(), Address { id, public_ip, tags });
    Ok(view.into())
}

/// A public address that nothing has yet, out of a documentation-like range of Amazon's Paris region.
pub fn public_address(world: &mut World) -> Ipv4Addr {
    loop {
        let bits = u32::try_from(world.random() & 0xffff).unwrap_or(0);
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(15, 188, 0, 0)) | bits);
        let held = |it: &NetworkInterface| it.association.as_ref().is_some_and(|it| it.public_ip == address);
        let taken = world.ec2.addresses.values().any(|it| it.public_ip == address)
            || world.ec2.network_interfaces.values().any(held);
        if !taken {
            return address;
        }
    }
}

fn associate_address(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let allocation = call.required("AllocationId")?;
    let again = call.flag("AllowReassociation")?.unwrap_or(true);
    let address = object::get::<Address>(world, &allocation)?.clone();
    let interface = match (call.text("NetworkInterfaceId"), call.text("InstanceId")) {
        (Some(id), _) => object::get::<NetworkInterface>(world, &id)?.id.clone(),
        (None, Some(instance)) => {
            object::get::<super::instances::Instance>(world, &instance)?;
            super::instances::primary_interface(world, &instance)
                .map(|it| it.id.clone())
                .ok_or_else(|| Refusal::new("InvalidInstanceID", format!("{instance} has no interface")))?
        }
        (None, None) => {
            return Err(Refusal::new(
                "MissingParameter",
                "Either 'InstanceId' or 'NetworkInterfaceId' must be provided",
            ));
        }
    };
    if let Some(holder) = address.holder(world).map(|it| it.id.clone()) {
        if holder != interface && !again {
            let message = format!("resource {allocation} is already associated with {holder}");
            return Err(Refusal::new("Resource.AlreadyAssociated", message));
        }
        object::get_mut::<NetworkInterface>(world, &holder)?.association = None;
    }
    let id = associate(world, &interface, &address)?;
    Ok(Xml::new().text("return", true).text("associationId", id).into())
}

/// Gives an address to an interface; the answer is the association id.
///
/// # Errors
/// When the interface is not there.
pub fn associate(world: &mut World, interface: &str, address: &Address) -> Result<String, Refusal> {
    let id = world.new_id("eipassoc");
    let interface = world
        .ec2
        .network_interfaces
        .get_mut(interface)
        .ok_or_else(|| object::not_found::<NetworkInterface>(interface))?;
    interface.association =
        Some(Association { id: id.clone(), public_ip: address.public_ip, allocation: Some(address.id.clone()) });
    Ok(id)
}

fn disassociate_address(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("AssociationId")?;
    let holder = world
        .ec2
        .network_interfaces
        .values_mut()
        .find(|it| it.association.as_ref().is_some_and(|it| it.id == id))
        .ok_or_else(|| {
            let message = format!("The association ID '{id}' does not exist");
            Refusal::new("InvalidAssociationID.NotFound", message)
        })?;
    if holder.requester.is_some() {
        let message = "You do not have permission to access the specified resource.";
        return Err(Refusal::new("AuthFailure", message).with_status(403));
    }
    holder.association = None;
    Ok(Answer::yes())
}

fn release_address(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("AllocationId")?;
    call.accept_all(&["NetworkBorderGroup"]);
    let address = object::get::<Address>(world, &id)?;
    if address.holder(world).is_some() {
        let message = format!("Address {} is in use.", address.public_ip);
        return Err(Refusal::new("InvalidIPAddress.InUse", message));
    }
    world.ec2.addresses.remove(&id);
    Ok(Answer::yes())
}

fn describe_addresses(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let public = call.texts("PublicIp");
    let (found, _) = object::select::<Address>(world, call, "AllocationId")?;
    for ip in &public {
        if !world.ec2.addresses.values().any(|it| it.public_ip.to_string() == *ip) {
            return Err(Refusal::new("InvalidAddress.NotFound", format!("Address '{ip}' not found.")));
        }
    }
    let items = found
        .into_iter()
        .filter(|(_, it)| public.is_empty() || public.contains(&it.public_ip.to_string()))
        .map(|(_, it)| it.view(world));
    Ok(Xml::new().list("addressesSet", "item", items).into())
}
