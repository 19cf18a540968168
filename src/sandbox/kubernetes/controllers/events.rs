//! Events: what controllers tell people about an object. The same thing is told once.

use jiff::Timestamp;
use serde_json::json;

use super::super::objects::{Key, Objects, time};
use super::workloads::template_hash;

/// Tells something about an object: `(kind, key)`, `(type, reason)`.
pub fn tell(
    objects: &mut Objects,
    (kind, about): (&str, &Key),
    (level, reason): (&str, &str),
    message: &str,
    (component, now): (&str, Timestamp),
) {
    let Some(object) = objects.get(about) else { return };
    let uid = object["metadata"]["uid"].clone();
    let namespace = if about.namespace.is_empty() { "default" } else { about.namespace.as_str() };
    let name = format!("{}.{}", about.name, template_hash(&json!([uid, level, reason, message])));
    let key = Key::new("events", namespace, &name);
    if objects.get(&key).is_some() {
        return;
    }
    let event = json!({
        "metadata": {},
        "involvedObject": {"kind": kind, "namespace": about.namespace, "name": about.name, "uid": uid, "apiVersion": "v1"},
        "reason": reason, "message": message, "type": level, "count": 1,
        "firstTimestamp": time(now), "lastTimestamp": time(now),
        "source": {"component": component}, "reportingComponent": component,
    });
    objects.create(&key, event, now);
}
