//! Whether an applied object does its work: pure, from what the API server says of it.
//!
//! Sources: Kubernetes documentation, "Deployments" (status of a rollout), "DaemonSet", "StatefulSets", "Jobs",
//! "CustomResourceDefinition" and "APIService" of the API reference.

use serde_json::Value;

/// How an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It works, or there is nothing that could work.
    Healthy,
    /// It is on its way; why it is not there yet.
    Waiting(String),
    /// It does not get there by itself.
    Failed(String),
}

/// Judges a live object by its kind. Kinds without a status of their own are healthy as soon as they exist.
#[must_use]
pub fn health(object: &Value) -> Health {
    let group = object["apiVersion"].as_str().and_then(|it| it.split_once('/')).map_or("", |(group, _)| group);
    match (group, object["kind"].as_str().unwrap_or_default()) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => conditioned(object, "Available"),
        ("", "Service") => service(object),
        _ => Health::Healthy,
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|it| it["type"] == name)
}

/// Whether its controller has seen its newest form; until then its numbers are those of the form before.
fn is_observed(object: &Value) -> bool {
    number(&object["status"]["observedGeneration"]) >= number(&object["metadata"]["generation"])
}

fn unseen() -> Health {
    Health::Waiting(String::from("its controller has not seen it yet"))
}

fn of(have: i64, want: i64, what: &str) -> Health {
    if have >= want { Health::Healthy } else { Health::Waiting(format!("{have} of {want} {what}")) }
}

fn deployment(object: &Value) -> Health {
    if !is_observed(object) {
        return unseen();
    }
    if let Some(progressing) = condition(object, "Progressing")
        && progressing["reason"] == "ProgressDeadlineExceeded"
    {
        let message = progressing["message"].as_str().unwrap_or("its rollout does not get on");
        return Health::Failed(message.to_owned());
    }
    let want = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let status = &object["status"];
    let old = number(&status["replicas"]) - number(&status["updatedReplicas"]);
    match of(number(&status["updatedReplicas"]), want, "replicas are updated") {
        Health::Healthy if old > 0 => Health::Waiting(format!("{old} old replicas are still there")),
        Health::Healthy => of(number(&status["availableReplicas"]), want, "replicas are available"),
        other => other,
    }
}

fn daemon_set(object: &Value) -> Health {
    if !is_observed(object) {
        return unseen();
    }
    let status = &object["status"];
    let want = number(&status["desiredNumberScheduled"]);
    let updated = if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        want
    } else {
        number(&status["updatedNumberScheduled"])
    };
    match of(updated, want, "pods are updated") {
        Health::Healthy => of(number(&status["numberAvailable"]), want, "pods are available"),
        other => other,
    }
}

fn stateful_set(object: &Value) -> Health {
    if !is_observed(object) {
        return unseen();
    }
    let status = &object["status"];
    let want = object["spec"]["replicas"].as_i64().unwrap_or(1);
    match of(number(&status["readyReplicas"]), want, "replicas are ready") {
        Health::Healthy if object["spec"]["updateStrategy"]["type"] == "OnDelete" => Health::Healthy,
        Health::Healthy if status["updateRevision"] != status["currentRevision"] => {
            of(number(&status["updatedReplicas"]), want, "replicas are updated")
        }
        other => other,
    }
}

fn job(object: &Value) -> Health {
    let is = |name: &str| condition(object, name).filter(|it| it["status"] == "True");
    if let Some(failed) = is("Failed") {
        return Health::Failed(failed["message"].as_str().unwrap_or("it failed").to_owned());
    }
    let suspended = object["spec"]["suspend"] == true;
    if suspended || is("Complete").is_some() { Health::Healthy } else { Health::Waiting(String::from("it runs")) }
}

fn definition(object: &Value) -> Health {
    if let Some(refused) = condition(object, "NamesAccepted").filter(|it| it["status"] == "False") {
        return Health::Failed(refused["message"].as_str().unwrap_or("its names are taken").to_owned());
    }
    conditioned(object, "Established")
}

fn conditioned(object: &Value, name: &str) -> Health {
    match condition(object, name) {
        Some(it) if it["status"] == "True" => Health::Healthy,
        Some(it) => Health::Waiting(match it["message"].as_str() {
            Some(message) if !message.is_empty() => format!("not {name}: {message}"),
            _ => format!("not {name}"),
        }),
        None => Health::Waiting(format!("not {name} yet")),
    }
}

fn service(object: &Value) -> Health {
    let waits = object["spec"]["type"] == "LoadBalancer"
        && object["status"]["loadBalancer"]["ingress"].as_array().is_none_or(Vec::is_empty);
    if waits { Health::Waiting(String::from("it has no load balancer yet")) } else { Health::Healthy }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_kind(api_version: &str, kind: &str, spec: Value, status: Value) -> Health {
        let metadata = json!({"name": "x", "generation": 2});
        health(&json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status}))
    }

    fn waiting(why: &str) -> Health {
        Health::Waiting(why.to_owned())
    }

    #[test]
    fn a_deployment_is_healthy_when_all_of_it_is_new_and_available() {
        let deployment = |status: Value| of_kind("apps/v1", "Deployment", json!({"replicas": 3}), status);
        assert_eq!(deployment(json!({})), unseen());
        let seen = |updated: i64, all: i64, available: i64| {
            deployment(json!({"observedGeneration": 2, "replicas": all, "updatedReplicas": updated,
                "availableReplicas": available}))
        };
        assert_eq!(seen(1, 4, 3), waiting("1 of 3 replicas are updated"));
        assert_eq!(seen(3, 4, 3), waiting("1 old replicas are still there"));
        assert_eq!(seen(3, 3, 2), waiting("2 of 3 replicas are available"));
        assert_eq!(seen(3, 3, 3), Health::Healthy);
        let stuck = json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "no progress"}]});
        assert_eq!(deployment(stuck), Health::Failed("no progress".to_owned()));
    }

    #[test]
    fn a_daemon_set_counts_nodes() {
        let set = |updated: i64, available: i64| {
            of_kind(
                "apps/v1",
                "DaemonSet",
                json!({}),
                json!({"observedGeneration": 2, "desiredNumberScheduled": 5, "updatedNumberScheduled": updated,
                    "numberAvailable": available}),
            )
        };
        assert_eq!(set(4, 5), waiting("4 of 5 pods are updated"));
        assert_eq!(set(5, 4), waiting("4 of 5 pods are available"));
        assert_eq!(set(5, 5), Health::Healthy);
    }

    #[test]
    fn a_stateful_set_waits_for_its_newest_revision() {
        let set = |status: Value| of_kind("apps/v1", "StatefulSet", json!({"replicas": 2}), status);
        let status = json!({"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 1, "currentRevision": "a",
            "updateRevision": "b"});
        assert_eq!(set(status), waiting("1 of 2 replicas are updated"));
        let status =
            json!({"observedGeneration": 2, "readyReplicas": 2, "currentRevision": "b", "updateRevision": "b"});
        assert_eq!(set(status), Health::Healthy);
    }

    #[test]
    fn conditions_tell_of_the_rest() {
        let crd = |conditions: Value| {
            let status = json!({ "conditions": conditions });
            of_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({}), status)
        };
        assert_eq!(crd(json!([])), waiting("not Established yet"));
        assert_eq!(crd(json!([{"type": "Established", "status": "True"}])), Health::Healthy);
        let taken = json!([{"type": "NamesAccepted", "status": "False", "message": "taken"}]);
        assert_eq!(crd(taken), Health::Failed("taken".to_owned()));
        let failed = json!({"conditions": [{"type": "Failed", "status": "True", "message": "backoff"}]});
        assert_eq!(of_kind("batch/v1", "Job", json!({}), failed), Health::Failed("backoff".to_owned()));
        let service = |status: Value| of_kind("v1", "Service", json!({"type": "LoadBalancer"}), status);
        assert_eq!(service(json!({})), waiting("it has no load balancer yet"));
        assert_eq!(service(json!({"loadBalancer": {"ingress": [{"hostname": "x"}]}})), Health::Healthy);
        assert_eq!(of_kind("v1", "ConfigMap", json!({}), json!({})), Health::Healthy);
    }
}
