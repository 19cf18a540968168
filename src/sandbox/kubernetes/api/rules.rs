//! Rules of kinds: what a new object is filled up with, and what may not be written.

use serde_json::{Value, json};

use super::super::Cluster;
use super::super::objects::{Key, Objects, metadata};
use super::kind::{CRDS, Kind, Origin, Scope};
use super::problem::{Cause, Problem};
use super::service;

/// Seconds that a pod gets to end (`terminationGracePeriodSeconds` of the API reference).
pub const GRACE: i64 = 30;

/// Longest name of an object (RFC 1123 subdomain, as the API conventions say).
const NAME: usize = 253;

/// Whether an object has the shape that everything here relies on: structures are structures, lists are lists.
///
/// # Errors
/// 400.
pub fn well_formed(object: &Value) -> Result<(), Problem> {
    const STRUCTURES: &[&str] = &[
        "/metadata",
        "/metadata/labels",
        "/metadata/annotations",
        "/spec",
        "/status",
        "/status/nodeInfo",
        "/spec/template",
        "/spec/template/spec",
        "/data",
        "/status/disruptedPods",
    ];
    const LISTS: &[&str] = &["/spec/containers", "/spec/template/spec/containers", "/status/conditions"];
    let structures = STRUCTURES.iter().all(|at| object.pointer(at).is_none_or(|it| it.is_object() || it.is_null()));
    let is_list =
        |value: &Value| value.is_null() || value.as_array().is_some_and(|all| all.iter().all(Value::is_object));
    if object.is_object() && structures && LISTS.iter().all(|at| object.pointer(at).is_none_or(is_list)) {
        return Ok(());
    }
    Err(Problem::bad_request("the object provided is unrecognized: a field has another type than its kind's"))
}

/// Whether an object may have that name.
///
/// # Errors
/// 422.
pub fn name(kind: &Kind, name: &str) -> Result<(), Problem> {
    // Roles and the like have path segments as names.
    let free = kind.group == "rbac.authorization.k8s.io";
    let edge = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let part = |part: &str| {
        part.starts_with(edge) && part.ends_with(edge) && part.chars().all(|letter| edge(letter) || letter == '-')
    };
    let good = if free {
        !name.contains(['/', '%']) && name != "." && name != ".."
    } else {
        name.len() <= NAME && name.split('.').all(part)
    };
    if good && !name.is_empty() {
        return Ok(());
    }
    let cause = if name.is_empty() {
        Cause {
            reason: "FieldValueRequired",
            field: "metadata.name".to_owned(),
            message: "Required value: name or generateName is required".to_owned(),
        }
    } else {
        Cause {
            reason: "FieldValueInvalid",
            field: "metadata.name".to_owned(),
            message: format!(
                "Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                 characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', \
                 regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ),
        }
    };
    Err(Problem::invalid(kind, name, &[cause]))
}

/// Whether something may be made in a namespace.
///
/// # Errors
/// 404 without the namespace, 403 while it goes.
pub fn namespace(cluster: &Cluster, kind: &Kind, (name, namespace): (&str, &str)) -> Result<(), Problem> {
    if kind.scope == Scope::Cluster {
        return Ok(());
    }
    let Some(found) = cluster.objects.get(&Key::new("namespaces", "", namespace)) else {
        let mut problem = Problem::new(404, "NotFound", format!("namespaces {namespace:?} not found"));
        problem.details = Some(Box::new(super::problem::details(namespace, "", "namespaces")));
        return Err(problem);
    };
    if found["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    Err(Problem::forbidden(kind, name, &why))
}

/// Whether objects of a custom resource may be made.
///
/// # Errors
/// 405 while its CRD goes.
pub fn definition(cluster: &Cluster, kind: &Kind) -> Result<(), Problem> {
    let definition = cluster.objects.get(&Key::new(CRDS, "", &kind.resource()));
    if definition.is_none_or(|it| it["metadata"]["deletionTimestamp"].is_null()) {
        return Ok(());
    }
    let message = format!("create is not supported on resources of kind {:?}", kind.resource());
    Err(Problem::new(405, "MethodNotAllowed", message).about(kind, ""))
}

/// Fills up a new object as the server does.
pub fn fill(kind: &Kind, object: &mut Value) {
    if kind.origin == Origin::Custom {
        return;
    }
    match kind.resource().as_str() {
        "pods" => {
            pod(&mut object["spec"]);
            object["status"] = json!({"phase": "Pending", "qosClass": qos(&object["spec"])});
        }
        "nodes" => node(object),
        "namespaces" => {
            let name = metadata(object).get("name").cloned().unwrap_or_default();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        "poddisruptionbudgets.policy" => {
            object["status"] =
                json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0});
        }
        "deployments.apps" => {
            let strategy = json!({"type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}});
            let spec = &mut object["spec"];
            defaults(
                spec,
                &[
                    ("replicas", json!(1)),
                    ("strategy", strategy),
                    ("revisionHistoryLimit", json!(10)),
                    ("progressDeadlineSeconds", json!(600)),
                ],
            );
            pod(&mut spec["template"]["spec"]);
            object["status"] = json!({});
        }
        "statefulsets.apps" => {
            let spec = &mut object["spec"];
            let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
            defaults(
                spec,
                &[
                    ("replicas", json!(1)),
                    ("updateStrategy", strategy),
                    ("podManagementPolicy", json!("OrderedReady")),
                    ("revisionHistoryLimit", json!(10)),
                ],
            );
            pod(&mut spec["template"]["spec"]);
            object["status"] = json!({"replicas": 0});
        }
        "replicasets.apps" | "replicationcontrollers" => {
            let spec = &mut object["spec"];
            defaults(spec, &[("replicas", json!(1))]);
            pod(&mut spec["template"]["spec"]);
            object["status"] = json!({"replicas": 0});
        }
        "daemonsets.apps" => {
            let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
            defaults(&mut object["spec"], &[("updateStrategy", strategy), ("revisionHistoryLimit", json!(10))]);
            pod(&mut object["spec"]["template"]["spec"]);
            object["status"] = json!({
                "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0,
            });
        }
        "services" => {
            service::fill(object);
            object["status"] = json!({"loadBalancer": {}});
        }
        "persistentvolumeclaims" => {
            defaults(&mut object["spec"], &[("volumeMode", json!("Filesystem"))]);
            protect(object, "kubernetes.io/pvc-protection");
            object["status"] = json!({"phase": "Pending"});
        }
        "persistentvolumes" => {
            let filled = [("volumeMode", json!("Filesystem")), ("persistentVolumeReclaimPolicy", json!("Retain"))];
            defaults(&mut object["spec"], &filled);
            protect(object, "kubernetes.io/pv-protection");
            object["status"] = json!({"phase": "Available"});
        }
        "storageclasses.storage.k8s.io" => {
            defaults(object, &[("reclaimPolicy", json!("Delete")), ("volumeBindingMode", json!("Immediate"))]);
        }
        _ if kind.has_status() => object["status"] = json!({}),
        _ => {}
    }
}

/// Fills up what a change brought in.
pub fn refill(kind: &Kind, before: &Value, object: &mut Value) {
    match kind.resource().as_str() {
        "deployments.apps" | "replicasets.apps" | "statefulsets.apps" | "daemonsets.apps"
            if before["spec"]["template"] != object["spec"]["template"] =>
        {
            pod(&mut object["spec"]["template"]["spec"]);
        }
        "services" if kind.group.is_empty() => {
            service::keep(before, object);
            service::fill(object);
        }
        "persistentvolumeclaims" => {
            for field in ["volumeMode", "storageClassName", "volumeName"] {
                if object["spec"][field].is_null() && !before["spec"][field].is_null() {
                    object["spec"][field] = before["spec"][field].clone();
                }
            }
        }
        _ => {}
    }
}

/// The class of claims that name none: of those marked as default, the youngest (admission plugin `DefaultStorageClass`).
#[must_use]
pub fn default_class(objects: &Objects) -> Option<String> {
    let is_default =
        |it: &Value| it["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    let classes = objects.list("storageclasses.storage.k8s.io").filter(|(_, it)| is_default(it));
    let youngest = classes.max_by_key(|(_, it)| it["metadata"]["creationTimestamp"].as_str().map(str::to_owned));
    youngest.map(|(key, _)| key.name.clone())
}

/// What admission plugins put into a new object that they take from other objects.
pub fn admit(objects: &Objects, kind: &Kind, object: &mut Value) {
    if kind.resource() == "persistentvolumeclaims"
        && object["spec"]["storageClassName"].is_null()
        && let Some(class) = default_class(objects)
    {
        object["spec"]["storageClassName"] = json!(class);
    }
}

/// Adds a finalizer of the server's own.
fn protect(object: &mut Value, finalizer: &str) {
    let finalizers = metadata(object).entry("finalizers").or_insert_with(|| json!([]));
    if let Some(finalizers) = finalizers.as_array_mut()
        && !finalizers.iter().any(|it| it == finalizer)
    {
        finalizers.push(json!(finalizer));
    }
}

/// A new object without what the server and its admission plugins put there: nobody manages that.
#[must_use]
pub fn without_admission(kind: &Kind, given: &Value, filled: &Value) -> Value {
    let mut owned = filled.clone();
    if kind.has_status()
        && let Some(map) = owned.as_object_mut()
    {
        map.remove("status");
    }
    let admitted: &[&str] = match kind.plural.as_str() {
        "nodes" => &["taints"],
        "pods" => &["serviceAccountName"],
        "services" => &["clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy"],
        "persistentvolumeclaims" => &["storageClassName"],
        _ => return owned,
    };
    for field in admitted {
        if given["spec"][*field].is_null()
            && let Some(spec) = owned["spec"].as_object_mut()
        {
            spec.remove(*field);
        }
    }
    if given["metadata"]["finalizers"].is_null() {
        metadata(&mut owned).remove("finalizers");
    }
    owned
}

pub(super) fn defaults(target: &mut Value, defaults: &[(&str, Value)]) {
    for (field, value) in defaults {
        if target[*field].is_null() {
            target[*field] = value.clone();
        }
    }
}

fn pod(spec: &mut Value) {
    if let Some(containers) = spec["containers"].as_array_mut() {
        for container in containers {
            for port in container["ports"].as_array_mut().into_iter().flatten() {
                defaults(port, &[("protocol", json!("TCP"))]);
            }
            let latest = container["image"].as_str().is_none_or(|image| {
                let last = image.rsplit('/').next().unwrap_or_default();
                !last.contains([':', '@']) || last.ends_with(":latest")
            });
            let policy = if latest { "Always" } else { "IfNotPresent" };
            defaults(
                container,
                &[
                    ("resources", json!({})),
                    ("terminationMessagePath", json!("/dev/termination-log")),
                    ("terminationMessagePolicy", json!("File")),
                    ("imagePullPolicy", json!(policy)),
                ],
            );
        }
    }
    defaults(
        spec,
        &[
            ("restartPolicy", json!("Always")),
            ("terminationGracePeriodSeconds", json!(GRACE)),
            ("dnsPolicy", json!("ClusterFirst")),
            ("serviceAccountName", json!("default")),
            ("securityContext", json!({})),
            ("schedulerName", json!("default-scheduler")),
            ("enableServiceLinks", json!(true)),
        ],
    );
}

/// Requests and limits that are equal guarantee, none at all is best effort (documentation, "Pod Quality of Service").
fn qos(spec: &Value) -> &'static str {
    let containers: Vec<&Value> = spec["containers"].as_array().into_iter().flatten().collect();
    let set = |container: &Value, which: &str| {
        container["resources"][which].as_object().is_some_and(|resources| !resources.is_empty())
    };
    if containers.iter().all(|it| !set(it, "requests") && !set(it, "limits")) {
        return "BestEffort";
    }
    let guaranteed = |container: &&Value| {
        let limits = &container["resources"]["limits"];
        let requests = &container["resources"]["requests"];
        ["cpu", "memory"]
            .iter()
            .all(|it| !limits[*it].is_null() && (requests[*it].is_null() || requests[*it] == limits[*it]))
    };
    if containers.iter().all(guaranteed) { "Guaranteed" } else { "Burstable" }
}

fn node(object: &mut Value) {
    // The admission plugin TaintNodesByCondition: not before the node controller saw it ready.
    let taints = &mut object["spec"]["taints"];
    if !taints.is_array() {
        *taints = json!([]);
    }
    if let Some(taints) = taints.as_array_mut()
        && !taints.iter().any(|taint| taint["key"] == "node.kubernetes.io/not-ready")
    {
        taints.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
    }
    let info = [
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
    ];
    let status = &mut object["status"];
    defaults(status, &[("daemonEndpoints", json!({"kubeletEndpoint": {"Port": 0}}))]);
    for field in info {
        defaults(&mut status["nodeInfo"], &[(field, json!(""))]);
    }
}
