//! What the API server says of itself: versions, resources, health, and the little of OpenAPI that kubectl asks for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Cluster;
use super::kind::{self, Kind, Scope};

/// The checks that `/readyz?verbose` lists; those of a kube-apiserver 1.36 that clients have looked at.
const CHECKS: &[&str] = &[
    "ping",
    "log",
    "etcd",
    "etcd-readiness",
    "informer-sync",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "shutdown",
];

/// `/version`.
#[must_use]
pub fn version(cluster: &Cluster) -> Value {
    let minor = kind::minor(&cluster.version).to_string();
    json!({
        "major": "1", "minor": minor, "gitVersion": cluster.version, "gitCommit": "0000000",
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.24.0", "compiler": "gc",
        "platform": "linux/arm64",
    })
}

/// `/healthz`, `/livez` and `/readyz` of a server that is well.
#[must_use]
pub fn health(endpoint: &str, verbose: bool) -> String {
    if !verbose {
        return "ok".to_owned();
    }
    let checks: String = CHECKS.iter().map(|check| format!("[+]{check} ok\n")).collect();
    format!("{checks}{endpoint} check passed\n")
}

/// `/readyz` of a server whose etcd does not answer.
#[must_use]
pub fn unhealthy(endpoint: &str) -> String {
    let checks: String = CHECKS
        .iter()
        .map(|check| {
            if check.starts_with("etcd") {
                format!("[-]{check} failed: reason withheld\n")
            } else {
                format!("[+]{check} ok\n")
            }
        })
        .collect();
    format!("{checks}{endpoint} check failed\n")
}

/// `/api`.
#[must_use]
pub fn core_versions() -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
    })
}

fn groups(kinds: &[Kind]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for kind in kinds.iter().filter(|kind| !kind.group.is_empty()) {
        match groups.iter_mut().find(|(group, _)| *group == kind.group) {
            Some((_, versions)) if versions.contains(&kind.version) => {}
            Some((_, versions)) => versions.push(kind.version.clone()),
            None => groups.push((kind.group.clone(), vec![kind.version.clone()])),
        }
    }
    groups
}

fn group(name: &str, versions: &[String]) -> Value {
    let entry = |version: &String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let all: Vec<Value> = versions.iter().map(entry).collect();
    json!({"name": name, "versions": all, "preferredVersion": all.first()})
}

/// `/apis`.
#[must_use]
pub fn group_list(cluster: &Cluster) -> Value {
    let groups: Vec<Value> = groups(&kind::all(cluster)).iter().map(|(name, versions)| group(name, versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/<group>`.
#[must_use]
pub fn one_group(cluster: &Cluster, name: &str) -> Option<Value> {
    let groups = groups(&kind::all(cluster));
    let (name, versions) = groups.iter().find(|(group, _)| group == name)?;
    let mut shown = json!({"kind": "APIGroup", "apiVersion": "v1"});
    for (field, value) in group(name, versions).as_object().into_iter().flatten() {
        shown[field.as_str()] = value.clone();
    }
    Some(shown)
}

/// `/api/v1` and `/apis/<group>/<version>`.
#[must_use]
pub fn resources(cluster: &Cluster, group: &str, version: &str) -> Option<Value> {
    const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let mut resources = Vec::new();
    let all = kind::all(cluster);
    for kind in all.iter().filter(|kind| kind.group == group && kind.version == version) {
        let namespaced = kind.scope == Scope::Namespaced;
        let mut resource = json!({
            "name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": namespaced,
            "kind": kind.kind, "verbs": VERBS,
        });
        if !kind.short.is_empty() {
            resource["shortNames"] = json!(kind.short);
        }
        resources.push(resource);
        for subresource in &kind.subresources {
            let name = format!("{}/{subresource}", kind.plural);
            let mut entry = json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind.kind});
            match subresource.as_str() {
                "eviction" => {
                    // kubectl drain looks for this one to know whether it may evict.
                    entry["group"] = json!("policy");
                    entry["version"] = json!("v1");
                    entry["kind"] = json!("Eviction");
                    entry["verbs"] = json!(["create"]);
                }
                "binding" => {
                    entry["kind"] = json!("Binding");
                    entry["verbs"] = json!(["create"]);
                }
                "scale" => {
                    entry["group"] = json!("autoscaling");
                    entry["version"] = json!("v1");
                    entry["kind"] = json!("Scale");
                    entry["verbs"] = json!(["get", "patch", "update"]);
                }
                _ => entry["verbs"] = json!(["get", "patch", "update"]),
            }
            resources.push(entry);
        }
    }
    if resources.is_empty() {
        return None;
    }
    let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}))
}

/// `/openapi/v3`: which documents there are.
#[must_use]
pub fn openapi(cluster: &Cluster) -> Value {
    let mut paths = json!({});
    for kind in kind::all(cluster) {
        let path = root(&kind);
        paths[path.as_str()] = json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash=0")});
    }
    json!({"paths": paths})
}

fn root(kind: &Kind) -> String {
    if kind.group.is_empty() { format!("api/{}", kind.version) } else { format!("apis/{}", kind.api_version()) }
}

/// `/openapi/v3/<path>`: no schemas, only that the server checks fields itself (`fieldValidation`), so that kubectl
/// leaves it to the server.
#[must_use]
pub fn openapi_document(cluster: &Cluster, path: &str) -> Option<Value> {
    let mut paths = json!({});
    let all = kind::all(cluster);
    for kind in all.iter().filter(|kind| root(kind) == path) {
        let scope = if kind.scope == Scope::Namespaced { "namespaces/{namespace}/" } else { "" };
        let object = format!("/{path}/{scope}{}/{{name}}", kind.plural);
        let validation = json!([{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]);
        paths[object.as_str()] = json!({"patch": {
            "parameters": validation, "responses": {},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        }});
    }
    let any = paths.as_object().is_some_and(|paths| !paths.is_empty());
    any.then(
        || json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": cluster.version}, "paths": paths}),
    )
}

/// `/metrics`: only which deprecated versions were asked for.
#[must_use]
pub fn metrics(requested: &BTreeSet<String>) -> String {
    let mut text = String::from(
        "# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested, broken \
         out by API group, version, resource, subresource, and removed_release.\n\
         # TYPE apiserver_requested_deprecated_apis gauge\n",
    );
    for labels in requested {
        text.push_str(&format!("apiserver_requested_deprecated_apis{{{labels}}} 1\n"));
    }
    text
}

/// The labels of a request to a deprecated version, as the metric has them; `None` for all others.
#[must_use]
pub fn deprecated(kind: &Kind, subresource: Option<&str>) -> Option<String> {
    let deprecated = kind.deprecated.as_ref()?;
    Some(format!(
        "group={:?},removed_release={:?},resource={:?},subresource={:?},version={:?}",
        kind.group,
        deprecated.removed,
        kind.plural,
        subresource.unwrap_or_default(),
        kind.version
    ))
}
