//! ReplicaSets: as many pods as they want.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::objects::{Key, Objects};
use super::super::index::{Index, Name, Pod};
use super::super::{REACTION, delete_pod, later};
use super::{Availability, ending, owner, pod, replicas, report, uid};

pub fn step(objects: &mut Objects, index: &Index, (key, set): (&Key, &Value), now: Timestamp) -> Option<Timestamp> {
    let wanted = usize::try_from(replicas(set)).unwrap_or(usize::MAX);
    let mut have: Vec<(&Name, &Pod)> = index.owned(uid(set)).filter(|(_, pod)| pod.counts()).collect();
    let template = &set["spec"]["template"];
    let missing = wanted.saturating_sub(have.len());
    let mut again = None;
    if missing > 0 {
        let made = pod(objects, template, owner("apps/v1", "ReplicaSet", key, set), &[]);
        for _ in 0..missing {
            let number = objects.revision();
            let name = format!("{}-{}", key.name, ending(&json!([key.name, number])));
            let pod = Key::new("pods", &key.namespace, &name);
            if objects.get(&pod).is_none() {
                objects.create(&pod, made.clone(), now);
            } else {
                again = Some(later(now, REACTION));
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
    let counting = Availability::of(set, now);
    let available = have.iter().filter(|(_, pod)| counting.has(pod)).count();
    let count = have.len();
    report(objects, key, now, |set| {
        let generation = set["metadata"]["generation"].clone();
        set["status"] = json!({"observedGeneration": generation, "replicas": count, "fullyLabeledReplicas": count,
                               "readyReplicas": ready, "availableReplicas": available});
    });
    again.into_iter().chain(counting.next(have.iter().map(|(_, pod)| *pod))).min()
}
