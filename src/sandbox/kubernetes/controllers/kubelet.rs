//! Kubelets: placed pods start, deleted pods stop, each after seconds of its own that its uid decides.
//!
//! Whether a node's kubelet runs is no matter of this file: only pods of Ready nodes are moved.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::objects::{Key, Objects, time};
use super::index::{BROKEN, Index, Name, Phase, Pod};
use super::later;

/// Seconds that a job's pod runs.
const JOB: (i64, i64) = (20, 60);

/// A number within a range that a text decides: the same for the same text.
#[must_use]
pub fn jitter(text: &str, salt: u64, (from, to): (i64, i64)) -> i64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let hash = text.bytes().fold(start ^ salt, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let span = u64::try_from(to - from).unwrap_or(0) + 1;
    from + i64::try_from(crate::mix::mix(hash) % span).unwrap_or(0)
}

/// When its kubelet does something for a pod; `network`: whether its node has one for pods.
#[must_use]
pub fn next(pod: &Pod, network: bool) -> Option<Timestamp> {
    if pod.mirror || pod.stopped {
        return None;
    }
    if let Some(asked) = pod.deletion {
        let own = jitter(&pod.uid, 2, pod.stop);
        return Some(later(asked, own.min(pod.grace).max(0)));
    }
    match pod.phase {
        // It waits for somebody to do something, and has said so.
        Phase::Pending if pod.waiting && (pod.broken || !network && !pod.host_network) => None,
        Phase::Pending if !network && !pod.host_network => pod.placed.map(|at| later(at, 1)),
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
        } else if pod.phase == Phase::Pending && pod.broken {
            objects.update(&key, |object| waits_for_image(object, now));
        } else if pod.phase == Phase::Pending && !pod.host_network && on_networkless(index, pod) {
            objects.update(&key, |object| waits(object, "ContainerCreating", |_| String::new(), now));
        } else {
            objects.update(&key, |object| running(object, now));
        }
    }
}

fn on_networkless(index: &Index, pod: &Pod) -> bool {
    pod.node.as_ref().and_then(|node| index.nodes.get(node)).is_some_and(|node| node.networkless)
}

/// An image cannot be pulled: its container waits for ever, and the pod with it.
fn waits_for_image(pod: &mut Value, now: Timestamp) {
    let back_off = |image: &str| {
        if image.contains(BROKEN) { format!("Back-off pulling image {image:?}") } else { String::new() }
    };
    waits(pod, "ImagePullBackOff", back_off, now);
}

/// No container has started; `message` of an image, empty for those that nothing is wrong with.
fn waits(pod: &mut Value, reason: &str, message: impl Fn(&str) -> String, now: Timestamp) {
    if pod["status"]["startTime"].is_null() {
        pod["status"]["startTime"] = json!(time(now));
    }
    let mut unready = Vec::new();
    for (list, statuses) in [("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")] {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        let told: Vec<Value> = containers
            .map(|it| {
                let image = it["image"].as_str().unwrap_or_default();
                let mut waiting = json!({"reason": reason});
                let why = message(image);
                if why.is_empty() {
                    waiting["reason"] = json!("ContainerCreating");
                } else {
                    waiting["message"] = json!(why);
                }
                json!({"name": it["name"], "ready": false, "started": false, "restartCount": 0, "image": image,
                       "imageID": "", "state": {"waiting": waiting}})
            })
            .collect();
        unready.extend(told.iter().filter_map(|it| it["name"].as_str().map(str::to_owned)));
        if !told.is_empty() {
            pod["status"][statuses] = json!(told);
        }
    }
    let why = format!("containers with unready status: [{}]", unready.join(" "));
    for condition in ["ContainersReady", "Ready"] {
        set_condition(pod, condition, "False", "ContainersNotReady", &why, now);
    }
}

/// Makes a pod Running and Ready.
pub fn running(pod: &mut Value, now: Timestamp) {
    let names = container_names(pod);
    let since = time(now);
    pod["status"]["phase"] = json!("Running");
    if pod["status"]["startTime"].is_null() {
        pod["status"]["startTime"] = json!(since);
    }
    pod["status"]["containerStatuses"] = names
        .iter()
        .map(|(name, image)| {
            json!({"name": name, "ready": true, "started": true, "restartCount": 0, "image": image, "imageID": "",
                   "state": {"running": {"startedAt": since}}})
        })
        .collect();
    if let Some(status) = pod["status"].as_object_mut() {
        // What it waited for before it ran.
        status.remove("initContainerStatuses");
    }
    for condition in ["Initialized", "ContainersReady", "Ready"] {
        set_condition(pod, condition, "True", "", "", now);
    }
}

/// Names and images of its containers.
fn container_names(pod: &Value) -> Vec<(String, String)> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let image = |it: &Value| it["image"].as_str().unwrap_or_default().to_owned();
    containers.filter_map(|it| Some((it["name"].as_str()?.to_owned(), image(it)))).collect()
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
