//! Objects of Kubernetes, as JSON, → [`Node`], [`Pod`], [`Budget`].
//!
//! Total: a field that is missing or strange counts as not said, so that one odd object never stops a list. Only what
//! has no name or no uid is nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::budget::{Budget, Expression, Selector};
use super::node::{Node, Ready};
use super::pod::{Controller, Pod, PodPhase};
use super::quantity::{bytes, millicores};

/// Annotations that windlass is concerned with.
const ANNOTATIONS: [&str; 2] = ["windlass.dev/", "cluster-autoscaler.kubernetes.io/"];

/// A `Node` (v1).
#[must_use]
pub fn read_node(object: &Value) -> Option<Node> {
    let metadata = &object["metadata"];
    let labels = read_texts(&metadata["labels"]);
    let created = date(&metadata["creationTimestamp"]).unwrap_or(Timestamp::UNIX_EPOCH);
    let allocatable = &object["status"]["allocatable"];
    let mut annotations = read_texts(&metadata["annotations"]);
    annotations.retain(|key, _| ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix)));
    Some(Node {
        name: name(&metadata["name"])?,
        uid: name(&metadata["uid"])?,
        instance: object["spec"]["providerID"].as_str().and_then(instance),
        zone: labels.get("topology.kubernetes.io/zone").cloned(),
        ready: ready(object, created),
        unschedulable: object["spec"]["unschedulable"].as_bool().unwrap_or(false),
        control_plane: labels.contains_key("node-role.kubernetes.io/control-plane"),
        kubelet_version: text(&object["status"]["nodeInfo"]["kubeletVersion"]),
        cpu: quantity(&allocatable["cpu"], millicores),
        memory: quantity(&allocatable["memory"], bytes),
        pods: u32::try_from(quantity(&allocatable["pods"], bytes)).unwrap_or(u32::MAX),
        labels,
        annotations,
        taints: list(&object["spec"]["taints"]).iter().map(taint).collect(),
        created,
    })
}

/// A `Pod` (v1).
#[must_use]
pub fn read_pod(object: &Value) -> Option<Pod> {
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let annotations = &metadata["annotations"];
    let containers = list(&spec["containers"]);
    let first = list(&spec["initContainers"]);
    let ports = containers.iter().chain(first).flat_map(|it| list(&it["ports"]));
    let statuses = ["containerStatuses", "initContainerStatuses"];
    let restarts = statuses.iter().flat_map(|it| list(&status[*it])).map(|it| number(&it["restartCount"]));
    Some(Pod {
        namespace: name(&metadata["namespace"])?,
        name: name(&metadata["name"])?,
        uid: name(&metadata["uid"])?,
        node: name(&spec["nodeName"]),
        phase: phase(&status["phase"]),
        ready: condition(object, "Ready").is_some_and(|it| it["status"] == "True"),
        deleted_at: date(&metadata["deletionTimestamp"]),
        has_finalizers: !list(&metadata["finalizers"]).is_empty(),
        unschedulable: condition(object, "PodScheduled")
            .filter(|it| it["status"] == "False" && it["reason"] == "Unschedulable")
            .map(|it| text(&it["message"])),
        controller: controller(object),
        mirror: annotations.get("kubernetes.io/config.mirror").is_some(),
        priority: spec["priority"].as_i64().and_then(|it| i32::try_from(it).ok()).unwrap_or(0),
        labels: read_texts(&metadata["labels"]),
        cpu: requests(spec, "cpu", millicores),
        memory: requests(spec, "memory", bytes),
        local_volumes: list(&spec["volumes"]).iter().filter(|it| is_local(it)).map(|it| text(&it["name"])).collect(),
        host_ports: ports.filter_map(|it| u16::try_from(number(&it["hostPort"])).ok()).filter(|it| *it > 0).collect(),
        images: containers.iter().filter_map(|it| name(&it["image"])).collect(),
        restarts: restarts.fold(0, u32::saturating_add),
        created: date(&metadata["creationTimestamp"]).unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

/// A `PodDisruptionBudget` (policy/v1).
#[must_use]
pub fn read_budget(object: &Value) -> Option<Budget> {
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let rule = ["minAvailable", "maxUnavailable"].into_iter().find_map(|rule| match &spec[rule] {
        Value::String(percent) => Some(format!("{rule} {percent}")),
        Value::Number(number) => Some(format!("{rule} {number}")),
        _ => None,
    });
    let observed = status["observedGeneration"].as_i64();
    Some(Budget {
        namespace: name(&metadata["namespace"])?,
        name: name(&metadata["name"])?,
        selector: read_selector(&spec["selector"]),
        rule: rule.unwrap_or_else(|| String::from("no rule")),
        allowed: number(&status["disruptionsAllowed"]),
        healthy: number(&status["currentHealthy"]),
        desired: number(&status["desiredHealthy"]),
        expected: number(&status["expectedPods"]),
        observed: observed.is_some_and(|it| it >= metadata["generation"].as_i64().unwrap_or(0)),
    })
}

/// The controller among the owners of an object: at most one has `controller: true`.
pub(super) fn controller(object: &Value) -> Option<Controller> {
    let owner = list(&object["metadata"]["ownerReferences"]).iter().find(|it| it["controller"] == true)?;
    Some(Controller { kind: name(&owner["kind"])?, name: name(&owner["name"])? })
}

/// The elements of a list; none of anything else.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text; of anything else the empty one.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A text that says something.
pub(super) fn name(value: &Value) -> Option<String> {
    value.as_str().filter(|it| !it.is_empty()).map(str::to_owned)
}

/// Labels, or another map of texts; what is no text is not in it.
#[must_use]
pub fn read_texts(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// A count; negative ones, such as the API allows in a status, are 0.
fn number(value: &Value) -> u32 {
    let number = value.as_i64().unwrap_or(0).max(0);
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn date(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn quantity(value: &Value, parse: fn(&str) -> Option<u64>) -> u64 {
    match value {
        Value::String(text) => parse(text).unwrap_or(0),
        Value::Number(number) => parse(&number.to_string()).unwrap_or(0),
        _ => 0,
    }
}

fn condition<'object>(object: &'object Value, kind: &str) -> Option<&'object Value> {
    list(&object["status"]["conditions"]).iter().find(|it| it["type"] == kind)
}

fn ready(object: &Value, created: Timestamp) -> Ready {
    let Some(condition) = condition(object, "Ready") else { return Ready::Unknown };
    match condition["status"].as_str() {
        Some("True") => Ready::Yes(date(&condition["lastTransitionTime"]).unwrap_or(created)),
        Some("False") => {
            let (reason, message) = (text(&condition["reason"]), text(&condition["message"]));
            Ready::No([reason, message].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(": "))
        }
        _ => Ready::Unknown,
    }
}

/// `i-…` out of `aws:///<zone>/i-…`.
fn instance(provider: &str) -> Option<String> {
    let path = provider.strip_prefix("aws://")?;
    let (_, id) = path.rsplit_once('/')?;
    id.starts_with("i-").then(|| id.to_owned())
}

/// As kubectl writes it: without a value there is no `=`.
fn taint(taint: &Value) -> String {
    let (key, effect) = (text(&taint["key"]), text(&taint["effect"]));
    match name(&taint["value"]) {
        Some(value) => format!("{key}={value}:{effect}"),
        None => format!("{key}:{effect}"),
    }
}

fn phase(value: &Value) -> PodPhase {
    match value.as_str() {
        Some("Running") => PodPhase::Running,
        Some("Succeeded") => PodPhase::Succeeded,
        Some("Failed") => PodPhase::Failed,
        // A pod is born without a phase.
        Some("Pending") | None => PodPhase::Pending,
        Some(_) => PodPhase::Unknown,
    }
}

/// What the scheduler reckons with (Kubernetes documentation, "Sidecar containers", "Resource sharing within
/// containers"): the containers and sidecars together, or the greatest init container on top of the sidecars that were
/// started before it.
fn requests(spec: &Value, resource: &str, parse: fn(&str) -> Option<u64>) -> u64 {
    let of = |container: &Value| quantity(&container["resources"]["requests"][resource], parse);
    let (mut sidecars, mut greatest) = (0_u64, 0_u64);
    for container in list(&spec["initContainers"]) {
        if container["restartPolicy"] == "Always" {
            sidecars = sidecars.saturating_add(of(container));
            greatest = greatest.max(sidecars);
        } else {
            greatest = greatest.max(sidecars.saturating_add(of(container)));
        }
    }
    let running = list(&spec["containers"]).iter().map(of).fold(sidecars, u64::saturating_add);
    running.max(greatest)
}

fn is_local(volume: &Value) -> bool {
    let empty = volume.get("emptyDir").is_some_and(|it| !it.is_null() && it["medium"] != "Memory");
    empty || volume.get("hostPath").is_some_and(|it| !it.is_null())
}

/// A `LabelSelector` (meta/v1); one that is no object selects nothing.
#[must_use]
pub fn read_selector(value: &Value) -> Selector {
    Selector {
        labels: read_texts(&value["matchLabels"]),
        expressions: read_expressions(&value["matchExpressions"]),
        nothing: !value.is_object(),
    }
}

/// The requirements of a label selector, or of a term of a node's affinity.
#[must_use]
pub fn read_expressions(value: &Value) -> Vec<Expression> {
    let read = |it: &Value| Expression {
        key: text(&it["key"]),
        operator: text(&it["operator"]),
        values: list(&it["values"]).iter().map(text).collect(),
    };
    list(value).iter().map(read).collect()
}
