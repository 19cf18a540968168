//! EBS snapshots.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::{World, iso};
use super::object::{self, Object, Tags, Words, kept_in};
use super::volumes::Volume;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateSnapshot", create_snapshot),
    ("DeleteSnapshot", delete_snapshot),
    ("DescribeSnapshots", describe_snapshots),
];

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// `snap-…`.
    pub id: String,
    /// The volume.
    pub volume: String,
    /// GiB of the volume.
    pub size: u32,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key, if encrypted.
    pub kms_key: Option<String>,
    /// What it is for.
    pub description: String,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// `pending` before, `completed` from then on.
    pub completed_at: Timestamp,
    /// Tags.
    pub tags: Tags,
}

impl Object for Snapshot {
    const WORDS: Words = Words {
        prefix: "snap",
        resource_type: "snapshot",
        malformed: "InvalidSnapshotID.Malformed",
        not_found: "InvalidSnapshot.NotFound",
        message: "The snapshot '{}' does not exist.",
    };
    const FILTERS: &'static [&'static str] =
        &["description", "encrypted", "owner-id", "snapshot-id", "start-time", "status", "volume-id", "volume-size"];

    kept_in!(snapshots);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        vec![match filter {
            "description" => self.description.clone(),
            "encrypted" => self.encrypted.to_string(),
            "owner-id" => world.account.clone(),
            "snapshot-id" => self.id.clone(),
            "start-time" => iso(self.started_at),
            "status" => self.status(world).to_owned(),
            "volume-id" => self.volume.clone(),
            "volume-size" => self.size.to_string(),
            _ => return Vec::new(),
        }]
    }

    fn view(&self, world: &World) -> Xml {
        Xml::new()
            .text("snapshotId", &self.id)
            .text("volumeId", &self.volume)
            .text("status", self.status(world))
            .text("startTime", iso(self.started_at))
            .text("progress", if self.status(world) == "completed" { "100%" } else { "0%" })
            .text("ownerId", &world.account)
            .text("volumeSize", self.size)
            .text("description", &self.description)
            .text("encrypted", self.encrypted)
            .maybe("kmsKeyId", self.kms_key.as_ref())
            .and(object::tag_set(&self.tags))
    }
}

impl Snapshot {
    fn status(&self, world: &World) -> &'static str {
        if world.now < self.completed_at { "pending" } else { "completed" }
    }
}

fn create_snapshot(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let volume = object::get::<Volume>(world, &call.required("VolumeId")?)?.clone();
    let description = call.text("Description").unwrap_or_default();
    let tags = object::new_tags::<Snapshot>(call)?;
    let id = world.new_id("snap");
    let snapshot = Snapshot {
        id: id.clone(),
        volume: volume.id,
        size: volume.shape.size,
        encrypted: volume.encrypted,
        kms_key: volume.kms_key,
        description,
        started_at: world.now,
        completed_at: world.after_between(20, 60),
        tags,
    };
    let view = snapshot.view(world);
    world.ec2.snapshots.insert(id, snapshot);
    Ok(view.into())
}

fn delete_snapshot(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("SnapshotId")?;
    object::remove::<Snapshot>(world, &id)?;
    Ok(Answer::yes())
}

fn describe_snapshots(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    // All snapshots here are the account's own, and nobody else may restore them.
    call.list("Owner").iter().for_each(super::super::wire::Parameters::accept);
    call.list("RestorableBy").iter().for_each(super::super::wire::Parameters::accept);
    object::describe::<Snapshot>(world, call, "SnapshotId", "snapshotSet")
}
