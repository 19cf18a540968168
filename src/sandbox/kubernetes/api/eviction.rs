//! Evictions: whether a pod's disruption budget lets it go, and what that costs the budget.
//!
//! Answers are those that a kube-apiserver 1.36 gave, text by text, down to its oddities: the budget is charged before
//! the deletion is tried, and stays charged if that fails.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::objects::{Key, Objects, time};
use super::delete::{self, Options};
use super::kind::Kind;
use super::managed::{self, Manager};
use super::problem::Problem;
use super::selector;

/// Seconds after which a client shall ask again while the budget's controller has not looked (`Retry-After`).
const RETRY: u32 = 10;

/// Resource of budgets.
const BUDGETS: &str = "poddisruptionbudgets.policy";

/// Evicts a pod.
///
/// # Errors
/// 400, 404, 409, 429 and 500, as the API server.
pub fn evict(
    objects: &mut Objects,
    (kind, key): (&Kind, &Key),
    eviction: &Value,
    now: Timestamp,
) -> Result<(), Problem> {
    let name = eviction["metadata"]["name"].as_str();
    if name.is_some_and(|name| !name.is_empty() && name != key.name) {
        return Err(Problem::bad_request("name in URL does not match name in Eviction object"));
    }
    let options = Options::read(&eviction["deleteOptions"]);
    let pod = objects.get(key).ok_or_else(|| Problem::not_found(kind, &key.name))?.clone();
    if !ignores_budgets(&pod) {
        let labels = &pod["metadata"]["labels"];
        let selects = |(budget, object): &(&Key, &Value)| {
            budget.namespace == key.namespace && selector::matches(&object["spec"]["selector"], labels)
        };
        let budgets: Vec<Key> = objects.list(BUDGETS).filter(selects).map(|(key, _)| key.clone()).collect();
        match budgets.as_slice() {
            [] => {}
            [budget] => charge(objects, budget, &pod, now)?,
            _ => {
                let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does \
                               not support.";
                return Err(Problem::new(500, "", message));
            }
        }
    }
    // The condition is written first, under the same preconditions.
    delete::precondition(kind, &pod, &options)?;
    by_server(objects, key, ("v1", now), |pod| note(pod, now));
    // Its own writing has changed the revision.
    let options = Options { resource_version: None, ..options };
    delete::delete(objects, (kind, key), &options, now)?;
    Ok(())
}

/// Pods that disturb nobody when they go.
fn ignores_budgets(pod: &Value) -> bool {
    !pod["metadata"]["deletionTimestamp"].is_null()
        || matches!(pod["status"]["phase"].as_str(), Some("Pending" | "Succeeded" | "Failed"))
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|it| it["type"] == "Ready" && it["status"] == "True")
}

/// Takes one disruption off a budget, unless the pod is none.
fn charge(objects: &mut Objects, key: &Key, pod: &Value, now: Timestamp) -> Result<(), Problem> {
    let budget = objects.get(key).cloned().unwrap_or_default();
    let status = &budget["status"];
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let (current, desired) = (number("currentHealthy"), number("desiredHealthy"));
    if !is_ready(pod) {
        let always = budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
        if always || (current >= desired && desired > 0) {
            return Ok(());
        }
    }
    if number("observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
        let message = format!("The disruption budget {} is still being processed by the server.", key.name);
        return Err(too_many(&message, Some(RETRY)));
    }
    if number("disruptionsAllowed") <= 0 {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let mut conditions = conditions.filter(|it| it["type"] == "DisruptionAllowed");
        let failed = conditions.find(|it| it["reason"] == "SyncFailed");
        let message = match failed {
            Some(condition) => format!(
                "The disruption budget {} does not allow evicting pods currently because it failed sync: {}",
                key.name,
                condition["message"].as_str().unwrap_or_default()
            ),
            None if current <= desired => {
                format!("The disruption budget {} needs {desired} healthy pods and has {current} currently", key.name)
            }
            None => format!("The disruption budget {} does not allow evicting pods currently", key.name),
        };
        return Err(too_many(&message, None));
    }
    let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    by_server(objects, key, ("policy/v1", now), |budget| {
        let observed = budget["status"]["observedGeneration"].clone();
        let status = &mut budget["status"];
        let left = status["disruptionsAllowed"].as_i64().unwrap_or(1) - 1;
        status["disruptionsAllowed"] = json!(left);
        status["disruptedPods"][name.as_str()] = json!(time(now));
        if left == 0 {
            let condition = json!({
                "type": "DisruptionAllowed", "status": "False", "observedGeneration": observed,
                "lastTransitionTime": time(now), "reason": "InsufficientPods", "message": "",
            });
            put_condition(status, condition);
        }
    });
    Ok(())
}

/// Changes a status as the API server itself, which then manages what it changed.
fn by_server(objects: &mut Objects, key: &Key, (version, now): (&str, Timestamp), change: impl FnOnce(&mut Value)) {
    let manager = Manager {
        name: "kube-apiserver".to_owned(),
        operation: "Update",
        api_version: version.to_owned(),
        subresource: "status".to_owned(),
    };
    objects.update(key, |object| {
        let before = object.clone();
        change(object);
        managed::note_update(&before, object, &manager, now);
    });
}

fn too_many(cause: &str, retry_after: Option<u32>) -> Problem {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let mut problem = Problem::new(429, "TooManyRequests", message);
    let mut details = json!({"causes": [{"reason": "DisruptionBudget", "message": cause}]});
    if let Some(seconds) = retry_after {
        details["retryAfterSeconds"] = json!(seconds);
    }
    problem.details = Some(Box::new(details));
    problem.retry_after = retry_after;
    problem
}

fn note(pod: &mut Value, now: Timestamp) {
    let condition = json!({
        "type": "DisruptionTarget", "status": "True", "lastProbeTime": null, "lastTransitionTime": time(now),
        "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
    });
    put_condition(&mut pod["status"], condition);
}

/// Sets a condition; its time of transition stays while its status does.
fn put_condition(status: &mut Value, mut condition: Value) {
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    match conditions.iter_mut().find(|it| it["type"] == condition["type"]) {
        Some(found) => {
            if found["status"] == condition["status"] {
                condition["lastTransitionTime"] = found["lastTransitionTime"].clone();
            }
            *found = condition;
        }
        None => conditions.push(condition),
    }
}
