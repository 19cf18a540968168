//! What a pod asks of a node: room, labels, tolerations, distance to its like.

use std::collections::BTreeMap;

use serde_json::Value;

use super::index::Node;
use super::quantity;
use crate::kubernetes::{Expression, Selector, read_expressions, read_selector, read_texts};

/// What a pod asks of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Thousandths of a core.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
    /// `spec.priority`.
    pub priority: i64,
    /// Ports of the host.
    pub host_ports: Vec<u64>,
    /// `spec.nodeSelector`.
    pub selector: BTreeMap<String, String>,
    /// Terms of the required node affinity, any of which must hold; empty: no affinity. `metadata.name` is a field.
    pub affinity: Vec<Vec<Expression>>,
    /// Key (`""`: all), operator, value, effect (`""`: all).
    pub tolerations: Vec<(String, String, String, String)>,
    /// Required anti-affinity: selector and topology key.
    pub apart: Vec<(Selector, String)>,
    /// Spread constraints that forbid: selector, topology key, `maxSkew`.
    pub spread: Vec<(Selector, String, usize)>,
    /// Whether it never makes others go.
    pub never_preempts: bool,
}

impl Placement {
    /// Reads a pod, or a template with `spec`.
    #[must_use]
    pub fn read(pod: &Value) -> Self {
        let spec = &pod["spec"];
        let containers: Vec<&Value> = spec["containers"].as_array().into_iter().flatten().collect();
        let requests = |name: &str, read: fn(&str) -> u64| {
            let texts = containers.iter().filter_map(|it| {
                let request = &it["resources"]["requests"][name];
                if request.is_null() { it["resources"]["limits"][name].as_str() } else { request.as_str() }
            });
            texts.map(read).fold(0, u64::saturating_add)
        };
        let ports = containers.iter().flat_map(|it| it["ports"].as_array().into_iter().flatten());
        let host_network = spec["hostNetwork"] == true;
        let port = |it: &Value| {
            it["hostPort"].as_u64().or_else(|| host_network.then(|| it["containerPort"].as_u64()).flatten())
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let affinity = &spec["affinity"];
        let required = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let terms = required["nodeSelectorTerms"].as_array().into_iter().flatten();
        let apart = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].as_array();
        let spread = spec["topologySpreadConstraints"].as_array().into_iter().flatten();
        Self {
            cpu: requests("cpu", quantity::thousandths),
            memory: requests("memory", quantity::whole),
            priority: spec["priority"].as_i64().unwrap_or(0),
            host_ports: ports.filter_map(port).collect(),
            selector: read_texts(&spec["nodeSelector"]),
            affinity: terms
                .map(|term| {
                    let mut all = read_expressions(&term["matchExpressions"]);
                    all.extend(read_expressions(&term["matchFields"]));
                    all
                })
                .collect(),
            tolerations: spec["tolerations"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|it| (text(&it["key"]), text(&it["operator"]), text(&it["value"]), text(&it["effect"])))
                .collect(),
            apart: apart
                .into_iter()
                .flatten()
                .map(|it| (read_selector(&it["labelSelector"]), text(&it["topologyKey"])))
                .collect(),
            spread: spread
                .filter(|it| it["whenUnsatisfiable"] != "ScheduleAnyway")
                .map(|it| {
                    let skew = it["maxSkew"].as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(1);
                    (read_selector(&it["labelSelector"]), text(&it["topologyKey"]), skew)
                })
                .collect(),
            never_preempts: spec["preemptionPolicy"] == "Never",
        }
    }

    /// Whether it bears a taint.
    #[must_use]
    pub fn tolerates(&self, (key, value, effect): &(String, String, String)) -> bool {
        self.tolerations.iter().any(|(own, operator, wanted, on)| {
            let named = own.is_empty() && operator == "Exists" || own == key;
            named && (operator == "Exists" || wanted == value) && (on.is_empty() || on == effect)
        })
    }

    /// The first taint that keeps it away.
    #[must_use]
    pub fn untolerated<'n>(&self, node: &'n Node) -> Option<&'n (String, String, String)> {
        node.taints.iter().filter(|it| it.2 != "PreferNoSchedule").find(|it| !self.tolerates(it))
    }

    /// Whether a node has the labels that it asks for.
    #[must_use]
    pub fn likes(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let holds = |it: &Expression| match it.key.as_str() {
            "metadata.name" => it.values.iter().any(|value| value == name),
            _ => it.holds(labels),
        };
        self.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            && (self.affinity.is_empty() || self.affinity.iter().any(|term| term.iter().all(holds)))
    }
}
