//! Custom resources: served when they are established, in the form of their schema.

use serde_json::{Value, json};

use super::Server;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

fn definition() -> Value {
    json!({"metadata": {"name": "things.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
            "type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
                "size": {"type": "integer"}, "mode": {"type": "string", "default": "x"}}}}}}}]}})
}

fn thing(spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec})
}

#[test]
fn objects_have_the_form_of_their_schema() {
    let mut server = Server::new("v1.34.2");
    assert_eq!(server.post(DEFINITIONS, &definition()).0, 201);
    server.establish("things.example.com");
    let (status, refused) = server.post(THINGS, &thing(&json!({"size": "big"})));
    assert_eq!((status, &refused["reason"]), (422, &json!("Invalid")));
    let message = "Thing.example.com \"a\" is invalid: spec.size: Invalid value: \"string\": spec.size in body must be of \
                   type integer: \"string\"";
    assert_eq!(refused["message"], message);
    assert_eq!(server.post(THINGS, &thing(&json!({}))).1["details"]["causes"][0]["field"], "spec.size");
    let strict = format!("{THINGS}?fieldValidation=Strict");
    let (status, refused) = server.post(&strict, &thing(&json!({"size": 1, "bogus": 1})));
    assert_eq!(status, 400, "{refused}");
    let (status, made) = server.post(THINGS, &thing(&json!({"size": 1, "bogus": 1})));
    assert_eq!((status, &made["spec"]), (201, &json!({"size": 1, "mode": "x"})));
    let patch = json!({"spec": {"bogus": 2, "size": 3}});
    let (_, changed) = server.ask("PATCH", &format!("{THINGS}/a"), ("application/merge-patch+json", &patch));
    assert_eq!(changed["spec"], json!({"size": 3, "mode": "x"}));
    let apply = format!("{THINGS}/a?fieldManager=windlass");
    let (status, refused) = server.ask("PATCH", &apply, ("application/apply-patch+yaml", &thing(&json!({"bogus": 1}))));
    let message = "failed to create typed patch object (default/a; example.com/v1, Kind=Thing): .spec.bogus: field not \
                   declared in schema";
    assert_eq!((status, refused["message"].as_str()), (500, Some(message)));
}
