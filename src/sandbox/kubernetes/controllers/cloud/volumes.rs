//! The EBS volumes behind claims, as the EBS CSI driver makes, attaches and deletes them.

use serde_json::Value;

use super::super::super::super::ec2::Volume;
use super::super::super::super::wire::Service;
use super::super::super::super::world::World;
use super::super::super::objects::{Key, Objects};
use super::super::index::Index;
use super::{Asked, Hand, Tags, texts};

/// The driver, and the provisioner of its classes.
pub const DRIVER: &str = "ebs.csi.aws.com";

/// A volume to be made.
pub struct Wanted<'a> {
    /// `pvc-…`.
    pub name: &'a str,
    /// The claim.
    pub claim: &'a Key,
    /// Zone name.
    pub zone: &'a str,
    /// GiB.
    pub size: u64,
    /// Parameters of the class.
    pub parameters: &'a Value,
}

/// What a flag of a container of the driver's pod says: `--k8s-tag-cluster-id=…`.
fn flag(objects: &Objects, hand: &Hand<'_>, name: &str) -> Option<String> {
    let pod = objects.get(&hand.pod)?;
    let containers = pod["spec"]["containers"].as_array()?.iter();
    let arguments = containers
        .flat_map(|it| ["command", "args"].into_iter().flat_map(|list| it[list].as_array().into_iter().flatten()));
    let mut values = arguments.filter_map(|it| it.as_str()?.strip_prefix(name)).map(|it| it.trim_start_matches('='));
    values.next().map(str::to_owned)
}

/// The tags of a volume. Those of the cluster come with a flag of the driver, those of the claim with one of the
/// provisioner beside it.
fn tags(objects: &Objects, hand: &Hand<'_>, wanted: &Wanted<'_>) -> Tags {
    let mut tags = Tags::from([
        ("CSIVolumeName".to_owned(), wanted.name.to_owned()),
        ("ebs.csi.aws.com/cluster".to_owned(), "true".to_owned()),
    ]);
    if let Some(cluster) = flag(objects, hand, "--k8s-tag-cluster-id") {
        tags.insert(format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned());
        tags.insert("Name".to_owned(), format!("{cluster}-dynamic-{}", wanted.name));
        tags.insert("KubernetesCluster".to_owned(), cluster);
    }
    if flag(objects, hand, "--extra-create-metadata").is_some_and(|it| it != "false") {
        tags.insert("kubernetes.io/created-for/pvc/name".to_owned(), wanted.claim.name.clone());
        tags.insert("kubernetes.io/created-for/pvc/namespace".to_owned(), wanted.claim.namespace.clone());
        tags.insert("kubernetes.io/created-for/pv/name".to_owned(), wanted.name.to_owned());
    }
    tags
}

/// The volume of that name.
pub fn find<'w>(world: &'w World, name: &str) -> Option<&'w Volume> {
    world.ec2.volumes.values().find(|it| it.tags.get("CSIVolumeName").is_some_and(|it| it == name))
}

/// Makes a volume.
///
/// # Errors
/// What AWS says.
pub fn make(world: &mut World, hand: &Hand<'_>, objects: &Objects, wanted: &Wanted<'_>) -> Result<(), String> {
    let tags = tags(objects, hand, wanted);
    let text = |name: &str| wanted.parameters[name].as_str().unwrap_or_default().to_owned();
    let kind = Some(text("type")).filter(|it| !it.is_empty()).unwrap_or_else(|| "gp3".to_owned());
    let mut parameters = texts([
        ("AvailabilityZone", wanted.zone),
        ("VolumeType", &kind),
        ("ClientToken", wanted.name),
        ("TagSpecification.1.ResourceType", "volume"),
    ]);
    parameters.push(("Size".to_owned(), wanted.size.to_string()));
    let optional =
        [("iops", "Iops"), ("throughput", "Throughput"), ("encrypted", "Encrypted"), ("kmsKeyId", "KmsKeyId")];
    for (from, to) in optional {
        let value = text(from);
        if !value.is_empty() {
            parameters.push((to.to_owned(), value));
        }
    }
    let none = Tags::new();
    let asked = Asked { service: Service::Ec2, operation: "CreateVolume", parameters, made: &tags, on: &none };
    hand.ask(world, &asked)
}

/// Deletes a volume; one that is gone already is no mistake.
///
/// # Errors
/// What AWS says.
pub fn delete(world: &mut World, hand: &Hand<'_>, id: &str) -> Result<(), String> {
    let Some(tags) = world.ec2.volumes.get(id).map(|it| it.tags.clone()) else { return Ok(()) };
    ask(world, hand, "DeleteVolume", texts([("VolumeId", id)]), &tags)
}

fn ask(
    world: &mut World,
    hand: &Hand<'_>,
    operation: &str,
    parameters: Vec<(String, String)>,
    on: &Tags,
) -> Result<(), String> {
    hand.ask(world, &Asked { service: Service::Ec2, operation, parameters, made: &Tags::new(), on })
}

/// Brings volumes to the machines of the pods that use them, and takes them from the others. Pods do not wait for it.
pub fn attach(world: &mut World, hand: &Hand<'_>, index: &Index) {
    for (_, volume) in index.of("persistentvolumes").filter(|(_, it)| it["spec"]["csi"]["driver"] == DRIVER) {
        let reference = &volume["spec"]["claimRef"];
        let claim =
            (reference["namespace"].as_str().unwrap_or_default(), reference["name"].as_str().unwrap_or_default());
        let Some(id) = volume["spec"]["csi"]["volumeHandle"].as_str() else { continue };
        let users =
            index.users(claim.0, claim.1).filter_map(|pod| index.nodes.get(pod.node.as_deref()?)?.instance.clone());
        let users: Vec<String> = users.collect();
        let Some(disk) = world.ec2.volumes.get(id) else { continue };
        let (tags, there) = (disk.tags.clone(), disk.attachment.as_ref().map(|it| it.instance.clone()));
        let mut done = Ok(());
        let stays = there.as_ref().is_none_or(|there| users.contains(there));
        if !stays {
            done = ask(world, hand, "DetachVolume", texts([("VolumeId", id)]), &tags);
        }
        if let Some(instance) = users.first().filter(|_| done.is_ok() && (there.is_none() || !stays)) {
            let device = device(world, instance);
            let parameters = texts([("VolumeId", id), ("InstanceId", instance), ("Device", &device)]);
            done = ask(world, hand, "AttachVolume", parameters, &tags);
        }
        if let Err(why) = done {
            tracing::debug!(volume = id, why, "the sandbox's EBS driver");
        }
    }
}

/// The first free name of those that the driver gives (`/dev/xvdaa` and on).
fn device(world: &World, instance: &str) -> String {
    let taken = |name: &str| {
        let mut attached = world.ec2.volumes.values().filter_map(|it| it.attachment.as_ref());
        attached.any(|it| it.instance == instance && it.device == name)
    };
    let mut names = ('a'..='z').flat_map(|one| ('a'..='z').map(move |two| format!("/dev/xvd{one}{two}")));
    names.find(|name| !taken(name)).unwrap_or_default()
}
