//! Custom resources: a CRD is accepted, then established; when it is deleted, its objects go before it does.
//!
//! Source: apiextensions-apiserver, the controllers `status`, `establish` and `finalizer`. Conflicts of names are not
//! looked for.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::api::{CLEANUP, CRDS};
use super::super::objects::{Key, Objects};
use super::index::{Index, condition};
use super::kubelet::set_condition;
use super::{later, owners};

/// Seconds between two looks whether the last object of a CRD that goes is gone.
const PERIOD: i64 = 5;

/// Does what is to be done once; when it has to look again by itself.
pub fn step(objects: &mut Objects, index: &Index, now: Timestamp) -> Option<Timestamp> {
    let mut next = None;
    let all: Vec<(Key, Value)> = index.of(CRDS).map(|(key, it)| (key.clone(), it.clone())).collect();
    for (key, definition) in all {
        let has = |name: &str| condition(&definition, name).is_some_and(|it| it["status"] == "True");
        if !definition["metadata"]["deletionTimestamp"].is_null() {
            if clean(objects, &key, now) {
                next = Some(later(now, PERIOD));
            }
        } else if !has("NamesAccepted") {
            objects.update(&key, |definition| accept(definition, now));
        } else if !has("Established") {
            let message = "the initial names have been accepted";
            objects.update(&key, |it| set_condition(it, "Established", "True", "InitialNamesAccepted", message, now));
        }
    }
    next
}

fn accept(definition: &mut Value, now: Timestamp) {
    let spec = &definition["spec"];
    let mut names = spec["names"].clone();
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    for (field, value) in [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))] {
        if names[field].is_null() {
            names[field] = json!(value);
        }
    }
    let versions = spec["versions"].as_array().into_iter().flatten();
    let stored: Vec<Value> = versions.filter(|it| it["storage"] == true).map(|it| it["name"].clone()).collect();
    definition["status"]["acceptedNames"] = names;
    definition["status"]["storedVersions"] = json!(stored);
    set_condition(definition, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now);
    let message = "the initial names have been accepted";
    set_condition(definition, "Established", "False", "Installing", message, now);
}

/// Deletes the objects of a CRD that goes, and the CRD after them. `true`: some are left.
fn clean(objects: &mut Objects, key: &Key, now: Timestamp) -> bool {
    let all: Vec<Key> = objects.list(&key.name).map(|(key, _)| key.clone()).collect();
    for own in all {
        owners::delete(objects, &own, now);
    }
    if objects.list(&key.name).next().is_some() {
        return true;
    }
    owners::let_go(objects, key, CLEANUP);
    false
}
