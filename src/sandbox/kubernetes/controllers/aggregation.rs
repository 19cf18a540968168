//! APIServices: available when the service behind them has a pod that is ready; those of the server itself always are.
//!
//! The resources of an aggregated server are not served: a request for them is answered as one for an unknown resource.

use jiff::Timestamp;
use serde_json::Value;

use super::super::objects::{Key, Objects};
use super::index::Index;
use super::kubelet::set_condition;
use super::note;
use crate::kubernetes::read_texts;

const RESOURCE: &str = "apiservices.apiregistration.k8s.io";

/// Brings conditions up to date.
pub fn step(objects: &mut Objects, index: &Index, now: Timestamp) {
    let all: Vec<(Key, Value)> = index.of(RESOURCE).map(|(key, it)| (key.clone(), it.clone())).collect();
    for (key, aggregated) in all {
        let (status, reason, message) = judge(index, &aggregated["spec"]["service"]);
        note::as_manager(objects, &key, ("kube-apiserver", "status"), now, |it| {
            set_condition(it, "Available", status, reason, &message, now);
        });
    }
}

fn judge(index: &Index, reference: &Value) -> (&'static str, &'static str, String) {
    if reference.is_null() {
        return ("True", "Local", "Local APIServices are always available".to_owned());
    }
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let service = index.of("services").find(|(key, _)| key.namespace == namespace && key.name == name);
    let Some((_, service)) = service else {
        let message = format!("service/{name} in {namespace:?} is not present");
        return ("False", "ServiceNotFound", message);
    };
    let selector = read_texts(&service["spec"]["selector"]);
    let selected = |labels: &std::collections::BTreeMap<String, String>| {
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let pods = index.pods.iter().filter(|(key, pod)| key.0 == namespace && pod.ready && pod.counts());
    if pods.into_iter().any(|(_, pod)| selected(&pod.labels)) {
        return ("True", "Passed", "all checks passed".to_owned());
    }
    let message = format!("endpoints for service/{name} in {namespace:?} have no addresses with port name \"https\"");
    ("False", "MissingEndpoints", message)
}
