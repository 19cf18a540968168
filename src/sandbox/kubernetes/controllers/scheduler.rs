//! The scheduler: pods without a node, the most important first, each onto the emptiest node that takes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::json;

use super::super::objects::{Key, Objects};
use super::claims::{self, Claims};
use super::cloud::SELECTED;
use super::delete_pod;
use super::index::{Index, Name, Node, Pod};
use super::kubelet::set_condition;
use super::placement::Placement;
use crate::kubernetes::Selector;

/// Nodes that fit among which the emptiest is taken: kube-scheduler looks at no more than a share of a large cluster's
/// either (`percentageOfNodesToScore`), but never at fewer than 100.
const ENOUGH: usize = 100;

/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// What is left on a node.
#[derive(Clone, Debug, Default)]
struct Room {
    cpu: u64,
    memory: u64,
    pods: u64,
    ports: BTreeSet<u64>,
}

/// Labels of the pods in each value of a topology: topology key, selector → value → pods.
type Counts = HashMap<String, HashMap<String, usize>>;

struct Round<'i> {
    index: &'i Index,
    nodes: Vec<(&'i String, &'i Node)>,
    room: Vec<Room>,
    /// Where the next pod begins to look.
    offset: usize,
    /// Values of a topology on nodes that pods of a template could be on.
    eligible: HashMap<String, BTreeSet<String>>,
    counts: Counts,
    /// Pods placed in this round, with their nodes: they count for their like.
    placed: Vec<(&'i Name, &'i Pod, &'i str)>,
}

/// Places what can be placed.
pub fn step(objects: &mut Objects, index: &Index, now: Timestamp) {
    let mut pending: Vec<(&Name, &Pod)> =
        index.pods.iter().filter(|(_, pod)| pod.node.is_none() && pod.counts()).collect();
    if pending.is_empty() {
        return;
    }
    pending.sort_by_key(|(name, pod)| (std::cmp::Reverse(pod.placement.priority), pod.created, *name));
    let mut round = Round::new(index);
    // Pods of one template that found no place find none a moment later either.
    let mut hopeless: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (name, pod) in pending {
        if !pod.claims.is_empty() {
            claiming(objects, &mut round, (name, pod), now);
            continue;
        }
        let like = (name.0.as_str(), pod.template.as_str());
        let known = hopeless.get(&like).filter(|_| !pod.template.is_empty()).cloned();
        let key = Key::new("pods", &name.0, &name.1);
        let found = match known {
            Some(why) => Err(why),
            None => round.choose(name, pod, None),
        };
        match found {
            Ok(node) => {
                objects.update(&key, |object| {
                    object["spec"]["nodeName"] = json!(node);
                    set_condition(object, "PodScheduled", "True", "", "", now);
                });
            }
            Err(why) => {
                if !hopeless.contains_key(&like) && !pod.placement.never_preempts {
                    for victim in round.preempt(pod) {
                        delete_pod(objects, &Key::new("pods", &victim.0, &victim.1), now);
                    }
                }
                hopeless.insert(like, why.clone());
                objects.update(&key, |object| {
                    set_condition(object, "PodScheduled", "False", "Unschedulable", &why, now);
                });
            }
        }
    }
}

/// Places a pod that uses claims: into the zone of its volumes, and only when they are there.
fn claiming<'i>(objects: &mut Objects, round: &mut Round<'i>, (name, pod): (&'i Name, &'i Pod), now: Timestamp) {
    let key = Key::new("pods", &name.0, &name.1);
    let found = match claims::look(objects, &name.0, &pod.claims) {
        Claims::Bound(zone) => round.choose(name, pod, zone.as_deref()),
        Claims::Waiting(zone, waiting) => match round.choose(name, pod, zone.as_deref()) {
            Ok(node) => {
                // Its volumes are made where it will be; it is placed when they are there.
                for claim in waiting {
                    objects.update(&claim, |claim| {
                        let selected = &mut claim["metadata"]["annotations"][SELECTED];
                        let known = selected.as_str().is_some_and(|it| round.index.nodes.contains_key(it));
                        if !known {
                            *selected = json!(node);
                        }
                    });
                }
                return;
            }
            Err(why) => Err(why),
        },
        Claims::Missing(why) => Err(format!("0/{} nodes are available: {why}.", round.nodes.len())),
    };
    objects.update(&key, |object| match &found {
        Ok(node) => {
            object["spec"]["nodeName"] = json!(node);
            set_condition(object, "PodScheduled", "True", "", "", now);
        }
        Err(why) => set_condition(object, "PodScheduled", "False", "Unschedulable", why, now),
    });
}

impl<'i> Round<'i> {
    fn new(index: &'i Index) -> Self {
        let nodes: Vec<(&String, &Node)> = index.nodes.iter().collect();
        let mut room = Vec::new();
        for (name, node) in &nodes {
            let mut left = Room { cpu: node.cpu, memory: node.memory, pods: node.pods, ports: BTreeSet::new() };
            for (_, pod) in index.on(name).filter(|(_, pod)| pod.is_active()) {
                left.take(&pod.placement);
            }
            room.push(left);
        }
        Self { index, nodes, room, offset: 0, eligible: HashMap::new(), counts: Counts::new(), placed: Vec::new() }
    }

    fn choose(&mut self, name: &'i Name, pod: &'i Pod, zone: Option<&str>) -> Result<&'i str, String> {
        let wants = pod.placement.as_ref();
        self.count(name, wants);
        let namespace = &name.0;
        let allowed: Vec<HashMap<String, usize>> =
            wants.spread.iter().map(|(selector, key, _)| self.domains(pod, namespace, selector, key)).collect();
        let mut best: Option<(u64, usize)> = None;
        let mut found = 0;
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for step in 0..self.nodes.len() {
            let place = (self.offset + step) % self.nodes.len();
            let (name, node) = self.nodes[place];
            let room = &self.room[place];
            let elsewhere = zone.is_some_and(|zone| node.labels.get(ZONE).is_none_or(|it| it != zone));
            let refusal = if elsewhere {
                Some("node(s) had volume node affinity conflict".to_owned())
            } else {
                self.refusal(wants, namespace, name, node, room, &allowed)
            };
            match refusal {
                Some(why) => *reasons.entry(why).or_default() += 1,
                None => {
                    let score = room.score(node, wants);
                    if best.is_none_or(|(other, _)| score > other) {
                        best = Some((score, place));
                    }
                    found += 1;
                    if found == ENOUGH {
                        self.offset = (place + 1) % self.nodes.len();
                        break;
                    }
                }
            }
        }
        let Some((_, chosen)) = best else {
            let reasons: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect();
            return Err(format!("0/{} nodes are available: {}.", self.nodes.len(), reasons.join(", ")));
        };
        self.room[chosen].take(wants);
        let chosen = self.nodes[chosen].0.as_str();
        self.placed.push((name, pod, chosen));
        self.note(namespace, pod, chosen);
        Ok(chosen)
    }

    fn refusal(
        &self,
        wants: &Placement,
        namespace: &str,
        name: &str,
        node: &Node,
        room: &Room,
        allowed: &[HashMap<String, usize>],
    ) -> Option<String> {
        if node.unschedulable {
            return Some("node(s) were unschedulable".to_owned());
        }
        if let Some((key, value, _)) = wants.untolerated(node) {
            return Some(format!("node(s) had untolerated taint {{{key}: {value}}}"));
        }
        // Of a node without a network only its taint keeps pods away.
        if !node.ready && !node.networkless {
            return Some("node(s) were not ready".to_owned());
        }
        if !wants.likes(name, &node.labels) {
            return Some("node(s) didn't match Pod's node affinity/selector".to_owned());
        }
        if wants.host_ports.iter().any(|port| room.ports.contains(port)) {
            return Some("node(s) didn't have free ports for the requested pod ports".to_owned());
        }
        for (selector, key) in &wants.apart {
            let value = node.labels.get(key);
            let there = value.and_then(|value| self.counts.get(&count_key(namespace, selector, key))?.get(value));
            if there.is_some_and(|count| *count > 0) {
                return Some("node(s) didn't match pod anti-affinity rules".to_owned());
            }
        }
        for ((_, key, skew), domains) in wants.spread.iter().zip(allowed) {
            let fewest = domains.values().min().copied().unwrap_or(0);
            let here = node.labels.get(key).and_then(|value| domains.get(value));
            if here.is_none_or(|count| count + 1 > fewest + skew) {
                return Some("node(s) didn't match pod topology spread constraints".to_owned());
            }
        }
        if room.pods == 0 {
            return Some("Too many pods".to_owned());
        }
        if room.cpu < wants.cpu {
            return Some("Insufficient cpu".to_owned());
        }
        (room.memory < wants.memory).then(|| "Insufficient memory".to_owned())
    }

    /// Counts the like of a pod, once per round and question.
    fn count(&mut self, name: &Name, wants: &Placement) {
        let apart = wants.apart.iter().map(|(selector, key)| (selector, key));
        let spread = wants.spread.iter().map(|(selector, key, _)| (selector, key));
        for (selector, topology) in apart.chain(spread) {
            let question = count_key(&name.0, selector, topology);
            if self.counts.contains_key(&question) {
                continue;
            }
            let mut counts: HashMap<String, usize> = HashMap::new();
            let first = (name.0.clone(), String::new());
            let same = self.index.pods.range(first..).take_while(|(other, _)| other.0 == name.0);
            let like = same.filter(|(_, pod)| pod.counts() && selector.selects(&pod.labels));
            let placed = like.filter_map(|(_, pod)| pod.node.as_deref());
            let earlier =
                self.placed.iter().filter(|(other, pod, _)| other.0 == name.0 && selector.selects(&pod.labels));
            for node in placed.chain(earlier.map(|(_, _, node)| *node)) {
                if let Some(value) = self.index.nodes.get(node).and_then(|node| node.labels.get(topology)) {
                    *counts.entry(value.clone()).or_default() += 1;
                }
            }
            self.counts.insert(question, counts);
        }
    }

    /// Values of a topology on nodes that a pod could be on, with the number of its like.
    fn domains(&mut self, pod: &Pod, namespace: &str, selector: &Selector, key: &str) -> HashMap<String, usize> {
        let wants = pod.placement.as_ref();
        let like = format!("{namespace}\n{}\n{key}", if pod.template.is_empty() { &pod.uid } else { &pod.template });
        if !self.eligible.contains_key(&like) {
            let eligible = self.nodes.iter().filter(|(name, node)| wants.likes(name, &node.labels));
            let values = eligible.filter_map(|(_, node)| node.labels.get(key).cloned()).collect();
            self.eligible.insert(like.clone(), values);
        }
        let counts = self.counts.get(&count_key(namespace, selector, key));
        let values = self.eligible.get(&like).into_iter().flatten();
        values.map(|value| (value.clone(), counts.and_then(|it| it.get(value)).copied().unwrap_or(0))).collect()
    }

    /// A placed pod counts for all questions that are about it.
    fn note(&mut self, namespace: &str, pod: &Pod, node: &str) {
        let wants = pod.placement.as_ref();
        let apart = wants.apart.iter().map(|(selector, key)| (selector, key));
        let spread = wants.spread.iter().map(|(selector, key, _)| (selector, key));
        for (selector, key) in apart.chain(spread).filter(|(selector, _)| selector.selects(&pod.labels)) {
            let value = self.index.nodes.get(node).and_then(|node| node.labels.get(key));
            if let (Some(value), Some(counts)) = (value, self.counts.get_mut(&count_key(namespace, selector, key))) {
                *counts.entry(value.clone()).or_default() += 1;
            }
        }
    }

    /// Less important pods that would make room on one node: the fewest, and only when they help.
    fn preempt(&mut self, pod: &Pod) -> Vec<Name> {
        let wants = pod.placement.as_ref();
        let mut best: Option<(usize, &str, Vec<Name>)> = None;
        for (place, (name, node)) in self.nodes.iter().enumerate() {
            let fits = !node.unschedulable
                && (node.ready || node.networkless)
                && wants.untolerated(node).is_none()
                && wants.likes(name, &node.labels);
            if !fits {
                continue;
            }
            let mut room = self.room[place].clone();
            let lower = |it: &&(&Name, &Pod)| it.1.is_active() && it.1.placement.priority < wants.priority;
            let on: Vec<(&Name, &Pod)> = self.index.on(name).collect();
            let mut lower: Vec<&(&Name, &Pod)> = on.iter().filter(lower).collect();
            if lower.is_empty() {
                continue;
            }
            // Those that go anyway make their room without anybody's doing.
            lower.sort_by_key(|(_, pod)| (pod.deletion.is_none(), pod.placement.priority));
            let mut victims = Vec::new();
            for (name, pod) in lower {
                if room.fits(wants) {
                    break;
                }
                room.give(&pod.placement);
                if pod.deletion.is_none() {
                    victims.push((*name).clone());
                }
            }
            if room.fits(wants) && best.as_ref().is_none_or(|(count, ..)| victims.len() < *count) {
                best = Some((victims.len(), name, victims));
            }
        }
        best.map(|(_, _, victims)| victims).unwrap_or_default()
    }
}

fn count_key(namespace: &str, selector: &Selector, topology: &str) -> String {
    format!("{namespace}\n{topology}\n{:?}", (&selector.labels, &selector.expressions))
}

impl Room {
    fn take(&mut self, wants: &Placement) {
        self.cpu = self.cpu.saturating_sub(wants.cpu);
        self.memory = self.memory.saturating_sub(wants.memory);
        self.pods = self.pods.saturating_sub(1);
        self.ports.extend(&wants.host_ports);
    }

    fn give(&mut self, wants: &Placement) {
        self.cpu += wants.cpu;
        self.memory += wants.memory;
        self.pods += 1;
        wants.host_ports.iter().for_each(|port| {
            self.ports.remove(port);
        });
    }

    fn fits(&self, wants: &Placement) -> bool {
        self.pods > 0
            && self.cpu >= wants.cpu
            && self.memory >= wants.memory
            && !wants.host_ports.iter().any(|port| self.ports.contains(port))
    }

    /// The larger, the emptier the node is afterwards (NodeResourcesFit, LeastAllocated).
    fn score(&self, node: &Node, wants: &Placement) -> u64 {
        let share = |left: u64, all: u64| left.saturating_mul(5000).checked_div(all).unwrap_or(0);
        share(self.cpu - wants.cpu, node.cpu) + share(self.memory - wants.memory, node.memory)
    }
}
