//! Nodes follow instances: kubelets register, become Ready, fall silent, and are given up.
//!
//! A kubelet registers when it starts and never again: the Node object of a live instance that somebody deletes stays away
//! until the instance is started anew. A Node object that is there already is used as it is, with its old provider id; what
//! windlass' bootstrap does about that on members is done here as well.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::super::ec2::{self, Instance, Phase};
use super::super::super::world::{NetworkPlugin, World};
use super::super::Cluster;
use super::super::objects::{Key, time};
use super::index::{Index, NO_NETWORK};
use super::kubelet::{running, set_condition};
use super::machines::{self, Identity};
use super::{Controllers, later, whole};

/// Seconds without a word after which a node is Unknown (kube-controller-manager, `--node-monitor-grace-period`; 40 to 49 s
/// were seen).
const GRACE: i64 = 40;
/// Seconds after which the pods of such a node are deleted (`DefaultTolerationSeconds`).
const EVICTION: i64 = 300;
/// Seconds from the registration to Ready: the network's own pods start.
const SETTLING: i64 = 15;
/// What kubelet and system keep for themselves: thousandths of a core, and bytes (windlass' defaults of `kubeReserved` and
/// `systemReserved`).
const RESERVED: (u64, u64) = (200, 768 << 20);
/// Most pods of a node (KubeletConfiguration, `maxPods`).
const PODS: u32 = 110;

/// What is known of the kubelet on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubelet {
    /// The cluster that it joins.
    pub cluster: String,
    /// Its node's name.
    pub node: String,
    /// Since when its instance runs: another moment is another run.
    pub run: Timestamp,
    /// When it registers.
    pub registers: Timestamp,
    /// When it is Ready; `None`: never.
    pub ready: Option<Timestamp>,
    /// How far it is.
    pub stage: Stage,
    /// Since when it says nothing.
    pub silent: Option<Timestamp>,
    /// Whether pods get a network there: what a plugin wrote stays on the machine.
    #[serde(default)]
    pub network: bool,
}

/// How far a kubelet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It has not registered yet.
    Booting,
    /// Its node is there.
    Registered,
    /// Its node would be Ready if pods had a network there.
    WithoutNetwork,
    /// Its node is Ready.
    Ready,
    /// Its node is Unknown.
    GivenUp,
    /// So are its pods.
    Evicted,
}

impl Kubelet {
    /// When something becomes of its node by itself.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        match (self.stage, self.silent) {
            (Stage::Booting, None) => Some(self.registers),
            (Stage::Registered, None) => self.ready,
            (Stage::Registered | Stage::WithoutNetwork | Stage::Ready, Some(since)) => Some(whole(later(since, GRACE))),
            (Stage::GivenUp, Some(since)) => Some(whole(later(since, GRACE + EVICTION))),
            (Stage::GivenUp | Stage::Evicted, None) => Some(self.run),
            (Stage::Booting | Stage::Evicted, Some(_)) | (Stage::WithoutNetwork | Stage::Ready, None) => None,
        }
    }
}

/// Notes instances that came up and went down.
pub fn observe(world: &mut World) {
    let running = |it: &&Instance| it.phase == Phase::Running;
    let known = &world.kubernetes.controllers.kubelets;
    let is_new = |it: &&Instance| known.get(&it.id).is_none_or(|kubelet| kubelet.run != it.since);
    let new: Vec<String> =
        world.ec2.instances.values().filter(running).filter(is_new).map(|it| it.id.clone()).collect();
    for id in new {
        let Some(mut identity) = machines::identify(world, &id) else { continue };
        identity.never = machines::never(world, &id);
        let Some(instance) = world.ec2.instances.get(&id) else { continue };
        let node = ec2::private_name(world, instance.private_ip);
        let (run, ready) = (instance.since, whole(identity.ready));
        let registers = later(ready, -SETTLING).max(whole(run));
        let ready = (!identity.never).then_some(ready);
        let cluster = identity.cluster.clone();
        let built_in = world.behaviour.network_plugin == NetworkPlugin::BuiltIn;
        let controllers = &mut world.kubernetes.controllers;
        let network = built_in || controllers.kubelets.get(&id).is_some_and(|it| it.network);
        // A predecessor of the same name has no say any more.
        controllers.kubelets.retain(|_, it| it.node != node || it.cluster != cluster);
        let kubelet = Kubelet { cluster, node, run, registers, ready, stage: Stage::Booting, silent: None, network };
        controllers.kubelets.insert(id, kubelet);
    }
    let now = world.now;
    let (controllers, instances) = (&mut world.kubernetes.controllers, &world.ec2.instances);
    let stopped = &controllers.stopped_kubelets;
    controllers.kubelets.retain(|id, kubelet| {
        let instance = instances.get(id);
        let runs = instance.is_some_and(|it| it.phase == Phase::Running && it.since == kubelet.run);
        if runs {
            let stop = stopped.get(id).filter(|(from, until)| *from <= now && now < *until);
            kubelet.silent = stop.map(|(from, _)| *from);
        } else {
            kubelet.silent.get_or_insert(instance.map_or(now, |it| it.since));
        }
        instance.is_some() || !matches!(kubelet.stage, Stage::Booting | Stage::Evicted)
    });
}

/// Names of nodes whose kubelet says nothing.
#[must_use]
pub fn silent(controllers: &Controllers, cluster: &str) -> BTreeSet<String> {
    let all = controllers.kubelets.values().filter(|it| it.cluster == cluster && it.silent.is_some());
    all.map(|it| it.node.clone()).collect()
}

/// Does what is due in one cluster.
pub fn step(world: &mut World, name: &str, cluster: &mut Cluster, index: &mut Index) {
    let now = world.now;
    networks(world, name, cluster, index);
    let kubelets = world.kubernetes.controllers.kubelets.iter();
    let due = kubelets.filter(|(_, it)| it.cluster == name && it.next().is_some_and(|at| at <= now));
    let due: Vec<(String, Kubelet)> = due.map(|(id, it)| (id.clone(), it.clone())).collect();
    for (id, mut kubelet) in due {
        let key = Key::new("nodes", "", &kubelet.node);
        match (kubelet.stage, kubelet.silent) {
            (Stage::Booting, _) => {
                if let Some(identity) = machines::identify(world, &id) {
                    register(world, (&id, &identity, kubelet.network), &key, cluster);
                }
                kubelet.stage = Stage::Registered;
            }
            (Stage::Registered, None) => {
                if let Some(identity) = machines::identify(world, &id) {
                    settle(world, (&id, &identity, kubelet.network), &key, cluster, index);
                }
                kubelet.stage = if kubelet.network { Stage::Ready } else { Stage::WithoutNetwork };
            }
            (Stage::Registered | Stage::WithoutNetwork | Stage::Ready, Some(_)) => {
                give_up(cluster, index, &key, now);
                kubelet.stage = Stage::GivenUp;
            }
            (Stage::GivenUp, Some(_)) => {
                evict(cluster, index, &key.name, now);
                kubelet.stage = Stage::Evicted;
            }
            (_, None) => {
                cluster.objects.update(&key, |node| up(node, kubelet.network, now));
                kubelet.stage = if kubelet.network { Stage::Ready } else { Stage::WithoutNetwork };
            }
            (Stage::Evicted, Some(_)) => {}
        }
        if let Some(known) = world.kubernetes.controllers.kubelets.get_mut(&id) {
            *known = kubelet;
        }
        index.sync(&cluster.objects);
    }
}

/// Makes nodes Ready that have a network now: a pod has brought it, or none is needed.
fn networks(world: &mut World, name: &str, cluster: &mut Cluster, index: &mut Index) {
    let now = world.now;
    let built_in = world.behaviour.network_plugin == NetworkPlugin::BuiltIn;
    for kubelet in world.kubernetes.controllers.kubelets.values_mut() {
        if kubelet.cluster != name || kubelet.network || kubelet.silent.is_some() {
            continue;
        }
        let brings = |pod: &super::index::Pod| pod.brings_network && pod.ready && pod.counts();
        kubelet.network = built_in || index.on(&kubelet.node).any(|(_, pod)| brings(pod));
        if kubelet.network && kubelet.stage == Stage::WithoutNetwork {
            kubelet.stage = Stage::Ready;
            cluster.objects.update(&Key::new("nodes", "", &kubelet.node), |node| ready(node, now));
        }
    }
    index.sync(&cluster.objects);
}

fn provider_id(instance: &Instance) -> String {
    format!("aws:///{}/{}", instance.zone, instance.id)
}

fn register(world: &mut World, (id, identity, network): (&str, &Identity, bool), key: &Key, cluster: &mut Cluster) {
    let now = world.now;
    let Some(instance) = world.ec2.instances.get(id) else { return };
    if cluster.objects.get(key).is_some() {
        // The trap: an old object, Ready under the old id.
        cluster.objects.update(key, |node| {
            node["status"]["nodeInfo"] = info(instance, identity);
            up(node, network, now);
        });
    } else {
        let mut node = node(&world.region, instance, identity, &key.name, now);
        if !network {
            without_network(&mut node, now);
        }
        cluster.objects.create(key, node, now);
    }
}

fn settle(
    world: &World,
    (id, identity, network): (&str, &Identity, bool),
    key: &Key,
    cluster: &mut Cluster,
    index: &Index,
) {
    let now = world.now;
    let Some(instance) = world.ec2.instances.get(id) else { return };
    let wanted = provider_id(instance);
    let other = cluster.objects.get(key).is_some_and(|node| node["spec"]["providerID"] != wanted.as_str());
    if other && identity.member.is_some() {
        // `drop_old_node` of the bootstrap.
        cluster.objects.remove(key);
        cluster.objects.create(key, node(&world.region, instance, identity, &key.name, now), now);
    }
    cluster.objects.update(key, |node| up(node, network, now));
    if identity.member.is_some() {
        static_pods(cluster, Some(index), instance, &key.name, now);
    }
}

/// Makes a node Ready.
pub fn ready(node: &mut Value, now: Timestamp) {
    set_condition(node, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now);
    if let Some(taints) = node["spec"]["taints"].as_array_mut() {
        let own = |key: &str| matches!(key, "node.kubernetes.io/unreachable" | "node.kubernetes.io/not-ready");
        taints.retain(|it| !it["key"].as_str().is_some_and(own));
    }
}

/// Its kubelet runs: it is Ready, or waits for its network.
fn up(node: &mut Value, network: bool, now: Timestamp) {
    ready(node, now);
    if !network {
        without_network(node, now);
    }
}

/// As a kubelet says it that finds no network plugin.
fn without_network(node: &mut Value, now: Timestamp) {
    set_condition(node, "Ready", "False", "KubeletNotReady", NO_NETWORK, now);
    if !node["spec"]["taints"].is_array() {
        node["spec"]["taints"] = json!([]);
    }
    if let Some(taints) = node["spec"]["taints"].as_array_mut()
        && !taints.iter().any(|it| it["key"] == "node.kubernetes.io/not-ready")
    {
        taints.extend(taint("node.kubernetes.io/not-ready:NoSchedule"));
    }
}

fn give_up(cluster: &mut Cluster, index: &Index, key: &Key, now: Timestamp) {
    cluster.objects.update(key, |node| {
        let message = "Kubelet stopped posting node status.";
        set_condition(node, "Ready", "Unknown", "NodeStatusUnknown", message, now);
        if !node["spec"]["taints"].is_array() {
            node["spec"]["taints"] = json!([]);
        }
        if let Some(taints) = node["spec"]["taints"].as_array_mut() {
            for effect in ["NoSchedule", "NoExecute"] {
                let taint = json!({"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": time(now)});
                taints.push(taint);
            }
        }
    });
    let names: Vec<Key> = index.on(&key.name).map(|(name, _)| Key::new("pods", &name.0, &name.1)).collect();
    for pod in names {
        cluster.objects.update(&pod, |pod| set_condition(pod, "Ready", "False", "NodeNotReady", "", now));
    }
}

/// Deletes the pods of a node that was given up, but those that bear it; nobody stops them, so they stay terminating.
fn evict(cluster: &mut Cluster, index: &Index, node: &str, now: Timestamp) {
    let taint = ("node.kubernetes.io/unreachable".to_owned(), String::new(), "NoExecute".to_owned());
    let bears = |pod: &super::index::Pod| {
        pod.owner.as_ref().is_some_and(|it| it.0 == "DaemonSet") && pod.placement.tolerates(&taint)
    };
    let pods = index.on(node).filter(|(_, pod)| pod.deletion.is_none() && !pod.mirror && !bears(pod));
    let keys: Vec<Key> = pods.map(|(name, _)| Key::new("pods", &name.0, &name.1)).collect();
    for key in keys {
        super::delete_pod(&mut cluster.objects, &key, now);
    }
}

fn info(instance: &Instance, identity: &Identity) -> Value {
    let architecture = if instance.architecture == "arm64" { "arm64" } else { "amd64" };
    json!({
        "kubeletVersion": identity.version, "kubeProxyVersion": "", "architecture": architecture,
        "operatingSystem": "linux", "osImage": "Amazon Linux 2023", "containerRuntimeVersion": "containerd://2.1.4",
        "kernelVersion": "6.12.40", "bootID": "", "machineID": instance.id, "systemUUID": instance.id,
    })
}

/// What pods get of a machine: thousandths of a core and bytes.
#[must_use]
pub const fn allocatable(cpu: u64, memory: u64) -> (u64, u64) {
    // The kernel and the firmware keep about a fiftieth.
    (cpu.saturating_sub(RESERVED.0), (memory - memory / 50).saturating_sub(RESERVED.1))
}

/// A new Node object, not Ready.
pub fn node(region: &str, instance: &Instance, identity: &Identity, name: &str, now: Timestamp) -> Value {
    let kind = ec2::instance_type(&instance.instance_type);
    let (cpu, memory) =
        kind.map_or((2000, 8 << 30), |it| (u64::from(it.virtual_cpus) * 1000, u64::from(it.memory) << 20));
    let architecture = if instance.architecture == "arm64" { "arm64" } else { "amd64" };
    let mut labels = json!({
        "beta.kubernetes.io/arch": architecture, "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture, "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": instance.instance_type,
        "topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": instance.zone,
    });
    for (key, value) in &identity.labels {
        labels[key.as_str()] = json!(value);
    }
    let mut taints: Vec<Value> = identity.taints.iter().filter_map(|it| taint(it)).collect();
    if identity.member.is_some() {
        labels["node-role.kubernetes.io/control-plane"] = json!("");
        labels["node.kubernetes.io/exclude-from-external-load-balancers"] = json!("");
        taints.extend(taint("node-role.kubernetes.io/control-plane:NoSchedule"));
    }
    taints.extend(taint("node.kubernetes.io/not-ready:NoSchedule"));
    let room = |cpu: u64, memory: u64| json!({"cpu": format!("{cpu}m"), "memory": format!("{}Ki", memory >> 10), "pods": PODS.to_string()});
    let allocatable = allocatable(cpu, memory);
    let mut node = json!({
        "metadata": {"labels": labels, "annotations": {"node.alpha.kubernetes.io/ttl": "0"}},
        "spec": {"providerID": provider_id(instance), "taints": taints},
        "status": {
            "capacity": room(cpu, memory),
            "allocatable": room(allocatable.0, allocatable.1),
            "addresses": [
                {"type": "InternalIP", "address": instance.private_ip.to_string()},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": info(instance, identity),
            "conditions": [],
        },
    });
    for pressure in ["MemoryPressure", "DiskPressure", "PIDPressure"] {
        set_condition(&mut node, pressure, "False", "", "", now);
    }
    set_condition(&mut node, "Ready", "False", "KubeletNotReady", "container runtime network not ready", now);
    node
}

/// `key=value:Effect` or `key:Effect`.
fn taint(text: &str) -> Option<Value> {
    let (key, effect) = text.rsplit_once(':')?;
    let (key, value) = key.split_once('=').unwrap_or((key, ""));
    let mut taint = json!({"key": key, "effect": effect});
    if !value.is_empty() {
        taint["value"] = json!(value);
    }
    Some(taint)
}

/// The control plane's own pods on a member, which its kubelet runs from files.
pub fn static_pods(cluster: &mut Cluster, index: Option<&Index>, instance: &Instance, node: &str, now: Timestamp) {
    let owner = cluster.objects.get(&Key::new("nodes", "", node)).map(|it| it["metadata"]["uid"].clone());
    for component in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let key = Key::new("pods", "kube-system", &format!("{component}-{node}"));
        if index.is_some_and(|it| it.pods.contains_key(&(key.namespace.clone(), key.name.clone()))) {
            cluster.objects.remove(&key);
        }
        let digest = format!("{}-{component}", instance.id);
        let mut pod = json!({
            "metadata": {
                "labels": {"component": component, "tier": "control-plane"},
                "annotations": {"kubernetes.io/config.mirror": digest, "kubernetes.io/config.hash": digest,
                                "kubernetes.io/config.source": "file"},
                "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": node, "uid": owner, "controller": true}],
            },
            "spec": {
                "nodeName": node, "hostNetwork": true, "priorityClassName": "system-node-critical",
                "priority": 2_000_001_000, "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
                "containers": [{"name": component, "image": format!("registry.k8s.io/{component}:{}", cluster.version),
                                "resources": {"requests": {"cpu": "100m"}}}],
            },
        });
        set_condition(&mut pod, "PodScheduled", "True", "", "", now);
        running(&mut pod, now);
        cluster.objects.create(&key, pod, now);
    }
}
