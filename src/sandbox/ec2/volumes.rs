//! EBS volumes, their attachments and modifications.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::{World, iso};
use super::instances::Instance;
use super::object::{self, Object, Tags, Words, kept_in};
use super::snapshots::Snapshot;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateVolume", create_volume),
    ("DeleteVolume", delete_volume),
    ("DescribeVolumes", describe_volumes),
    ("AttachVolume", attach_volume),
    ("DetachVolume", detach_volume),
    ("ModifyVolume", modify_volume),
    ("DescribeVolumesModifications", describe_volumes_modifications),
];

/// Seconds from `modifying` over `optimizing` to `completed`: minutes on AWS for small volumes.
const MODIFICATION: f64 = 120.0;

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// `vol-…`.
    pub id: String,
    /// Zone name.
    pub zone: String,
    /// Size, type and speed.
    pub shape: Shape,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key's ARN, if encrypted.
    pub kms_key: Option<String>,
    /// The snapshot that it was made from.
    pub snapshot: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// `creating` before, `available` from then on.
    pub available_at: Timestamp,
    /// The instance that has it.
    pub attachment: Option<Attachment>,
    /// The last change of its shape.
    pub modification: Option<Modification>,
    /// Tags.
    pub tags: Tags,
}

/// Size, type and speed of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shape {
    /// GiB.
    pub size: u32,
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1`, `standard`.
    pub volume_type: String,
    /// Operations a second, where the type has them.
    pub iops: Option<u32>,
    /// MiB a second, where the type has them.
    pub throughput: Option<u32>,
}

/// The tie of a volume to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// The instance.
    pub instance: String,
    /// `/dev/xvdb`.
    pub device: String,
    /// Since when.
    pub attached_at: Timestamp,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
}

/// A change of shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Modification {
    /// What it was.
    pub original: Shape,
    /// When it began.
    pub started_at: Timestamp,
    /// When it is completed.
    pub completed_at: Timestamp,
}

impl Shape {
    /// With the defaults of its type (EC2 API reference, CreateVolume).
    ///
    /// # Errors
    /// `InvalidParameterValue` for sizes and speeds that the type does not have.
    pub fn new(size: u32, volume_type: String, iops: Option<u32>, throughput: Option<u32>) -> Result<Self, Refusal> {
        let (least, most) = match volume_type.as_str() {
            "gp2" | "gp3" => (1, 65536),
            "io1" => (4, 16384),
            "io2" => (4, 65536),
            "st1" | "sc1" => (125, 16384),
            "standard" => (1, 1024),
            other => {
                let message = format!("Value ({other}) for parameter volumeType is invalid.");
                return Err(Refusal::invalid(message));
            }
        };
        if !(least..=most).contains(&size) {
            let message = format!("Volume of {size}GiB is outside the range {least} to {most}GiB of {volume_type}.");
            return Err(Refusal::invalid(message));
        }
        let combination = |what: &str| {
            let message = format!("The parameter {what} is not supported for {volume_type} volumes.");
            Err(Refusal::new("InvalidParameterCombination", message))
        };
        let iops = match (volume_type.as_str(), iops) {
            ("gp3", given) => Some(given.unwrap_or(3000)),
            ("io1" | "io2", Some(given)) => Some(given),
            ("io1" | "io2", None) => {
                return Err(Refusal::new("MissingParameter", "The request must contain the parameter iops"));
            }
            ("gp2", None) => Some((size * 3).clamp(100, 16000)),
            (_, None) => None,
            (_, Some(_)) => return combination("iops"),
        };
        let throughput = match (volume_type.as_str(), throughput) {
            ("gp3", given) => Some(given.unwrap_or(125)),
            (_, None) => None,
            (_, Some(_)) => return combination("throughput"),
        };
        Ok(Self { size, volume_type, iops, throughput })
    }
}

impl Object for Volume {
    const WORDS: Words = Words {
        prefix: "vol",
        resource_type: "volume",
        malformed: "InvalidParameterValue",
        not_found: "InvalidVolume.NotFound",
        message: "The volume '{}' does not exist.",
    };
    const FILTERS: &'static [&'static str] = &[
        "attachment.delete-on-termination",
        "attachment.device",
        "attachment.instance-id",
        "attachment.status",
        "availability-zone",
        "create-time",
        "encrypted",
        "size",
        "snapshot-id",
        "status",
        "volume-id",
        "volume-type",
    ];

    kept_in!(volumes);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        let attachment = |field: fn(&Attachment) -> String| self.attachment.as_ref().map(field).into_iter().collect();
        match filter {
            "attachment.delete-on-termination" => attachment(|it| it.delete_on_termination.to_string()),
            "attachment.device" => attachment(|it| it.device.clone()),
            "attachment.instance-id" => attachment(|it| it.instance.clone()),
            "attachment.status" => attachment(|_| "attached".to_owned()),
            "availability-zone" => vec![self.zone.clone()],
            "create-time" => vec![iso(self.created_at)],
            "encrypted" => vec![self.encrypted.to_string()],
            "size" => vec![self.shape.size.to_string()],
            "snapshot-id" => self.snapshot.iter().cloned().collect(),
            "status" => vec![self.status(world).to_owned()],
            "volume-id" => vec![self.id.clone()],
            "volume-type" => vec![self.shape.volume_type.clone()],
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World) -> Xml {
        let attachments = self.attachment.iter().map(|it| attachment_view(&self.id, it, "attached"));
        Xml::new()
            .text("volumeId", &self.id)
            .text("size", self.shape.size)
            .text("snapshotId", self.snapshot.as_deref().unwrap_or_default())
            .text("availabilityZone", &self.zone)
            .text("status", self.status(world))
            .text("createTime", iso(self.created_at))
            .list("attachmentSet", "item", attachments)
            .text("volumeType", &self.shape.volume_type)
            .maybe("iops", self.shape.iops)
            .maybe("throughput", self.shape.throughput)
            .text("encrypted", self.encrypted)
            .maybe("kmsKeyId", self.kms_key.as_ref())
            .text("multiAttachEnabled", false)
            .and(object::tag_set(&self.tags))
    }
}

fn attachment_view(volume: &str, it: &Attachment, status: &str) -> Xml {
    Xml::new()
        .text("volumeId", volume)
        .text("instanceId", &it.instance)
        .text("device", &it.device)
        .text("status", status)
        .text("attachTime", iso(it.attached_at))
        .text("deleteOnTermination", it.delete_on_termination)
}

impl Volume {
    fn status(&self, world: &World) -> &'static str {
        if self.attachment.is_some() {
            "in-use"
        } else if world.now < self.available_at {
            "creating"
        } else {
            "available"
        }
    }
}

/// A volume to be made.
#[derive(Clone, Debug)]
pub struct New {
    /// Zone name.
    pub zone: String,
    /// Size, type and speed.
    pub shape: Shape,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key as the caller named it.
    pub kms_key: Option<String>,
    /// The snapshot that it is made from.
    pub snapshot: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// Makes a volume.
pub fn create(world: &mut World, new: New) -> String {
    let id = world.new_id("vol");
    // Without a key of the caller's, the account's own key for EBS.
    let key = new.kms_key.unwrap_or_else(|| "5eba5eba-0000-4000-8000-000000000001".to_owned());
    let key = if key.starts_with("arn:") { key } else { world.arn("kms", &format!("key/{key}")) };
    let volume = Volume {
        id: id.clone(),
        zone: new.zone,
        shape: new.shape,
        encrypted: new.encrypted,
        kms_key: new.encrypted.then_some(key),
        snapshot: new.snapshot,
        created_at: world.now,
        available_at: world.after_between(2, 5),
        attachment: None,
        modification: None,
        tags: new.tags,
    };
    world.ec2.volumes.insert(id.clone(), volume);
    id
}

fn create_volume(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let zone = call.required("AvailabilityZone")?;
    let kms_key = call.text("KmsKeyId");
    let encrypted = call.flag("Encrypted")?.unwrap_or(false);
    let snapshot = call.text("SnapshotId").filter(|id| !id.is_empty());
    let size: Option<u32> = call.parsed("Size")?;
    let volume_type = call.text("VolumeType").unwrap_or_else(|| "gp2".to_owned());
    let (iops, throughput) = (call.parsed("Iops")?, call.parsed("Throughput")?);
    let tags = object::new_tags::<Volume>(call)?;
    let id = match world.replay(call)? {
        Some(id) => id,
        None => {
            if !world.zones.contains(&zone) {
                let message = format!("The zone '{zone}' does not exist.");
                return Err(Refusal::new("InvalidZone.NotFound", message));
            }
            if kms_key.is_some() && !encrypted {
                let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
                return Err(Refusal::new("InvalidParameterDependency", message));
            }
            let source = snapshot.as_ref().map(|id| object::get::<Snapshot>(world, id)).transpose()?;
            let size = size.or(source.map(|it| it.size)).ok_or_else(|| {
                Refusal::new("MissingParameter", "The request must contain the parameter size/snapshot")
            })?;
            let encrypted = encrypted || source.is_some_and(|it| it.encrypted);
            let shape = Shape::new(size, volume_type, iops, throughput)?;
            let id = create(world, New { zone, shape, encrypted, kms_key, snapshot, tags });
            world.remember(call, &id);
            id
        }
    };
    Ok(world.ec2.volumes.get(&id).map(|volume| volume.view(world)).unwrap_or_default().into())
}

fn delete_volume(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("VolumeId")?;
    if let Some(attachment) = &object::get::<Volume>(world, &id)?.attachment {
        let message = format!("Volume {id} is currently attached to {}", attachment.instance);
        return Err(Refusal::new("VolumeInUse", message));
    }
    world.ec2.volumes.remove(&id);
    Ok(Answer::yes())
}

fn describe_volumes(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<Volume>(world, call, "VolumeId", "volumeSet")
}

fn attach_volume(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (id, instance, device) = (call.required("VolumeId")?, call.required("InstanceId")?, call.required("Device")?);
    let volume = object::get::<Volume>(world, &id)?;
    let instance = object::get::<Instance>(world, &instance)?;
    if volume.attachment.is_some() {
        return Err(Refusal::new("VolumeInUse", format!("{id} is already attached to an instance")));
    }
    if volume.zone != instance.zone {
        let message = format!("The volume '{id}' is not in the same availability zone as instance '{}'", instance.id);
        return Err(Refusal::new("InvalidVolume.ZoneMismatch", message));
    }
    if volume.status(world) != "available" || !matches!(instance.state_name(world), "running" | "stopped") {
        let message = format!("Volume '{id}' or instance '{}' is not in a state that allows to attach.", instance.id);
        return Err(Refusal::new("IncorrectState", message));
    }
    let taken =
        |it: &Volume| it.attachment.as_ref().is_some_and(|it| it.instance == instance.id && it.device == device);
    if world.ec2.volumes.values().any(taken) {
        let message = format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
        return Err(Refusal::invalid(message));
    }
    let attached_at = world.now;
    let attachment = Attachment { instance: instance.id.clone(), device, attached_at, delete_on_termination: false };
    let view = attachment_view(&id, &attachment, "attaching");
    object::get_mut::<Volume>(world, &id)?.attachment = Some(attachment);
    Ok(view.into())
}

fn detach_volume(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["Force"]);
    let id = call.required("VolumeId")?;
    let (instance, device) = (call.text("InstanceId"), call.text("Device"));
    let volume = object::get_mut::<Volume>(world, &id)?;
    let fits = |it: &Attachment| {
        instance.as_ref().is_none_or(|id| *id == it.instance) && device.as_ref().is_none_or(|name| *name == it.device)
    };
    match volume.attachment.take_if(|it| fits(it)) {
        Some(attachment) => Ok(attachment_view(&id, &attachment, "detaching").into()),
        None if volume.attachment.is_none() => {
            Err(Refusal::new("IncorrectState", format!("Volume '{id}' is in the 'available' state.")))
        }
        None => {
            let message = format!("Volume '{id}' is not attached to that instance as that device.");
            Err(Refusal::new("InvalidAttachment.NotFound", message))
        }
    }
}

fn modify_volume(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("VolumeId")?;
    let (size, volume_type) = (call.parsed::<u32>("Size")?, call.text("VolumeType"));
    let (iops, throughput) = (call.parsed("Iops")?, call.parsed("Throughput")?);
    let volume = object::get::<Volume>(world, &id)?;
    let old = volume.shape.clone();
    if volume.modification.as_ref().is_some_and(|it| world.now < it.completed_at) {
        let message = format!("Cannot modify volume '{id}' currently in modification state 'OPTIMIZING'.");
        return Err(Refusal::new("IncorrectModificationState", message));
    }
    if size.is_some_and(|size| size < old.size) {
        return Err(Refusal::invalid("New size cannot be smaller than existing size"));
    }
    let same_type = volume_type.as_ref().is_none_or(|it| *it == old.volume_type);
    let shape = Shape::new(
        size.unwrap_or(old.size),
        volume_type.unwrap_or_else(|| old.volume_type.clone()),
        iops.or(old.iops.filter(|_| same_type && old.volume_type != "gp2")),
        throughput.or(old.throughput.filter(|_| same_type)),
    )?;
    let (started_at, completed_at) = (world.now, world.after(MODIFICATION));
    let volume = object::get_mut::<Volume>(world, &id)?;
    volume.shape = shape;
    volume.modification = Some(Modification { original: old, started_at, completed_at });
    let view = world.ec2.volumes.get(&id).and_then(|it| modification_view(world, it)).unwrap_or_default();
    Ok(Xml::new().element("volumeModification", view).into())
}

fn modification_view(world: &World, volume: &Volume) -> Option<Xml> {
    let it = volume.modification.as_ref()?;
    let done = it.completed_at <= world.now;
    let (target, original) = (&volume.shape, &it.original);
    let state = match done {
        true => "completed",
        false if world.now == it.started_at => "modifying",
        false => "optimizing",
    };
    Some(
        Xml::new()
            .text("volumeId", &volume.id)
            .text("modificationState", state)
            .text("targetSize", target.size)
            .maybe("targetIops", target.iops)
            .text("targetVolumeType", &target.volume_type)
            .maybe("targetThroughput", target.throughput)
            .text("originalSize", original.size)
            .maybe("originalIops", original.iops)
            .text("originalVolumeType", &original.volume_type)
            .maybe("originalThroughput", original.throughput)
            .text("progress", if done { 100 } else { 0 })
            .text("startTime", iso(it.started_at))
            .maybe("endTime", done.then(|| iso(it.completed_at))),
    )
}

fn describe_volumes_modifications(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (found, next) = object::select::<Volume>(world, call, "VolumeId")?;
    let items = found.into_iter().filter_map(|(_, volume)| modification_view(world, volume));
    Ok(Xml::new().list("volumeModificationSet", "item", items).maybe("nextToken", next).into())
}
