//! What controllers need of a cluster's objects, read out of their JSON once per change. It is never stored: whoever reads
//! a stored world reads the objects again.

mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::super::objects::{Happened, Key, Objects};
use super::placement::Placement;
use super::workloads::Queue;
pub use read::{BROKEN, NO_NETWORK, START, STOP, TEMPLATE, condition};
use read::{read_node, read_pod};

/// Namespace and name.
pub type Name = (String, String);

/// Resources that controllers look at.
pub const WATCHED: [&str; 15] = [
    "pods",
    "nodes",
    "poddisruptionbudgets.policy",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
    "namespaces",
    "services",
    "persistentvolumeclaims",
    "persistentvolumes",
    "storageclasses.storage.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "apiservices.apiregistration.k8s.io",
];

/// Resources whose objects own nothing that is collected here (mirror pods have their own collector).
const OWNS_NOTHING: [&str; 4] = ["pods", "nodes", "events", "leases.coordination.k8s.io"];

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid.
    pub uid: String,
    /// Kind, name and uid of its controller.
    pub owner: Option<(String, String, String)>,
    /// Where it is placed.
    pub node: Option<String>,
    /// `status.phase`.
    pub phase: Phase,
    /// The condition `Ready`.
    pub ready: bool,
    /// Since when it is ready or not.
    pub ready_since: Option<Timestamp>,
    /// Whether an image of its cannot be pulled.
    pub broken: bool,
    /// Whether its kubelet has said what it waits for.
    pub waiting: bool,
    /// Whether it uses its node's network.
    pub host_network: bool,
    /// Whether it brings a network to its node.
    pub brings_network: bool,
    /// Names of the claims that it uses.
    pub claims: Vec<String>,
    /// What it does for its cluster.
    pub role: Option<PodRole>,
    /// When it was placed.
    pub placed: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deletion: Option<Timestamp>,
    /// `metadata.deletionGracePeriodSeconds`.
    pub grace: i64,
    /// Whether finalizers hold it.
    pub held: bool,
    /// Whether its kubelet is through with it.
    pub stopped: bool,
    /// Whether it is a static pod.
    pub mirror: bool,
    /// Whether the scheduler has said that it finds no place.
    pub refused: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// What it asks of a node.
    pub placement: Arc<Placement>,
    /// Hash of the template that it was made from.
    pub template: String,
    /// Seconds to start, at least and at most.
    pub start: (i64, i64),
    /// Seconds to stop, at least and at most.
    pub stop: (i64, i64),
    /// Whether it is a job's: it ends by itself.
    pub ends: bool,
}

/// What a pod does that the sandbox does in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodRole {
    /// It makes load balancers for services.
    CloudController,
    /// It makes EBS volumes for claims.
    EbsDriver,
}

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not running yet.
    Pending,
    /// Running.
    Running,
    /// Succeeded or failed.
    Ended,
}

impl Pod {
    /// Whether it takes room on its node, or will.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// Whether it counts for its controller: neither ended nor on its way out.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.is_active() && self.deletion.is_none()
    }
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its uid.
    pub uid: String,
    /// Instance of its provider id.
    pub instance: Option<String>,
    /// The condition `Ready`.
    pub ready: bool,
    /// Whether its Ready condition is `Unknown`.
    pub unknown: bool,
    /// Whether its kubelet runs, but pods get no network there.
    pub networkless: bool,
    /// Cordoned.
    pub unschedulable: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Key, value, effect.
    pub taints: Vec<(String, String, String)>,
    /// Thousandths of a core.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
    /// Most pods.
    pub pods: u64,
    /// Whether the autoscaler leaves it alone.
    pub kept: bool,
}

/// A budget or a workload: they are few, and used as they are.
pub type Raw = Arc<Value>;

/// The objects of a cluster as controllers need them.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// The revision that it is of; `None`: nothing was read yet.
    pub revision: Option<u64>,
    /// Pods.
    pub pods: BTreeMap<Name, Pod>,
    /// Nodes.
    pub nodes: BTreeMap<String, Node>,
    /// Names of pods by node.
    pub on_node: BTreeMap<String, BTreeSet<Name>>,
    /// Names of pods by the uid of their controller.
    pub by_owner: BTreeMap<String, BTreeSet<Name>>,
    /// Names of pods by what they do.
    roles: BTreeMap<PodRole, BTreeSet<Name>>,
    /// Names of pods by namespace and name of the claims that they use.
    by_claim: BTreeMap<Name, BTreeSet<Name>>,
    /// Everything else that is watched, by key.
    pub others: BTreeMap<Key, Raw>,
    /// Pods for which something is due by itself, soonest first.
    pub timers: BTreeSet<(Timestamp, Name)>,
    /// Nodes whose kubelet does nothing, although they may be Ready for some seconds more.
    pub silent: BTreeSet<String>,
    /// Uids of what is gone and may have owned something.
    pub gone: BTreeSet<String>,
    /// Whether everything has to be looked through for what nobody owns any more: what went before is not known.
    pub unswept: bool,
    /// Workloads that have to be looked at.
    pub queue: Queue,
    timer_of: HashMap<Name, Timestamp>,
    placements: HashMap<String, Arc<Placement>>,
}

impl Index {
    /// Whether something changed since it last took changes in.
    #[must_use]
    pub fn is_behind(&self, objects: &Objects) -> bool {
        self.revision != Some(objects.revision())
    }

    /// Takes in what changed since it last did; whether something did.
    pub fn sync(&mut self, objects: &Objects) -> bool {
        if !self.is_behind(objects) {
            return false;
        }
        let newest = objects.revision();
        let mut changed = false;
        let changes = self.revision.and_then(|revision| objects.changes(revision).ok());
        if let Some(changes) = changes {
            for change in changes {
                let resource = change.key.resource.as_str();
                let deleted = change.happened == Happened::Deleted;
                if deleted && !OWNS_NOTHING.contains(&resource) {
                    changed = true;
                    self.gone.extend(change.object["metadata"]["uid"].as_str().map(str::to_owned));
                }
                if !WATCHED.contains(&resource) {
                    continue;
                }
                changed = true;
                if deleted {
                    self.remove(&change.key);
                } else {
                    self.put(&change.key, &change.object);
                }
            }
        } else {
            *self = Self { silent: std::mem::take(&mut self.silent), unswept: true, ..Self::default() };
            changed = true;
            for resource in WATCHED {
                for (key, object) in objects.list(resource) {
                    self.put(key, object);
                }
            }
        }
        self.revision = Some(newest);
        changed
    }

    fn remove(&mut self, key: &Key) {
        match key.resource.as_str() {
            "pods" => self.forget_pod(&(key.namespace.clone(), key.name.clone())),
            "nodes" => {
                self.nodes.remove(&key.name);
                self.queue.nodes_changed();
                self.reconsider(&key.name);
            }
            _ => {
                if let Some(object) = self.others.remove(key) {
                    self.queue.changed(&object);
                }
            }
        }
    }

    fn put(&mut self, key: &Key, object: &Value) {
        match key.resource.as_str() {
            "pods" => {
                let name = (key.namespace.clone(), key.name.clone());
                self.forget_pod(&name);
                let placement = self.placement(object);
                let pod = read_pod(object, placement);
                if let Some(node) = &pod.node {
                    self.on_node.entry(node.clone()).or_default().insert(name.clone());
                }
                if let Some((_, _, uid)) = &pod.owner {
                    self.queue.add(uid);
                    self.by_owner.entry(uid.clone()).or_default().insert(name.clone());
                }
                if let Some(role) = pod.role {
                    self.roles.entry(role).or_default().insert(name.clone());
                }
                for claim in &pod.claims {
                    self.by_claim.entry((name.0.clone(), claim.clone())).or_default().insert(name.clone());
                }
                self.pods.insert(name.clone(), pod);
                self.set_timer(&name);
            }
            "nodes" => {
                let node = read_node(object);
                if self.nodes.get(&key.name) != Some(&node) {
                    self.queue.nodes_changed();
                    self.nodes.insert(key.name.clone(), node);
                }
                self.reconsider(&key.name);
            }
            _ => {
                self.queue.changed(object);
                self.others.insert(key.clone(), Arc::new(object.clone()));
            }
        }
    }

    fn forget_pod(&mut self, name: &Name) {
        let Some(pod) = self.pods.remove(name) else { return };
        if let Some(node) = &pod.node
            && let Some(names) = self.on_node.get_mut(node)
        {
            names.remove(name);
        }
        if let Some((_, _, uid)) = &pod.owner {
            self.queue.add(uid);
            if let Some(names) = self.by_owner.get_mut(uid) {
                names.remove(name);
            }
        }
        if let Some(names) = pod.role.and_then(|role| self.roles.get_mut(&role)) {
            names.remove(name);
        }
        for claim in &pod.claims {
            if let Some(names) = self.by_claim.get_mut(&(name.0.clone(), claim.clone())) {
                names.remove(name);
            }
        }
        if let Some(at) = self.timer_of.remove(name) {
            self.timers.remove(&(at, name.clone()));
        }
    }

    /// Says which nodes' kubelets do nothing.
    pub fn set_silent(&mut self, silent: BTreeSet<String>) {
        let changed: Vec<String> = self.silent.symmetric_difference(&silent).cloned().collect();
        self.silent = silent;
        changed.iter().for_each(|node| self.reconsider(node));
    }

    /// Looks again when something is due for the pods of a node: its kubelet came or went.
    pub fn reconsider(&mut self, node: &str) {
        let names: Vec<Name> = self.on_node.get(node).into_iter().flatten().cloned().collect();
        for name in names {
            self.set_timer(&name);
        }
    }

    fn set_timer(&mut self, name: &Name) {
        let Some(pod) = self.pods.get(name) else { return };
        let node = pod.node.as_ref().and_then(|node| self.nodes.get(node));
        let networkless = node.is_some_and(|node| node.networkless);
        let alive = networkless || node.is_some_and(|node| node.ready);
        let alive = alive && pod.node.as_ref().is_some_and(|node| !self.silent.contains(node));
        let next = if alive { super::kubelet::next(pod, !networkless) } else { None };
        if let Some(old) = self.timer_of.remove(name) {
            self.timers.remove(&(old, name.clone()));
        }
        if let Some(at) = next {
            self.timers.insert((at, name.clone()));
            self.timer_of.insert(name.clone(), at);
        }
    }

    /// Pods of one template ask for the same: it is read once.
    fn placement(&mut self, pod: &Value) -> Arc<Placement> {
        let template = pod["metadata"]["annotations"][TEMPLATE].as_str().unwrap_or_default();
        if template.is_empty() {
            return Arc::new(Placement::read(pod));
        }
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let found = self.placements.entry(format!("{namespace}/{template}"));
        Arc::clone(found.or_insert_with(|| Arc::new(Placement::read(pod))))
    }

    /// Objects of a resource.
    pub fn of<'i>(&'i self, resource: &'i str) -> impl Iterator<Item = (&'i Key, &'i Value)> {
        self.shared(resource).map(|(key, object)| (key, object.as_ref()))
    }

    /// Objects of a resource, for somebody who keeps them while the index changes.
    pub fn shared<'i>(&'i self, resource: &'i str) -> impl Iterator<Item = (&'i Key, &'i Raw)> {
        let first = Key::new(resource, "", "");
        self.others.range(first..).take_while(move |(key, _)| key.resource == resource)
    }

    /// A pod of a role that runs. The driver's pods on every node do not count: its controller is a Deployment's.
    #[must_use]
    pub fn acting(&self, role: PodRole) -> Option<(&Name, &Pod)> {
        let of_daemon_set = |pod: &Pod| pod.owner.as_ref().is_some_and(|it| it.0 == "DaemonSet");
        let fits = |pod: &Pod| !(role == PodRole::EbsDriver && of_daemon_set(pod));
        let mut own = self.roles.get(&role).into_iter().flatten().filter_map(|name| self.pods.get_key_value(name));
        own.find(|(_, pod)| pod.ready && pod.counts() && fits(pod))
    }

    /// Placed pods that use a claim and have not ended.
    pub fn users<'i>(&'i self, namespace: &str, claim: &str) -> impl Iterator<Item = &'i Pod> {
        let names = self.by_claim.get(&(namespace.to_owned(), claim.to_owned())).into_iter().flatten();
        names.filter_map(|name| self.pods.get(name)).filter(|pod| pod.is_active() && pod.node.is_some())
    }

    /// Pods of a controller.
    pub fn owned<'i>(&'i self, uid: &str) -> impl Iterator<Item = (&'i Name, &'i Pod)> {
        let names = self.by_owner.get(uid).into_iter().flatten();
        names.filter_map(|name| self.pods.get_key_value(name))
    }

    /// Pods on a node.
    pub fn on<'i>(&'i self, node: &str) -> impl Iterator<Item = (&'i Name, &'i Pod)> {
        let names = self.on_node.get(node).into_iter().flatten();
        names.filter_map(|name| self.pods.get_key_value(name))
    }
}
