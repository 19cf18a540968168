//! PodDisruptionBudgets that never allow an eviction: no node that runs such a pod could ever be replaced.

use super::{Checked, by, metadata, pods};
use crate::problem::Problem;
use crate::render::Rendered;
use crate::render::yaml::{Node, Value};
use crate::spec::{Document, Step, steps, with_places};

/// Checks the budgets of one add-on against its workloads.
pub(super) fn check(rendered: &Rendered, objects: &[Checked<'_>], problems: &mut Vec<Problem>) {
    for budget in objects.iter().filter(|it| it.object.kind == "PodDisruptionBudget") {
        let mut push = |message: String, path: &[Step], more: Option<(&Checked<'_>, Vec<Step>)>| {
            let problem = Problem::error(message).hint("allow one at a time: maxUnavailable: 1");
            let problem = with_places(problem, budget.document.locate(rendered, path, "never allows an eviction"));
            let problem = match more {
                Some((other, path)) => with_places(problem, other.document.locate(rendered, &path, "so many pods")),
                None => problem,
            };
            problems.push(by(budget.origin, problem));
        };
        let name = budget.object.key();
        let at = |field: &str| steps!["spec", field];
        if let Some(amount) = amount(budget.document, "maxUnavailable") {
            if amount == Amount::Number(0) || amount == Amount::Percent(0) {
                push(format!("{name} never allows an eviction: maxUnavailable is 0"), &at("maxUnavailable"), None);
            }
            continue;
        }
        let Some(least) = amount(budget.document, "minAvailable") else { continue };
        if matches!(least, Amount::Percent(share) if share >= 100) {
            push(format!("{name} never allows an eviction: minAvailable is 100%"), &at("minAvailable"), None);
            continue;
        }
        for workload in objects.iter().filter(|it| selects(budget.document, it)) {
            let Some((pods, path)) = pods_of(workload, objects) else { continue };
            let least = match least {
                Amount::Number(number) => number,
                // Rounded up (Kubernetes documentation, "Specifying a Disruption Budget": rounding).
                Amount::Percent(share) => (share * pods).div_ceil(100),
            };
            if pods > 0 && least >= pods {
                let count = if pods == 1 { String::from("one pod") } else { format!("{pods} pods") };
                let message = format!(
                    "{name} never allows an eviction: minAvailable is {least}, and {} has {count}",
                    workload.object.key()
                );
                push(message, &at("minAvailable"), Some((workload, path)));
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    Number(u64),
    Percent(u64),
}

fn amount(document: &Document, field: &str) -> Option<Amount> {
    match &document.node(&steps!["spec", field])?.value {
        Value::Integer(number) => u64::try_from(*number).ok().map(Amount::Number),
        Value::String(text) => text.strip_suffix('%')?.parse().ok().map(Amount::Percent),
        _ => None,
    }
}

/// How many pods a workload has at most when nothing fails, and where that stands. `None`: its number is not in the
/// add-on (a DaemonSet has as many as there are nodes).
fn pods_of(workload: &Checked<'_>, objects: &[Checked<'_>]) -> Option<(u64, Vec<Step>)> {
    if !matches!(workload.object.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet") {
        return None;
    }
    let scaled = objects.iter().any(|it| {
        let target = |key: &str| it.document.node(&steps!["spec", "scaleTargetRef", key]).and_then(Node::as_str);
        it.object.kind == "HorizontalPodAutoscaler"
            && target("kind") == Some(&workload.object.kind)
            && target("name") == Some(&workload.object.name)
            && it.object.namespace == workload.object.namespace
    });
    if scaled {
        return None;
    }
    let path = steps!["spec", "replicas"];
    match workload.document.node(&path).map(|node| &node.value) {
        Some(Value::Integer(number)) => Some((u64::try_from(*number).ok()?, path.to_vec())),
        // The default (API reference).
        None | Some(Value::Null) => Some((1, path.to_vec())),
        _ => None,
    }
}

/// Whether a budget's selector fits the pods of a workload. Selectors by expression are not looked at.
fn selects(budget: &Document, workload: &Checked<'_>) -> bool {
    let Some(template) = pods::template_of(&workload.object.kind) else { return false };
    let selector = budget.node(&steps!["spec", "selector"]);
    let Some(selector) = selector.filter(|selector| selector.get("matchExpressions").is_none()) else { return false };
    let wanted: Vec<(&str, &Node)> = metadata::entries(selector.get("matchLabels")).collect();
    let path: Vec<Step> = template.iter().chain(&steps!["metadata", "labels"]).cloned().collect();
    let labels = workload.document.node(&path);
    !wanted.is_empty()
        && wanted
            .iter()
            .all(|(key, value)| labels.and_then(|labels| labels.get(key)).map(|it| &it.value) == Some(&value.value))
}
