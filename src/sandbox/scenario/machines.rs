//! Members of a scenario's control plane come up by themselves, and nodes of terminated instances may be cleared away.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::boot::{Disk, Facts, Installed, Machine, Role, Stage};
use super::super::ec2::{Phase, VolumeAttachment};
use super::super::kubernetes::{Key, controllers};
use super::super::world::World;
use super::{Member, Running};
use crate::pki::{AuthorityName, LeafName};

/// Who signs in a scenario: nobody looks.
const SIGNER: &str = "scenario";
/// Where members store their snapshots.
pub const BUCKET: &str = "scenario-backups";
/// Seconds before its node is Ready that a member's API server answers.
const BEFORE: i64 = 5;

/// A running instance of a member that does not serve yet, and when it does.
fn rising<'r>(world: &World, running: &'r Running) -> Vec<(Timestamp, String, &'r Member)> {
    let mut rising = Vec::new();
    for member in &running.members {
        let Some(group) = world.autoscaling.groups.get(&member.group) else { continue };
        for id in group.members.keys() {
            let Some(instance) = world.ec2.instances.get(id).filter(|it| it.phase == Phase::Running) else { continue };
            if world.boot.machines.get(id).is_some_and(|it| it.since == instance.since) {
                continue;
            }
            let Some(identity) = controllers::identify(world, id) else { continue };
            let at = identity.ready - jiff::SignedDuration::from_secs(BEFORE);
            rising.push((at.max(instance.since), id.clone(), member));
        }
    }
    rising
}

/// When something happens to machines.
pub fn due(world: &World, running: &Running) -> Option<Timestamp> {
    let rising = rising(world, running).into_iter().map(|(at, ..)| at).min();
    let gone = gone(world, running).into_iter().next().map(|_| world.now);
    rising.into_iter().chain(gone).min()
}

/// Nodes of terminated instances, for the cloud controller.
fn gone(world: &World, running: &Running) -> Vec<String> {
    if !running.cloud_controller || !controllers::is_served(world, &running.cluster) {
        return Vec::new();
    }
    let all = world.kubernetes.controllers.kubelets.iter().filter(|(_, it)| it.silent.is_some());
    let ended = all.filter(|(id, _)| world.ec2.instances.get(id).is_none_or(|it| it.phase == Phase::Terminated));
    let Some(cluster) = world.kubernetes.clusters.get(&running.cluster) else { return Vec::new() };
    let there = |name: &String, id: &str| {
        let node = cluster.objects.get(&Key::new("nodes", "", name));
        node.and_then(|node| node["spec"]["providerID"].as_str()).is_some_and(|it| it.ends_with(id))
    };
    ended.filter(|(id, it)| there(&it.node, id)).map(|(_, it)| it.node.clone()).collect()
}

/// Does what is due.
pub fn step(world: &mut World, running: &Running) {
    let now = world.now;
    for (at, id, member) in rising(world, running) {
        if at <= now {
            serve(world, &running.cluster, member, &id);
        }
    }
    for node in gone(world, running) {
        if let Some(cluster) = world.kubernetes.clusters.get_mut(&running.cluster) {
            cluster.objects.remove(&Key::new("nodes", "", &node));
        }
    }
}

/// Lets a member serve: its volume is attached, its etcd knows the others.
pub fn serve(world: &mut World, cluster: &str, member: &Member, id: &str) {
    let now = world.now;
    let Some(instance) = world.ec2.instances.get(id) else { return };
    let since = instance.since;
    if let Some(volume) = world.ec2.volumes.get_mut(&member.volume) {
        let (instance, device) = (id.to_owned(), "/dev/xvdb".to_owned());
        volume.attachment = Some(VolumeAttachment { instance, device, attached_at: now, delete_on_termination: false });
    }
    let owner = format!("{cluster}/{}", member.name);
    let disk = Disk { owner, data: cluster.to_owned(), aside: Vec::new(), loaded: None };
    world.boot.disks.entry(member.volume.clone()).or_insert(disk);
    let mut installed = Installed::default();
    installed.signers.insert(LeafName::EtcdPeer.as_str().to_owned(), SIGNER.to_owned());
    installed.trust.insert(AuthorityName::Etcd.as_str().to_owned(), vec![SIGNER.to_owned()]);
    let interfaces: BTreeMap<String, String> =
        member.all.iter().map(|name| (name.clone(), format!("network-interface/control-plane-{name}"))).collect();
    let scripts = ["etcd-members.sh", "snapshot.sh"];
    let scripts = scripts.map(|name| (format!("{}{name}", super::super::boot::SCRIPTS), name.to_owned()));
    let facts = Facts {
        cluster: cluster.to_owned(),
        role: Role::Member,
        name: member.name.clone(),
        path: format!("/windlass/{cluster}/"),
        reads: BTreeMap::new(),
        join: format!("/windlass/{cluster}/join"),
        status: format!("/windlass/{cluster}/status/{}", member.name),
        api_host: format!("api.internal.{cluster}"),
        volume: format!("volume/etcd-{}", member.name),
        interfaces,
        backup: Some(format!("{BUCKET}/{cluster}")),
        version: world
            .kubernetes
            .clusters
            .get(cluster)
            .map_or_else(String::new, |it| it.version.trim_start_matches('v').to_owned()),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        scripts: scripts.into_iter().collect(),
    };
    let machine = Machine {
        since,
        facts: Some(facts),
        stage: Stage::Serving(now),
        next: None,
        tries: 1,
        console: Vec::new(),
        installed,
        published: None,
    };
    world.boot.machines.insert(id.to_owned(), machine);
}
