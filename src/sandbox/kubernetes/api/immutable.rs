//! What of an object cannot change once it is there.

use serde_json::{Value, json};

use super::kind::Kind;
use super::problem::{Cause, Problem};

/// Whether a changed object may be stored.
///
/// # Errors
/// 422 for what cannot change.
pub fn check(kind: &Kind, name: &str, before: &Value, after: &Value) -> Result<(), Problem> {
    let forbidden = |field: &str, message: &str| {
        let cause =
            Cause { reason: "FieldValueForbidden", field: field.to_owned(), message: format!("Forbidden: {message}") };
        Err(Problem::invalid(kind, name, &[cause]))
    };
    match kind.resource().as_str() {
        "nodes" => {
            let old = before["spec"]["providerID"].as_str().unwrap_or_default();
            if !old.is_empty() && after["spec"]["providerID"].as_str() != Some(old) {
                let message = "node updates may not change providerID except from \"\" to valid";
                return forbidden("spec.providerID", message);
            }
        }
        "pods" if before["spec"]["nodeName"] != after["spec"]["nodeName"] => {
            let message = "pod updates may not change fields other than `spec.containers[*].image`,\
                           `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
                           additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be \
                           set to 1 if it was previously negative)";
            return forbidden("spec", message);
        }
        "deployments.apps" | "replicasets.apps" | "daemonsets.apps"
            if before["spec"]["selector"] != after["spec"]["selector"] =>
        {
            let cause = Cause {
                reason: "FieldValueInvalid",
                field: "spec.selector".to_owned(),
                message: format!("Invalid value: {}: field is immutable", after["spec"]["selector"]),
            };
            return Err(Problem::invalid(kind, name, &[cause]));
        }
        "jobs.batch" if before["spec"]["template"] != after["spec"]["template"] => {
            return immutable(kind, name, "spec.template", &after["spec"]["template"], "field is immutable");
        }
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io"
            if before["roleRef"] != after["roleRef"] =>
        {
            return immutable(kind, name, "roleRef", &after["roleRef"], "cannot change roleRef");
        }
        "services" => {
            let old = &before["spec"]["clusterIP"];
            let new = &after["spec"]["clusterIP"];
            if kind.group.is_empty() && old.is_string() && old != new && after["spec"]["type"] != "ExternalName" {
                let why = "may not change once set";
                return immutable(kind, name, "spec.clusterIPs[0]", &json!([new]), why);
            }
        }
        "persistentvolumeclaims" if fixed(&before["spec"], GROWING) != fixed(&after["spec"], GROWING) => {
            let message = "spec is immutable after creation except resources.requests and \
                           volumeAttributesClassName for bound claims";
            return forbidden("spec", message);
        }
        "storageclasses.storage.k8s.io" => {
            for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
                if before[field] != after[field] {
                    return forbidden(field, &format!("updates to {field} are forbidden."));
                }
            }
        }
        "statefulsets.apps" if fixed(&before["spec"], CHANGEABLE) != fixed(&after["spec"], CHANGEABLE) => {
            let message = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                           'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                           'minReadySeconds' are forbidden";
            return forbidden("spec", message);
        }
        _ => {}
    }
    Ok(())
}

/// Fields of a StatefulSet that may change.
const CHANGEABLE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Fields of a claim that may change; the controller sets the volume's name.
const GROWING: &[&str] = &["resources", "volumeAttributesClassName", "volumeName"];

/// All fields of a specification but some.
fn fixed(spec: &Value, changeable: &[&str]) -> Value {
    let fields = spec.as_object().into_iter().flatten().filter(|(field, _)| !changeable.contains(&field.as_str()));
    fields.map(|(field, value)| (field.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}

fn immutable(kind: &Kind, name: &str, field: &str, value: &Value, why: &str) -> Result<(), Problem> {
    let message = format!("Invalid value: {value}: {why}");
    Err(Problem::invalid(kind, name, &[Cause { reason: "FieldValueInvalid", field: field.to_owned(), message }]))
}
