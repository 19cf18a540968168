//! What launched instances do with their user data: members, nodes and bastions come up, or say why they do not.
//!
//! Some time after it began to run, an instance decodes its user data as cloud-init does (`user_data`), reads its facts
//! from the files that windlass' scripts read (`facts`), and does what the scripts would: with the rights of its own
//! role, against this world's volumes, interfaces and parameters. It tries again every ten seconds, as systemd does. A
//! member serves when a majority of its etcd's members is there and they trust each other. Nothing is executed; user data
//! that is not windlass' leaves an instance as it always was.

mod caller;
mod etcd;
mod facts;
mod keys;
mod machine;
mod member;
mod node;
mod publish;
mod quorum;
pub mod scripts;
mod user_data;
mod volume;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ec2::{Instance, Phase};
use super::kept::Table;
use super::kubernetes::controllers;
use super::world::World;

pub use caller::may;
pub use etcd::Leader;
pub use facts::{Facts, Role, SCRIPTS};
pub use keys::{Installed, pair};
pub use machine::{Machine, Stage};

/// Seconds from `running` to the first try: the image starts, cloud-init writes its files.
const START: i64 = 25;
/// Seconds between tries (the bootstrap unit's `RestartSec`).
const RETRY: i64 = 10;
/// Tries that are made one by one. After that only the last one before the moment that is moved on to counts: nothing
/// changes in between that a try could see, and a month of tries would cost minutes.
const TRIES: u32 = 30;
/// Seconds between two refreshes (`windlass-refresh.timer`).
const REFRESH: i64 = 30 * 60;

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// What runs on instances, by instance id.
    pub machines: Table<Machine>,
    /// What is on volumes, by volume id; a volume that is not here is blank.
    pub disks: BTreeMap<String, Disk>,
    /// Who leads the etcd of each cluster.
    pub leaders: BTreeMap<String, Leader>,
}

/// What is on an etcd volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Disk {
    /// `member.id`: `<cluster>/<member>`.
    pub owner: String,
    /// Which etcd cluster its data is of: members with different data are no cluster.
    pub data: String,
    /// Data that restores put aside.
    pub aside: Vec<String>,
    /// The snapshot that was loaded and not started with yet.
    pub loaded: Option<String>,
}

/// How a machine is doing, for its load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// No control-plane member: nothing is known of it.
    Unknown,
    /// Its API server answers since then.
    Ready(Timestamp),
    /// It does not, because.
    NotReady(String),
}

fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// Whether a run of an instance has no machine yet.
fn is_new(world: &World, instance: &Instance) -> bool {
    let known = world.boot.machines.get(&instance.id);
    instance.phase == Phase::Running
        && known.is_none_or(|machine| machine.since != instance.since)
        && !controllers::is_built_in(world, instance)
}

/// The earliest moment at which a machine does something by itself.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    let new = world.ec2.instances.values().filter(|it| is_new(world, it)).map(|it| later(it.since, START));
    new.chain(world.boot.machines.values().filter_map(|machine| machine.next)).min()
}

/// Does what is due at `world.now`, on the way to the moment `to`.
pub fn advance(world: &mut World, to: Timestamp) {
    let now = world.now;
    let started = |it: &&Instance| is_new(world, it) && later(it.since, START) <= now;
    let new: Vec<(String, Machine)> =
        world.ec2.instances.values().filter(started).map(|it| (it.id.clone(), Machine::start(it))).collect();
    world.boot.machines.extend(new);
    let due = |machine: &Machine| machine.next.is_some_and(|next| next <= now);
    let ids: Vec<String> =
        world.boot.machines.iter().filter(|(_, machine)| due(machine)).map(|(id, _)| id.clone()).collect();
    for id in ids {
        let Some(mut machine) = world.boot.machines.remove(&id) else { continue };
        let running =
            world.ec2.instances.get(&id).is_some_and(|it| it.phase == Phase::Running && it.since == machine.since);
        if running {
            machine.step(world, &id);
            machine.next = machine.next.map(|next| skipped(&machine, next, to));
            world.boot.machines.insert(id, machine);
        }
    }
    let world = &mut *world;
    world.boot.machines.retain(|id, _| world.ec2.instances.get(id).is_some_and(|it| it.phase != Phase::Terminated));
    world.boot.disks.retain(|id, _| world.ec2.volumes.contains_key(id));
}

/// The next moment at which looking makes a difference: until `to` only this module changes anything.
fn skipped(machine: &Machine, next: Timestamp, to: Timestamp) -> Timestamp {
    let every = match machine.stage {
        Stage::Serving(_) => REFRESH,
        _ if machine.tries > TRIES => RETRY,
        _ => return next,
    };
    let ahead = to.duration_since(next).as_secs();
    if ahead > every { later(next, ahead / every * every) } else { next }
}

/// How an instance is doing as a control-plane member.
#[must_use]
pub fn health(world: &World, instance: &str) -> Health {
    let Some(machine) = world.boot.machines.get(instance) else { return Health::Unknown };
    match (&machine.facts, &machine.stage) {
        (Some(facts), _) if facts.role != Role::Member => Health::Unknown,
        (None, Stage::Foreign) => Health::Unknown,
        (Some(facts), Stage::Serving(since)) => match quorum::of(world, instance, facts, &machine.installed) {
            Ok(()) => Health::Ready(*since),
            Err(why) => Health::NotReady(why),
        },
        (_, Stage::Halted) => Health::NotReady(Stage::Halted.to_string()),
        (_, Stage::Starting | Stage::Foreign) => Health::NotReady(String::from("it is starting")),
        (_, Stage::Waiting(why) | Stage::Failing(why) | Stage::Stopped(why)) => Health::NotReady(why.clone()),
        (None, Stage::Serving(_)) => Health::Unknown,
    }
}

/// What an instance's machine is and how it is doing, in one line; `None` for what is not windlass'.
#[must_use]
pub fn summary(world: &World, instance: &str) -> Option<String> {
    let machine = world.boot.machines.get(instance)?;
    if machine.stage == Stage::Foreign {
        return None;
    }
    let who = match &machine.facts {
        Some(facts) => format!("{} {} of {}", facts.role.as_str(), facts.name, facts.cluster),
        None => String::from("windlass machine"),
    };
    let how = match (&machine.stage, health(world, instance)) {
        (Stage::Serving(_), Health::NotReady(why)) => format!("not ready: {why}"),
        (stage, _) => stage.to_string(),
    };
    Some(format!("{who}: {how}"))
}
