//! Controllers, scheduler and kubelets of the sandboxed clusters: what becomes of objects by itself.
//!
//! Whatever is due follows from the objects, the instances and the seed, so that a stored world goes on as it would have.
//! A cluster whose API nobody serves stands still. Never answers a request: that is the API server's.

mod aggregation;
mod birth;
mod claims;
mod cloud;
mod collect;
mod definitions;
mod demand;
mod disruption;
mod events;
mod index;
mod kubelet;
mod machines;
mod namespaces;
mod nodes;
mod note;
mod owners;
mod placement;
mod quantity;
mod scheduler;
#[cfg(test)]
mod tests;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::scenario::{self, Workload};
use super::super::world::World;
use super::super::{boot, ec2};
use super::objects::{Key, Objects, time};

pub use birth::{cluster as new_cluster, workload};
pub use demand::{Fit, Pending, Use, clear, coming, fit, pending, utilization};
pub use index::{START, STOP};
pub use kubelet::{jitter, running, set_condition};
pub use machines::{Identity, Machines, identify};
pub use nodes::{Kubelet, Stage, node as new_node, ready as make_ready, static_pods};
pub use quantity::{Rounding, scaled};

use index::Index;

/// Seconds after which controllers answer a change (the disruption controller of a real cluster took 0.2 s).
const REACTION: i64 = 1;
/// Rounds after which a new cluster is as it is: more pods than that in one StatefulSet start later.
const SETTLING: usize = 200;
/// Seconds that a deleted pod gets unless it says otherwise (`terminationGracePeriodSeconds`).
const GRACE: i64 = 30;

/// What is known beside the objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Controllers {
    /// Kubelets by instance.
    pub kubelets: BTreeMap<String, Kubelet>,
    /// What machines of a group are, by the name of the Auto Scaling group, where no user data says it.
    pub machines: BTreeMap<String, Machines>,
    /// Kubelets that stop: instance → from when, until when.
    pub stopped_kubelets: BTreeMap<String, (Timestamp, Timestamp)>,
    /// API servers that do not answer: cluster → from when, until when.
    pub down: BTreeMap<String, Vec<(Timestamp, Timestamp)>>,
    /// What runs in new clusters, by a pattern of their names.
    pub workloads: BTreeMap<String, Vec<Workload>>,
    /// Clusters that came to be when a member served; they end with the last of their volumes.
    pub born: BTreeSet<String>,
    /// When the controllers of a cluster look next, by cluster.
    pub look_at: BTreeMap<String, Timestamp>,
    /// When a budget of a cluster changes by itself, by cluster.
    pub budgets_at: BTreeMap<String, Timestamp>,
    /// When garbage is collected, by cluster.
    pub collect_at: BTreeMap<String, Timestamp>,
    /// When something is due although nothing changes (deadlines, what takes its time), by cluster.
    pub again_at: BTreeMap<String, Timestamp>,
    /// What controllers have read, shared by copies of a world until one of them changes; not stored.
    #[serde(skip)]
    indices: BTreeMap<String, Arc<Index>>,
}

impl PartialEq for Controllers {
    fn eq(&self, other: &Self) -> bool {
        (&self.kubelets, &self.machines, &self.stopped_kubelets, &self.down, &self.workloads, &self.born)
            == (&other.kubelets, &other.machines, &other.stopped_kubelets, &other.down, &other.workloads, &other.born)
            && (&self.look_at, &self.budgets_at, &self.collect_at, &self.again_at)
                == (&other.look_at, &other.budgets_at, &other.collect_at, &other.again_at)
    }
}

impl Eq for Controllers {}

fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// The same or the next whole second.
fn whole(moment: Timestamp) -> Timestamp {
    let second = moment.as_second();
    let floor = Timestamp::from_second(second).unwrap_or(moment);
    if floor == moment { moment } else { Timestamp::from_second(second + 1).unwrap_or(Timestamp::MAX) }
}

/// Whether the API of a cluster answers: a member serves, and no fault keeps it from answering.
#[must_use]
pub fn is_served(world: &World, cluster: &str) -> bool {
    down_until(world, cluster).is_none() && serves(world, cluster)
}

/// Whether a fault of a scenario keeps the API of a cluster from answering.
#[must_use]
pub fn is_down(world: &World, cluster: &str) -> bool {
    down_until(world, cluster).is_some()
}

fn serves(world: &World, cluster: &str) -> bool {
    let members = world.boot.machines.iter().filter(|(_, machine)| {
        machine.facts.as_ref().is_some_and(|it| it.role == boot::Role::Member && it.cluster == cluster)
    });
    members.into_iter().any(|(id, _)| matches!(boot::health(world, id), boot::Health::Ready(_)))
}

fn down_until(world: &World, cluster: &str) -> Option<Timestamp> {
    let faults = world.kubernetes.controllers.down.get(cluster).into_iter().flatten();
    faults.filter(|(from, until)| *from <= world.now && world.now < *until).map(|(_, until)| *until).max()
}

/// Whether the machines of an instance's group come up by themselves, without user data.
#[must_use]
pub fn is_built_in(world: &World, instance: &super::super::ec2::Instance) -> bool {
    let machines = &world.kubernetes.controllers.machines;
    let group = instance.tags.get("aws:autoscaling:groupName").filter(|_| !machines.is_empty());
    group.is_some_and(|group| machines.contains_key(group))
}

/// Lets a cluster that was just made settle at once: pods are placed and run, budgets are observed.
pub fn settle(world: &mut World, name: &str) {
    let now = world.now;
    let Some(mut cluster) = world.kubernetes.clusters.remove(name) else { return };
    let mut index = Index::default();
    index.sync(&cluster.objects);
    // Once for what makes pods, once for what Ready pods change; StatefulSets make one pod at a time.
    for _ in 0..SETTLING {
        let before = cluster.objects.revision();
        workloads::step(&mut cluster.objects, &mut index, now);
        index.sync(&cluster.objects);
        scheduler::step(&mut cluster.objects, &index, now);
        index.sync(&cluster.objects);
        let starting = index.pods.iter().filter(|(_, pod)| pod.node.is_some() && pod.counts() && !pod.ready);
        let starting: Vec<Key> = starting.map(|(name, _)| Key::new("pods", &name.0, &name.1)).collect();
        for key in starting {
            cluster.objects.update(&key, |pod| running(pod, now));
        }
        index.sync(&cluster.objects);
        if cluster.objects.revision() == before {
            break;
        }
    }
    disruption::step(&mut cluster.objects, &index, now);
    index.sync(&cluster.objects);
    world.kubernetes.clusters.insert(name.to_owned(), cluster);
    world.kubernetes.controllers.indices.insert(name.to_owned(), Arc::new(index));
}

/// Takes in what changed from outside since the last step; call it before [`due`].
pub fn observe(world: &mut World) {
    deaths(world);
    births(world);
    nodes::observe(world);
    let now = world.now;
    let names: Vec<String> = world.kubernetes.clusters.keys().cloned().collect();
    for name in names {
        let silent = nodes::silent(&world.kubernetes.controllers, &name);
        let Some(cluster) = world.kubernetes.clusters.get(&name) else { continue };
        let controllers = &mut world.kubernetes.controllers;
        let index = controllers.indices.entry(name.clone()).or_default();
        if index.silent != silent {
            Arc::make_mut(index).set_silent(silent);
        }
        // Also at the first sight of a stored world: whoever changed it last may have ended right after.
        if index.is_behind(&cluster.objects) && Arc::make_mut(index).sync(&cluster.objects) {
            controllers.look_soon(&name, now);
        }
    }
}

impl Controllers {
    /// Has the controllers of a cluster look a moment after `now`.
    pub fn look_soon(&mut self, cluster: &str, now: Timestamp) {
        let at = later(Timestamp::from_second(now.as_second()).unwrap_or(now), REACTION);
        let look = self.look_at.entry(cluster.to_owned()).or_insert(at);
        *look = (*look).min(at);
    }
}

/// Clusters whose first member serves.
fn births(world: &mut World) {
    let members = world.boot.machines.iter().filter_map(|(id, machine)| {
        let facts = machine.facts.as_ref().filter(|it| it.role == boot::Role::Member)?;
        let new = !world.kubernetes.clusters.contains_key(&facts.cluster);
        (new && matches!(machine.stage, boot::Stage::Serving(_))).then_some((id, facts))
    });
    let born: Vec<(String, String)> = members
        .filter(|(id, _)| matches!(boot::health(world, id), boot::Health::Ready(_)))
        .map(|(_, facts)| (facts.cluster.clone(), format!("v{}", facts.version)))
        .collect();
    for (name, version) in born {
        if !world.kubernetes.clusters.contains_key(&name) {
            let mut cluster = new_cluster(&name, &version, world.seed, world.now);
            let all = world.kubernetes.controllers.workloads.iter();
            for workload in all.filter(|(pattern, _)| ec2::matches(pattern, &name)).flat_map(|(_, all)| all) {
                scenario::deploy(&mut cluster.objects, workload, world.now);
            }
            world.kubernetes.clusters.insert(name.clone(), cluster);
            world.kubernetes.controllers.born.insert(name.clone());
            let now = world.now;
            world.kubernetes.controllers.look_soon(&name, now);
        }
    }
}

/// Clusters whose last volume is gone.
fn deaths(world: &mut World) {
    let has_volume = |name: &str| {
        let mut volumes = world.ec2.volumes.values();
        volumes.any(|it| it.tags.get("windlass.dev/cluster").is_some_and(|it| it == name))
    };
    let dead: Vec<String> =
        world.kubernetes.controllers.born.iter().filter(|name| !has_volume(name)).cloned().collect();
    for name in dead {
        world.kubernetes.clusters.remove(&name);
        let controllers = &mut world.kubernetes.controllers;
        controllers.born.remove(&name);
        controllers.indices.remove(&name);
        controllers.kubelets.retain(|_, it| it.cluster != name);
        let look = [&mut controllers.look_at, &mut controllers.budgets_at];
        let others = [&mut controllers.collect_at, &mut controllers.again_at];
        for moments in look.into_iter().chain(others) {
            moments.remove(&name);
        }
    }
}

/// The earliest moment at which something happens by itself; never one at which [`advance`] then does nothing.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    world.kubernetes.clusters.keys().filter_map(|name| due_in(world, name)).min()
}

fn due_in(world: &World, name: &str) -> Option<Timestamp> {
    if !serves(world, name) {
        return None;
    }
    let controllers = &world.kubernetes.controllers;
    let kubelets = controllers.kubelets.values().filter(|it| it.cluster == name).filter_map(Kubelet::next).min();
    let timers = controllers.indices.get(name).and_then(|it| it.timers.first()).map(|(at, _)| *at);
    let stops = controllers.stopped_kubelets.values().flat_map(|(from, until)| [*from, *until]);
    let stops = stops.filter(|at| *at > world.now).min();
    let kept = [&controllers.look_at, &controllers.budgets_at, &controllers.collect_at, &controllers.again_at];
    let kept = kept.iter().filter_map(|it| it.get(name).copied()).min();
    let next = [kubelets, timers, stops, kept].into_iter().flatten().min()?;
    // While the API does not answer, controllers wait.
    Some(down_until(world, name).map_or(next, |until| next.max(until)))
}

/// Does what is due at `world.now`.
pub fn advance(world: &mut World) {
    observe(world);
    let names: Vec<String> = world.kubernetes.clusters.keys().cloned().collect();
    for name in names {
        if due_in(world, &name).is_none_or(|at| at > world.now) {
            continue;
        }
        let Some(mut cluster) = world.kubernetes.clusters.remove(&name) else { continue };
        let mut index = world.kubernetes.controllers.indices.remove(&name).unwrap_or_default();
        step(world, &name, &mut cluster, Arc::make_mut(&mut index));
        world.kubernetes.clusters.insert(name.clone(), cluster);
        world.kubernetes.controllers.indices.insert(name, index);
    }
}

fn step(world: &mut World, name: &str, cluster: &mut super::Cluster, index: &mut Index) {
    let now = world.now;
    let before = cluster.objects.revision();
    let is_due = |at: Option<&Timestamp>| at.is_some_and(|at| *at <= now);
    nodes::step(world, name, cluster, index);
    index.set_silent(nodes::silent(&world.kubernetes.controllers, name));
    kubelet::step(&mut cluster.objects, index, now);
    index.sync(&cluster.objects);
    let controllers = &world.kubernetes.controllers;
    if is_due(controllers.collect_at.get(name)) {
        collect::pods(&mut cluster.objects, index, now);
        index.sync(&cluster.objects);
        world.kubernetes.controllers.collect_at.remove(name);
    }
    let controllers = &mut world.kubernetes.controllers;
    let timers = [&mut controllers.look_at, &mut controllers.budgets_at, &mut controllers.again_at];
    let looks = timers.iter().any(|it| is_due(it.get(name)));
    if looks {
        for timers in timers {
            timers.remove(name);
        }
        look(world, name, &mut cluster.objects, index);
    }
    let controllers = &mut world.kubernetes.controllers;
    if cluster.objects.revision() != before {
        controllers.look_soon(name, now);
    }
    match collect::next(index, now) {
        Some(at) => {
            controllers.collect_at.entry(name.to_owned()).or_insert(at);
        }
        None => {
            controllers.collect_at.remove(name);
        }
    }
}

/// Every controller looks once.
fn look(world: &mut World, name: &str, objects: &mut Objects, index: &mut Index) {
    let now = world.now;
    let mut again = Vec::new();
    again.extend(workloads::step(objects, index, now));
    index.sync(objects);
    again.extend(definitions::step(objects, index, now));
    index.sync(objects);
    collect::owned(objects, index, now);
    index.sync(objects);
    owners::step(objects, index, now);
    index.sync(objects);
    again.extend(namespaces::step(objects, index, now));
    index.sync(objects);
    aggregation::step(objects, index, now);
    index.sync(objects);
    again.extend(cloud::step(world, name, objects, index));
    index.sync(objects);
    scheduler::step(objects, index, now);
    index.sync(objects);
    let budgets = disruption::step(objects, index, now);
    index.sync(objects);
    let controllers = &mut world.kubernetes.controllers;
    let moments = [(&mut controllers.budgets_at, budgets), (&mut controllers.again_at, again.into_iter().min())];
    for (timers, at) in moments {
        if let Some(at) = at {
            timers.insert(name.to_owned(), at);
        }
    }
}

/// Asks for a pod's deletion as the API server would: with its own grace, at once when it has no node.
pub fn delete_pod(objects: &mut Objects, key: &Key, now: Timestamp) {
    let Some(pod) = objects.get(key) else { return };
    let grace = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(GRACE);
    let placed = pod["spec"]["nodeName"].as_str().is_some_and(|it| !it.is_empty());
    let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let held = pod["metadata"]["finalizers"].as_array().is_some_and(|it| !it.is_empty());
    if (!placed || ended) && !held {
        objects.remove(key);
        return;
    }
    let grace = if placed && !ended { grace } else { 0 };
    objects.update(key, |pod| {
        if pod["metadata"]["deletionTimestamp"].is_null() {
            pod["metadata"]["deletionTimestamp"] = json!(time(later(now, grace)));
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        }
    });
}
