//! Tests of the API server, and what they share.

mod apply;
mod calls;
mod custom;
mod recordings;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, Identity, Outcome, User, handle};
use crate::sandbox::kubernetes::{Cluster, Objects, bootstrap};
use crate::sandbox::wire::WireRequest;

/// An API server without members: requests go in, answers come out.
pub struct Server {
    /// Its objects.
    pub cluster: Cluster,
    /// The date.
    pub now: Timestamp,
    requested: BTreeSet<String>,
}

impl Server {
    /// A new cluster.
    pub fn new(version: &str) -> Self {
        let now = "2026-11-20T12:00:00Z".parse().expect("a date");
        let mut objects = Objects::new(1);
        bootstrap(&mut objects, now);
        Self { cluster: Cluster { objects, version: version.to_owned() }, now, requested: BTreeSet::new() }
    }

    /// Asks as somebody.
    pub fn ask_as(&mut self, identity: &Identity, request: &WireRequest) -> Outcome {
        handle(&mut self.cluster, &mut self.requested, (request, identity), self.now)
    }

    /// Asks as an administrator.
    pub fn ask(&mut self, method: &str, path: &str, (form, body): (&str, &Value)) -> (u16, Value) {
        let request = request(method, path, (form, body));
        read(&answer(self.ask_as(&Identity::Certificate(User::master()), &request)))
    }

    /// Asks without a body.
    pub fn get(&mut self, path: &str) -> (u16, Value) {
        self.ask("GET", path, ("", &Value::Null))
    }

    /// Posts an object.
    pub fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", path, ("application/json", body))
    }

    /// Does to a CRD what its controller does some moments after it was made.
    pub fn establish(&mut self, name: &str) {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}/status");
        let status = json!({"status": {"conditions": [{"type": "Established", "status": "True"}]}});
        assert_eq!(self.ask("PATCH", &path, ("application/merge-patch+json", &status)).0, 200);
    }

    /// Makes a running pod on a node.
    pub fn pod(&mut self, name: &str, labels: &Value) {
        let pod = json!({"metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}});
        assert_eq!(self.post("/api/v1/namespaces/default/pods", &pod).0, 201);
        let status = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        let path = format!("/api/v1/namespaces/default/pods/{name}/status");
        assert_eq!(self.ask("PATCH", &path, ("application/merge-patch+json", &status)).0, 200);
    }
}

/// A request with a body, if it is not null.
pub fn request(method: &str, target: &str, (form, body): (&str, &Value)) -> WireRequest {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    WireRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("content-type".into(), form.into()), ("user-agent".into(), "python-requests/2".into())],
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    }
}

/// The answer of what is no watch.
pub fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Answer(answer) => answer,
        Outcome::Watch(..) => panic!("a watch"),
    }
}

/// Status and body.
pub fn read(answer: &Answer) -> (u16, Value) {
    let body = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer.body).into_owned()));
    (answer.status, body)
}
