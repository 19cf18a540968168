//! Workload controllers: Deployments make ReplicaSets, and these, StatefulSets, DaemonSets and Jobs make pods. A changed
//! template replaces pods at the pace of each kind's strategy.

mod daemon_set;
mod deployment;
mod job;
mod queue;
mod replica_set;
mod stateful_set;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::objects::{Key, Objects};
use super::index::{Index, Pod, Raw, TEMPLATE};
use super::kubelet::jitter;
use super::owners::owners;
use super::{later, note};
pub use queue::Queue;

/// Who writes what is known of workloads.
const MANAGER: &str = "kube-controller-manager";

/// What a controller does once for a workload of its kind; when something is due for it although nothing changes.
type Step = fn(&mut Objects, &Index, (&Key, &Value), Timestamp) -> Option<Timestamp>;

const DAEMON_SETS: &str = "daemonsets.apps";

/// Those that make pods, in their turn.
const STEPS: [(&str, Step); 4] = [
    ("replicasets.apps", replica_set::step),
    ("statefulsets.apps", stateful_set::step),
    (DAEMON_SETS, daemon_set::step),
    ("jobs.batch", job::step),
];

/// Does what the workload controllers do once; the next moment at which something is due although nothing changes.
pub fn step(objects: &mut Objects, index: &mut Index, now: Timestamp) -> Option<Timestamp> {
    let mut queue = index.queue.take(now);
    let sets = Sets::of(index);
    // The pods of a ReplicaSet are its Deployment's.
    let above = sets.0.iter().filter(|(_, own)| own.iter().any(|(_, set)| queue.has(set)));
    let above: Vec<&str> = above.map(|(owner, _)| owner.as_str()).collect();
    above.into_iter().for_each(|owner| queue.add(owner));
    for (key, deployment) in all(index, "deployments.apps").filter(|(_, it)| queue.has(it)) {
        let next = deployment::step(objects, (index, &sets), (&key, &deployment), now);
        index.queue.put_off(uid(&deployment), next);
    }
    index.sync(objects);
    // What Deployments have just changed stays in the queue: they look at it again.
    queue = queue.with(&index.queue);
    for (resource, step) in STEPS {
        let all_of_them = resource == DAEMON_SETS && queue.has_nodes();
        for (key, workload) in all(index, resource).filter(|(_, it)| all_of_them || queue.has(it)) {
            let next = step(objects, index, (&key, &workload), now);
            index.queue.put_off(uid(&workload), next);
        }
    }
    index.queue.next()
}

/// ReplicaSets by the uid of their owner.
#[derive(Debug, Default)]
struct Sets(BTreeMap<String, Vec<(Key, Raw)>>);

impl Sets {
    fn of(index: &Index) -> Self {
        let mut sets = Self::default();
        for (key, set) in index.shared("replicasets.apps") {
            for owner in owners(set) {
                sets.0.entry(owner.to_owned()).or_default().push((key.clone(), Arc::clone(set)));
            }
        }
        sets
    }

    /// Those of a Deployment.
    fn owned(&self, key: &Key, deployment: &Value) -> Vec<(Key, Raw)> {
        let own = self.0.get(uid(deployment)).into_iter().flatten();
        own.filter(|(set, _)| set.namespace == key.namespace).cloned().collect()
    }
}

/// All of a kind that are not on their way out.
fn all(index: &Index, resource: &str) -> impl Iterator<Item = (Key, Raw)> + use<> {
    let alive = index.shared(resource).filter(|(_, it)| it["metadata"]["deletionTimestamp"].is_null());
    alive.map(|(key, it)| (key.clone(), Arc::clone(it))).collect::<Vec<_>>().into_iter()
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

fn replicas(object: &Value) -> u32 {
    u32::try_from(object["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap_or(u32::MAX)
}

/// As many as there are, for a status.
fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// Digest of a pod template, as a name's last part.
#[must_use]
pub fn template_hash(template: &Value) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = template.to_string();
    (0..8)
        .map(|place| {
            let letter = jitter(&text, 100 + place, (0, 26));
            char::from(LETTERS[usize::try_from(letter).unwrap_or(0)])
        })
        .collect()
}

/// Five letters that tell one pod of a workload from the next.
fn ending(of: &Value) -> String {
    template_hash(of).chars().take(5).collect()
}

/// Since when pods count as available: `minReadySeconds` after they are ready.
#[derive(Clone, Copy, Debug)]
struct Availability {
    least: i64,
    now: Timestamp,
}

impl Availability {
    fn of(workload: &Value, now: Timestamp) -> Self {
        Self { least: workload["spec"]["minReadySeconds"].as_i64().unwrap_or(0), now }
    }

    fn since(self, pod: &Pod) -> Option<Timestamp> {
        if !(pod.counts() && pod.ready) {
            return None;
        }
        Some(pod.ready_since.map_or(self.now, |since| later(since, self.least)))
    }

    fn has(self, pod: &Pod) -> bool {
        pod.counts() && pod.ready && (self.least <= 0 || self.since(pod).is_some_and(|since| since <= self.now))
    }

    /// When the next of them becomes available.
    fn next<'p>(self, pods: impl Iterator<Item = &'p Pod>) -> Option<Timestamp> {
        if self.least <= 0 {
            return None;
        }
        pods.filter_map(|pod| self.since(pod)).filter(|since| *since > self.now).min()
    }
}

/// Writes a status in the name of the controller manager.
fn report(objects: &mut Objects, key: &Key, now: Timestamp, change: impl FnOnce(&mut Value)) {
    note::as_manager(objects, key, (MANAGER, "status"), now, change);
}

fn owner(version: &str, kind: &str, key: &Key, object: &Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "name": key.name, "uid": uid(object), "controller": true,
           "blockOwnerDeletion": true})
}

/// A pod of a template.
fn pod(objects: &Objects, template: &Value, owner: Value, labels: &[(&str, &str)]) -> Value {
    let mut pod = json!({"metadata": template["metadata"], "spec": template["spec"]});
    if !pod["metadata"].is_object() {
        pod["metadata"] = json!({});
    }
    pod["metadata"]["ownerReferences"] = json!([owner]);
    for (key, value) in labels {
        pod["metadata"]["labels"][*key] = json!(value);
    }
    pod["metadata"]["annotations"][TEMPLATE] = json!(template_hash(template));
    let class = pod["spec"]["priorityClassName"].as_str().unwrap_or_default().to_owned();
    if pod["spec"]["priority"].is_null() && !class.is_empty() {
        let class = objects.get(&Key::new("priorityclasses.scheduling.k8s.io", "", &class));
        pod["spec"]["priority"] = class.map_or(json!(0), |it| it["value"].clone());
    }
    if pod["spec"]["terminationGracePeriodSeconds"].is_null() {
        pod["spec"]["terminationGracePeriodSeconds"] = json!(30);
    }
    pod["status"] = json!({"phase": "Pending"});
    pod
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_told_by_its_hash() {
        let one = template_hash(&json!({"spec": {"image": "a:1"}}));
        assert_eq!(one, template_hash(&json!({"spec": {"image": "a:1"}})));
        assert_ne!(one, template_hash(&json!({"spec": {"image": "a:2"}})));
        assert_eq!(one.len(), 8);
    }
}
