//! The calls that were recorded from a kube-apiserver 1.36.2, made again in their order: the same answers come.
//!
//! What the controllers did in between (budgets, a node's readiness, garbage) is put in as they left it.

use serde_json::{Value, json};

use super::{Server, answer, read, request};
use crate::sandbox::kubernetes::api::{Identity, User};
use crate::sandbox::kubernetes::{Key, metadata};

const WITH_CONTROLLERS: &str = include_str!("../../../../../tests/data/kubernetes-api/v1.36.2-kcm.jsonl");
const WITHOUT: &str = include_str!("../../../../../tests/data/kubernetes-api/v1.36.2-nokcm.jsonl");

#[test]
fn calls_without_controllers_are_answered_as_recorded() {
    replay(WITHOUT);
}

#[test]
fn calls_beside_controllers_are_answered_as_recorded() {
    replay(WITH_CONTROLLERS);
}

fn replay(recorded: &str) {
    let mut server = Server::new("v1.36.2");
    // Who recorded made this one, or waited for its controller.
    server.cluster.objects.remove(&Key::new("serviceaccounts", "default", "default"));
    let mut wrong = Vec::new();
    let calls: Vec<Value> = recorded.lines().map(|line| serde_json::from_str(line).expect("a call")).collect();
    assert!(calls.len() > 70, "{}", calls.len());
    for (index, call) in calls.iter().enumerate() {
        let text = |field: &str| call[field].as_str().unwrap_or_default();
        let (label, path) = (text("label"), text("path"));
        server.now += jiff::SignedDuration::from_secs(1);
        controllers(&mut server, call);
        let mut made = request(text("method"), path, (text("content_type"), &call["request"]));
        if label == "bad bearer token" {
            made.headers.push(("authorization".to_owned(), "Bearer garbage".to_owned()));
        }
        let outcome = server.ask_as(&identity(label), &made);
        let (status, body, headers) = match outcome {
            super::Outcome::Watch(mut watch, first) => {
                let mut events = first;
                events.extend(watch.next(&server.cluster.objects).unwrap_or_else(|(events, _)| events));
                let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
                assert!(text("body").starts_with(&format!("{{\"type\":\"{}\"", kinds[0])), "{kinds:?}");
                continue;
            }
            outcome => {
                let answer = answer(outcome);
                let (status, body) = read(&answer);
                (status, body, answer.headers)
            }
        };
        let retry = headers.iter().find(|(name, _)| *name == "retry-after").map(|(_, value)| value.as_str());
        let ours = json!({"status": status, "retry": retry, "body": shape(&body)});
        let theirs = json!({
            "status": call["status"], "retry": call["headers"]["Retry-After"], "body": shape(&call["body"]),
        });
        if ours != theirs {
            wrong.push(format!("{index} {label}: {} {path}\n  ours:   {ours}\n  theirs: {theirs}", text("method")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

/// Whose calls those were, by their labels.
fn identity(label: &str) -> Identity {
    let user = |name: &str, groups: &[&str]| Identity::Certificate(User::new(name, groups));
    match label {
        _ if label.starts_with("anonymous") || label == "bad bearer token" => Identity::Nobody,
        _ if label.contains("alice") => user("dev-alice", &["developers"]),
        _ if label.starts_with("kubelet") => user("system:node:ip-10-0-1-11.ec2.internal", &["system:nodes"]),
        _ if label.starts_with("client cert bad") => Identity::Untrusted,
        _ => Identity::Certificate(User::master()),
    }
}

/// Before a call that shows what a controller did, its objects are made so.
fn controllers(server: &mut Server, call: &Value) {
    let (path, body) = (call["path"].as_str().unwrap_or_default(), &call["body"]);
    let objects = &mut server.cluster.objects;
    let now = server.now;
    if path.ends_with("serviceaccounts/default") && call["status"] == 200 && call["method"] == "GET" {
        objects.create(&Key::new("serviceaccounts", "default", "default"), json!({"metadata": {}}), now);
    }
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/";
    if call["method"] == "GET" && path.starts_with(budgets) && call["status"] == 200 {
        objects.update(&Key::new("poddisruptionbudgets.policy", "default", name), |budget| {
            budget["status"] = body["status"].clone();
        });
    }
    if call["label"] == "wrong uid precondition, PDB allows 1" {
        // Its controller had seen it by then: without a controller of its own, a pod counts for nothing.
        objects.update(&Key::new("poddisruptionbudgets.policy", "default", "by"), |budget| {
            budget["status"] = json!({"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 2,
                "desiredHealthy": 0, "expectedPods": 0});
        });
    }
    if call["method"] == "PATCH" && path == "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b1" {
        objects.update(&Key::new("poddisruptionbudgets.policy", "default", "b1"), |budget| {
            budget["status"] = body["status"].clone();
        });
    }
    if path.starts_with("/api/v1/nodes/") && body["kind"] == "Node" {
        objects.update(&Key::new("nodes", "", name), |node| {
            match body["spec"].get("taints") {
                Some(taints) => node["spec"]["taints"] = taints.clone(),
                None => {
                    node["spec"].as_object_mut().map(|spec| spec.remove("taints"));
                }
            }
            let ours = metadata(node);
            match body["metadata"].get("annotations") {
                Some(annotations) => ours.insert("annotations".to_owned(), annotations.clone()),
                None => ours.remove("annotations"),
            };
        });
    }
}

/// What must be the same: everything of a Status, and what clients look at of other objects. Ids, dates and revisions
/// differ from run to run.
fn shape(body: &Value) -> Value {
    match body["kind"].as_str() {
        Some("Status") => {
            let mut body = body.clone();
            if let Some(details) = body["details"].as_object_mut() {
                details.entry("uid").and_modify(|uid| *uid = json!("some"));
            }
            body["message"] = json!(mask(body["message"].as_str().unwrap_or_default()));
            body
        }
        Some(kind) if kind.ends_with("List") => {
            let items: Vec<Value> = body["items"].as_array().into_iter().flatten().map(shape).collect();
            let left = &body["metadata"]["remainingItemCount"];
            json!({"kind": kind, "items": items, "continue": body["metadata"]["continue"].is_string(), "left": left})
        }
        None if body.is_string() => json!(body.as_str().unwrap_or_default().lines().last()),
        // The version.
        None if body["gitVersion"].is_string() => json!([body["major"], body["minor"], body["gitVersion"]]),
        _ => object(body),
    }
}

/// Managers of pods are not compared: the defaults of pods are not all there.
fn object(body: &Value) -> Value {
    let of = |field: &str, names: &[&str]| -> Value {
        names
            .iter()
            .map(|name| ((*name).to_owned(), body[field][*name].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut status = body["status"].clone();
    // Dates.
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        for date in ["lastTransitionTime", "lastProbeTime", "lastHeartbeatTime"] {
            condition.as_object_mut().map(|condition| condition.remove(date));
        }
    }
    for date in status["disruptedPods"].as_object_mut().into_iter().flat_map(|pods| pods.values_mut()) {
        *date = json!("some");
    }
    let mut managers: Vec<Value> = body["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["manager"] == "python-requests" && !body["spec"]["nodeName"].is_string())
        .map(|entry| json!([entry["operation"], entry["subresource"], entry["fieldsV1"]]))
        .collect();
    // Their order is that of their times, which fell into the same second or not.
    managers.sort_by_key(Value::to_string);
    json!({
        "kind": body["kind"], "apiVersion": body["apiVersion"],
        "metadata": of("metadata", &["name", "namespace", "generation", "labels", "deletionGracePeriodSeconds"]),
        "spec": of("spec", &[
            "nodeName", "unschedulable", "providerID", "taints", "minAvailable", "maxUnavailable", "selector",
            "terminationGracePeriodSeconds", "restartPolicy", "unhealthyPodEvictionPolicy",
        ]),
        "status": status, "managers": managers,
        "deleting": body["metadata"]["deletionTimestamp"].is_string(),
    })
}

/// Uids in texts.
fn mask(text: &str) -> String {
    let is_uid = |word: &str| word.len() == 36 && word.chars().filter(|letter| *letter == '-').count() == 4;
    let words = text.split_inclusive(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words
        .map(|word| {
            let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
            if is_uid(bare) { word.replace(bare, "uid") } else { word.to_owned() }
        })
        .collect()
}
