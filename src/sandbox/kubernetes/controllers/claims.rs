//! What the claims of a pod mean for its place.

use serde_json::Value;

use super::super::objects::{Key, Objects};
use super::cloud::SELECTED;

/// How the claims of a pod are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// All are bound; the zone of their volumes.
    Bound(Option<String>),
    /// These wait for the pod to have a place; the zone of the others.
    Waiting(Option<String>, Vec<Key>),
    /// One is not there, or is not bound by itself.
    Missing(String),
}

/// Looks at the claims of a pod.
#[must_use]
pub fn look(objects: &Objects, namespace: &str, names: &[String]) -> Claims {
    let (mut zone, mut waiting) = (None, Vec::new());
    for name in names {
        let key = Key::new("persistentvolumeclaims", namespace, name);
        let Some(claim) = objects.get(&key).filter(|it| it["metadata"]["deletionTimestamp"].is_null()) else {
            return Claims::Missing(format!("persistentvolumeclaim {name:?} not found"));
        };
        if claim["status"]["phase"] == "Bound" {
            let volume = claim["spec"]["volumeName"].as_str().unwrap_or_default();
            zone = zone.or_else(|| zone_of(objects.get(&Key::new("persistentvolumes", "", volume))?));
            continue;
        }
        let class = claim["spec"]["storageClassName"].as_str().unwrap_or_default();
        let class = objects.get(&Key::new("storageclasses.storage.k8s.io", "", class));
        if class.is_none_or(|it| it["volumeBindingMode"] != "WaitForFirstConsumer") {
            return Claims::Missing("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        if let Some(node) = claim["metadata"]["annotations"][SELECTED].as_str() {
            // Its volume is being made there.
            let node = objects.get(&Key::new("nodes", "", node));
            let label = node.and_then(|it| it["metadata"]["labels"]["topology.kubernetes.io/zone"].as_str());
            zone = zone.or_else(|| label.map(str::to_owned));
        }
        waiting.push(key);
    }
    if waiting.is_empty() { Claims::Bound(zone) } else { Claims::Waiting(zone, waiting) }
}

fn zone_of(volume: &Value) -> Option<String> {
    let terms = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"];
    let expression = terms.as_array()?.iter().find(|it| it["key"] == "topology.kubernetes.io/zone")?;
    expression["values"][0].as_str().map(str::to_owned)
}
