//! How instances come and go, for RunInstances and for Auto Scaling alike: capacity, interfaces, volumes, ends.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::iam;
use super::super::wire::Refusal;
use super::super::world::World;
use super::addresses;
use super::images::Image;
use super::instance_types;
use super::instances::{self, Instance, Phase};
use super::launch_data::{BlockDevice, Interface, LaunchData};
use super::network_interfaces::{self, Association, Keep, NetworkInterface, New};
use super::object::{self, Object, Tags};
use super::subnets::Subnet;
use super::volumes::{self, Attachment, Shape};

/// Seconds from `pending` to `running`.
const BOOT: (u32, u32) = (8, 20);
/// Seconds from `shutting-down` to `terminated`, and from `stopping` to `stopped`.
const END: (u32, u32) = (15, 45);
/// Seconds that a terminated instance is still shown (Amazon EC2 user guide: "for a short while", about an hour).
const REMNANT: f64 = 3600.0;

/// How an instance is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purchase {
    /// At the list price, until terminated.
    OnDemand,
    /// Spare capacity that may be taken back.
    Spot,
}

/// A limit to what can be launched. Instances that run already count; without a rule there is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapacityLimit {
    /// The instance type, with `*` and `?`.
    pub instance_type: String,
    /// The zone's name, with `*` and `?`.
    pub zone: String,
    /// Only for this way of buying; `None`: for both together.
    pub purchase: Option<Purchase>,
    /// So many live instances at most.
    pub at_most: u32,
}

/// One instance to launch, with everything resolved.
#[derive(Clone, Debug, Default)]
pub struct LaunchRequest {
    /// What to launch: template data completed by what the caller says.
    pub data: LaunchData,
    /// The template that `data` came from.
    pub template: Option<LaunchedFrom>,
    /// The subnet, where no interface says one.
    pub subnet: Option<String>,
    /// The zone, for a launch without subnet (only into an existing interface or a default subnet).
    pub zone: Option<String>,
    /// Spot, not on demand.
    pub spot: bool,
    /// More tags of the instance, such as those of its group; also keys with `aws:`.
    pub tags: Tags,
    /// The caller's token, as describes show it.
    pub client_token: Option<String>,
    /// The reservation that instances of one call share; `None`: a new one.
    pub reservation: Option<String>,
    /// Position within the call.
    pub launch_index: u32,
}

/// A template and the version in it that an instance was launched from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchedFrom {
    /// `lt-…`.
    pub id: String,
    /// Its number.
    pub version: u64,
}

/// Why an instance was not launched: EC2's code and message, such as `InsufficientInstanceCapacity`.
pub type LaunchFailure = Refusal;

/// Launches one instance and gives its id. Nothing is changed when it fails.
///
/// # Errors
/// What RunInstances answers: capacity, images, types, profiles, groups, interfaces in use, full subnets.
pub fn launch(world: &mut World, request: &LaunchRequest) -> Result<String, LaunchFailure> {
    let plan = plan(world, request)?;
    let data = &request.data;
    let id = world.new_id("i");
    let reservation = request.reservation.clone().unwrap_or_else(|| world.new_id("r"));
    let primary = connect(world, request, &plan, &id);
    attach_disks(world, data, &plan, &id);
    let mut tags = data.tags.get("instance").cloned().unwrap_or_default();
    tags.extend(request.tags.clone());
    if let Some(template) = &request.template {
        tags.insert("aws:ec2launchtemplate:id".to_owned(), template.id.clone());
        tags.insert("aws:ec2launchtemplate:version".to_owned(), template.version.to_string());
    }
    let spot_request = (plan.purchase == Purchase::Spot).then(|| {
        let bits = world.random();
        format!("sir-{:08x}", bits >> 32)
    });
    let until = world.after_between(BOOT.0, BOOT.1);
    let instance = Instance {
        id: id.clone(),
        reservation,
        launch_index: request.launch_index,
        image: plan.image.id,
        instance_type: plan.instance_type,
        architecture: plan.image.architecture,
        root_device: plan.image.root_device,
        vpc: plan.subnet.vpc,
        subnet: plan.subnet.id,
        zone: plan.subnet.zone,
        private_ip: primary,
        launched_at: world.now,
        phase: Phase::Pending,
        since: world.now,
        until: Some(until),
        reason: None,
        spot_request,
        client_token: request.client_token.clone(),
        profile: plan.profile,
        key_name: data.key_name.clone(),
        user_data: data.user_data.clone(),
        metadata: data.metadata.clone(),
        monitoring: data.monitoring.unwrap_or(false),
        ebs_optimized: data.ebs_optimized.unwrap_or(false),
        termination_protection: data.disable_api_termination.unwrap_or(false),
        tags,
    };
    world.ec2.instances.insert(id.clone(), instance);
    Ok(id)
}

/// Everything that was looked up and checked before anything changes.
struct Plan {
    image: Image,
    instance_type: String,
    subnet: Subnet,
    purchase: Purchase,
    profile: Option<iam::ProfileReference>,
    /// An existing interface as the primary one.
    takes_over: Option<String>,
    /// Groups of a new primary interface.
    groups: Vec<String>,
    /// Address of a new primary interface.
    private_ip: Option<Ipv4Addr>,
    disks: Vec<(BlockDevice, Shape)>,
}

fn plan(world: &World, request: &LaunchRequest) -> Result<Plan, LaunchFailure> {
    let data = &request.data;
    let image = data.image.as_deref().ok_or_else(|| missing("ImageId"))?;
    let image = object::get::<Image>(world, image)?.clone();
    let instance_type = data.instance_type.clone().unwrap_or_else(|| "m1.small".to_owned());
    let known = instance_types::find(&instance_type).ok_or_else(|| {
        let message = format!("Invalid value '{instance_type}' for InstanceType.");
        Refusal::invalid(message)
    })?;
    if known.architecture != image.architecture {
        let message = format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.",
            known.architecture, image.architecture
        );
        return Err(Refusal::invalid(message));
    }
    if let Some(name) = &data.key_name {
        return Err(Refusal::new("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist")));
    }
    let profile = match &data.instance_profile {
        Some(named) => Some(iam::instance_profile(world, named.text()).ok_or_else(|| {
            let field = if named.text().starts_with("arn:") { "arn" } else { "name" };
            let text = named.text();
            let message = format!("Value ({text}) for parameter iamInstanceProfile.{field} is invalid. Invalid IAM Instance Profile {field}");
            Refusal::invalid(message)
        })?),
        None => None,
    };
    let primary = data.interfaces.iter().find(|it| it.device_index == 0);
    let (subnet, takes_over) = place(world, request, primary)?;
    if !instance_types::is_offered(world, &instance_type, &subnet.zone) {
        let message = format!(
            "Your requested instance type ({instance_type}) is not supported in your requested Availability Zone ({}). Please retry your request by not specifying an Availability Zone or choosing another one.",
            subnet.zone
        );
        return Err(Refusal::new("Unsupported", message));
    }
    let named = primary.map(|it| it.groups.clone()).filter(|groups| !groups.is_empty());
    let groups = match &takes_over {
        Some(_) => Vec::new(),
        None => {
            network_interfaces::groups_in(world, &subnet.vpc, named.unwrap_or_else(|| data.security_groups.clone()))?
        }
    };
    let private_ip = match (&takes_over, primary.and_then(|it| it.private_ip)) {
        (Some(_), _) => None,
        (None, Some(wanted)) => {
            subnet.check_address(world, wanted)?;
            Some(wanted)
        }
        (None, None) => Some(subnet.free_address(world)?),
    };
    let disks = disks(&image, data)?;
    let spot = request.spot || data.market_type.as_deref() == Some("spot");
    let purchase = if spot { Purchase::Spot } else { Purchase::OnDemand };
    check_capacity(world, &instance_type, &subnet.zone, purchase)?;
    Ok(Plan { image, instance_type, subnet, purchase, profile, takes_over, groups, private_ip, disks })
}

pub(super) fn missing(name: &str) -> Refusal {
    Refusal::new("MissingParameter", format!("The request must contain the parameter {name}"))
}

/// The subnet of the launch, and the existing interface that becomes the primary one.
fn place(
    world: &World,
    request: &LaunchRequest,
    primary: Option<&Interface>,
) -> Result<(Subnet, Option<String>), LaunchFailure> {
    if let Some(id) = primary.and_then(|it| it.interface.as_ref()) {
        let interface = object::get::<NetworkInterface>(world, id)?;
        if interface.attachment.is_some() || interface.requester.is_some() {
            return Err(Refusal::new("InvalidNetworkInterface.InUse", format!("Interface: [{id}] in use.")));
        }
        if request.zone.as_ref().is_some_and(|zone| *zone != interface.zone) {
            let message = "The network interface is not in the requested availability zone";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let subnet = object::get::<Subnet>(world, &interface.subnet)?.clone();
        return Ok((subnet, Some(id.clone())));
    }
    let named = primary.and_then(|it| it.subnet.clone()).or_else(|| request.subnet.clone());
    if let Some(id) = named {
        return Ok((object::get::<Subnet>(world, &id)?.clone(), None));
    }
    let default = |it: &&Subnet| it.default_for_zone && request.zone.as_ref().is_none_or(|zone| *zone == it.zone);
    let found = world.ec2.subnets.values().find(default).cloned();
    found.map(|subnet| (subnet, None)).ok_or_else(|| {
        let message = "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.";
        Refusal::new("VPCIdNotSpecified", message)
    })
}

/// The disks of the image, changed and completed by the launch.
fn disks(image: &Image, data: &LaunchData) -> Result<Vec<(BlockDevice, Shape)>, LaunchFailure> {
    let mut devices = data.block_devices.clone();
    if !devices.iter().any(|it| it.device == image.root_device) {
        devices.push(BlockDevice {
            device: image.root_device.clone(),
            no_device: false,
            size: None,
            volume_type: None,
            iops: None,
            throughput: None,
            encrypted: None,
            kms_key: None,
            snapshot: None,
            delete_on_termination: None,
        });
    }
    let mut disks = Vec::new();
    for mut device in devices.into_iter().filter(|it| !it.no_device) {
        let root = device.device == image.root_device;
        let size = match (device.size, root) {
            (Some(size), true) if size < image.root_size => {
                let message = format!(
                    "Volume of size {size}GB is smaller than snapshot '{}', expect size >= {}GB",
                    image.snapshot, image.root_size
                );
                return Err(Refusal::new("InvalidBlockDeviceMapping", message));
            }
            (Some(size), _) => size,
            (None, true) => image.root_size,
            (None, false) => {
                let message =
                    format!("The request must contain the parameter size or snapshotId for {}", device.device);
                return Err(Refusal::new("MissingParameter", message));
            }
        };
        if root {
            device.snapshot = Some(image.snapshot.clone());
        }
        let volume_type = device.volume_type.clone().unwrap_or_else(|| "gp3".to_owned());
        let shape = Shape::new(size, volume_type, device.iops, device.throughput)?;
        disks.push((device, shape));
    }
    Ok(disks)
}

/// Whether one more instance fits.
///
/// # Errors
/// `InsufficientInstanceCapacity`.
pub fn check_capacity(world: &World, instance_type: &str, zone: &str, purchase: Purchase) -> Result<(), LaunchFailure> {
    for limit in &world.ec2.capacity {
        let applies = |instance_type: &str, zone: &str, purchase: Purchase| {
            object::matches(&limit.instance_type, instance_type)
                && object::matches(&limit.zone, zone)
                && limit.purchase.is_none_or(|only| only == purchase)
        };
        if !applies(instance_type, zone, purchase) {
            continue;
        }
        let running = world.ec2.instances.values().filter(|it| {
            let purchase = if it.spot_request.is_some() { Purchase::Spot } else { Purchase::OnDemand };
            it.phase.is_live() && applies(&it.instance_type, &it.zone, purchase)
        });
        if running.count() >= usize::try_from(limit.at_most).unwrap_or(usize::MAX) {
            let message = match purchase {
                Purchase::Spot => "There is no Spot capacity available that matches your request.".to_owned(),
                Purchase::OnDemand => format!(
                    "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity."
                ),
            };
            return Err(Refusal::new("InsufficientInstanceCapacity", message).with_status(500));
        }
    }
    Ok(())
}

/// Makes or takes over the interfaces; the answer is the primary address.
fn connect(world: &mut World, request: &LaunchRequest, plan: &Plan, instance: &str) -> Ipv4Addr {
    let data = &request.data;
    let primary = data.interfaces.iter().find(|it| it.device_index == 0);
    let tags = data.tags.get("network-interface").cloned().unwrap_or_default();
    let interface = match (&plan.takes_over, plan.private_ip) {
        (None, Some(private_ip)) => {
            let description = primary.and_then(|it| it.description.clone()).unwrap_or_default();
            let interface_type = "interface".to_owned();
            let groups = plan.groups.clone();
            let new = New { private_ip, description, groups, interface_type, requester: None, tags };
            let id = network_interfaces::create(world, &plan.subnet, new);
            let public = primary.and_then(|it| it.public_address).unwrap_or(plan.subnet.map_public_ip_on_launch);
            if public {
                let public_ip = addresses::public_address(world);
                if let Some(interface) = world.ec2.network_interfaces.get_mut(&id) {
                    interface.association = Some(Association { id: String::new(), public_ip, allocation: None });
                }
            }
            id
        }
        (Some(id), _) => id.clone(),
        (None, None) => String::new(),
    };
    let goes = primary.and_then(|it| it.delete_on_termination).unwrap_or(plan.takes_over.is_none());
    let keep = if goes { Keep::UntilTermination } else { Keep::AfterTermination };
    network_interfaces::attach(world, &interface, instance, 0, keep);
    let address = world.ec2.network_interfaces.get(&interface).map(|it| it.private_ip);
    address.unwrap_or(Ipv4Addr::UNSPECIFIED)
}

fn attach_disks(world: &mut World, data: &LaunchData, plan: &Plan, instance: &str) {
    let tags = data.tags.get("volume").cloned().unwrap_or_default();
    for (device, shape) in &plan.disks {
        let id = volumes::create(
            world,
            volumes::New {
                zone: plan.subnet.zone.clone(),
                shape: shape.clone(),
                encrypted: device.encrypted.unwrap_or(false) || device.kms_key.is_some(),
                kms_key: device.kms_key.clone(),
                snapshot: device.snapshot.clone(),
                tags: tags.clone(),
            },
        );
        let attached_at = world.now;
        if let Some(volume) = world.ec2.volumes.get_mut(&id) {
            volume.attachment = Some(Attachment {
                instance: instance.to_owned(),
                device: device.device.clone(),
                attached_at,
                delete_on_termination: device.delete_on_termination.unwrap_or(true),
            });
        }
    }
}

/// Why an instance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody asked for it.
    UserInitiated,
    /// EC2 takes a spot instance back.
    SpotReclaim,
    /// The machine below it died.
    HardwareFailure,
}

impl End {
    /// State reason codes and messages (EC2 API reference, StateReason).
    const fn reason(self) -> (&'static str, &'static str) {
        match self {
            Self::UserInitiated => {
                ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
            }
            Self::SpotReclaim => {
                ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination")
            }
            Self::HardwareFailure => ("Server.InternalError", "Server.InternalError: Internal error on launch"),
        }
    }
}

/// Ends an instance; what is ending or gone stays as it is. Its interface and disks go when it is terminated.
pub fn terminate(world: &mut World, instance: &str, end: End) {
    let until = world.after_between(END.0, END.1);
    let now = world.now;
    if let Some(instance) = world.ec2.instances.get_mut(instance).filter(|it| it.phase.is_live()) {
        let (code, message) = end.reason();
        instance.reason = Some((code.to_owned(), message.to_owned()));
        set(instance, Phase::ShuttingDown, now, Some(until));
    }
}

/// Stops a running instance.
pub fn stop(world: &mut World, instance: &str) {
    let until = world.after_between(END.0, END.1);
    let now = world.now;
    let running = |it: &&mut Instance| matches!(it.phase, Phase::Pending | Phase::Running);
    if let Some(instance) = world.ec2.instances.get_mut(instance).filter(running) {
        let (code, message) = End::UserInitiated.reason();
        instance.reason = Some((code.to_owned(), message.to_owned()));
        set(instance, Phase::Stopping, now, Some(until));
    }
}

/// Starts a stopped instance.
pub fn start(world: &mut World, instance: &str) {
    let until = world.after_between(BOOT.0, BOOT.1);
    let now = world.now;
    if let Some(instance) = world.ec2.instances.get_mut(instance).filter(|it| it.phase == Phase::Stopped) {
        instance.reason = None;
        set(instance, Phase::Pending, now, Some(until));
    }
}

fn set(instance: &mut Instance, phase: Phase, since: Timestamp, until: Option<Timestamp>) {
    instance.phase = phase;
    instance.since = since;
    instance.until = until;
}

/// The next moment at which an instance enters another phase, or is no longer shown.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    world.ec2.instances.values().filter_map(|it| it.until).min()
}

/// Moves instances on whose moment has come.
pub fn advance(world: &mut World) {
    let now = world.now;
    let remnant_until = world.after(REMNANT);
    let due: Vec<String> = world
        .ec2
        .instances
        .values()
        .filter(|it| it.until.is_some_and(|until| until <= now))
        .map(|it| it.id.clone())
        .collect();
    for id in due {
        let Some(instance) = world.ec2.instances.get_mut(&id) else { continue };
        match instance.phase {
            Phase::Pending => set(instance, Phase::Running, now, None),
            Phase::Stopping => set(instance, Phase::Stopped, now, None),
            Phase::ShuttingDown => {
                set(instance, Phase::Terminated, now, Some(remnant_until));
                give_back(world, &id);
            }
            Phase::Terminated => {
                world.ec2.instances.remove(&id);
            }
            Phase::Running | Phase::Stopped => instance.until = None,
        }
    }
}

/// Deletes or detaches what a terminated instance had.
fn give_back(world: &mut World, instance: &str) {
    let interfaces = &mut world.ec2.network_interfaces;
    interfaces
        .retain(|_, it| !it.attachment.as_ref().is_some_and(|it| it.instance == instance && it.delete_on_termination));
    for interface in interfaces.values_mut().filter(|it| it.instance() == Some(instance)) {
        interface.attachment = None;
        // An address that came with the launch goes with it; an Elastic IP stays on the interface.
        interface.association.take_if(|it| it.allocation.is_none());
    }
    let volumes = &mut world.ec2.volumes;
    volumes
        .retain(|_, it| !it.attachment.as_ref().is_some_and(|it| it.instance == instance && it.delete_on_termination));
    for volume in volumes.values_mut() {
        volume.attachment.take_if(|it| it.instance == instance);
    }
}

/// The instance, for other services; `None` once it is terminated or when it never was.
#[must_use]
pub fn living<'w>(world: &'w World, id: &str) -> Option<&'w Instance> {
    world.ec2.instances.get(id).filter(|it| it.exists(world))
}

/// The primary address of an instance, as load balancers register it.
#[must_use]
pub fn address(world: &World, id: &str) -> Option<Ipv4Addr> {
    instances::primary_interface(world, id).map(|it| it.private_ip)
}
