//! Instances: what they are and what describes show. How they come and go is in [`super::launching`].

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::iam::ProfileReference;
use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::{World, iso};
use super::network_interfaces::{NetworkInterface, private_name};
use super::object::{self, Object, Tags, Words, kept_in};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("DescribeInstances", describe_instances),
    ("DescribeInstanceStatus", describe_instance_status),
    ("DescribeInstanceAttribute", describe_instance_attribute),
];

/// Seconds after the start in which the status checks are `initializing`.
const INITIALIZING: i64 = 90;

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// `r-…`: instances of one call share it.
    pub reservation: String,
    /// Position within the call.
    pub launch_index: u32,
    /// `ami-…`.
    pub image: String,
    /// The instance type.
    pub instance_type: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Device of the root disk.
    pub root_device: String,
    /// VPC, subnet and zone.
    pub vpc: String,
    /// The subnet of the primary interface.
    pub subnet: String,
    /// Zone name.
    pub zone: String,
    /// The primary address, kept for after the end.
    pub private_ip: std::net::Ipv4Addr,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// Where it is in its life.
    pub phase: Phase,
    /// When the phase began.
    pub since: Timestamp,
    /// When the phase ends by itself.
    pub until: Option<Timestamp>,
    /// Code and message of the last end or stop.
    pub reason: Option<(String, String)>,
    /// The spot request, for a spot instance.
    pub spot_request: Option<String>,
    /// The caller's token.
    pub client_token: Option<String>,
    /// The instance profile.
    pub profile: Option<ProfileReference>,
    /// The key pair.
    pub key_name: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// The metadata service.
    pub metadata: BTreeMap<String, String>,
    /// Detailed monitoring.
    pub monitoring: bool,
    /// EBS-optimized.
    pub ebs_optimized: bool,
    /// Refuses TerminateInstances.
    pub termination_protection: bool,
    /// Tags.
    pub tags: Tags,
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Launched or started, not running yet.
    Pending,
    /// Running.
    Running,
    /// On its way to stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// On its way out.
    ShuttingDown,
    /// Gone, shown for an hour.
    Terminated,
}

impl Phase {
    /// Name and code (EC2 API reference, InstanceState).
    #[must_use]
    pub const fn name_and_code(self) -> (&'static str, u32) {
        match self {
            Self::Pending => ("pending", 0),
            Self::Running => ("running", 16),
            Self::ShuttingDown => ("shutting-down", 32),
            Self::Terminated => ("terminated", 48),
            Self::Stopping => ("stopping", 64),
            Self::Stopped => ("stopped", 80),
        }
    }

    /// `<code/><name/>`.
    #[must_use]
    pub fn view(self) -> Xml {
        let (name, code) = self.name_and_code();
        Xml::new().text("code", code).text("name", name)
    }

    /// Whether it holds capacity and will or does run.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

impl Object for Instance {
    const WORDS: Words = Words {
        prefix: "i",
        resource_type: "instance",
        malformed: "InvalidInstanceID.Malformed",
        not_found: "InvalidInstanceID.NotFound",
        message: "The instance ID '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "availability-zone",
        "block-device-mapping.volume-id",
        "client-token",
        "dns-name",
        "iam-instance-profile.arn",
        "iam-instance-profile.id",
        "image-id",
        "instance-id",
        "instance-lifecycle",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "instance.group-id",
        "key-name",
        "launch-time",
        "network-interface.addresses.private-ip-address",
        "network-interface.network-interface-id",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "ip-address",
        "reservation-id",
        "root-device-name",
        "spot-instance-request-id",
        "subnet-id",
        "vpc-id",
    ];

    kept_in!(instances);

    fn exists(&self, _: &World) -> bool {
        self.phase != Phase::Terminated
    }

    fn shown(&self, _: &World) -> bool {
        true
    }

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        let interfaces = || interfaces(world, &self.id);
        let (state, code) = self.phase.name_and_code();
        match filter {
            "block-device-mapping.volume-id" => volumes(world, &self.id).map(|it| it.id.clone()).collect(),
            "iam-instance-profile.arn" => self.profile.iter().map(|it| it.arn.clone()).collect(),
            "iam-instance-profile.id" => self.profile.iter().map(|it| it.id.clone()).collect(),
            "client-token" => self.client_token.iter().cloned().collect(),
            "instance-lifecycle" => self.spot_request.iter().map(|_| "spot".to_owned()).collect(),
            "spot-instance-request-id" => self.spot_request.iter().cloned().collect(),
            "key-name" => self.key_name.iter().cloned().collect(),
            "instance.group-id" => interfaces().flat_map(|it| it.groups.clone()).collect(),
            "network-interface.network-interface-id" => interfaces().map(|it| it.id.clone()).collect(),
            "network-interface.addresses.private-ip-address" => {
                interfaces().map(|it| it.private_ip.to_string()).collect()
            }
            "ip-address" => {
                let public = primary_interface(world, &self.id).and_then(|it| it.association.as_ref());
                public.map(|it| it.public_ip.to_string()).into_iter().collect()
            }
            "architecture" => vec![self.architecture.clone()],
            "availability-zone" => vec![self.zone.clone()],
            "image-id" => vec![self.image.clone()],
            "instance-id" => vec![self.id.clone()],
            "instance-state-code" => vec![code.to_string()],
            "instance-state-name" => vec![state.to_owned()],
            "instance-type" => vec![self.instance_type.clone()],
            "launch-time" => vec![iso(self.launched_at)],
            "owner-id" => vec![world.account.clone()],
            "private-dns-name" => vec![private_name(world, self.private_ip)],
            "private-ip-address" => vec![self.private_ip.to_string()],
            "reservation-id" => vec![self.reservation.clone()],
            "root-device-name" => vec![self.root_device.clone()],
            "subnet-id" => vec![self.subnet.clone()],
            "vpc-id" => vec![self.vpc.clone()],
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World) -> Xml {
        let gone = self.phase == Phase::Terminated;
        let reason = self.reason.as_ref().map(|(code, message)| Xml::new().text("code", code).text("message", message));
        let profile = self.profile.as_ref().filter(|_| !gone);
        let profile = profile.map(|it| Xml::new().text("arn", &it.arn).text("id", &it.id));
        let primary = primary_interface(world, &self.id);
        let association = primary.and_then(|it| it.association.as_ref());
        let live = Xml::new()
            .text("subnetId", &self.subnet)
            .text("vpcId", &self.vpc)
            .text("privateIpAddress", self.private_ip)
            .maybe("ipAddress", association.map(|it| it.public_ip));
        let groups = primary.map(|it| it.group_set(world)).unwrap_or_else(|| Xml::new().list("groupSet", "item", []));
        let mut metadata = BTreeMap::from([
            ("state", "applied"),
            ("httpTokens", "optional"),
            ("httpPutResponseHopLimit", "1"),
            ("httpEndpoint", "enabled"),
            ("httpProtocolIpv6", "disabled"),
            ("instanceMetadataTags", "disabled"),
        ]);
        metadata.extend(self.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let metadata = metadata.into_iter().fold(Xml::new(), |xml, (name, value)| xml.text(name, value));
        let devices = volumes(world, &self.id).filter_map(|it| {
            let attachment = it.attachment.as_ref()?;
            let ebs = Xml::new()
                .text("volumeId", &it.id)
                .text("status", "attached")
                .text("attachTime", iso(attachment.attached_at))
                .text("deleteOnTermination", attachment.delete_on_termination);
            Some(Xml::new().text("deviceName", &attachment.device).element("ebs", ebs))
        });
        Xml::new()
            .text("instanceId", &self.id)
            .text("imageId", &self.image)
            .element("instanceState", self.phase.view())
            .text("privateDnsName", if gone { String::new() } else { private_name(world, self.private_ip) })
            .text("dnsName", "")
            .text("reason", self.reason.as_ref().map(|(_, message)| message.as_str()).unwrap_or_default())
            .maybe("keyName", self.key_name.as_ref())
            .text("amiLaunchIndex", self.launch_index)
            .text("instanceType", &self.instance_type)
            .text("launchTime", iso(self.launched_at))
            .element("placement", Xml::new().text("availabilityZone", &self.zone).text("tenancy", "default"))
            .element("monitoring", Xml::new().text("state", if self.monitoring { "enabled" } else { "disabled" }))
            .and(if gone { Xml::new() } else { live })
            .and(groups)
            .text("sourceDestCheck", primary.is_none_or(|it| it.source_dest_check))
            .maybe_element("stateReason", reason)
            .text("architecture", &self.architecture)
            .text("rootDeviceType", "ebs")
            .text("rootDeviceName", &self.root_device)
            .list("blockDeviceMapping", "item", devices)
            .text("virtualizationType", "hvm")
            .maybe("clientToken", self.client_token.as_ref())
            .and(object::tag_set(&self.tags))
            .text("hypervisor", "xen")
            .list("networkInterfaceSet", "item", interfaces(world, &self.id).map(|it| interface_view(world, it)))
            .maybe_element("iamInstanceProfile", profile)
            .text("ebsOptimized", self.ebs_optimized)
            .maybe("instanceLifecycle", self.spot_request.as_ref().map(|_| "spot"))
            .maybe("spotInstanceRequestId", self.spot_request.as_ref())
            .element("metadataOptions", metadata)
            .text("enaSupport", true)
    }
}

impl Instance {
    /// `pending`, `running`, ….
    #[must_use]
    pub const fn state_name(&self, _: &World) -> &'static str {
        self.phase.name_and_code().0
    }
}

fn interface_view(world: &World, it: &NetworkInterface) -> Xml {
    let attachment = it.attachment.as_ref().map(|it| {
        Xml::new()
            .text("attachmentId", &it.id)
            .text("deviceIndex", it.device_index)
            .text("networkCardIndex", 0)
            .text("status", "attached")
            .text("attachTime", iso(it.attached_at))
            .text("deleteOnTermination", it.delete_on_termination)
    });
    let address = Xml::new()
        .text("privateIpAddress", it.private_ip)
        .text("primary", true)
        .maybe_element("association", it.association_view(world));
    Xml::new()
        .text("networkInterfaceId", &it.id)
        .text("subnetId", &it.subnet)
        .text("vpcId", &it.vpc)
        .text("description", &it.description)
        .text("ownerId", &world.account)
        .text("status", "in-use")
        .text("macAddress", &it.mac)
        .text("privateIpAddress", it.private_ip)
        .text("privateDnsName", private_name(world, it.private_ip))
        .text("sourceDestCheck", it.source_dest_check)
        .and(it.group_set(world))
        .maybe_element("attachment", attachment)
        .maybe_element("association", it.association_view(world))
        .list("privateIpAddressesSet", "item", [address])
        .text("interfaceType", &it.interface_type)
}

/// The interfaces of an instance, the primary one first.
pub fn interfaces<'w>(world: &'w World, instance: &str) -> impl Iterator<Item = &'w NetworkInterface> + use<'w> {
    let instance = instance.to_owned();
    let of = world.ec2.network_interfaces.values().filter(move |it| it.instance() == Some(instance.as_str()));
    let mut found: Vec<_> = of.collect();
    found.sort_by_key(|it| it.attachment.as_ref().map(|it| it.device_index));
    found.into_iter()
}

/// The interface at device index 0.
#[must_use]
pub fn primary_interface<'w>(world: &'w World, instance: &str) -> Option<&'w NetworkInterface> {
    world
        .ec2
        .network_interfaces
        .values()
        .find(|it| it.attachment.as_ref().is_some_and(|it| it.instance == instance && it.device_index == 0))
}

/// The volumes of an instance.
pub fn volumes<'w>(world: &'w World, instance: &str) -> impl Iterator<Item = &'w super::volumes::Volume> + use<'w> {
    let instance = instance.to_owned();
    world.ec2.volumes.values().filter(move |it| it.attachment.as_ref().is_some_and(|it| it.instance == instance))
}

/// `<item>`s of reservations with their instances.
pub fn reservations(world: &World, instances: &[&Instance]) -> Vec<Xml> {
    let mut by_reservation: Vec<(&str, Vec<&Instance>)> = Vec::new();
    for instance in instances {
        match by_reservation.iter_mut().find(|(id, _)| *id == instance.reservation) {
            Some((_, members)) => members.push(instance),
            None => by_reservation.push((&instance.reservation, vec![instance])),
        }
    }
    let view = |(id, mut members): (&str, Vec<&Instance>)| {
        members.sort_by_key(|it| it.launch_index);
        Xml::new().text("reservationId", id).text("ownerId", &world.account).list("groupSet", "item", []).list(
            "instancesSet",
            "item",
            members.into_iter().map(|it| it.view(world)),
        )
    };
    by_reservation.into_iter().map(view).collect()
}

fn describe_instances(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (found, next) = object::select::<Instance>(world, call, "InstanceId")?;
    let instances: Vec<&Instance> = found.into_iter().map(|(_, instance)| instance).collect();
    Ok(Xml::new().list("reservationSet", "item", reservations(world, &instances)).maybe("nextToken", next).into())
}

fn describe_instance_status(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let all = call.flag("IncludeAllInstances")?.unwrap_or(false);
    let (mut found, next) = object::select::<Instance>(world, call, "InstanceId")?;
    found.retain(|(_, it)| it.exists(world) && (all || it.phase == Phase::Running));
    let items = found.into_iter().map(|(_, it)| {
        let old = world.now.duration_since(it.since) >= SignedDuration::from_secs(INITIALIZING);
        let (status, detail) = match (it.phase, old) {
            (Phase::Running, true) => ("ok", "passed"),
            (Phase::Running, false) => ("initializing", "initializing"),
            _ => ("not-applicable", ""),
        };
        let detail = (!detail.is_empty()).then(|| Xml::new().text("name", "reachability").text("status", detail));
        let summary = Xml::new().text("status", status).list("details", "item", detail);
        Xml::new()
            .text("instanceId", &it.id)
            .text("availabilityZone", &it.zone)
            .element("instanceState", it.phase.view())
            .element("systemStatus", summary.clone())
            .element("instanceStatus", summary)
    });
    Ok(Xml::new().list("instanceStatusSet", "item", items).maybe("nextToken", next).into())
}

fn describe_instance_attribute(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let instance = object::get::<Instance>(world, &call.required("InstanceId")?)?;
    let attribute = call.required("Attribute")?;
    let value = match attribute.as_str() {
        "userData" => instance.user_data.clone(),
        "instanceType" => Some(instance.instance_type.clone()),
        "disableApiTermination" => Some(instance.termination_protection.to_string()),
        "ebsOptimized" => Some(instance.ebs_optimized.to_string()),
        "rootDeviceName" => Some(instance.root_device.clone()),
        other => return Err(Refusal::invalid(format!("Value ({other}) for parameter attribute is invalid."))),
    };
    let inner = Xml::new().maybe("value", value);
    Ok(Xml::new().text("instanceId", &instance.id).element(&attribute, inner).into())
}
