//! Machine images: only described; the seed says which there are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::{World, iso};
use super::object::{self, Object, Tags, Words, kept_in};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[("DescribeImages", describe_images)];

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Account id of its owner.
    pub owner: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Device of the root disk.
    pub root_device: String,
    /// GiB of the root snapshot.
    pub root_size: u32,
    /// The root snapshot.
    pub snapshot: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Tags.
    pub tags: Tags,
}

impl Object for Image {
    const WORDS: Words = Words {
        prefix: "ami",
        resource_type: "image",
        malformed: "InvalidAMIID.Malformed",
        not_found: "InvalidAMIID.NotFound",
        message: "The image id '[{}]' does not exist",
    };
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "creation-date",
        "image-id",
        "image-type",
        "is-public",
        "name",
        "owner-alias",
        "owner-id",
        "root-device-name",
        "root-device-type",
        "state",
        "virtualization-type",
    ];

    kept_in!(images);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        vec![match filter {
            "architecture" => self.architecture.clone(),
            "creation-date" => iso(self.created_at),
            "image-id" => self.id.clone(),
            "image-type" => "machine".to_owned(),
            "is-public" => (self.owner != world.account).to_string(),
            "name" => self.name.clone(),
            "owner-id" => self.owner.clone(),
            "root-device-name" => self.root_device.clone(),
            "root-device-type" => "ebs".to_owned(),
            "state" => "available".to_owned(),
            "virtualization-type" => "hvm".to_owned(),
            _ => return Vec::new(),
        }]
    }

    fn view(&self, world: &World) -> Xml {
        let ebs = Xml::new()
            .text("snapshotId", &self.snapshot)
            .text("volumeSize", self.root_size)
            .text("deleteOnTermination", true)
            .text("volumeType", "gp3")
            .text("encrypted", false);
        let root = Xml::new().text("deviceName", &self.root_device).element("ebs", ebs);
        Xml::new()
            .text("imageId", &self.id)
            .text("imageLocation", format!("{}/{}", self.owner, self.name))
            .text("imageState", "available")
            .text("imageOwnerId", &self.owner)
            .text("creationDate", iso(self.created_at))
            .text("isPublic", self.owner != world.account)
            .text("architecture", &self.architecture)
            .text("imageType", "machine")
            .text("name", &self.name)
            .text("rootDeviceType", "ebs")
            .text("rootDeviceName", &self.root_device)
            .list("blockDeviceMapping", "item", [root])
            .text("virtualizationType", "hvm")
            .text("hypervisor", "xen")
            .text("enaSupport", true)
            .text("imdsSupport", "v2.0")
            .and(object::tag_set(&self.tags))
    }
}

fn describe_images(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let owners = call.texts("Owner");
    call.accept_all(&["IncludeDeprecated", "IncludeDisabled"]);
    let executable_by = call.texts("ExecutableBy");
    let (mut found, next) = object::select::<Image>(world, call, "ImageId")?;
    found.retain(|(_, image)| {
        let owned = |owner: &String| match owner.as_str() {
            "self" => image.owner == world.account,
            "amazon" | "aws-marketplace" => image.owner != world.account,
            id => image.owner == id,
        };
        let runs = |who: &String| who != "self" || image.owner == world.account;
        (owners.is_empty() || owners.iter().any(owned)) && executable_by.iter().all(runs)
    });
    let items = found.into_iter().map(|(_, image)| image.view(world));
    Ok(Xml::new().list("imagesSet", "item", items).maybe("nextToken", next).into())
}
