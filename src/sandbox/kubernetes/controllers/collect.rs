//! Garbage: pods of nodes that are gone, and objects whose owners are.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::objects::{Key, Objects, time};
use super::index::Index;
use super::later;
use super::owners::owners;

/// Seconds between two looks for pods of nodes that are gone (podgc, `gcCheckPeriod`).
const PERIOD: i64 = 20;

/// When it looks next, if there is something to find.
#[must_use]
pub fn next(index: &Index, now: Timestamp) -> Option<Timestamp> {
    let orphans = index.on_node.iter().any(|(node, pods)| !pods.is_empty() && !index.nodes.contains_key(node));
    let second = now.as_second();
    orphans.then(|| Timestamp::from_second(second - second.rem_euclid(PERIOD) + PERIOD).unwrap_or(Timestamp::MAX))
}

/// Takes away pods of nodes that are gone: nobody stops them, so they go at once. Finalizers hold them.
pub fn pods(objects: &mut Objects, index: &Index, now: Timestamp) {
    let orphaned = index.on_node.iter().filter(|(node, _)| !index.nodes.contains_key(*node));
    let mut keys: Vec<Key> =
        orphaned.flat_map(|(_, pods)| pods.iter().map(|(namespace, name)| Key::new("pods", namespace, name))).collect();
    keys.sort();
    for key in keys {
        let held = index.pods.get(&(key.namespace.clone(), key.name.clone())).is_some_and(|pod| pod.held);
        if held {
            objects.update(&key, |pod| {
                if pod["metadata"]["deletionTimestamp"].is_null() {
                    pod["metadata"]["deletionTimestamp"] = time(now).into();
                    pod["metadata"]["deletionGracePeriodSeconds"] = 0.into();
                }
                pod["status"]["phase"] = "Failed".into();
            });
        } else {
            objects.remove(&key);
        }
    }
}

/// Takes away what is owned by something that is gone, and pods whose deletion nothing holds any more.
pub fn owned(objects: &mut Objects, index: &Index, now: Timestamp) {
    let resources = ["deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch"];
    let uids: BTreeSet<&str> =
        resources.iter().flat_map(|it| index.of(it)).filter_map(|(_, it)| it["metadata"]["uid"].as_str()).collect();
    for (uid, pods) in &index.by_owner {
        if uids.contains(uid.as_str()) {
            continue;
        }
        for name in pods {
            let Some(pod) = index.pods.get(name) else { continue };
            let kind = pod.owner.as_ref().map(|it| it.0.as_str());
            let known = matches!(kind, Some("ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job"));
            if known && pod.deletion.is_none() {
                super::delete_pod(objects, &Key::new("pods", &name.0, &name.1), now);
            }
        }
    }
    let orphan_sets = index.of("replicasets.apps").filter(|(_, set)| {
        let mut owners = owners(set).peekable();
        owners.peek().is_some() && !owners.any(|uid| uids.contains(uid))
    });
    let keys: Vec<Key> = orphan_sets.map(|(key, _)| key.clone()).collect();
    for key in keys {
        objects.remove(&key);
    }
    // A finalizer was taken off, or the pod never had a node.
    let over = index.pods.iter().filter(|(_, pod)| {
        pod.deletion.is_some_and(|at| !pod.held && (pod.stopped || pod.node.is_none() && later(at, pod.grace) <= now))
    });
    let keys: Vec<Key> = over.map(|(name, _)| Key::new("pods", &name.0, &name.1)).collect();
    for key in keys {
        objects.remove(&key);
    }
}
