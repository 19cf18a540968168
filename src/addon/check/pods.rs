//! Policies about pods: images that mean one thing, requests, and a reason for every way out of the container.

use super::metadata::labels;
use super::{Findings, by, metadata};
use crate::problem::Problem;
use crate::render::image::Reference;
use crate::render::yaml::{Node, Value};
use crate::spec::{Document, Step, steps, with_places};

/// The annotation of a pod template that says why its pods may reach out of their containers.
pub const PRIVILEGED: &str = "windlass.dev/privileged";

/// Where the pod template of a kind stands (the API reference).
pub(super) fn template_of(kind: &str) -> Option<Vec<Step>> {
    Some(match kind {
        "Pod" => Vec::new(),
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            steps!["spec", "template"].to_vec()
        }
        "CronJob" => steps!["spec", "jobTemplate", "spec", "template"].to_vec(),
        "PodTemplate" => steps!["template"].to_vec(),
        _ => return None,
    })
}

pub(super) fn check(findings: &mut Findings<'_>) {
    let Some(kind) = findings.checked.kind else { return };
    let Some(template) = template_of(kind.kind) else { return };
    if !template.is_empty() {
        labels(findings, &join(&template, &steps!["metadata"]));
        selector(findings, &template);
    }
    let pod = join(&template, &steps!["spec"]);
    for container in containers(findings.document(), &pod) {
        image(findings, &container);
        if container.stays {
            requests(findings, &container);
        }
    }
    privileges(findings, &template);
}

fn join(path: &[Step], more: &[Step]) -> Vec<Step> {
    path.iter().chain(more).cloned().collect()
}

/// A container of a pod.
struct Container {
    path: Vec<Step>,
    name: String,
    /// Whether it runs as long as its pod: no init container, unless it is a sidecar.
    stays: bool,
}

fn containers(document: &Document, pod: &[Step]) -> Vec<Container> {
    let mut found = Vec::new();
    for list in ["containers", "initContainers"] {
        let path = join(pod, &steps![list]);
        let items = document.node(&path).and_then(Node::as_sequence).unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let text = |key: &str| item.get(key).and_then(Node::as_str);
            found.push(Container {
                path: join(&path, &steps![index]),
                name: text("name").unwrap_or_default().to_owned(),
                stays: list == "containers" || text("restartPolicy") == Some("Always"),
            });
        }
    }
    found
}

fn image(findings: &mut Findings<'_>, container: &Container) {
    let path = join(&container.path, &steps!["image"]);
    let name = &container.name;
    let Some(text) = findings.document().node(&path).and_then(Node::as_str).map(str::to_owned) else {
        let problem = Problem::error(format!("container {name:?} has no image"));
        findings.missing(problem, &path, "");
        return;
    };
    let reference: Reference = match text.parse() {
        Ok(reference) => reference,
        Err(why) => {
            findings.push(Problem::error(format!("container {name:?}: {why}")), &path, "");
            return;
        }
    };
    let why = match (reference.tag(), reference.digest()) {
        (_, Some(_)) => return,
        (None, None) => "has neither tag nor digest",
        (Some("latest"), None) => "has the tag latest, which means another image each day",
        (Some(_), None) => return,
    };
    let problem = Problem::error(format!("container {name:?}: the image {text} {why}"))
        .hint("name the version: the same manifests give the same cluster");
    findings.policy(problem, &path, "");
}

fn requests(findings: &mut Findings<'_>, container: &Container) {
    let resources = join(&container.path, &steps!["resources"]);
    let asks = |what: &str| {
        // A limit alone is the request as well (Kubernetes documentation, "Resource Management for Pods and
        // Containers").
        ["requests", "limits"].iter().any(|field| {
            let amount = findings.document().node(&join(&resources, &steps![*field, what]));
            amount.is_some_and(|amount| amount.value != Value::Null)
        })
    };
    let missing: Vec<&str> = ["cpu", "memory"].into_iter().filter(|what| !asks(what)).collect();
    if missing.is_empty() {
        return;
    }
    let problem = Problem::error(format!("container {:?} requests no {}", container.name, missing.join(" and no ")))
        .hint("write resources.requests: without them the scheduler and the autoscaler count it as nothing");
    findings.missing(by(findings.checked.origin, problem), &join(&resources, &steps!["requests"]), "");
}

/// The selector of a workload finds the pods that it makes.
fn selector(findings: &mut Findings<'_>, template: &[Step]) {
    let (kind, name) = (findings.checked.object.kind.clone(), findings.name());
    if !matches!(kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet") {
        return;
    }
    let wanted = steps!["spec", "selector", "matchLabels"];
    let has = join(template, &steps!["metadata", "labels"]);
    let document = findings.document();
    let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
    let mut wrong = Vec::new();
    for (key, value) in metadata::entries(document.node(&wanted)) {
        let Some(wanted_value) = value.as_str() else { continue };
        let own = text(document.node(&join(&has, &steps![key])));
        if own.as_deref() != Some(wanted_value) {
            let said = own.map_or_else(|| String::from("do not have it"), |own| format!("have {own:?}"));
            let message = format!("the selector of {name} wants {key}={}, and its pods {said}", wanted_value);
            wrong.push((message, join(&wanted, &steps![key])));
        }
    }
    for (message, path) in wrong {
        let label = document.locate(findings.rendered, &has, "the pods' labels");
        let problem = Problem::error(message);
        let places = document.locate(findings.rendered, &path, "");
        findings.problems.push(with_places(with_places(problem, places), label));
    }
}

/// Ways out of the container, each with its place.
fn privileges(findings: &mut Findings<'_>, template: &[Step]) {
    let document = findings.document();
    let pod = join(template, &steps!["spec"]);
    let mut found: Vec<(String, Vec<Step>)> = Vec::new();
    let is_true = |path: &[Step]| document.node(path).is_some_and(|node| node.value == Value::Bool(true));
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        let path = join(&pod, &steps![field]);
        if is_true(&path) {
            found.push((field.to_owned(), path));
        }
    }
    let volumes = join(&pod, &steps!["volumes"]);
    let volumes_are = document.node(&volumes).and_then(Node::as_sequence).unwrap_or_default();
    for (index, volume) in volumes_are.iter().enumerate() {
        if let Some(host) = volume.get("hostPath") {
            let at = host.get("path").and_then(Node::as_str).unwrap_or_default();
            found.push((format!("hostPath {at}"), join(&volumes, &steps![index, "hostPath"])));
        }
    }
    for container in containers(document, &pod) {
        let context = join(&container.path, &steps!["securityContext"]);
        let privileged = join(&context, &steps!["privileged"]);
        if is_true(&privileged) {
            found.push((format!("privileged ({})", container.name), privileged));
        }
        let added = join(&context, &steps!["capabilities", "add"]);
        let names = document.node(&added).and_then(Node::as_sequence).unwrap_or_default();
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().filter_map(Node::as_str).collect();
            found.push((format!("capabilities {} ({})", names.join(", "), container.name), added));
        }
    }
    let reason = document.node(&join(template, &steps!["metadata", "annotations", PRIVILEGED]));
    let has_reason = reason.and_then(Node::as_str).is_some_and(|reason| !reason.trim().is_empty());
    let Some((_, first)) = found.first() else { return };
    if has_reason {
        return;
    }
    let first = first.clone();
    let uses: Vec<&str> = found.iter().map(|(what, _)| what.as_str()).collect();
    let problem =
        Problem::error(format!("pods of {} reach out of their containers: {}", findings.name(), uses.join("; ")))
            .hint(format!("remove it, or say why in the pod template's annotation {PRIVILEGED}"));
    findings.policy(problem, &first, "the first of them");
}
