//! A `PodDisruptionBudget`, as far as windlass is concerned with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pod::Pod;

/// A budget at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// `metadata.namespace`: it is about pods of this namespace only.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// Which pods.
    pub selector: Selector,
    /// `spec.minAvailable` or `spec.maxUnavailable`, as people wrote it: `minAvailable 2`, `maxUnavailable 10%`.
    pub rule: String,
    /// `status.disruptionsAllowed`.
    pub allowed: u32,
    /// `status.currentHealthy`.
    pub healthy: u32,
    /// `status.desiredHealthy`.
    pub desired: u32,
    /// `status.expectedPods`.
    pub expected: u32,
    /// Whether the disruption controller has seen its newest generation: until then every eviction is refused.
    pub observed: bool,
}

/// A label selector (Kubernetes API, `LabelSelector`): all of its parts must hold; an empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Labels with these values.
    pub labels: BTreeMap<String, String>,
    /// Further requirements.
    pub expressions: Vec<Expression>,
    /// Whether the selector was absent: it then selects nothing (policy/v1).
    pub nothing: bool,
}

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expression {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: String,
    /// For the first two.
    pub values: Vec<String>,
}

impl Selector {
    /// Whether an object with these labels is selected. An unknown operator selects nothing.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.nothing
            && self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(|it| it.holds(labels))
    }
}

impl Expression {
    /// Whether it holds for these labels. An unknown operator never does.
    #[must_use]
    pub fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|value| self.values.contains(value)),
            "NotIn" => value.is_none_or(|value| !self.values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

impl Budget {
    /// Whether it is about this pod.
    #[must_use]
    pub fn covers(&self, pod: &Pod) -> bool {
        self.namespace == pod.namespace && self.selector.selects(&pod.labels)
    }

    /// Whether it can never allow a disruption while all of its pods are healthy: nothing drains a node that has one.
    #[must_use]
    pub const fn is_impossible(&self) -> bool {
        self.observed && self.expected > 0 && self.desired >= self.expected
    }

    /// `namespace/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
