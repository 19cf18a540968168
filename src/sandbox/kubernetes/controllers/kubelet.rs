//! Kubelets: placed pods start, deleted pods stop, each after seconds of its own that its uid decides.
//!
//! Whether a node's kubelet runs is no matter of this file: only pods of Ready nodes are moved.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::objects::{Key, Objects, time};
use super::index::{Index, Name, Phase, Pod};
use super::later;

/// Seconds that a job's pod runs.
const JOB: (i64, i64) = (20, 60);

/// A number within a range that a text decides: the same for the same text.
#[must_use]
pub fn jitter(text: &str, salt: u64, (from, to): (i64, i64)) -> i64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let hash = text.bytes().fold(start ^ salt, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let span = u64::try_from(to - from).unwrap_or(0) + 1;
    from + i64::try_from(super::super::super::world::mix(hash) % span).unwrap_or(0)
}

/// When its kubelet does something for a pod.
#[must_use]
pub fn next(pod: &Pod) -> Option<Timestamp> {
    if pod.mirror || pod.stopped {
        return None;
    }
    if let Some(asked) = pod.deletion {
        let own = jitter(&pod.uid, 2, pod.stop);
        return Some(later(asked, own.min(pod.grace).max(0)));
    }
    match pod.phase {
        Phase::Pending => pod.placed.map(|at| later(at, jitter(&pod.uid, 1, pod.start))),
        Phase::Running if pod.ends => pod.placed.map(|at| later(at, pod.start.1 + jitter(&pod.uid, 3, JOB))),
        // Its node had been given up, and is back.
        Phase::Running if !pod.ready => pod.placed.map(|at| later(at, jitter(&pod.uid, 1, pod.start))),
        _ => None,
    }
}

/// Does what is due.
pub fn step(objects: &mut Objects, index: &Index, now: Timestamp) {
    let due: Vec<Name> = index.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, name)| name.clone()).collect();
    for name in due {
        let Some(pod) = index.pods.get(&name) else { continue };
        let key = Key::new("pods", &name.0, &name.1);
        if pod.deletion.is_some() {
            if pod.held {
                objects.update(&key, |object| stopped(object, now));
            } else {
                objects.remove(&key);
            }
        } else if pod.phase == Phase::Running && pod.ends {
            objects.update(&key, |object| ended(object, now));
        } else {
            objects.update(&key, |object| running(object, now));
        }
    }
}

/// Makes a pod Running and Ready.
pub fn running(pod: &mut Value, now: Timestamp) {
    let names: Vec<String> = container_names(pod);
    let since = time(now);
    pod["status"]["phase"] = json!("Running");
    if pod["status"]["startTime"].is_null() {
        pod["status"]["startTime"] = json!(since);
    }
    pod["status"]["containerStatuses"] = names
        .iter()
        .map(|name| {
            json!({"name": name, "ready": true, "started": true, "restartCount": 0, "image": "", "imageID": "",
                   "state": {"running": {"startedAt": since}}})
        })
        .collect();
    for condition in ["Initialized", "ContainersReady", "Ready"] {
        set_condition(pod, condition, "True", "", "", now);
    }
}

fn container_names(pod: &Value) -> Vec<String> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.filter_map(|it| it["name"].as_str().map(str::to_owned)).collect()
}

fn stopped(pod: &mut Value, now: Timestamp) {
    pod["metadata"]["annotations"]["sandbox.windlass.dev/stopped"] = json!(time(now));
    set_condition(pod, "Ready", "False", "PodCompleted", "", now);
}

fn ended(pod: &mut Value, now: Timestamp) {
    pod["status"]["phase"] = json!("Succeeded");
    set_condition(pod, "Ready", "False", "PodCompleted", "", now);
}

/// Sets a condition; its moment is that of its last change of status.
pub fn set_condition(object: &mut Value, name: &str, status: &str, reason: &str, message: &str, now: Timestamp) {
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let Some(conditions) = object["status"]["conditions"].as_array_mut() else { return };
    let mut wanted = json!({"type": name, "status": status, "lastTransitionTime": time(now)});
    if !reason.is_empty() {
        wanted["reason"] = json!(reason);
    }
    if !message.is_empty() {
        wanted["message"] = json!(message);
    }
    match conditions.iter_mut().find(|it| it["type"] == name) {
        Some(found) => {
            if found["status"] == wanted["status"] {
                wanted["lastTransitionTime"] = found["lastTransitionTime"].clone();
            }
            *found = wanted;
        }
        None => conditions.push(wanted),
    }
}
