//! What is owned by something that is gone goes, too; what is deleted in the foreground goes after what it owns.
//!
//! Source: Kubernetes documentation, "Garbage Collection" and "Use Cascading Deletion in a Cluster". Pods of workloads are
//! collected in `collect`, mirror pods not at all.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::api::FOREGROUND;
use super::super::objects::{Key, Objects, time};
use super::delete_pod;
use super::index::Index;

/// What may wait for what it owns.
const WAITING: [&str; 5] =
    ["deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch"];

/// Uids of an object's owners.
pub fn owners(object: &Value) -> impl Iterator<Item = &str> {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.filter_map(|it| it["uid"].as_str())
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|all| all.iter().any(|it| it == name))
}

fn is_held(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|it| !it.is_empty())
}

/// Deletes an object as a client without wishes would.
pub fn delete(objects: &mut Objects, key: &Key, now: Timestamp) {
    let Some(object) = objects.get(key) else { return };
    if key.resource == "pods" {
        delete_pod(objects, key, now);
    } else if is_held(object) {
        objects.update(key, |object| begin(object, now));
    } else {
        objects.remove(key);
    }
}

fn begin(object: &mut Value, now: Timestamp) {
    if object["metadata"]["deletionTimestamp"].is_null() {
        object["metadata"]["deletionTimestamp"] = json!(time(now));
        object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    }
}

/// Takes a finalizer off, and the object away if it waited for that only.
pub fn let_go(objects: &mut Objects, key: &Key, finalizer: &str) {
    objects.update(key, |object| {
        let left = object["metadata"]["finalizers"].as_array_mut().map(|all| {
            all.retain(|it| it != finalizer);
            all.len()
        });
        if left == Some(0)
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.shift_remove("finalizers");
        }
    });
    let over = objects.get(key).is_some_and(|it| !it["metadata"]["deletionTimestamp"].is_null() && !is_held(it));
    if over {
        objects.remove(key);
    }
}

/// Does what is to be done once.
pub fn step(objects: &mut Objects, index: &mut Index, now: Timestamp) {
    foreground(objects, index, now);
    let gone = std::mem::take(&mut index.gone);
    let unswept = std::mem::take(&mut index.unswept);
    if !unswept && gone.is_empty() {
        return;
    }
    let touched = |object: &Value| owners(object).any(|uid| unswept || gone.contains(uid));
    let candidates = objects.all().filter(|(key, object)| touched(object) && !is_elsewhere(key, object));
    let candidates: Vec<(Key, Vec<String>)> =
        candidates.map(|(key, object)| (key.clone(), owners(object).map(str::to_owned).collect())).collect();
    if candidates.is_empty() {
        return;
    }
    let living: BTreeSet<&str> = objects.all().filter_map(|(_, it)| it["metadata"]["uid"].as_str()).collect();
    let orphans = candidates.into_iter().filter(|(_, owners)| !owners.iter().any(|uid| living.contains(uid.as_str())));
    let orphans: Vec<Key> = orphans.map(|(key, _)| key).collect();
    for key in orphans {
        delete(objects, &key, now);
    }
}

/// Pods of workloads and of nodes.
fn is_elsewhere(key: &Key, object: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let kinds = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Node"];
    key.resource == "pods" && owners.into_iter().any(|it| it["kind"].as_str().is_some_and(|it| kinds.contains(&it)))
}

fn foreground(objects: &mut Objects, index: &Index, now: Timestamp) {
    let waiting = WAITING.iter().flat_map(|it| index.of(it)).filter(|(_, it)| has_finalizer(it, FOREGROUND));
    let waiting: Vec<(Key, String)> = waiting
        .filter(|(_, it)| !it["metadata"]["deletionTimestamp"].is_null())
        .map(|(key, it)| (key.clone(), it["metadata"]["uid"].as_str().unwrap_or_default().to_owned()))
        .collect();
    for (key, uid) in waiting {
        let owned = objects.all().filter(|(_, it)| owners(it).any(|owner| owner == uid));
        let owned: Vec<(Key, bool)> =
            owned.map(|(key, it)| (key.clone(), it["metadata"]["deletionTimestamp"].is_null())).collect();
        if owned.is_empty() {
            let_go(objects, &key, FOREGROUND);
        }
        for (key, _) in owned.into_iter().filter(|(_, living)| *living) {
            if WAITING.contains(&key.resource.as_str()) {
                objects.update(&key, |object| {
                    begin(object, now);
                    object["metadata"]["finalizers"] = json!([FOREGROUND]);
                });
            } else {
                delete(objects, &key, now);
            }
        }
    }
}
