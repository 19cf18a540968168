//! DaemonSets: a pod on every node that they may be on; a changed template replaces them node by node.
//!
//! `maxSurge` is not followed: the old pod goes before the new one comes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::objects::{Key, Objects};
use super::super::index::{Index, Name, Node, Phase, Pod, TEMPLATE};
use super::super::placement::Placement;
use super::super::quantity::{Rounding, scaled};
use super::super::{REACTION, delete_pod, kubelet, later};
use super::{Availability, count, ending, owner, pod, report, uid};

/// What every pod of a `DaemonSet` bears (`DaemonSet`, "Taints and tolerations").
const BORNE: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

pub fn step(objects: &mut Objects, index: &Index, (key, set): (&Key, &Value), now: Timestamp) -> Option<Timestamp> {
    let mut made = pod(objects, &set["spec"]["template"], owner("apps/v1", "DaemonSet", key, set), &[]);
    if !made["spec"]["tolerations"].is_array() {
        made["spec"]["tolerations"] = json!([]);
    }
    if let Some(tolerations) = made["spec"]["tolerations"].as_array_mut() {
        tolerations.extend(BORNE.map(|(key, effect)| json!({"key": key, "operator": "Exists", "effect": effect})));
    }
    let placement = Placement::read(&made);
    let hash = made["metadata"]["annotations"][TEMPLATE].as_str().unwrap_or_default().to_owned();
    let fits = |(name, node): &(&String, &Node)| {
        // The scheduler keeps them off nodes that are not Ready by a taint; here they come when their node is.
        placement.likes(name, &node.labels) && placement.untolerated(node).is_none()
    };
    let nodes: BTreeSet<&str> = index.nodes.iter().filter(fits).map(|(name, _)| name.as_str()).collect();
    let counting = Availability::of(set, now);
    let mut there: BTreeSet<&str> = BTreeSet::new();
    let mut on: BTreeMap<&str, bool> = BTreeMap::new();
    let own: Vec<(&Name, &Pod)> = index.owned(uid(set)).filter(|(_, pod)| pod.node.is_some()).collect();
    for (name, pod) in &own {
        let Some(node) = pod.node.as_deref() else { continue };
        if pod.is_active() {
            there.insert(node);
        }
        *on.entry(node).or_default() |= counting.has(pod);
        let unwanted = index.nodes.get(node).is_some_and(|it| !placement.likes(node, &it.labels));
        if pod.deletion.is_none() && (pod.phase == Phase::Ended || unwanted) {
            delete_pod(objects, &Key::new("pods", &name.0, &name.1), now);
        }
    }
    let mut again = None;
    for node in nodes.iter().filter(|node| !there.contains(**node)) {
        let mut pod = made.clone();
        pod["spec"]["nodeName"] = json!(node);
        kubelet::set_condition(&mut pod, "PodScheduled", "True", "", "", now);
        let name = format!("{}-{}", key.name, ending(&json!([key.name, node, objects.revision()])));
        let name = Key::new("pods", &key.namespace, &name);
        if objects.get(&name).is_none() {
            objects.create(&name, pod, now);
        } else {
            again = Some(later(now, REACTION));
        }
    }
    let strategy = &set["spec"]["updateStrategy"];
    let wanted = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    if strategy["type"] != "OnDelete" {
        let most = scaled(&strategy["rollingUpdate"]["maxUnavailable"], wanted, Rounding::Up).unwrap_or(1).max(1);
        let missing = count(nodes.iter().filter(|node| !on.get(**node).copied().unwrap_or(false)));
        let mut spare = most.saturating_sub(missing);
        let stale = own.iter().filter(|(_, pod)| pod.counts() && pod.template != hash);
        for (name, pod) in stale {
            // One that is not there for anybody costs nothing.
            if counting.has(pod) {
                if spare == 0 {
                    continue;
                }
                spare -= 1;
            }
            delete_pod(objects, &Key::new("pods", &name.0, &name.1), now);
        }
    }
    let is_wanted = |pod: &Pod| pod.node.as_deref().is_some_and(|node| nodes.contains(node));
    let ready = count(own.iter().filter(|(_, pod)| pod.counts() && pod.ready));
    let available = count(own.iter().filter(|(_, pod)| counting.has(pod)));
    let updated = count(own.iter().filter(|(_, pod)| pod.counts() && pod.template == hash));
    let misplaced = count(own.iter().filter(|(_, pod)| pod.is_active() && !is_wanted(pod)));
    report(objects, key, now, |set| {
        let generation = set["metadata"]["generation"].clone();
        set["status"] = json!({"observedGeneration": generation, "desiredNumberScheduled": wanted,
                               "currentNumberScheduled": there.len(), "numberReady": ready,
                               "numberAvailable": available, "numberUnavailable": wanted.saturating_sub(available),
                               "updatedNumberScheduled": updated, "numberMisscheduled": misplaced});
    });
    again.into_iter().chain(counting.next(own.iter().map(|(_, pod)| *pod))).min()
}
