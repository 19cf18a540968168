//! Tests of what becomes of objects by itself, driven as a client drives it: requests go in, time passes.

mod balancers;
mod claims;
mod custom;
mod garbage;
mod network;
mod rollouts;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::Key;
use super::super::api::{self, Identity, Outcome, User};
use crate::sandbox::World;
use crate::sandbox::scenario::Scenario;
use crate::sandbox::wire::WireRequest;

const CLUSTER: &str = "scenario.example.com";

/// Three nodes in three zones, and nothing on them.
const QUIET: &str = "
controlPlane: { members: 1 }
groups: [{ name: web, size: 3, machineTypes: [m6i.2xlarge] }]
";

pub const APPLY: &str = "application/apply-patch+yaml";
pub const MERGE: &str = "application/merge-patch+json";

/// A cluster in a world of its own.
pub struct Lab {
    /// The world.
    pub world: World,
    requested: BTreeSet<String>,
}

impl Lab {
    /// One that has run for a while.
    pub fn new() -> Self {
        let now = "2026-11-20T12:00:00Z".parse().expect("a date");
        let world = Scenario::read(QUIET).expect("a sound scenario").world(now);
        Self { world, requested: BTreeSet::new() }
    }

    /// Asks its API server as an administrator.
    pub fn ask(&mut self, method: &str, path: &str, (form, body): (&str, &Value)) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = WireRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![("content-type".to_owned(), form.to_owned())],
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        };
        let now = self.world.now;
        let cluster = self.world.kubernetes.clusters.get_mut(CLUSTER).expect("it is there");
        let identity = Identity::Certificate(User::master());
        match api::handle(cluster, &mut self.requested, (&request, &identity), now) {
            Outcome::Answer(answer) => (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()),
            Outcome::Watch(..) => panic!("a watch"),
        }
    }

    /// Reads an object.
    pub fn get(&mut self, path: &str) -> Value {
        let (status, object) = self.ask("GET", path, ("", &Value::Null));
        assert_eq!(status, 200, "{path}: {object}");
        object
    }

    /// Whether there is such an object.
    pub fn has(&mut self, path: &str) -> bool {
        self.ask("GET", path, ("", &Value::Null)).0 == 200
    }

    /// Applies an object as windlass does.
    pub fn apply(&mut self, path: &str, object: &Value) -> Value {
        let path = format!("{path}?fieldManager=windlass&force=true");
        let (status, applied) = self.ask("PATCH", &path, (APPLY, object));
        assert!(status == 200 || status == 201, "{path}: {applied}");
        applied
    }

    /// Applies what is there already: nothing changes, not even the revision.
    pub fn applies_nothing(&mut self, path: &str, object: &Value) {
        let before = self.get(path);
        assert_eq!(self.apply(path, object), before);
    }

    /// Merges a patch into an object.
    pub fn patch(&mut self, path: &str, patch: &Value) {
        let (status, answer) = self.ask("PATCH", path, (MERGE, patch));
        assert_eq!(status, 200, "{path}: {answer}");
    }

    /// Deletes an object, with options.
    pub fn delete(&mut self, path: &str, options: &Value) {
        let (status, answer) = self.ask("DELETE", path, ("application/json", options));
        assert_eq!(status, 200, "{path}: {answer}");
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: i64) {
        let to = self.world.now + SignedDuration::from_secs(seconds);
        self.world.advance_to(to);
    }

    /// Lets time pass until something holds; the seconds that it took.
    pub fn until(&mut self, most: i64, mut holds: impl FnMut(&mut Self) -> bool) -> i64 {
        for second in 0..=most {
            if holds(self) {
                return second;
            }
            self.pass(1);
        }
        panic!("it does not come to that within {most} s");
    }

    /// Pods with a label `app`, those on their way out as well.
    pub fn pods(&self, app: &str) -> Vec<(Key, Value)> {
        let pods = self.world.kubernetes.clusters[CLUSTER].objects.list("pods");
        let own = pods.filter(|(_, pod)| pod["metadata"]["labels"]["app"] == app);
        own.map(|(key, pod)| (key.clone(), pod.clone())).collect()
    }
}

/// A Deployment of an add-on in kube-system, and its path.
pub fn add_on(name: &str, image: &str, arguments: &[&str]) -> (String, Value) {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
            "spec": {"hostNetwork": true, "containers": [{"name": "c", "image": image, "args": arguments}]}}}});
    (format!("/apis/apps/v1/namespaces/kube-system/deployments/{name}"), object)
}

/// Whether there is an event with a reason.
pub fn told(lab: &mut Lab, reason: &str) -> bool {
    let events = lab.get("/api/v1/events");
    events["items"].as_array().into_iter().flatten().any(|it| it["reason"] == reason)
}

/// The status of a condition, and its reason.
pub fn condition(object: &Value, name: &str) -> (String, String) {
    let found = object["status"]["conditions"].as_array().into_iter().flatten().find(|it| it["type"] == name);
    let text = |field: &str| found.and_then(|it| it[field].as_str()).unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

/// Whether a condition holds.
pub fn holds(object: &Value, name: &str) -> bool {
    condition(object, name).0 == "True"
}

/// A workload `a` whose pods have the label `app: a`.
pub fn workload(kind: &str, image: &str, more: &Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "a", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": {
            "metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": image}]}}}});
    for (field, value) in more.as_object().into_iter().flatten() {
        object["spec"][field.as_str()] = value.clone();
    }
    object
}
