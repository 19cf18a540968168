//! Calls that no recording has.

use serde_json::{Value, json};

use super::{Server, answer, read, request};
use crate::sandbox::kubernetes::Key;
use crate::sandbox::kubernetes::api::{Identity, Outcome, User, is_read, operation};

const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn names_are_generated_and_checked() {
    let mut server = Server::new("v1.34.2");
    let (status, made) = server.post(MAPS, &json!({"metadata": {"generateName": "a-"}}));
    assert_eq!(status, 201);
    assert_eq!(made["metadata"]["name"].as_str().map(str::len), Some(7), "{made}");
    let (status, refused) = server.post(MAPS, &map("A_b", &json!({})));
    assert_eq!((status, refused["reason"].as_str()), (422, Some("Invalid")));
    assert_eq!(server.post(MAPS, &json!({"metadata": {}})).0, 422);
}

#[test]
fn a_namespace_must_be_there() {
    let mut server = Server::new("v1.34.2");
    let (status, refused) = server.post("/api/v1/namespaces/none/configmaps", &map("a", &json!({})));
    assert_eq!((status, refused["message"].as_str()), (404, Some("namespaces \"none\" not found")));
    let (status, _) = server.post("/api/v1/namespaces/kube-system/configmaps", &{
        let mut object = map("a", &json!({}));
        object["metadata"]["namespace"] = json!("default");
        object
    });
    assert_eq!(status, 400, "the namespaces differ");
}

#[test]
fn a_stale_update_is_refused_and_one_without_changes_makes_no_revision() {
    let mut server = Server::new("v1.34.2");
    let (_, first) = server.post(MAPS, &map("a", &json!({"x": "1"})));
    let mut second = first.clone();
    second["data"]["x"] = json!("2");
    let path = format!("{MAPS}/a");
    let (status, stored) = server.ask("PUT", &path, ("application/json", &second));
    assert_eq!((status, &stored["data"]["x"]), (200, &json!("2")));
    assert_eq!(server.ask("PUT", &path, ("application/json", &second)).0, 409);
    let (_, again) = server.ask("PUT", &path, ("application/json", &stored));
    assert_eq!(again["metadata"]["resourceVersion"], stored["metadata"]["resourceVersion"]);
    let mut other = stored;
    other["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    assert_eq!(server.ask("PUT", &path, ("application/json", &other)).0, 409);
    other["metadata"]["name"] = json!("b");
    assert_eq!(server.ask("PUT", &path, ("application/json", &other)).0, 400);
}

#[test]
fn bodies_of_another_shape_are_refused() {
    let mut server = Server::new("v1.34.2");
    for wrong in [
        json!("text"),
        json!([1]),
        json!({"metadata": "x"}),
        json!({"metadata": {"name": "a", "labels": []}}),
        json!({"metadata": {"name": "a"}, "kind": "Secret"}),
        json!({"metadata": {"name": "a"}, "apiVersion": "v2"}),
        json!({"metadata": {"name": "a"}, "data": "x"}),
    ] {
        assert_eq!(server.post(MAPS, &wrong).0, 400, "{wrong}");
    }
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": ["x"]}});
    assert_eq!(server.post("/api/v1/namespaces/default/pods", &pod).0, 400);
    server.post(MAPS, &map("a", &json!({})));
    let path = format!("{MAPS}/a");
    assert_eq!(server.ask("PATCH", &path, (MERGE, &json!({"metadata": {"labels": 1}}))).0, 400);
    assert_eq!(server.ask("PATCH", &path, ("text/plain", &json!({}))).0, 415);
    assert_eq!(server.ask("PATCH", &path, ("application/json", &json!({}))).0, 415);
    let protobuf = request("POST", MAPS, ("application/vnd.kubernetes.protobuf", &json!({})));
    let outcome = server.ask_as(&Identity::Certificate(User::master()), &protobuf);
    assert_eq!(answer(outcome).status, 415);
}

#[test]
fn unknown_paths_and_verbs_are_refused() {
    let mut server = Server::new("v1.34.2");
    assert_eq!(server.get("/api/v1/bogus").1["message"], "the server could not find the requested resource");
    assert_eq!(server.get("/apis/bogus/v1/things").0, 404);
    assert_eq!(server.get("/bogus"), (404, json!("404 page not found\n")));
    assert_eq!(server.get("/api/v1/namespaces/default/nodes").0, 404, "nodes are in no namespace");
    assert_eq!(server.ask("PUT", "/api/v1/nodes", ("application/json", &json!({}))).0, 405);
    assert_eq!(server.get("/apis/apps/v1/namespaces/default/deployments/a/bogus").0, 404);
}

#[test]
fn apply_makes_changes_and_lets_go() {
    let mut server = Server::new("v1.34.2");
    let path = format!("{MAPS}/a?fieldManager=one");
    assert_eq!(server.ask("PATCH", &path, (APPLY, &map("a", &json!({"x": "1", "y": "1"})))).0, 201);
    let (status, left) = server.ask("PATCH", &path, (APPLY, &map("a", &json!({"x": "1"}))));
    assert_eq!((status, &left["data"]), (200, &json!({"x": "1"})));
    assert_eq!(left["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:data": {"f:x": {}}}));
    let other = format!("{MAPS}/a?fieldManager=two");
    let (status, refused) = server.ask("PATCH", &other, (APPLY, &map("a", &json!({"x": "2"}))));
    assert_eq!((status, &refused["reason"]), (409, &json!("Conflict")));
    assert_eq!(refused["details"]["causes"][0]["reason"], "FieldManagerConflict");
    let (status, forced) = server.ask("PATCH", &format!("{other}&force=true"), (APPLY, &map("a", &json!({"x": "2"}))));
    assert_eq!((status, &forced["data"]["x"]), (200, &json!("2")));
    assert_eq!(server.ask("PATCH", &format!("{MAPS}/a"), (APPLY, &map("a", &json!({})))).0, 422, "no manager");
    let (_, same) = server.ask("PATCH", &other, (APPLY, &map("a", &json!({"x": "2"}))));
    assert_eq!(same["metadata"]["resourceVersion"], forced["metadata"]["resourceVersion"]);
}

#[test]
fn a_dry_run_answers_and_changes_nothing() {
    let mut server = Server::new("v1.34.2");
    let before = server.cluster.clone();
    assert_eq!(server.post(&format!("{MAPS}?dryRun=All"), &map("a", &json!({}))).0, 201);
    assert_eq!(server.cluster, before);
    server.post(MAPS, &map("a", &json!({})));
    let body = json!({"dryRun": ["All"]});
    assert_eq!(server.ask("DELETE", &format!("{MAPS}/a"), ("application/json", &body)).0, 200);
    assert_eq!(server.get(&format!("{MAPS}/a")).0, 200);
    assert_eq!(server.post(&format!("{MAPS}?dryRun=Some"), &map("b", &json!({}))).0, 400);
}

#[test]
fn an_object_with_finalizers_waits_for_them() {
    let mut server = Server::new("v1.34.2");
    let mut object = map("a", &json!({}));
    object["metadata"]["finalizers"] = json!(["example.com/wait"]);
    server.post(MAPS, &object);
    let path = format!("{MAPS}/a");
    let (status, waiting) = server.ask("DELETE", &path, ("", &Value::Null));
    assert_eq!(status, 200);
    assert!(waiting["metadata"]["deletionTimestamp"].is_string(), "{waiting}");
    assert_eq!(server.ask("DELETE", &path, ("", &Value::Null)).0, 200);
    assert_eq!(server.ask("PATCH", &path, (MERGE, &json!({"metadata": {"finalizers": null}}))).0, 200);
    assert_eq!(server.get(&path).0, 404);
}

#[test]
fn preconditions_of_deletions_hold() {
    let mut server = Server::new("v1.34.2");
    let (_, made) = server.post(MAPS, &map("a", &json!({})));
    let path = format!("{MAPS}/a");
    for wrong in [json!({"uid": "x"}), json!({"resourceVersion": "1"})] {
        let options = json!({"preconditions": wrong});
        assert_eq!(server.ask("DELETE", &path, ("application/json", &options)).0, 409);
    }
    let options = json!({"preconditions": {"uid": made["metadata"]["uid"]}});
    assert_eq!(
        server.ask("DELETE", &path, ("application/json", &options)).1["details"]["uid"],
        made["metadata"]["uid"]
    );
}

#[test]
fn a_pod_on_a_node_gets_its_time() {
    let mut server = Server::new("v1.34.2");
    server.pod("a", &json!({}));
    let path = "/api/v1/namespaces/default/pods/a";
    let (_, first) = server.ask("DELETE", path, ("", &Value::Null));
    assert_eq!(first["metadata"]["deletionGracePeriodSeconds"], 30);
    let longer = server.ask("DELETE", &format!("{path}?gracePeriodSeconds=60"), ("", &Value::Null));
    assert_eq!(longer.1["metadata"], first["metadata"], "it only becomes shorter");
    let shorter = server.ask("DELETE", &format!("{path}?gracePeriodSeconds=5"), ("", &Value::Null));
    assert_eq!(shorter.1["metadata"]["deletionGracePeriodSeconds"], 5);
    assert_eq!(shorter.1["metadata"]["generation"], first["metadata"]["generation"]);
    server.ask("DELETE", &format!("{path}?gracePeriodSeconds=0"), ("", &Value::Null));
    assert_eq!(server.get(path).0, 404);
}

#[test]
fn a_namespace_takes_what_is_in_it_along() {
    let mut server = Server::new("v1.34.2");
    server.post("/api/v1/namespaces", &json!({"metadata": {"name": "a"}}));
    server.post("/api/v1/namespaces/a/configmaps", &map("x", &json!({})));
    assert_eq!(server.ask("DELETE", "/api/v1/namespaces/a", ("", &Value::Null)).0, 200);
    assert_eq!(server.get("/api/v1/namespaces/a").0, 404);
    assert_eq!(server.cluster.objects.get(&Key::new("configmaps", "a", "x")), None);
}

#[test]
fn lists_are_paged_to_their_end() {
    let mut server = Server::new("v1.34.2");
    for name in ["a", "b", "c", "d", "e"] {
        server.post(MAPS, &map(name, &json!({})));
    }
    let (mut path, mut names) = (format!("{MAPS}?limit=2"), Vec::new());
    loop {
        let (status, page) = server.get(&path);
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().expect("items");
        names.extend(items.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)));
        let Some(token) = page["metadata"]["continue"].as_str() else { break };
        path = format!("{MAPS}?limit=2&continue={token}");
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_watch_tells_what_enters_and_leaves_its_selection() {
    let mut server = Server::new("v1.34.2");
    server.post(MAPS, &map("a", &json!({})));
    let path = format!("{MAPS}?watch=1&labelSelector=x%3Dy");
    let request = request("GET", &path, ("", &Value::Null));
    let outcome = server.ask_as(&Identity::Certificate(User::master()), &request);
    let Outcome::Watch(mut watch, first) = outcome else { panic!("a watch") };
    assert_eq!(first, Vec::<Value>::new());
    for labels in [json!({"x": "y"}), json!({"x": "y", "z": "1"}), json!({"x": "other"})] {
        server.ask("PATCH", &format!("{MAPS}/a"), (MERGE, &json!({"metadata": {"labels": labels}})));
    }
    let events = watch.next(&server.cluster.objects).expect("nothing is missed");
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["ADDED", "MODIFIED", "DELETED"]);
    assert_eq!(watch.next(&server.cluster.objects).expect("nothing is missed"), Vec::<Value>::new());
}

#[test]
fn a_watch_that_is_too_far_behind_is_told_to_list_again() {
    let mut server = Server::new("v1.34.2");
    let stored = serde_json::to_string(&server.cluster).expect("it is stored");
    server.cluster = serde_json::from_str(&stored).expect("it is read");
    let request = request("GET", &format!("{MAPS}?watch=1&resourceVersion=1"), ("", &Value::Null));
    let outcome = server.ask_as(&Identity::Certificate(User::master()), &request);
    let Outcome::Watch(mut watch, _) = outcome else { panic!("a watch") };
    let (events, _) = watch.next(&server.cluster.objects).expect_err("changes were missed");
    assert_eq!((&events[0]["type"], &events[0]["object"]["code"]), (&json!("ERROR"), &json!(410)));
}

#[test]
fn resources_of_crds_are_served() {
    let mut server = Server::new("v1.34.2");
    let definition = json!({"metadata": {"name": "things.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}}]}});
    let things = "/apis/example.com/v1/namespaces/default/things";
    assert_eq!(server.get(things).0, 404);
    assert_eq!(server.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).0, 201);
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"n": 1}});
    assert_eq!(server.post(things, &thing).0, 404, "it is not established");
    server.establish("things.example.com");
    assert_eq!(server.post(things, &thing).0, 201);
    let (_, list) = server.get(things);
    assert_eq!((&list["kind"], &list["items"][0]["kind"]), (&json!("ThingList"), &json!("Thing")));
    let path = format!("{things}/a");
    let strategic = ("application/strategic-merge-patch+json", &json!({}));
    assert_eq!(server.ask("PATCH", &path, strategic).0, 415);
    let (_, changed) = server.ask("PATCH", &path, (MERGE, &json!({"spec": {"n": 2}, "status": {"x": 1}})));
    assert_eq!((&changed["metadata"]["generation"], changed.get("status")), (&json!(2), None));
    let (_, changed) =
        server.ask("PATCH", &format!("{path}/status"), (MERGE, &json!({"spec": {"n": 3}, "status": {"x": 1}})));
    assert_eq!((&changed["spec"]["n"], &changed["status"]["x"]), (&json!(2), &json!(1)));
    assert_eq!(server.get("/apis/example.com/v1").1["resources"][0]["name"], "things");
}

#[test]
fn workloads_are_scaled() {
    let mut server = Server::new("v1.34.2");
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = json!({"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}});
    let (_, made) = server.post(deployments, &deployment);
    assert_eq!(made["spec"]["replicas"], 1);
    assert_eq!(made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
    let path = format!("{deployments}/a/scale");
    let (status, scale) = server.ask("PATCH", &path, (MERGE, &json!({"spec": {"replicas": 3}})));
    assert_eq!((status, &scale["kind"], &scale["spec"]["replicas"]), (200, &json!("Scale"), &json!(3)));
    assert_eq!(server.get(&format!("{deployments}/a")).1["spec"]["replicas"], 3);
}

#[test]
fn deprecated_versions_are_counted_while_they_are_served() {
    let mut server = Server::new("v1.31.4");
    let path = "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas";
    assert!(!server.get("/metrics").1.as_str().expect("text").contains("flowschemas"));
    assert_eq!(server.get(path).0, 200);
    let metrics = server.get("/metrics").1;
    let line = "apiserver_requested_deprecated_apis{group=\"flowcontrol.apiserver.k8s.io\",removed_release=\"1.32\",\
                resource=\"flowschemas\",subresource=\"\",version=\"v1beta3\"} 1\n";
    assert!(metrics.as_str().expect("text").contains(line), "{metrics}");
    assert_eq!(Server::new("v1.32.0").get(path).0, 404);
}

#[test]
fn the_binding_of_kubeadm_makes_administrators() {
    let mut server = Server::new("v1.34.2");
    let admin = Identity::Certificate(User::new("kubernetes-admin", &["kubeadm:cluster-admins"]));
    let list = request("GET", "/api/v1/nodes", ("", &Value::Null));
    assert_eq!(answer(server.ask_as(&admin, &list)).status, 200);
    let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:cluster-admins";
    assert_eq!(server.ask("DELETE", binding, ("", &Value::Null)).0, 200);
    assert_eq!(answer(server.ask_as(&admin, &list)).status, 403);
}

#[test]
fn nodes_may_do_their_own_things_only() {
    let mut server = Server::new("v1.34.2");
    server.post("/api/v1/nodes", &json!({"metadata": {"name": "n1"}}));
    let node = Identity::Certificate(User::new("system:node:n1", &["system:nodes"]));
    let mut ask = |method: &str, path: &str, body: &Value| {
        answer(server.ask_as(&node, &request(method, path, (MERGE, body)))).status
    };
    assert_eq!(ask("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", &Value::Null), 200);
    assert_eq!(ask("PATCH", "/api/v1/nodes/n1/status", &json!({"status": {"x": 1}})), 200);
    assert_eq!(ask("DELETE", "/api/v1/nodes/n1", &Value::Null), 403);
    assert_eq!(ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", &Value::Null), 403);
}

#[test]
fn a_service_account_is_known_by_the_token_that_it_was_given() {
    let mut server = Server::new("v1.34.2");
    let (status, given) = server.post("/api/v1/namespaces/default/serviceaccounts/default/token", &json!({"spec": {}}));
    assert_eq!(status, 201);
    let mut list = request("GET", "/api/v1/nodes", ("", &Value::Null));
    list.headers
        .push(("authorization".into(), format!("Bearer {}", given["status"]["token"].as_str().expect("a token"))));
    let (status, refused) = read(&answer(server.ask_as(&Identity::Nobody, &list)));
    assert_eq!(status, 403);
    assert!(refused["message"].as_str().expect("text").contains("system:serviceaccount:default:default"), "{refused}");
}

#[test]
fn budgets_with_selectors_of_sets_count_too() {
    let mut server = Server::new("v1.34.2");
    server.pod("a", &json!({"app": "x"}));
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1,
        "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]}}});
    server.post("/apis/policy/v1/namespaces/default/poddisruptionbudgets", &budget);
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}});
    assert_eq!(server.post("/api/v1/namespaces/default/pods/a/eviction", &eviction).0, 429);
}

#[test]
fn a_failed_eviction_burns_the_budget() {
    let mut server = Server::new("v1.34.2");
    server.pod("a", &json!({"app": "x"}));
    let budget =
        json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    server.post(budgets, &budget);
    let status =
        json!({"status": {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1}});
    server.ask("PATCH", &format!("{budgets}/b/status"), (MERGE, &status));
    let mut eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"},
        "deleteOptions": {"preconditions": {"uid": "x"}}});
    let path = "/api/v1/namespaces/default/pods/a/eviction";
    assert_eq!(server.post(path, &eviction).0, 409);
    eviction["deleteOptions"] = Value::Null;
    assert_eq!(server.post(path, &eviction).0, 429);
}

#[test]
fn operations_have_names() {
    for (method, path, name) in [
        ("PATCH", "/api/v1/nodes/n1", "kubernetes:PatchNode"),
        ("PATCH", "/api/v1/nodes/n1/status", "kubernetes:PatchNodeStatus"),
        ("POST", "/api/v1/namespaces/a/pods/b/eviction", "kubernetes:Evict"),
        ("GET", "/api/v1/pods?watch=1", "kubernetes:WatchPod"),
        ("GET", "/api/v1/pods", "kubernetes:ListPod"),
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments", "kubernetes:DeleteCollectionDeployment"),
        ("GET", "/readyz", "kubernetes:Get/readyz"),
        ("GET", "/apis/example.com/v1/things", "kubernetes:Listthings"),
    ] {
        assert_eq!(operation(&request(method, path, ("", &Value::Null))), name);
    }
    assert!(is_read("kubernetes:ListPod") && !is_read("kubernetes:Evict") && !is_read("ListBuckets"));
}

#[test]
fn tables_have_the_columns_that_kubectl_prints() {
    let mut server = Server::new("v1.34.2");
    server.pod("a", &json!({}));
    let mut list = request("GET", "/api/v1/namespaces/default/pods", ("", &Value::Null));
    list.headers.push(("accept".into(), "application/json;as=Table;v=v1;g=meta.k8s.io,application/json".into()));
    let (_, table) = read(&answer(server.ask_as(&Identity::Certificate(User::master()), &list)));
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"][0]["cells"], json!(["a", "1/1", "Running", "0", "0s", "<none>", "n1"]));
}
