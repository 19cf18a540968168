//! What etcd's members say of themselves, in the words of its own tools, and who leads them.
//!
//! Nothing is elected before somebody looks: a leader leads until its machine is down, then the next one by name does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::ec2::{self, Phase};
use super::super::world::World;
use super::facts::{Facts, Role};
use super::machine::Stage;
use super::quorum;
use crate::mix::mix;

/// Who leads the etcd of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Leader {
    /// Name of the member.
    pub member: String,
    /// Raft term: every election makes a new one.
    pub term: u64,
}

/// A member that has a machine.
struct Peer {
    address: String,
    up: bool,
}

/// etcd's id of a member.
fn id(cluster: &str, member: &str) -> u64 {
    cluster.bytes().chain(member.bytes()).fold(1, |state, byte| mix(state ^ u64::from(byte)))
}

fn peers(world: &World, cluster: &str) -> BTreeMap<String, Peer> {
    let mut peers = BTreeMap::new();
    for (instance, machine) in &world.boot.machines {
        let Some(facts) = machine.facts.as_ref().filter(|it| it.role == Role::Member && it.cluster == cluster) else {
            continue;
        };
        let running = world.ec2.instances.get(instance).is_some_and(|it| it.phase == Phase::Running);
        let serving = matches!(machine.stage, Stage::Serving(_) | Stage::Waiting(_));
        let up = running && serving && quorum::of(world, instance, facts, &machine.installed).is_ok();
        if running {
            let address = ec2::address(world, instance).map(|it| it.to_string()).unwrap_or_default();
            peers.insert(facts.name.clone(), Peer { address, up });
        }
    }
    peers
}

/// Who leads now, after an election if nobody did.
fn leader(world: &mut World, cluster: &str, peers: &BTreeMap<String, Peer>) -> Option<Leader> {
    let is_up = |member: &String| peers.get(member).is_some_and(|peer| peer.up);
    let known = world.boot.leaders.get(cluster).cloned();
    if let Some(leader) = known.as_ref().filter(|it| is_up(&it.member)) {
        return Some(leader.clone());
    }
    let next = peers.iter().find(|(_, peer)| peer.up).map(|(name, _)| name.clone())?;
    let leader = Leader { member: next, term: known.map_or(2, |it| it.term + 1) };
    world.boot.leaders.insert(cluster.to_owned(), leader.clone());
    Some(leader)
}

/// `windlass-etcd status`: what `etcdctl member list`, `endpoint status` and `endpoint health` print, a line each.
///
/// # Errors
/// There is no quorum, so that nobody answers.
pub fn status(world: &mut World, facts: &Facts) -> Result<String, String> {
    let peers = peers(world, &facts.cluster);
    let leader = leader(world, &facts.cluster, &peers).ok_or("etcdctl: context deadline exceeded")?;
    let url = |address: &str| format!("https://{address}:2379");
    let members = facts.interfaces.keys().map(|name| {
        let address = peers.get(name).map(|peer| url(&peer.address));
        json!({ "ID": id(&facts.cluster, name), "name": name, "clientURLs": address.into_iter().collect::<Vec<_>>() })
    });
    let up: Vec<(&String, &Peer)> = peers.iter().filter(|(_, peer)| peer.up).collect();
    let status = up.iter().map(|(name, peer)| {
        json!({
            "Endpoint": url(&peer.address),
            "Status": {
                "header": { "member_id": id(&facts.cluster, name), "raft_term": leader.term },
                "leader": id(&facts.cluster, &leader.member),
                "raftIndex": 1000, "raftTerm": leader.term, "raftAppliedIndex": 1000,
            },
        })
    });
    let health = peers.values().map(|peer| {
        let error = if peer.up { "" } else { "context deadline exceeded" };
        json!({ "endpoint": url(&peer.address), "health": peer.up, "took": "8ms", "error": error })
    });
    let list = json!({ "members": members.collect::<Vec<Value>>() });
    let (status, health): (Vec<Value>, Vec<Value>) = (status.collect(), health.collect());
    Ok(format!("{list}\n{}\n{}", json!(status), json!(health)))
}

/// `windlass-etcd move-leader ID` on the leader.
///
/// # Errors
/// As etcdctl: the member is unknown or down, or this one does not lead.
pub fn move_leader(world: &mut World, facts: &Facts, target: &str) -> Result<String, String> {
    let peers = peers(world, &facts.cluster);
    let leader = leader(world, &facts.cluster, &peers).ok_or("etcdctl: context deadline exceeded")?;
    if leader.member != facts.name {
        return Err(String::from("Error: no leader endpoint found at [https://127.0.0.1:2379]"));
    }
    let named = |name: &&String| format!("{:x}", id(&facts.cluster, name)) == target;
    let Some(to) = facts.interfaces.keys().find(named).cloned() else {
        return Err(String::from("Error: bad member ID arg, expecting ID in Hex"));
    };
    if !peers.get(&to).is_some_and(|peer| peer.up) {
        return Err(String::from("Error: etcdserver: request timed out, leader transfer took too long"));
    }
    let said = format!(
        "Leadership transferred from {:x} to {:x}",
        id(&facts.cluster, &leader.member),
        id(&facts.cluster, &to)
    );
    let term = leader.term + 1;
    world.boot.leaders.insert(facts.cluster.clone(), Leader { member: to, term });
    Ok(said)
}
