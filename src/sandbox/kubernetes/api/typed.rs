//! Which fields built-in objects have: what a client sends is read as the published types are and compared with what was
//! understood of it. Custom resources have their own schemas (`schema`).
//!
//! The types are those of Kubernetes 1.37, whatever the version of the cluster: fields that came later are unknown.

use k8s_openapi::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::kind::Kind;

/// An object as its type reads and writes it again; what is wrong if it cannot.
type Reader = fn(&Value) -> Result<Value, String>;

fn again<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

/// The type of a kind; `None` for those that only clusters of another time have.
fn reader(kind: &Kind) -> Option<Reader> {
    let read: Reader = match (kind.group.as_str(), kind.version.as_str(), kind.kind.as_str()) {
        ("", "v1", "Node") => again::<api::core::v1::Node>,
        ("", "v1", "Pod") => again::<api::core::v1::Pod>,
        ("", "v1", "Namespace") => again::<api::core::v1::Namespace>,
        ("", "v1", "ConfigMap") => again::<api::core::v1::ConfigMap>,
        ("", "v1", "Secret") => again::<api::core::v1::Secret>,
        ("", "v1", "Service") => again::<api::core::v1::Service>,
        ("", "v1", "Endpoints") => again::<api::core::v1::Endpoints>,
        ("", "v1", "ServiceAccount") => again::<api::core::v1::ServiceAccount>,
        ("", "v1", "PersistentVolume") => again::<api::core::v1::PersistentVolume>,
        ("", "v1", "PersistentVolumeClaim") => again::<api::core::v1::PersistentVolumeClaim>,
        ("", "v1", "LimitRange") => again::<api::core::v1::LimitRange>,
        ("", "v1", "ResourceQuota") => again::<api::core::v1::ResourceQuota>,
        ("", "v1", "PodTemplate") => again::<api::core::v1::PodTemplate>,
        ("apps", "v1", "Deployment") => again::<api::apps::v1::Deployment>,
        ("apps", "v1", "ReplicaSet") => again::<api::apps::v1::ReplicaSet>,
        ("apps", "v1", "StatefulSet") => again::<api::apps::v1::StatefulSet>,
        ("apps", "v1", "DaemonSet") => again::<api::apps::v1::DaemonSet>,
        ("batch", "v1", "Job") => again::<api::batch::v1::Job>,
        ("batch", "v1", "CronJob") => again::<api::batch::v1::CronJob>,
        ("policy", "v1", "PodDisruptionBudget") => again::<api::policy::v1::PodDisruptionBudget>,
        ("autoscaling", "v2", "HorizontalPodAutoscaler") => again::<api::autoscaling::v2::HorizontalPodAutoscaler>,
        ("coordination.k8s.io", "v1", "Lease") => again::<api::coordination::v1::Lease>,
        ("scheduling.k8s.io", "v1", "PriorityClass") => again::<api::scheduling::v1::PriorityClass>,
        ("rbac.authorization.k8s.io", "v1", "Role") => again::<api::rbac::v1::Role>,
        ("rbac.authorization.k8s.io", "v1", "RoleBinding") => again::<api::rbac::v1::RoleBinding>,
        ("rbac.authorization.k8s.io", "v1", "ClusterRole") => again::<api::rbac::v1::ClusterRole>,
        ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding") => again::<api::rbac::v1::ClusterRoleBinding>,
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition") => {
            again::<apiextensions::v1::CustomResourceDefinition>
        }
        ("apiregistration.k8s.io", "v1", "APIService") => again::<apiregistration::v1::APIService>,
        ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration") => {
            again::<api::admissionregistration::v1::ValidatingWebhookConfiguration>
        }
        ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration") => {
            again::<api::admissionregistration::v1::MutatingWebhookConfiguration>
        }
        ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy") => {
            again::<api::admissionregistration::v1::ValidatingAdmissionPolicy>
        }
        ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding") => {
            again::<api::admissionregistration::v1::ValidatingAdmissionPolicyBinding>
        }
        ("storage.k8s.io", "v1", "StorageClass") => again::<api::storage::v1::StorageClass>,
        ("storage.k8s.io", "v1", "CSIDriver") => again::<api::storage::v1::CSIDriver>,
        ("storage.k8s.io", "v1", "CSINode") => again::<api::storage::v1::CSINode>,
        ("networking.k8s.io", "v1", "Ingress") => again::<api::networking::v1::Ingress>,
        ("networking.k8s.io", "v1", "IngressClass") => again::<api::networking::v1::IngressClass>,
        ("networking.k8s.io", "v1", "NetworkPolicy") => again::<api::networking::v1::NetworkPolicy>,
        ("discovery.k8s.io", "v1", "EndpointSlice") => again::<api::discovery::v1::EndpointSlice>,
        ("node.k8s.io", "v1", "RuntimeClass") => again::<api::node::v1::RuntimeClass>,
        ("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema") => again::<api::flowcontrol::v1::FlowSchema>,
        ("flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration") => {
            again::<api::flowcontrol::v1::PriorityLevelConfiguration>
        }
        _ => return None,
    };
    Some(read)
}

/// What is wrong with an object's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// These fields are not known: `spec.template.spec.bogus`.
    Unknown(Vec<String>),
    /// A field has another type.
    Type(String),
}

/// Compares an object with the type of its kind.
///
/// # Errors
/// When it has fields that the type does not have, or of another form.
pub fn check(kind: &Kind, object: &Value) -> Result<(), Misfit> {
    let Some(read) = reader(kind) else { return Ok(()) };
    let mut object = object.clone();
    // The types insist on them.
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.kind);
    quantities(&mut object, false);
    let understood = read(&object).map_err(Misfit::Type)?;
    let mut unknown = Vec::new();
    compare(&object, &understood, String::new(), &mut unknown);
    if unknown.is_empty() { Ok(()) } else { Err(Misfit::Unknown(unknown)) }
}

/// Quantities may be numbers (apimachinery, `resource.Quantity`); the types here read texts only.
fn quantities(value: &mut Value, within: bool) {
    match value {
        Value::Number(number) if within => *value = json!(number.to_string()),
        Value::Object(map) => {
            for (field, value) in map {
                let amounts = ["requests", "limits", "capacity", "allocatable", "hard", "overhead", "sizeLimit"];
                quantities(value, amounts.contains(&field.as_str()) && (value.is_object() || value.is_number()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| quantities(item, false)),
        _ => {}
    }
    if within && let Value::Object(map) = value {
        for amount in map.values_mut() {
            quantities(amount, true);
        }
    }
}

fn compare(sent: &Value, understood: &Value, path: String, unknown: &mut Vec<String>) {
    match (sent, understood) {
        (Value::Object(sent), Value::Object(understood)) => {
            for (field, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
                match understood.get(field) {
                    Some(understood) => compare(value, understood, path, unknown),
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(sent), Value::Array(understood)) => {
            for (index, (sent, understood)) in sent.iter().zip(understood).enumerate() {
                compare(sent, understood, format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kubernetes::api::kind;
    use crate::sandbox::kubernetes::{Cluster, Objects};

    fn kind(group: &str, plural: &str) -> Kind {
        let cluster = Cluster { objects: Objects::new(1), version: "v1.34.2".to_owned() };
        kind::find(&cluster, group, "v1", plural).expect("it is built in")
    }

    #[test]
    fn unknown_fields_are_named_with_their_places() {
        let deployment = json!({"metadata": {"name": "a", "lables": {}}, "spec": {
            "selector": {"matchLabels": {"a": "b"}}, "replicas": 2, "strategy": {"rollingUpdate": {"maxSurge": "25%"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
                {"name": "c", "image": "i", "resources": {"requests": {"cpu": 1, "memory": "1Gi"}},
                 "ports": [{"containerPort": 80}], "imagePullPolice": "Always"}]}}}});
        let misfit = check(&kind("apps", "deployments"), &deployment).expect_err("two mistakes");
        let expected = ["metadata.lables", "spec.template.spec.containers[0].imagePullPolice"];
        assert_eq!(misfit, Misfit::Unknown(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn other_types_are_no_fields_of_the_kind() {
        let deployment = json!({"spec": {"replicas": "2", "selector": {}, "template": {}}});
        assert!(matches!(check(&kind("apps", "deployments"), &deployment), Err(Misfit::Type(_))));
        let map = json!({"data": {"a": "b"}});
        assert_eq!(check(&kind("", "configmaps"), &map), Ok(()));
    }
}
