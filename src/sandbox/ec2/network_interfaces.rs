//! Network interfaces, of instances and of what AWS itself puts into subnets.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::{World, iso};
use super::instances::Instance;
use super::object::{self, Object, Tags, Words, kept_in};
use super::security_groups::{DEFAULT, SecurityGroup};
use super::subnets::Subnet;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateNetworkInterface", create_network_interface),
    ("DeleteNetworkInterface", delete_network_interface),
    ("DescribeNetworkInterfaces", describe_network_interfaces),
    ("AttachNetworkInterface", attach_network_interface),
    ("DetachNetworkInterface", detach_network_interface),
    ("ModifyNetworkInterfaceAttribute", modify_network_interface_attribute),
];

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkInterface {
    /// `eni-…`.
    pub id: String,
    /// The VPC.
    pub vpc: String,
    /// The subnet.
    pub subnet: String,
    /// Zone name.
    pub zone: String,
    /// Its address.
    pub private_ip: Ipv4Addr,
    /// MAC address.
    pub mac: String,
    /// What it is for.
    pub description: String,
    /// Security groups.
    pub groups: Vec<String>,
    /// `interface`, `nat_gateway`, `network_load_balancer`.
    pub interface_type: String,
    /// The service that made it and alone may change it.
    pub requester: Option<String>,
    /// Source and destination check.
    pub source_dest_check: bool,
    /// `pending` before, `available` from then on.
    pub available_at: Timestamp,
    /// The instance that has it.
    pub attachment: Option<Attachment>,
    /// Its public address.
    pub association: Option<Association>,
    /// Tags.
    pub tags: Tags,
}

/// The tie of an interface to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// `eni-attach-…`.
    pub id: String,
    /// The instance.
    pub instance: String,
    /// 0 is the primary interface.
    pub device_index: u32,
    /// Since when.
    pub attached_at: Timestamp,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
}

/// The tie of an interface to a public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Association {
    /// `eipassoc-…`; empty for an address that came with the launch.
    pub id: String,
    /// The address.
    pub public_ip: Ipv4Addr,
    /// The allocation; none for an address that came with the launch.
    pub allocation: Option<String>,
}

impl Object for NetworkInterface {
    const WORDS: Words = Words {
        prefix: "eni",
        resource_type: "network-interface",
        malformed: "InvalidNetworkInterfaceId.Malformed",
        not_found: "InvalidNetworkInterfaceID.NotFound",
        message: "The networkInterface ID '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] = &[
        "addresses.association.public-ip",
        "addresses.private-ip-address",
        "association.allocation-id",
        "association.association-id",
        "association.public-ip",
        "attachment.attachment-id",
        "attachment.delete-on-termination",
        "attachment.device-index",
        "attachment.instance-id",
        "attachment.status",
        "availability-zone",
        "description",
        "group-id",
        "group-name",
        "interface-type",
        "mac-address",
        "network-interface-id",
        "owner-id",
        "private-ip-address",
        "requester-id",
        "requester-managed",
        "source-dest-check",
        "status",
        "subnet-id",
        "vpc-id",
    ];

    kept_in!(network_interfaces);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        let attachment = |field: fn(&Attachment) -> String| self.attachment.as_ref().map(field).into_iter().collect();
        let association =
            |field: fn(&Association) -> Option<String>| self.association.as_ref().and_then(field).into_iter().collect();
        match filter {
            "addresses.association.public-ip" | "association.public-ip" => {
                association(|it| Some(it.public_ip.to_string()))
            }
            "association.allocation-id" => association(|it| it.allocation.clone()),
            "association.association-id" => association(|it| Some(it.id.clone())),
            "attachment.attachment-id" => attachment(|it| it.id.clone()),
            "attachment.delete-on-termination" => attachment(|it| it.delete_on_termination.to_string()),
            "attachment.device-index" => attachment(|it| it.device_index.to_string()),
            "attachment.instance-id" => attachment(|it| it.instance.clone()),
            "attachment.status" => {
                let managed = self.attachment.is_some() || self.requester.is_some();
                vec![if managed { "attached" } else { "detached" }.to_owned()]
            }
            "availability-zone" => vec![self.zone.clone()],
            "description" => vec![self.description.clone()],
            "group-id" => self.groups.clone(),
            "group-name" => self.group_names(world),
            "interface-type" => vec![self.interface_type.clone()],
            "mac-address" => vec![self.mac.clone()],
            "network-interface-id" => vec![self.id.clone()],
            "owner-id" => vec![world.account.clone()],
            "private-ip-address" | "addresses.private-ip-address" => vec![self.private_ip.to_string()],
            "requester-id" => self.requester.iter().cloned().collect(),
            "requester-managed" => vec![self.requester.is_some().to_string()],
            "source-dest-check" => vec![self.source_dest_check.to_string()],
            "status" => vec![self.status(world).to_owned()],
            "subnet-id" => vec![self.subnet.clone()],
            "vpc-id" => vec![self.vpc.clone()],
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World) -> Xml {
        let attachment = match (&self.attachment, &self.requester) {
            (Some(it), _) => Some(
                Xml::new()
                    .text("attachmentId", &it.id)
                    .text("instanceId", &it.instance)
                    .text("instanceOwnerId", &world.account)
                    .text("deviceIndex", it.device_index)
                    .text("networkCardIndex", 0)
                    .text("status", "attached")
                    .text("attachTime", iso(it.attached_at))
                    .text("deleteOnTermination", it.delete_on_termination),
            ),
            (None, Some(_)) => Some(
                Xml::new()
                    .text("attachmentId", self.id.replacen("eni-", "ela-attach-", 1))
                    .text("instanceOwnerId", "amazon-aws")
                    .text("deviceIndex", 1)
                    .text("status", "attached")
                    .text("deleteOnTermination", false),
            ),
            (None, None) => None,
        };
        let address = Xml::new()
            .text("privateIpAddress", self.private_ip)
            .text("primary", true)
            .maybe_element("association", self.association_view(world));
        Xml::new()
            .text("networkInterfaceId", &self.id)
            .text("subnetId", &self.subnet)
            .text("vpcId", &self.vpc)
            .text("availabilityZone", &self.zone)
            .text("description", &self.description)
            .text("ownerId", &world.account)
            .maybe("requesterId", self.requester.as_ref())
            .text("requesterManaged", self.requester.is_some())
            .text("status", self.status(world))
            .text("macAddress", &self.mac)
            .text("privateIpAddress", self.private_ip)
            .text("privateDnsName", private_name(world, self.private_ip))
            .text("sourceDestCheck", self.source_dest_check)
            .and(self.group_set(world))
            .maybe_element("attachment", attachment)
            .maybe_element("association", self.association_view(world))
            .list("privateIpAddressesSet", "item", [address])
            .text("interfaceType", &self.interface_type)
            .and(object::tag_set(&self.tags))
    }
}

/// The name that the VPC's resolver gives to an address.
#[must_use]
pub fn private_name(world: &World, address: Ipv4Addr) -> String {
    let dashed = address.to_string().replace('.', "-");
    if world.region == "us-east-1" {
        format!("ip-{dashed}.ec2.internal")
    } else {
        format!("ip-{dashed}.{}.compute.internal", world.region)
    }
}

impl NetworkInterface {
    fn status(&self, world: &World) -> &'static str {
        if self.attachment.is_some() || self.requester.is_some() {
            "in-use"
        } else if world.now < self.available_at {
            "pending"
        } else {
            "available"
        }
    }

    /// The instance that has it.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.attachment.as_ref().map(|it| it.instance.as_str())
    }

    fn group_names(&self, world: &World) -> Vec<String> {
        self.groups.iter().filter_map(|id| world.ec2.security_groups.get(id)).map(|it| it.name.clone()).collect()
    }

    /// `<groupSet>…</groupSet>`.
    #[must_use]
    pub fn group_set(&self, world: &World) -> Xml {
        let groups = self.groups.iter().map(|id| {
            let name = world.ec2.security_groups.get(id).map(|it| it.name.as_str()).unwrap_or_default();
            Xml::new().text("groupId", id).text("groupName", name)
        });
        Xml::new().list("groupSet", "item", groups)
    }

    /// The content of `<association>`.
    #[must_use]
    pub fn association_view(&self, world: &World) -> Option<Xml> {
        self.association.as_ref().map(|it| {
            let owner = if it.allocation.is_some() { world.account.as_str() } else { "amazon" };
            let dashed = it.public_ip.to_string().replace('.', "-");
            Xml::new()
                .text("publicIp", it.public_ip)
                .text("publicDnsName", format!("ec2-{dashed}.{}.compute.amazonaws.com", world.region))
                .text("ipOwnerId", owner)
                .maybe("allocationId", it.allocation.as_ref())
                .maybe("associationId", Some(&it.id).filter(|id| !id.is_empty()))
        })
    }
}

/// A new interface.
#[derive(Clone, Debug)]
pub struct New {
    /// Its address, free in the subnet.
    pub private_ip: Ipv4Addr,
    /// What it is for.
    pub description: String,
    /// Security groups.
    pub groups: Vec<String>,
    /// `interface`, `nat_gateway`, `network_load_balancer`.
    pub interface_type: String,
    /// The service that makes it.
    pub requester: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// Makes an interface and gives its id; other services use it for what they put into subnets.
pub fn create(world: &mut World, subnet: &Subnet, new: New) -> String {
    let id = world.new_id("eni");
    let bits = world.random().to_be_bytes();
    let interface = NetworkInterface {
        id: id.clone(),
        vpc: subnet.vpc.clone(),
        subnet: subnet.id.clone(),
        zone: subnet.zone.clone(),
        private_ip: new.private_ip,
        mac: format!("0a:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bits[0], bits[1], bits[2], bits[3], bits[4]),
        description: new.description,
        groups: new.groups,
        interface_type: new.interface_type,
        requester: new.requester,
        source_dest_check: true,
        available_at: world.after(1.0),
        attachment: None,
        association: None,
        tags: new.tags,
    };
    world.ec2.network_interfaces.insert(id.clone(), interface);
    id
}

/// The security groups for an interface in a VPC: those named, or the VPC's default one.
///
/// # Errors
/// `InvalidGroup.NotFound` for one that is not there, `InvalidParameter` for one of another VPC.
pub fn groups_in(world: &World, vpc: &str, named: Vec<String>) -> Result<Vec<String>, Refusal> {
    if named.is_empty() {
        let default = world.ec2.security_groups.values().find(|it| it.vpc == vpc && it.name == DEFAULT);
        return Ok(default.map(|it| it.id.clone()).into_iter().collect());
    }
    for id in &named {
        let group = object::get::<SecurityGroup>(world, id)?;
        if group.vpc != vpc {
            let message = format!("Security group {id} and subnet belong to different networks.");
            return Err(Refusal::new("InvalidParameter", message));
        }
    }
    Ok(named)
}

fn create_network_interface(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["InterfaceType"]);
    let subnet = call.required("SubnetId")?;
    let description = call.text("Description").unwrap_or_default();
    let named = call.texts("SecurityGroupId");
    let mut wanted: Option<Ipv4Addr> = call.parsed("PrivateIpAddress")?;
    for address in call.list("PrivateIpAddresses") {
        if address.flag("Primary")?.unwrap_or(false) {
            wanted = address.parsed("PrivateIpAddress")?;
        }
    }
    let tags = object::new_tags::<NetworkInterface>(call)?;
    let id = match world.replay(call)? {
        Some(id) => id,
        None => {
            let subnet = object::get::<Subnet>(world, &subnet)?.clone();
            let groups = groups_in(world, &subnet.vpc, named)?;
            let private_ip = match wanted {
                Some(address) => {
                    subnet.check_address(world, address)?;
                    address
                }
                None => subnet.free_address(world)?,
            };
            let quota = usize::try_from(world.quotas.network_interfaces).unwrap_or(usize::MAX);
            if world.ec2.network_interfaces.len() >= quota {
                let message = "The maximum number of network interfaces has been reached.";
                return Err(Refusal::new("NetworkInterfaceLimitExceeded", message));
            }
            let interface_type = "interface".to_owned();
            let new = New { private_ip, description, groups, interface_type, requester: None, tags };
            let id = create(world, &subnet, new);
            world.remember(call, &id);
            id
        }
    };
    let view = world.ec2.network_interfaces.get(&id).map(|it| it.view(world)).unwrap_or_default();
    Ok(Xml::new().element("networkInterface", view).maybe("clientToken", call.text("ClientToken")).into())
}

fn not_yours(interface: &NetworkInterface) -> Result<(), Refusal> {
    match &interface.requester {
        Some(_) => {
            let message = "You do not have permission to access the specified resource.";
            Err(Refusal::new("AuthFailure", message).with_status(403))
        }
        None => Ok(()),
    }
}

fn delete_network_interface(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("NetworkInterfaceId")?;
    let interface = object::get::<NetworkInterface>(world, &id)?;
    if interface.requester.is_some() || interface.attachment.is_some() {
        let message = format!("Network interface '{id}' is currently in use.");
        return Err(Refusal::new("InvalidNetworkInterface.InUse", message));
    }
    world.ec2.network_interfaces.remove(&id);
    Ok(Answer::yes())
}

fn describe_network_interfaces(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<NetworkInterface>(world, call, "NetworkInterfaceId", "networkInterfaceSet")
}

fn attach_network_interface(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["NetworkCardIndex"]);
    let (id, instance) = (call.required("NetworkInterfaceId")?, call.required("InstanceId")?);
    let device_index: u32 =
        call.required("DeviceIndex")?.parse().map_err(|_| Refusal::invalid("Invalid DeviceIndex"))?;
    let interface = object::get::<NetworkInterface>(world, &id)?;
    let instance = object::get::<Instance>(world, &instance)?.clone();
    if interface.attachment.is_some() || interface.requester.is_some() {
        let message = format!("Interface: [{id}] in use.");
        return Err(Refusal::new("InvalidNetworkInterface.InUse", message));
    }
    if interface.zone != instance.zone {
        let message =
            "You may not attach a network interface to an instance if they are not in the same availability zone";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let taken = |it: &NetworkInterface| {
        it.attachment.as_ref().is_some_and(|it| it.instance == instance.id && it.device_index == device_index)
    };
    if world.ec2.network_interfaces.values().any(taken) {
        let message =
            format!("Instance '{}' already has an interface attached at device index '{device_index}'.", instance.id);
        return Err(Refusal::invalid(message));
    }
    let attachment = attach(world, &id, &instance.id, device_index, Keep::AfterTermination);
    Ok(Xml::new().text("attachmentId", attachment).text("networkCardIndex", 0).into())
}

/// Whether an interface goes with its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It stays.
    AfterTermination,
    /// It goes.
    UntilTermination,
}

/// Ties an interface to an instance; the answer is the attachment id.
pub fn attach(world: &mut World, interface: &str, instance: &str, device_index: u32, keep: Keep) -> String {
    let id = world.new_id("eni-attach");
    let attached_at = world.now;
    if let Some(interface) = world.ec2.network_interfaces.get_mut(interface) {
        interface.attachment = Some(Attachment {
            id: id.clone(),
            instance: instance.to_owned(),
            device_index,
            attached_at,
            delete_on_termination: keep == Keep::UntilTermination,
        });
    }
    id
}

fn detach_network_interface(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["Force"]);
    let id = call.required("AttachmentId")?;
    let interface = world
        .ec2
        .network_interfaces
        .values_mut()
        .find(|it| it.attachment.as_ref().is_some_and(|it| it.id == id))
        .ok_or_else(|| {
            let message = format!("The interface attachment '{id}' does not exist");
            Refusal::new("InvalidAttachmentID.NotFound", message)
        })?;
    if interface.attachment.as_ref().is_some_and(|it| it.device_index == 0) {
        let message = "The network interface at device index 0 and networkCard index 0 cannot be detached.";
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    interface.attachment = None;
    Ok(Answer::yes())
}

fn modify_network_interface_attribute(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("NetworkInterfaceId")?;
    let interface = object::get::<NetworkInterface>(world, &id)?;
    not_yours(interface)?;
    let mut changed = interface.clone();
    let groups = call.texts("SecurityGroupId");
    if !groups.is_empty() {
        changed.groups = groups_in(world, &changed.vpc, groups)?;
    }
    if let Some(description) = call.view("Description").text("Value") {
        changed.description = description;
    }
    if let Some(check) = call.view("SourceDestCheck").flag("Value")? {
        changed.source_dest_check = check;
    }
    let attachment = call.view("Attachment");
    if attachment.is_present() {
        let id = attachment.required("AttachmentId")?;
        let delete = attachment.flag("DeleteOnTermination")?;
        let own = changed.attachment.as_mut().filter(|it| it.id == id).ok_or_else(|| {
            let message = format!("The interface attachment '{id}' does not exist");
            Refusal::new("InvalidAttachmentID.NotFound", message)
        })?;
        own.delete_on_termination = delete.unwrap_or(own.delete_on_termination);
    }
    *object::get_mut::<NetworkInterface>(world, &id)? = changed;
    Ok(Answer::yes())
}
