//! StatefulSets: pods with numbers, made one after the other and replaced from the highest number on, each with claims of
//! its own.
//!
//! As in life, an update waits for a pod that never becomes ready, even when the template is put right again: somebody
//! has to delete that pod ("Forced rollback" in the documentation).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::api;
use super::super::super::objects::{Key, Objects};
use super::super::delete_pod;
use super::super::index::{Index, Name, Phase, Pod};
use super::{Availability, count, owner, pod, replicas, report, template_hash, uid};

pub fn step(objects: &mut Objects, index: &Index, (key, set): (&Key, &Value), now: Timestamp) -> Option<Timestamp> {
    let wanted = replicas(set);
    let template = &set["spec"]["template"];
    let hash = template_hash(template);
    let parallel = set["spec"]["podManagementPolicy"] == "Parallel";
    let counting = Availability::of(set, now);
    let mut complete = true;
    for number in 0..wanted {
        let name = format!("{}-{number}", key.name);
        let found = index.pods.get(&(key.namespace.clone(), name.clone()));
        match found {
            Some(pod) => {
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
                let labels = [
                    ("statefulset.kubernetes.io/pod-name", name.as_str()),
                    ("apps.kubernetes.io/pod-index", &number.to_string()),
                ];
                let mut made = pod(objects, template, owner("apps/v1", "StatefulSet", key, set), &labels);
                claims(objects, (key, set), &name, &mut made, now);
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
    let strategy = &set["spec"]["updateStrategy"];
    let first = u32::try_from(strategy["rollingUpdate"]["partition"].as_u64().unwrap_or(0)).unwrap_or(u32::MAX);
    let rolls = complete && strategy["type"] != "OnDelete";
    // The highest number first, one after the other.
    let stale = own
        .iter()
        .filter(|(name, pod)| rolls && pod.template != hash && number_of(&name.1) >= first)
        .max_by_key(|(name, _)| number_of(&name.1));
    if let Some((name, _)) = surplus.or(stale) {
        delete_pod(objects, &Key::new("pods", &name.0, &name.1), now);
    }
    let ready = count(own.iter().filter(|(_, pod)| pod.counts() && pod.ready));
    let available = count(own.iter().filter(|(_, pod)| counting.has(pod)));
    let updated = count(own.iter().filter(|(_, pod)| pod.template == hash));
    let new = format!("{}-{hash}", key.name);
    let all = count(own.iter());
    let current = set["status"]["currentRevision"].as_str().filter(|_| !(updated == all && ready == wanted));
    let current = current.unwrap_or(&new).to_owned();
    let on_current = if current == new { updated } else { all - updated };
    report(objects, key, now, |set| {
        let generation = set["metadata"]["generation"].clone();
        set["status"] = json!({"observedGeneration": generation, "replicas": all, "readyReplicas": ready,
                               "currentReplicas": on_current, "availableReplicas": available,
                               "updatedReplicas": updated, "currentRevision": current, "updateRevision": new,
                               "collisionCount": 0});
    });
    counting.next(own.iter().map(|(_, pod)| *pod))
}

/// Claims of a pod: made once, and kept when the pod goes.
fn claims(objects: &mut Objects, (key, set): (&Key, &Value), pod: &str, made: &mut Value, now: Timestamp) {
    for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let Some(volume) = template["metadata"]["name"].as_str() else { continue };
        let name = format!("{volume}-{pod}");
        if !made["spec"]["volumes"].is_array() {
            made["spec"]["volumes"] = json!([]);
        }
        if let Some(volumes) = made["spec"]["volumes"].as_array_mut() {
            volumes.retain(|it| it["name"] != volume);
            volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": name}}));
        }
        let claim = Key::new("persistentvolumeclaims", &key.namespace, &name);
        if objects.get(&claim).is_none() {
            let labels = set["spec"]["selector"]["matchLabels"].clone();
            let mut object = json!({
                "metadata": {"labels": labels, "finalizers": ["kubernetes.io/pvc-protection"]},
                "spec": template["spec"], "status": {"phase": "Pending"},
            });
            if object["spec"]["storageClassName"].is_null()
                && let Some(class) = api::default_class(objects)
            {
                object["spec"]["storageClassName"] = json!(class);
            }
            objects.create(&claim, object, now);
        }
    }
}
