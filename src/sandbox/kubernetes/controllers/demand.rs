//! What a cluster-autoscaler asks: which pods pend, what a new node of a group would take, which nodes are hardly used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::super::autoscaling::Group;
use super::super::super::ec2;
use super::super::super::world::World;
use super::super::objects::Key;
use super::index::{Name, Node, Pod};
use super::nodes::Stage;
use super::placement::Placement;
use super::{Controllers, delete_pod, nodes};

/// A pod that found no place.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Namespace and name.
    pub name: Name,
    placement: Arc<Placement>,
}

/// What new nodes of a group would take.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// So many nodes.
    pub nodes: u32,
    /// These pods.
    pub pods: BTreeSet<Name>,
}

/// How a node is used.
#[derive(Clone, Debug)]
pub struct Use {
    /// Its instance.
    pub instance: Option<String>,
    /// The larger of the requested shares of CPU and memory, in hundredths.
    pub share: u64,
    /// Whether it could be taken away: no member, not annotated, and nothing on it that nobody makes anew.
    pub movable: bool,
}

/// Pods that the scheduler found no place for and that are older than a moment.
#[must_use]
pub fn pending(world: &World, cluster: &str, before: Timestamp) -> Vec<Pending> {
    let Some(index) = world.kubernetes.controllers.indices.get(cluster) else { return Vec::new() };
    let pods = index.pods.iter().filter(|(_, pod)| pod.refused && pod.node.is_none() && pod.counts());
    let old = pods.filter(|(_, pod)| pod.created <= before && pod.placement.priority >= EXPENDABLE);
    old.map(|(name, pod)| Pending { name: name.clone(), placement: Arc::clone(&pod.placement) }).collect()
}

/// Pods of a lower priority raise nothing (`--expendable-pods-priority-cutoff`).
const EXPENDABLE: i64 = -10;

/// How many new nodes of a group pods would need, first fit.
#[must_use]
pub fn fit(world: &World, group: &str, pods: &[Pending]) -> Fit {
    let mut fit = Fit::default();
    let Some(group) = world.autoscaling.groups.get(group) else { return fit };
    let Some(machines) = world.kubernetes.controllers.machines.get(&group.name) else { return fit };
    let types = group.mixed.as_ref().map(|it| it.overrides.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    let kind = types.and_then(|it| it.into_iter().next()).or_else(|| {
        let template = world.ec2.launch_templates.get(&group.template.id)?;
        template.versions.get(&template.default_version)?.data.instance_type.clone()
    });
    let Some(kind) = kind.and_then(|it| ec2::instance_type(&it)) else { return fit };
    let (cpu, memory) = nodes::allocatable(u64::from(kind.virtual_cpus) * 1000, u64::from(kind.memory) << 20);
    let zone = group.places().into_iter().next().map(|(zone, _)| zone).unwrap_or_default();
    let mut labels = machines.labels.clone();
    labels.insert("topology.kubernetes.io/zone".to_owned(), zone);
    labels.insert("node.kubernetes.io/instance-type".to_owned(), kind.name.clone());
    let taints = machines.taints.iter().filter_map(|it| {
        let (key, effect) = it.rsplit_once(':')?;
        let (key, value) = key.split_once('=').unwrap_or((key, ""));
        Some((key.to_owned(), value.to_owned(), effect.to_owned()))
    });
    let node = Node { labels, taints: taints.collect(), cpu, memory, pods: 100, ..Node::default() };
    let mut bins: Vec<(u64, u64, u64)> = Vec::new();
    for pod in pods {
        let wants = &pod.placement;
        let takes = wants.untolerated(&node).is_none() && wants.likes("", &node.labels);
        if !takes || wants.cpu > cpu || wants.memory > memory {
            continue;
        }
        let one_each = wants.apart.iter().any(|(_, key)| key == "kubernetes.io/hostname");
        let room = |it: &&mut (u64, u64, u64)| it.0 >= wants.cpu && it.1 >= wants.memory && it.2 > 0;
        match bins.iter_mut().find(room).filter(|_| !one_each) {
            Some(bin) => *bin = (bin.0 - wants.cpu, bin.1 - wants.memory, bin.2 - 1),
            None => bins.push((cpu - wants.cpu, memory - wants.memory, node.pods - 1)),
        }
        fit.pods.insert(pod.name.clone());
    }
    fit.nodes = u32::try_from(bins.len()).unwrap_or(u32::MAX);
    fit
}

/// Instances of a group whose node is not Ready yet.
#[must_use]
pub fn coming(controllers: &Controllers, group: &Group) -> u32 {
    let coming = [Stage::Booting, Stage::Registered, Stage::WithoutNetwork];
    let waits = |id: &str| controllers.kubelets.get(id).is_none_or(|it| coming.contains(&it.stage));
    u32::try_from(group.counting().filter(|it| waits(&it.id)).count()).unwrap_or(u32::MAX)
}

/// How the nodes of a cluster are used.
#[must_use]
pub fn utilization(world: &World, cluster: &str) -> BTreeMap<String, Use> {
    let Some(index) = world.kubernetes.controllers.indices.get(cluster) else { return BTreeMap::new() };
    let ready = index.nodes.iter().filter(|(_, node)| node.ready);
    ready
        .map(|(name, node)| {
            let pods = || index.on(name).filter(|(_, pod)| pod.is_active() && !pod.mirror);
            let daemon = |pod: &Pod| pod.owner.as_ref().is_some_and(|it| it.0 == "DaemonSet");
            let (cpu, memory) = pods()
                .filter(|(_, pod)| !daemon(pod))
                .fold((0, 0), |(cpu, memory), (_, pod)| (cpu + pod.placement.cpu, memory + pod.placement.memory));
            let share = |used: u64, all: u64| (used * 100).checked_div(all).unwrap_or(100);
            let bare = pods().any(|(_, pod)| pod.owner.is_none());
            let system = pods().any(|(name, pod)| name.0 == "kube-system" && !daemon(pod));
            let member = node.labels.contains_key("node-role.kubernetes.io/control-plane");
            let movable = !(node.kept || member || bare || system || node.unschedulable);
            let share = share(cpu, node.cpu).max(share(memory, node.memory));
            (name.clone(), Use { instance: node.instance.clone(), share, movable })
        })
        .collect()
}

/// Cordons a node that goes, and deletes its pods.
pub fn clear(world: &mut World, cluster: &str, node: &str) {
    let now = world.now;
    let Some(index) = world.kubernetes.controllers.indices.get(cluster) else { return };
    let pods: Vec<Key> = index.on(node).map(|(name, _)| Key::new("pods", &name.0, &name.1)).collect();
    let Some(cluster) = world.kubernetes.clusters.get_mut(cluster) else { return };
    cluster.objects.update(&Key::new("nodes", "", node), |node| node["spec"]["unschedulable"] = true.into());
    for key in pods {
        delete_pod(&mut cluster.objects, &key, now);
    }
}
