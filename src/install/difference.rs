//! How an object differs from what it should be, field by field.

use serde_json::{Map, Value};

use super::inventory::PART_OF;
use crate::plan::{Cause, FieldChange, difference};

/// Fields of `metadata` that the API server writes (API conventions, "Metadata").
const SERVERS: [&str; 6] = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// What an object was, is and should be.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// As it was rendered when it was applied last; `None`: it was not.
    pub applied: Option<&'a Value>,
    /// As it is rendered now.
    pub rendered: &'a Value,
    /// As it is; `None`: it is not there.
    pub live: Option<&'a Value>,
    /// As it would be after an apply.
    pub after: &'a Value,
}

/// The differences between what is and what would be, and whose doing each is. The server's own fields and the status are
/// none.
#[must_use]
pub fn differences(sides: Sides<'_>) -> Vec<FieldChange> {
    let empty = Map::new();
    let live = sides.live.map_or(empty, said);
    let applied = sides.applied.map(said);
    let bases: Vec<&Map<String, Value>> = applied.iter().collect();
    let mut fields = difference::changes(&live, &said(sides.after), &bases);
    // When git has not moved on, whatever differs is somebody's doing: what was rendered lacks the server's defaults, so
    // that field by field it would not always say so.
    if sides.live.is_some() && sides.applied == Some(sides.rendered) {
        for field in &mut fields {
            field.cause = Cause::Drift;
        }
    }
    fields
}

/// What somebody said about an object, without what the server adds.
fn said(object: &Value) -> Map<String, Value> {
    let mut object = object.as_object().cloned().unwrap_or_default();
    object.remove("status");
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| !SERVERS.contains(&field.as_str()));
        // Where it belongs is our own mark.
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove(PART_OF);
            if labels.is_empty() {
                metadata.remove("labels");
            }
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(replicas: u32, image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "a", "image": image}]}}}})
    }

    fn live(object: &Value) -> Value {
        let mut live = object.clone();
        live["metadata"]["uid"] = json!("1");
        live["metadata"]["managedFields"] = json!([{}]);
        live["metadata"]["labels"] = json!({ PART_OF: "applyset-x-v1" });
        live["spec"]["progressDeadlineSeconds"] = json!(600);
        live["status"] = json!({"replicas": 2});
        live
    }

    fn shown(fields: &[FieldChange]) -> Vec<(&str, Cause)> {
        fields.iter().map(|field| (field.path.as_str(), field.cause)).collect()
    }

    #[test]
    fn what_the_server_adds_is_no_difference() {
        let rendered = deployment(2, "a:1");
        let live = live(&rendered);
        let sides = Sides { applied: Some(&rendered), rendered: &rendered, live: Some(&live), after: &live };
        assert_eq!(differences(sides), []);
    }

    #[test]
    fn a_changed_manifest_is_pending_and_names_the_container() {
        let (before, rendered) = (deployment(2, "a:1"), deployment(2, "a:2"));
        let (live, after) = (live(&before), live(&rendered));
        let sides = Sides { applied: Some(&before), rendered: &rendered, live: Some(&live), after: &after };
        assert_eq!(shown(&differences(sides)), [("spec.template.spec.containers[a].image", Cause::Pending)]);
    }

    #[test]
    fn a_changed_object_is_drift() {
        let rendered = deployment(2, "a:1");
        let (live, after) = (live(&deployment(5, "a:1")), live(&rendered));
        let sides = Sides { applied: Some(&rendered), rendered: &rendered, live: Some(&live), after: &after };
        assert_eq!(shown(&differences(sides)), [("spec.replicas", Cause::Drift)]);
    }

    #[test]
    fn both_may_have_moved() {
        let (before, rendered) = (deployment(2, "a:1"), deployment(3, "a:1"));
        let (live, after) = (live(&deployment(5, "a:1")), live(&rendered));
        let sides = Sides { applied: Some(&before), rendered: &rendered, live: Some(&live), after: &after };
        assert_eq!(shown(&differences(sides)), [("spec.replicas", Cause::Both)]);
    }

    #[test]
    fn a_new_object_is_all_of_it() {
        let rendered = deployment(2, "a:1");
        let sides = Sides { applied: None, rendered: &rendered, live: None, after: &rendered };
        assert!(differences(sides).iter().all(|field| field.cause == Cause::Pending && field.before.is_none()));
    }
}
