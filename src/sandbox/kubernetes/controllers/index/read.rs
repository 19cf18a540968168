//! Pods and nodes as their JSON has them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::super::placement::Placement;
use super::super::quantity;
use super::{Node, Phase, Pod, PodRole};
use crate::kubernetes::read_texts;

/// What images of such pods have in their names.
const ROLES: [(&str, PodRole); 2] =
    [("cloud-controller-manager", PodRole::CloudController), ("aws-ebs-csi-driver", PodRole::EbsDriver)];

/// Annotation of pods: hash of the template that a controller made them from.
pub const TEMPLATE: &str = "sandbox.windlass.dev/template";
/// What the names of images have in them that cannot be pulled.
pub const BROKEN: &str = "broken";
/// Where network plugins put their configuration, and container runtimes look for it (CNI specification; containerd's
/// `conf_dir`).
const CONFIGURATION: &str = "/etc/cni/net.d";
/// What a kubelet says of its runtime while there is no configuration there.
pub const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
                              message:Network plugin returns error: cni plugin not initialized";

/// Annotation of pods: seconds until they are ready, `5-20`.
pub const START: &str = "sandbox.windlass.dev/start-seconds";
/// Annotation of pods: seconds until they have stopped, `1-20`.
pub const STOP: &str = "sandbox.windlass.dev/stop-seconds";

/// Seconds that a pod takes to start, unless it says otherwise: images of a usual size that were pulled before.
const STARTING: (i64, i64) = (5, 20);
/// Seconds that a pod takes to stop, unless it says otherwise.
const STOPPING: (i64, i64) = (1, 20);

fn range(text: Option<&str>, default: (i64, i64)) -> (i64, i64) {
    let Some(text) = text else { return default };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) => (from, to),
        _ => default,
    }
}

/// Status of a condition.
#[must_use]
pub fn condition<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object["status"]["conditions"].as_array()?.iter().find(|it| it["type"] == name)
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

pub(super) fn read_pod(pod: &Value, placement: Arc<Placement>) -> Pod {
    let metadata = &pod["metadata"];
    let annotations = &metadata["annotations"];
    let owner = metadata["ownerReferences"].as_array().into_iter().flatten().find(|it| it["controller"] == true);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is = |name: &str| condition(pod, name).is_some_and(|it| it["status"] == "True");
    let grace = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
    let deletion = moment(&metadata["deletionTimestamp"]);
    let lists = ["initContainers", "containers"].into_iter();
    let containers = lists.flat_map(|list| pod["spec"][list].as_array().into_iter().flatten());
    let images: Vec<&str> = containers.filter_map(|it| it["image"].as_str()).collect();
    let role = ROLES.iter().find(|(name, _)| images.iter().any(|image| image.contains(name)));
    let volumes = || pod["spec"]["volumes"].as_array().into_iter().flatten();
    let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let host_network = pod["spec"]["hostNetwork"] == true;
    let configures =
        |it: &Value| it["hostPath"]["path"].as_str().is_some_and(|path| path.trim_end_matches('/') == CONFIGURATION);
    Pod {
        broken: images.iter().any(|image| image.contains(BROKEN)),
        role: role.map(|(_, role)| *role),
        ready_since: condition(pod, "Ready").and_then(|it| moment(&it["lastTransitionTime"])),
        waiting: statuses.into_iter().any(|it| it["state"]["waiting"].is_object()),
        host_network,
        brings_network: host_network && owner.is_some_and(|it| it["kind"] == "DaemonSet") && volumes().any(configures),
        claims: volumes()
            .filter_map(|it| it["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned))
            .collect(),
        uid: text(&metadata["uid"]),
        owner: owner.map(|it| (text(&it["kind"]), text(&it["name"]), text(&it["uid"]))),
        node: pod["spec"]["nodeName"].as_str().filter(|it| !it.is_empty()).map(str::to_owned),
        phase: match pod["status"]["phase"].as_str() {
            Some("Running") => Phase::Running,
            Some("Succeeded" | "Failed") => Phase::Ended,
            _ => Phase::Pending,
        },
        ready: is("Ready"),
        placed: condition(pod, "PodScheduled")
            .filter(|it| it["status"] == "True")
            .and_then(|it| moment(&it["lastTransitionTime"]))
            .or_else(|| moment(&metadata["creationTimestamp"])),
        deletion: deletion.map(|at| super::super::later(at, -grace)),
        grace,
        held: metadata["finalizers"].as_array().is_some_and(|it| !it.is_empty()),
        stopped: annotations["sandbox.windlass.dev/stopped"].is_string(),
        mirror: annotations["kubernetes.io/config.mirror"].is_string(),
        refused: condition(pod, "PodScheduled").is_some_and(|it| it["status"] == "False"),
        created: moment(&metadata["creationTimestamp"]).unwrap_or_default(),
        labels: read_texts(&metadata["labels"]),
        placement,
        template: text(&annotations[TEMPLATE]),
        start: range(annotations[START].as_str(), STARTING),
        stop: range(annotations[STOP].as_str(), STOPPING),
        ends: owner.is_some_and(|it| it["kind"] == "Job"),
    }
}

pub(super) fn read_node(node: &Value) -> Node {
    let allocatable = &node["status"]["allocatable"];
    let amount = |name: &str, read: fn(&str) -> u64| allocatable[name].as_str().map_or(0, read);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taints = node["spec"]["taints"].as_array().into_iter().flatten();
    let condition = condition(node, "Ready");
    let ready = condition.map(|it| text(&it["status"])).unwrap_or_default();
    Node {
        networkless: ready == "False" && condition.is_some_and(|it| it["message"] == NO_NETWORK),
        uid: text(&node["metadata"]["uid"]),
        instance: node["spec"]["providerID"].as_str().and_then(|it| it.rsplit('/').next()).map(str::to_owned),
        ready: ready == "True",
        unknown: ready == "Unknown",
        unschedulable: node["spec"]["unschedulable"] == true,
        labels: read_texts(&node["metadata"]["labels"]),
        taints: taints.map(|it| (text(&it["key"]), text(&it["value"]), text(&it["effect"]))).collect(),
        cpu: amount("cpu", quantity::thousandths),
        memory: amount("memory", quantity::whole),
        pods: amount("pods", quantity::whole),
        kept: node["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/scale-down-disabled"] == "true",
    }
}
