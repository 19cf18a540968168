//! A member and its volume: found by tag, attached, never taken from somebody else, never formatted twice.

use super::super::ec2::{Volume, VolumeAttachment};
use super::super::iam::Request;
use super::super::world::World;
use super::Disk;
use super::caller::may;
use super::facts::Facts;
use super::machine::Trouble;

/// The device name that the scripts ask for.
const DEVICE: &str = "/dev/sdf";
/// The tag that says that there is, or was, data on a volume.
const INITIALIZED: &str = "etcd-initialized";

/// Attaches the member's volume and looks at what is on it; gives its id.
///
/// # Errors
/// It is not there, belongs to another instance, or its data is not this member's.
pub fn take(world: &mut World, instance: &str, facts: &Facts) -> Result<String, Trouble> {
    may(world, instance, Request::new("ec2:DescribeVolumes", "*"))?;
    let mut found = world.ec2.volumes.values().filter(|it| is_for(it, facts));
    let (first, second) = (found.next(), found.next());
    let Some(volume) = first.cloned() else {
        return Err(Trouble::Passing(format!("there is no volume tagged windlass.dev/address={}", facts.volume)));
    };
    if let Some(second) = second {
        let why =
            format!("two volumes are tagged windlass.dev/address={}: {} and {}", facts.volume, volume.id, second.id);
        return Err(Trouble::Passing(why));
    }
    match &volume.attachment {
        Some(attachment) if attachment.instance == instance => {}
        Some(attachment) => {
            let why = format!("volume {} is attached to {}: waiting until it lets go", volume.id, attachment.instance);
            return Err(Trouble::Passing(why));
        }
        None => attach(world, instance, &volume)?,
    }
    mount(world, &volume, facts)?;
    Ok(volume.id)
}

fn is_for(volume: &Volume, facts: &Facts) -> bool {
    let tag = |key: &str| volume.tags.get(key).map(String::as_str);
    tag("windlass.dev/cluster") == Some(facts.cluster.as_str())
        && tag("windlass.dev/address") == Some(facts.volume.as_str())
}

fn attach(world: &mut World, instance: &str, volume: &Volume) -> Result<(), Trouble> {
    let Some(machine) = world.ec2.instances.get(instance) else {
        return Err(String::from("the instance is gone").into());
    };
    if volume.available_at > world.now {
        return Err(Trouble::Passing(format!("volume {} is not available yet", volume.id)));
    }
    if volume.zone != machine.zone {
        let why = format!("volume {} is in {}, and this instance in {}", volume.id, volume.zone, machine.zone);
        return Err(Trouble::Passing(why));
    }
    let request = |kind: &str, id: &str| Request::new("ec2:AttachVolume", world.arn("ec2", &format!("{kind}/{id}")));
    may(world, instance, request("volume", &volume.id).tagged(&volume.tags))?;
    may(world, instance, request("instance", instance).tagged(&machine.tags))?;
    let attachment = VolumeAttachment {
        instance: instance.to_owned(),
        device: DEVICE.to_owned(),
        attached_at: world.now,
        delete_on_termination: false,
    };
    if let Some(volume) = world.ec2.volumes.get_mut(&volume.id) {
        volume.attachment = Some(attachment);
    }
    Ok(())
}

/// Formats a blank volume that never had data, and looks whose the data is otherwise.
fn mount(world: &mut World, volume: &Volume, facts: &Facts) -> Result<(), Trouble> {
    let owner = format!("{}/{}", facts.cluster, facts.name);
    match world.boot.disks.get(&volume.id) {
        Some(disk) if disk.owner == owner => Ok(()),
        Some(disk) => {
            let why = format!("volume {} holds the data of {}, not of {owner}: repair", volume.id, disk.owner);
            Err(Trouble::Lasting(why))
        }
        None if volume.tags.contains_key(INITIALIZED) => {
            let why = format!("volume {} is blank but tagged {INITIALIZED}: its data is lost: repair", volume.id);
            Err(Trouble::Lasting(why))
        }
        None => {
            let disk = Disk { owner, data: facts.cluster.clone(), aside: Vec::new(), loaded: None };
            world.boot.disks.insert(volume.id.clone(), disk);
            Ok(())
        }
    }
}

/// Says for ever that there is data on the member's volume.
///
/// # Errors
/// The role does not allow it.
pub fn mark(world: &mut World, instance: &str, facts: &Facts) -> Result<(), String> {
    let id = world.ec2.volumes.values().find(|it| is_for(it, facts)).map(|it| it.id.clone());
    let Some(volume) = id.and_then(|id| world.ec2.volumes.get(&id)).cloned() else { return Ok(()) };
    if volume.tags.contains_key(INITIALIZED) {
        return Ok(());
    }
    let request = Request::new("ec2:CreateTags", world.arn("ec2", &format!("volume/{}", volume.id)))
        .tagged(&volume.tags)
        .with("aws:TagKeys", [INITIALIZED])
        .with(&format!("aws:RequestTag/{INITIALIZED}"), ["true"]);
    may(world, instance, request)?;
    if let Some(volume) = world.ec2.volumes.get_mut(&volume.id) {
        volume.tags.insert(INITIALIZED.to_owned(), String::from("true"));
    }
    Ok(())
}

/// What is on the member's own volume.
#[must_use]
pub fn disk<'w>(world: &'w World, facts: &Facts) -> Option<&'w Disk> {
    let volume = world.ec2.volumes.values().find(|it| is_for(it, facts))?;
    world.boot.disks.get(&volume.id)
}

/// The same, to change it.
pub fn disk_mut<'w>(world: &'w mut World, facts: &Facts) -> Option<&'w mut Disk> {
    let id = world.ec2.volumes.values().find(|it| is_for(it, facts))?.id.clone();
    world.boot.disks.get_mut(&id)
}
