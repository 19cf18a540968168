//! CRDs come and go.

use serde_json::{Value, json};

use super::{Lab, condition, holds};

const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com";
const THING: &str = "/apis/example.com/v1/namespaces/default/things/a";

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

fn thing() -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "default"}})
}

#[test]
fn a_definition_is_established_some_moments_later() {
    let mut lab = Lab::new();
    lab.apply(DEFINITION, &definition());
    let path = format!("{THING}?fieldManager=windlass");
    assert_eq!(lab.ask("PATCH", &path, (super::APPLY, &thing())).0, 404);
    let took = lab.until(10, |lab| holds(&lab.get(DEFINITION), "Established"));
    assert!(took > 0);
    let made = lab.get(DEFINITION);
    assert_eq!(condition(&made, "NamesAccepted").1, "NoConflicts");
    assert_eq!(made["status"]["acceptedNames"]["listKind"], "ThingList");
    assert_eq!(made["status"]["storedVersions"], json!(["v1"]));
    lab.apply(THING, &thing());
    let again = lab.apply(DEFINITION, &definition());
    assert_eq!(again["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
}

#[test]
fn a_definition_goes_after_its_objects() {
    let mut lab = Lab::new();
    lab.apply(DEFINITION, &definition());
    lab.pass(5);
    let mut held = thing();
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    lab.apply(THING, &held);
    lab.apply(&THING.replace("things/a", "things/b"), &{
        let mut other = thing();
        other["metadata"]["name"] = json!("b");
        other
    });
    lab.delete(DEFINITION, &Value::Null);
    lab.pass(10);
    let going = lab.get(DEFINITION);
    assert_eq!(going["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    assert!(holds(&going, "Terminating"));
    assert!(!lab.has(&THING.replace("things/a", "things/b")), "what nothing holds is gone");
    let (status, _) = lab.ask("POST", "/apis/example.com/v1/namespaces/default/things", ("application/json", &thing()));
    assert_eq!(status, 405);
    lab.patch(THING, &json!({"metadata": {"finalizers": null}}));
    lab.pass(10);
    assert!(!lab.has(DEFINITION));
    assert!(!lab.has(THING));
}
