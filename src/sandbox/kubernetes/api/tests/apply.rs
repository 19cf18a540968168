//! Server-side apply as clients meet it: owners, conflicts, dry runs, the form of objects.

use serde_json::{Value, json};

use super::Server;

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(image: &str, replicas: Option<u32>) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
            {"name": "c", "image": image, "env": [{"name": "X", "value": "1"}],
             "ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]}]}}}});
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = json!(replicas);
    }
    object
}

fn apply(server: &mut Server, manager: &str, object: &Value) -> (u16, Value) {
    let path = format!("{DEPLOYMENTS}/a?fieldManager={manager}");
    server.ask("PATCH", &path, (APPLY, object))
}

#[test]
fn what_a_person_edited_is_a_conflict_that_names_them() {
    let mut server = Server::new("v1.34.2");
    assert_eq!(apply(&mut server, "windlass", &deployment("i:1", Some(2))).0, 201);
    let edit = json!({"spec": {"replicas": 5}});
    server.ask("PATCH", &format!("{DEPLOYMENTS}/a?fieldManager=kubectl-edit"), (MERGE, &edit));
    let (status, refused) = apply(&mut server, "windlass", &deployment("i:1", Some(2)));
    assert_eq!((status, &refused["reason"]), (409, &json!("Conflict")));
    let message = "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: .spec.replicas";
    assert_eq!(refused["message"], message);
    let cause = json!({"reason": "FieldManagerConflict", "field": ".spec.replicas",
        "message": "conflict with \"kubectl-edit\" using apps/v1"});
    assert_eq!(refused["details"]["causes"], json!([cause]));
    let (status, _) = apply(&mut server, "windlass", &deployment("i:2", None));
    assert_eq!(status, 200, "it lets go of the field");
    assert_eq!(server.get(&format!("{DEPLOYMENTS}/a")).1["spec"]["replicas"], 5);
}

#[test]
fn a_forced_apply_takes_the_field_from_its_owner() {
    let mut server = Server::new("v1.34.2");
    apply(&mut server, "one", &deployment("i:1", Some(2)));
    let (status, forced) = server.ask(
        "PATCH",
        &format!("{DEPLOYMENTS}/a?fieldManager=two&force=true"),
        (APPLY, &deployment("i:1", Some(3))),
    );
    assert_eq!((status, &forced["spec"]["replicas"]), (200, &json!(3)));
    let managers = forced["metadata"]["managedFields"].as_array().expect("managers");
    let owns = |name: &str| {
        let entry = managers.iter().find(|entry| entry["manager"] == name).expect("a manager");
        entry["fieldsV1"]["f:spec"]["f:replicas"].is_object()
    };
    assert!(owns("two") && !owns("one"));
}

#[test]
fn a_container_a_port_and_a_variable_go_when_they_are_not_applied_any_more() {
    let mut server = Server::new("v1.34.2");
    let mut object = deployment("i:1", None);
    let containers = &mut object["spec"]["template"]["spec"]["containers"];
    containers.as_array_mut().expect("containers").push(json!({"name": "d", "image": "j:1"}));
    apply(&mut server, "windlass", &object);
    let mut less = deployment("i:1", None);
    less["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 53}]);
    less["spec"]["template"]["spec"]["containers"][0].as_object_mut().expect("one").remove("env");
    let (status, left) = apply(&mut server, "windlass", &less);
    assert_eq!(status, 200);
    let containers = left["spec"]["template"]["spec"]["containers"].as_array().expect("containers");
    assert_eq!(containers.len(), 1, "{left}");
    assert_eq!(containers[0]["ports"].as_array().map(Vec::len), Some(1));
    assert!(containers[0]["env"].is_null(), "{left}");
    assert_eq!(containers[0]["imagePullPolicy"], "IfNotPresent", "what the server filled in stays");
}

#[test]
fn a_dry_run_answers_with_the_whole_object_and_leaves_nothing() {
    let mut server = Server::new("v1.34.2");
    let path = format!("{DEPLOYMENTS}/a?fieldManager=windlass&dryRun=All");
    let before = server.cluster.clone();
    let (status, made) = server.ask("PATCH", &path, (APPLY, &deployment("i:1", None)));
    assert_eq!((status, &made["spec"]["replicas"]), (201, &json!(1)));
    assert!(made["metadata"]["uid"].is_string() && made["metadata"]["resourceVersion"].is_null(), "{made}");
    assert_eq!(server.cluster, before);
    let (_, live) = apply(&mut server, "windlass", &deployment("i:1", None));
    let (status, changed) = server.ask("PATCH", &path, (APPLY, &deployment("i:2", None)));
    assert_eq!(status, 200);
    assert_eq!(changed["spec"]["template"]["spec"]["containers"][0]["image"], "i:2");
    assert_eq!(changed["metadata"]["resourceVersion"], live["metadata"]["resourceVersion"]);
    assert_eq!(changed["metadata"]["generation"], 2);
    assert_eq!(server.get(&format!("{DEPLOYMENTS}/a")).1, live);
    let (status, _) = server.ask("PATCH", &path.replace("default", "none"), (APPLY, &deployment("i:1", None)));
    assert_eq!(status, 404, "a dry run needs the namespace, too");
}

#[test]
fn an_apply_of_unknown_fields_is_an_error_without_reason() {
    let mut server = Server::new("v1.34.2");
    let mut object = deployment("i:1", None);
    object["spec"]["template"]["spec"]["hostnetwork"] = json!(true);
    let (status, refused) = apply(&mut server, "windlass", &object);
    let message = "failed to create typed patch object (default/a; apps/v1, Kind=Deployment): \
                   .spec.template.spec.hostnetwork: field not declared in schema";
    assert_eq!((status, refused["message"].as_str()), (500, Some(message)));
    assert!(refused.get("reason").is_none());
}

#[test]
fn strict_validation_names_unknown_fields() {
    let mut server = Server::new("v1.34.2");
    let mut object = deployment("i:1", None);
    object["spec"]["replica"] = json!(1);
    let strict = format!("{DEPLOYMENTS}?fieldValidation=Strict");
    let (status, refused) = server.post(&strict, &object);
    let message = "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \
                   \"spec.replica\"";
    assert_eq!((status, refused["message"].as_str()), (400, Some(message)));
    assert_eq!(server.post(&strict, &deployment("i:1", None)).0, 201);
    let patch = json!({"spec": {"replica": 1}});
    let path = format!("{DEPLOYMENTS}/a?fieldValidation=Strict");
    assert_eq!(server.ask("PATCH", &path, (MERGE, &patch)).0, 422);
    assert_eq!(server.ask("PATCH", &path, (MERGE, &json!({"spec": {"replicas": 2}}))).0, 200);
    assert_eq!(server.post(&format!("{DEPLOYMENTS}?fieldValidation=Maybe"), &object).0, 422);
}

#[test]
fn status_and_the_rest_have_owners_of_their_own() {
    let mut server = Server::new("v1.34.2");
    let mut object = deployment("i:1", None);
    object["status"] = json!({"replicas": 7});
    let (_, made) = apply(&mut server, "windlass", &object);
    let fields = &made["metadata"]["managedFields"][0]["fieldsV1"];
    assert!(fields["f:spec"].is_object() && fields["f:status"].is_null(), "{fields}");
    let path = format!("{DEPLOYMENTS}/a/status?fieldManager=other");
    let (status, told) = server.ask("PATCH", &path, (APPLY, &object));
    assert_eq!((status, &told["status"]["replicas"]), (200, &json!(7)));
    let managers = told["metadata"]["managedFields"].as_array().expect("managers");
    let entry = managers.iter().find(|entry| entry["manager"] == "other").expect("the other");
    assert_eq!(
        (&entry["subresource"], &entry["fieldsV1"]),
        (&json!("status"), &json!({"f:status": {"f:replicas": {}}}))
    );
    let (status, _) = apply(&mut server, "windlass", &deployment("i:1", None));
    assert_eq!(status, 200);
    assert_eq!(server.get(&format!("{DEPLOYMENTS}/a")).1["status"]["replicas"], 7);
}

#[test]
fn an_apply_names_the_object_of_the_path() {
    let mut server = Server::new("v1.34.2");
    let path = format!("{DEPLOYMENTS}/b?fieldManager=windlass");
    assert_eq!(server.ask("PATCH", &path, (APPLY, &deployment("i:1", None))).0, 400);
}
