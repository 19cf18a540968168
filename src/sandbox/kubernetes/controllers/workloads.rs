//! Workload controllers: Deployments make ReplicaSets, and these, StatefulSets, DaemonSets and Jobs make pods.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::objects::{Key, Objects};
use super::index::{Index, Name, Phase, Pod, TEMPLATE};
use super::kubelet::jitter;
use super::placement::Placement;
use super::quantity::{Rounding, scaled};
use super::{delete_pod, kubelet};

/// Does what the workload controllers do once.
pub fn step(objects: &mut Objects, index: &mut Index, now: Timestamp) {
    for (key, deployment) in all(index, "deployments.apps") {
        deployed(objects, index, &key, &deployment, now);
    }
    index.sync(objects);
    for (key, set) in all(index, "replicasets.apps") {
        replicated(objects, index, &key, &set, now);
    }
    for (key, set) in all(index, "statefulsets.apps") {
        stateful(objects, index, &key, &set, now);
    }
    for (key, set) in all(index, "daemonsets.apps") {
        daemons(objects, index, &key, &set, now);
    }
    for (key, job) in all(index, "jobs.batch") {
        job_pods(objects, index, &key, &job, now);
    }
}

fn all(index: &Index, resource: &str) -> Vec<(Key, Value)> {
    let alive = index.of(resource).filter(|(_, it)| it["metadata"]["deletionTimestamp"].is_null());
    alive.map(|(key, it)| (key.clone(), it.clone())).collect()
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

fn replicas(object: &Value) -> u32 {
    u32::try_from(object["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap_or(u32::MAX)
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

fn deployed(objects: &mut Objects, index: &Index, key: &Key, deployment: &Value, now: Timestamp) {
    let wanted = replicas(deployment);
    let template = &deployment["spec"]["template"];
    let name = format!("{}-{}", key.name, template_hash(template));
    let own = index.of("replicasets.apps").filter(|(set, it)| {
        let owners = it["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        set.namespace == key.namespace && owners.into_iter().any(|owner| owner["uid"] == uid(deployment))
    });
    let own: Vec<(Key, Value)> = own.map(|(key, it)| (key.clone(), it.clone())).collect();
    let ready_of = |set: &Value| index.owned(uid(set)).filter(|(_, pod)| pod.counts() && pod.ready).count();
    let ready: u32 = own.iter().map(|(_, set)| u32::try_from(ready_of(set)).unwrap_or(0)).sum();
    let total: u32 = own.iter().map(|(_, set)| replicas(set)).sum();
    let strategy = &deployment["spec"]["strategy"];
    let recreate = strategy["type"] == "Recreate";
    let amount = |name: &str, rounding: Rounding| {
        scaled(&strategy["rollingUpdate"][name], wanted, rounding)
            .unwrap_or_else(|| scaled(&json!("25%"), wanted, rounding).unwrap_or(0))
    };
    let (surge, mut unavailable) = (amount("maxSurge", Rounding::Up), amount("maxUnavailable", Rounding::Down));
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let newest = own.iter().find(|(set, _)| set.name == name);
    let old: Vec<&(Key, Value)> = own.iter().filter(|(set, it)| set.name != name && replicas(it) > 0).collect();
    let current = newest.map_or(0, |(_, set)| replicas(set));
    let next = match (old.is_empty(), recreate) {
        (true, _) => wanted,
        (false, true) => 0,
        (false, false) => wanted.min(current + (wanted + surge).saturating_sub(total)),
    };
    match newest {
        Some((set, _)) => {
            objects.update(set, |set| set["spec"]["replicas"] = json!(next));
        }
        None => {
            let mut template = template.clone();
            let hash = name.rsplit('-').next().unwrap_or_default().to_owned();
            template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
            let mut selector = deployment["spec"]["selector"].clone();
            selector["matchLabels"]["pod-template-hash"] = json!(hash);
            let set = json!({
                "metadata": {
                    "labels": template["metadata"]["labels"], "generation": 1,
                    "ownerReferences": [owner("apps/v1", "Deployment", key, deployment)],
                },
                "spec": {"replicas": next, "selector": selector, "template": template},
                "status": {"replicas": 0},
            });
            objects.create(&Key::new("replicasets.apps", &key.namespace, &name), set, now);
        }
    }
    let mut spare = ready.saturating_sub(wanted.saturating_sub(unavailable));
    for (set, it) in old {
        let have = replicas(it);
        let unready = have.saturating_sub(u32::try_from(ready_of(it)).unwrap_or(0));
        let taken = if recreate { have } else { have.min(unready + spare) };
        spare = spare.saturating_sub(taken.saturating_sub(unready));
        objects.update(set, |set| set["spec"]["replicas"] = json!(have - taken));
    }
    let updated = newest.map_or(0, |(_, set)| index.owned(uid(set)).filter(|(_, pod)| pod.counts()).count());
    objects.update(key, |deployment| {
        let generation = deployment["metadata"]["generation"].clone();
        let status = json!({"observedGeneration": generation, "replicas": total, "updatedReplicas": updated,
                            "readyReplicas": ready, "availableReplicas": ready,
                            "unavailableReplicas": wanted.saturating_sub(ready)});
        let conditions = deployment["status"]["conditions"].take();
        deployment["status"] = status;
        deployment["status"]["conditions"] = conditions;
        let available = ready + unavailable >= wanted;
        kubelet::set_condition(deployment, "Available", if available { "True" } else { "False" }, "", "", now);
    });
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

fn replicated(objects: &mut Objects, index: &Index, key: &Key, set: &Value, now: Timestamp) {
    let wanted = usize::try_from(replicas(set)).unwrap_or(usize::MAX);
    let mut have: Vec<(&Name, &Pod)> = index.owned(uid(set)).filter(|(_, pod)| pod.counts()).collect();
    let template = &set["spec"]["template"];
    let missing = wanted.saturating_sub(have.len());
    if missing > 0 {
        let made = pod(objects, template, owner("apps/v1", "ReplicaSet", key, set), &[]);
        for _ in 0..missing {
            let number = objects.revision();
            let ending: String = template_hash(&json!([key.name, number])).chars().take(5).collect();
            let pod = Key::new("pods", &key.namespace, &format!("{}-{ending}", key.name));
            if objects.get(&pod).is_none() {
                objects.create(&pod, made.clone(), now);
            }
        }
    }
    if have.len() > wanted {
        // Those not placed, then not ready, then the youngest go first (ReplicaSet, "Scaling a ReplicaSet").
        have.sort_by_key(|(_, pod)| (pod.node.is_some(), pod.ready, std::cmp::Reverse(pod.created)));
        for (name, _) in have.iter().take(have.len() - wanted) {
            delete_pod(objects, &Key::new("pods", &name.0, &name.1), now);
        }
    }
    let ready = have.iter().filter(|(_, pod)| pod.ready).count();
    let count = have.len();
    objects.update(key, |set| {
        let generation = set["metadata"]["generation"].clone();
        set["status"] = json!({"observedGeneration": generation, "replicas": count, "fullyLabeledReplicas": count,
                               "readyReplicas": ready, "availableReplicas": ready});
    });
}

fn stateful(objects: &mut Objects, index: &Index, key: &Key, set: &Value, now: Timestamp) {
    let wanted = replicas(set);
    let template = &set["spec"]["template"];
    let hash = template_hash(template);
    let parallel = set["spec"]["podManagementPolicy"] == "Parallel";
    let mut ready = 0;
    let mut updated = 0;
    let mut complete = true;
    for number in 0..wanted {
        let name = format!("{}-{number}", key.name);
        let found = index.pods.get(&(key.namespace.clone(), name.clone()));
        match found {
            Some(pod) => {
                ready += u32::from(pod.ready && pod.deletion.is_none());
                updated += u32::from(pod.template == hash);
                if pod.phase == Phase::Ended {
                    delete_pod(objects, &Key::new("pods", &key.namespace, &name), now);
                }
                if !(parallel || pod.ready && pod.deletion.is_none()) {
                    complete = false;
                    break;
                }
            }
            None => {
                complete = false;
                let labels = [("statefulset.kubernetes.io/pod-name", name.as_str())];
                let made = pod(objects, template, owner("apps/v1", "StatefulSet", key, set), &labels);
                objects.create(&Key::new("pods", &key.namespace, &name), made, now);
                if !parallel {
                    break;
                }
            }
        }
    }
    let number_of = |name: &str| name.rsplit('-').next().and_then(|it| it.parse::<u32>().ok()).unwrap_or(0);
    let own: Vec<(&Name, &Pod)> = index.owned(uid(set)).filter(|(_, pod)| pod.deletion.is_none()).collect();
    let surplus =
        own.iter().filter(|(name, _)| number_of(&name.1) >= wanted).max_by_key(|(name, _)| number_of(&name.1));
    // The highest number first, one after the other.
    let stale =
        own.iter().filter(|(_, pod)| complete && pod.template != hash).max_by_key(|(name, _)| number_of(&name.1));
    if let Some((name, _)) = surplus.or(stale) {
        delete_pod(objects, &Key::new("pods", &name.0, &name.1), now);
    }
    objects.update(key, |set| {
        let generation = set["metadata"]["generation"].clone();
        set["status"] = json!({"observedGeneration": generation, "replicas": own.len(), "readyReplicas": ready,
                               "currentReplicas": ready, "availableReplicas": ready, "updatedReplicas": updated,
                               "updateRevision": format!("{}-{hash}", key.name)});
    });
}

/// What every pod of a `DaemonSet` bears (`DaemonSet`, "Taints and tolerations").
const BORNE: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

fn daemons(objects: &mut Objects, index: &Index, key: &Key, set: &Value, now: Timestamp) {
    let mut made = pod(objects, &set["spec"]["template"], owner("apps/v1", "DaemonSet", key, set), &[]);
    if !made["spec"]["tolerations"].is_array() {
        made["spec"]["tolerations"] = json!([]);
    }
    if let Some(tolerations) = made["spec"]["tolerations"].as_array_mut() {
        tolerations.extend(BORNE.map(|(key, effect)| json!({"key": key, "operator": "Exists", "effect": effect})));
    }
    let placement = Placement::read(&made);
    let hash = made["metadata"]["annotations"][TEMPLATE].as_str().unwrap_or_default().to_owned();
    let mut there: BTreeSet<&str> = BTreeSet::new();
    let (mut ready, mut updated) = (0, 0);
    let mut stale = Vec::new();
    for (name, pod) in index.owned(uid(set)) {
        let Some(node) = &pod.node else { continue };
        if pod.is_active() {
            there.insert(node);
        }
        ready += u32::from(pod.counts() && pod.ready);
        updated += u32::from(pod.template == hash);
        if pod.template != hash && pod.deletion.is_none() {
            stale.push(name);
        }
    }
    let fits = |(name, node): &(&String, &super::index::Node)| {
        // The scheduler keeps them off nodes that are not Ready by a taint; here they come when their node is.
        placement.likes(name, &node.labels) && placement.untolerated(node).is_none()
    };
    let nodes: Vec<&String> = index.nodes.iter().filter(fits).map(|(name, _)| name).collect();
    let wanted = nodes.len();
    for node in nodes.into_iter().filter(|node| !there.contains(node.as_str())) {
        let ending: String = template_hash(&json!([key.name, node, objects.revision()])).chars().take(5).collect();
        let mut pod = made.clone();
        pod["spec"]["nodeName"] = json!(node);
        kubelet::set_condition(&mut pod, "PodScheduled", "True", "", "", now);
        let name = Key::new("pods", &key.namespace, &format!("{}-{ending}", key.name));
        if objects.get(&name).is_none() {
            objects.create(&name, pod, now);
        }
    }
    // `maxUnavailable` is 1 unless somebody said otherwise.
    if usize::try_from(ready).unwrap_or(0) >= wanted && set["spec"]["updateStrategy"]["type"] != "OnDelete" {
        for name in stale.iter().take(1) {
            delete_pod(objects, &Key::new("pods", &name.0, &name.1), now);
        }
    }
    objects.update(key, |set| {
        let generation = set["metadata"]["generation"].clone();
        set["status"] = json!({"observedGeneration": generation, "desiredNumberScheduled": wanted,
                               "currentNumberScheduled": there.len(), "numberReady": ready, "numberAvailable": ready,
                               "updatedNumberScheduled": updated, "numberMisscheduled": 0});
    });
}

fn job_pods(objects: &mut Objects, index: &Index, key: &Key, job: &Value, now: Timestamp) {
    let wanted = usize::try_from(job["spec"]["completions"].as_u64().unwrap_or(1)).unwrap_or(1);
    let width = usize::try_from(job["spec"]["parallelism"].as_u64().unwrap_or(1)).unwrap_or(1);
    let done = index.owned(uid(job)).filter(|(_, pod)| pod.phase == Phase::Ended && pod.deletion.is_none()).count();
    let active = index.owned(uid(job)).filter(|(_, pod)| pod.counts()).count();
    let made = pod(objects, &job["spec"]["template"], owner("batch/v1", "Job", key, job), &[("job-name", &key.name)]);
    for _ in active..width.min(wanted.saturating_sub(done)).max(active) {
        let ending: String = template_hash(&json!([key.name, objects.revision()])).chars().take(5).collect();
        let name = Key::new("pods", &key.namespace, &format!("{}-{ending}", key.name));
        if objects.get(&name).is_none() {
            objects.create(&name, made.clone(), now);
        }
    }
    objects.update(key, |job| {
        job["status"]["active"] = json!(active);
        job["status"]["succeeded"] = json!(done);
        if done >= wanted {
            kubelet::set_condition(job, "Complete", "True", "", "", now);
        }
    });
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
