//! Whether a member's API server can work: its etcd needs a majority of members that trust each other, have the same
//! data, and certificates that have not expired.

use super::super::ec2::Phase;
use super::super::world::World;
use super::facts::{Facts, Role};
use super::keys::Installed;
use super::machine::Stage;
use super::volume;
use crate::pki::{AuthorityName, LeafName};

/// Whether the member on `instance`, with what it has installed, is part of a majority.
///
/// # Errors
/// Why it is not.
pub fn of(world: &World, instance: &str, facts: &Facts, installed: &Installed) -> Result<(), String> {
    if let Some(leaf) = installed.expired(world.now) {
        return Err(format!("its certificate {leaf} has expired"));
    }
    let data = volume::disk(world, facts).map(|disk| disk.data.clone());
    let mut strangers = Vec::new();
    let mut there = 1;
    for (other, machine) in &world.boot.machines {
        let Some(peer) = machine.facts.as_ref().filter(|it| it.role == Role::Member && it.cluster == facts.cluster)
        else {
            continue;
        };
        let running = world.ec2.instances.get(other).is_some_and(|it| it.phase == Phase::Running);
        let up = matches!(machine.stage, Stage::Serving(_) | Stage::Waiting(_));
        if other == instance || !running || !up || machine.installed.expired(world.now).is_some() {
            continue;
        }
        if volume::disk(world, peer).map(|disk| disk.data.clone()) != data {
            strangers.push(format!("{} has other data", peer.name));
        } else if !(trusts(installed, &machine.installed) && trusts(&machine.installed, installed)) {
            strangers.push(format!("{} and {} do not trust each other", facts.name, peer.name));
        } else {
            there += 1;
        }
    }
    let all = facts.interfaces.len();
    if there > all / 2 {
        return Ok(());
    }
    let why = if strangers.is_empty() { String::new() } else { format!(" ({})", strangers.join(", ")) };
    Err(format!("etcd has no quorum: {there} of {all} members{why}"))
}

/// Whether the one accepts the other's certificate as that of a peer.
fn trusts(one: &Installed, other: &Installed) -> bool {
    let signer = other.signers.get(LeafName::EtcdPeer.as_str());
    let trusted = one.trust.get(AuthorityName::Etcd.as_str());
    matches!((signer, trusted), (Some(signer), Some(trusted)) if trusted.contains(signer))
}
