//! The disruption controller: how many pods of a budget may go.
//!
//! Source: kubernetes/pkg/controller/disruption; "Specifying a Disruption Budget for your Application".

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::objects::{Key, Objects, time};
use super::index::{Index, Pod};
use super::kubelet::set_condition;
use super::later;
use super::owners::owners;
use super::quantity::{Rounding, scaled};
use crate::kubernetes::{Selector, read_selector};

/// Seconds after which an eviction that led to no deletion is forgotten (`DeletionTimeout`).
const FORGOTTEN: i64 = 120;

/// What a budget comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// `expectedPods`.
    pub expected: u32,
    /// `desiredHealthy`.
    pub desired: u32,
}

/// The arithmetic: `pods` are those selected, `scale` what their controllers want together (`None`: some pod has no
/// controller whose scale is known).
#[must_use]
pub fn sum(spec: &Value, pods: u32, scale: Option<u32>) -> Sum {
    if !spec["maxUnavailable"].is_null() {
        let Some(expected) = scale else { return Sum { expected: 0, desired: 0 } };
        let most = scaled(&spec["maxUnavailable"], expected, Rounding::Up).unwrap_or(0);
        return Sum { expected, desired: expected.saturating_sub(most) };
    }
    let least = &spec["minAvailable"];
    if least.is_string() {
        let expected = scale.unwrap_or(0);
        return Sum { expected, desired: scaled(least, expected, Rounding::Up).unwrap_or(0) };
    }
    Sum { expected: pods, desired: scaled(least, 0, Rounding::Up).unwrap_or(0) }
}

/// Wanted pods by the uid of controllers that have pods.
fn scales(index: &Index) -> BTreeMap<String, (String, u32)> {
    let mut scales = BTreeMap::new();
    let replicas = |it: &Value| u32::try_from(it["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap_or(u32::MAX);
    let uid = |it: &Value| it["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let deployments: BTreeMap<String, u32> =
        index.of("deployments.apps").map(|(_, it)| (uid(it), replicas(it))).collect();
    for (_, set) in index.of("replicasets.apps") {
        let owner = owners(set).find(|it| deployments.contains_key(*it));
        let entry = match owner {
            Some(owner) => (owner.to_owned(), deployments[owner]),
            None => (uid(set), replicas(set)),
        };
        scales.insert(uid(set), entry);
    }
    for (_, set) in index.of("statefulsets.apps") {
        scales.insert(uid(set), (uid(set), replicas(set)));
    }
    scales
}

/// Brings all budgets up to date; the next moment at which one changes by itself.
pub fn step(objects: &mut Objects, index: &Index, now: Timestamp) -> Option<Timestamp> {
    let budgets: Vec<(&Key, &Value, Selector)> = index
        .of("poddisruptionbudgets.policy")
        .map(|(key, it)| (key, it, read_selector(&it["spec"]["selector"])))
        .collect();
    if budgets.is_empty() {
        return None;
    }
    let mut by_namespace: BTreeMap<&str, Vec<(&str, &Pod)>> = BTreeMap::new();
    let namespaces: BTreeSet<&str> = budgets.iter().map(|(key, ..)| key.namespace.as_str()).collect();
    for ((namespace, name), pod) in &index.pods {
        if namespaces.contains(namespace.as_str()) {
            by_namespace.entry(namespace).or_default().push((name, pod));
        }
    }
    // Pods by the first label of some budget, so that a budget need not look at all of its namespace.
    type Named<'a> = Vec<(&'a str, &'a Pod)>;
    let mut by_label: BTreeMap<(&str, &str, &str), Named<'_>> = BTreeMap::new();
    let asked =
        budgets.iter().filter_map(|(key, _, selector)| Some((&*key.namespace, &**selector.labels.keys().next()?)));
    for (namespace, label) in asked.collect::<BTreeSet<(&str, &str)>>() {
        for (name, pod) in by_namespace.get(namespace).into_iter().flatten() {
            if let Some(value) = pod.labels.get(label) {
                by_label.entry((namespace, label, value)).or_default().push((name, pod));
            }
        }
    }
    let scales = scales(index);
    let mut next: Option<Timestamp> = None;
    for (key, budget, selector) in &budgets {
        let namespace = key.namespace.as_str();
        let candidates = match selector.labels.iter().next() {
            Some((label, value)) => by_label.get(&(namespace, label.as_str(), value.as_str())),
            None => by_namespace.get(namespace),
        };
        let selected = candidates.into_iter().flatten().filter(|(_, pod)| selector.selects(&pod.labels));
        let selected: Vec<(&str, &Pod)> = selected.filter(|(_, pod)| pod.is_active()).copied().collect();
        let (status, at) = status(budget, &selected, &scales, now);
        next = next.into_iter().chain(at).min();
        let allowed = status["disruptionsAllowed"].as_u64().unwrap_or(0) > 0;
        objects.update(key, |budget| {
            let conditions = budget["status"]["conditions"].take();
            budget["status"] = status;
            budget["status"]["conditions"] = conditions;
            let (word, reason) = if allowed { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
            set_condition(budget, "DisruptionAllowed", word, reason, "", now);
        });
    }
    next
}

fn status(
    budget: &Value,
    selected: &[(&str, &Pod)],
    scales: &BTreeMap<String, (String, u32)>,
    now: Timestamp,
) -> (Value, Option<Timestamp>) {
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    let mut complete = true;
    for (_, pod) in selected {
        match pod.owner.as_ref().and_then(|(_, _, uid)| scales.get(uid)) {
            Some((uid, scale)) => {
                known.insert(uid, *scale);
            }
            None => complete = false,
        }
    }
    let pods = u32::try_from(selected.len()).unwrap_or(u32::MAX);
    let Sum { expected, desired } = sum(&budget["spec"], pods, complete.then(|| known.values().sum()));
    let mut disrupted = serde_json::Map::new();
    let mut next: Option<Timestamp> = None;
    for (name, at) in budget["status"]["disruptedPods"].as_object().into_iter().flatten() {
        let Some(at) = at.as_str().and_then(|it| it.parse::<Timestamp>().ok()) else { continue };
        let until = later(at, FORGOTTEN);
        let waits = selected.iter().any(|(own, pod)| own == name && pod.deletion.is_none());
        if waits && until > now {
            next = next.into_iter().chain([until]).min();
            disrupted.insert(name.clone(), json!(time(at)));
        }
    }
    let healthy = selected
        .iter()
        .filter(|(name, pod)| pod.ready && pod.deletion.is_none() && !disrupted.contains_key(*name))
        .count();
    let healthy = u32::try_from(healthy).unwrap_or(u32::MAX);
    // A budget over nothing allows nothing.
    let allowed = if expected == 0 { 0 } else { healthy.saturating_sub(desired) };
    let generation = budget["metadata"]["generation"].as_u64().unwrap_or(1);
    let mut status = json!({
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed, "expectedPods": expected,
        "observedGeneration": generation,
    });
    if !disrupted.is_empty() {
        status["disruptedPods"] = Value::Object(disrupted);
    }
    (status, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arithmetic_is_that_of_the_disruption_controller() {
        // (spec, pods, scale) → (expected, desired). The first of the documentation's examples: 7 pods, 50 % → 4.
        let cases = [
            (json!({"minAvailable": "50%"}), 7, Some(7), (7, 4)),
            (json!({"minAvailable": 2}), 3, Some(3), (3, 2)),
            (json!({"minAvailable": 2}), 3, None, (3, 2)),
            (json!({"maxUnavailable": 1}), 3, Some(4), (4, 3)),
            (json!({"maxUnavailable": "30%"}), 7, Some(7), (7, 4)),
            (json!({"maxUnavailable": "10%"}), 3, Some(3), (3, 2)),
            (json!({"maxUnavailable": 0}), 3, Some(3), (3, 3)),
            (json!({"maxUnavailable": 5}), 3, Some(3), (3, 0)),
            (json!({"maxUnavailable": 1}), 3, None, (0, 0)),
            (json!({"minAvailable": "50%"}), 3, None, (0, 0)),
            (json!({"minAvailable": "100%"}), 3, Some(3), (3, 3)),
        ];
        for (spec, pods, scale, (expected, desired)) in cases {
            assert_eq!(sum(&spec, pods, scale), Sum { expected, desired }, "{spec}");
        }
    }
}
