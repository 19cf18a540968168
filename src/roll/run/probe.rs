//! The probes of `spec.rolling.gates`: a URL that must answer well, a Prometheus query that must be true.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use crate::desired::member_group;
use crate::health::Probe;
use crate::live::{Dial, get};
use crate::spec::{Gate, Specification};

/// A gate and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedGate {
    /// What is asked.
    pub gate: Gate,
    /// As [`Probe::groups`].
    pub groups: Option<BTreeSet<String>>,
}

/// The gates of a cluster, each once: a group that has some of its own is not held up by the cluster's.
#[must_use]
pub fn scoped(specification: &Specification) -> Vec<ScopedGate> {
    let spec = &specification.cluster.spec;
    let mut all: Vec<(Gate, BTreeSet<String>)> = Vec::new();
    let mut add = |gates: Vec<Gate>, group: String| {
        for gate in gates {
            match all.iter_mut().find(|(known, _)| *known == gate) {
                Some((_, groups)) => {
                    groups.insert(group.clone());
                }
                None => all.push((gate, BTreeSet::from([group.clone()]))),
            }
        }
    };
    for member in &spec.control_plane.members {
        add(spec.rolling.resolve().gates, member_group(member));
    }
    for group in &specification.node_groups {
        add(specification.rolling(group).gates, group.metadata.name.to_string());
    }
    let count = spec.control_plane.members.len() + specification.node_groups.len();
    let scope = |groups: BTreeSet<String>| (groups.len() < count).then_some(groups);
    all.into_iter().map(|(gate, groups)| ScopedGate { gate, groups: scope(groups) }).collect()
}

/// Asks all probes at the same time.
pub async fn ask(dial: &Arc<dyn Dial>, gates: &[ScopedGate]) -> Vec<Probe> {
    let mut asked = tokio::task::JoinSet::new();
    for (index, ScopedGate { gate, groups }) in gates.iter().enumerate() {
        let (dial, gate, groups) = (Arc::clone(dial), gate.clone(), groups.clone());
        asked.spawn(async move {
            let (name, red) = one(dial.as_ref(), &gate).await;
            (index, Probe { name, red, groups })
        });
    }
    let mut probes = asked.join_all().await;
    probes.sort_by_key(|(index, _)| *index);
    probes.into_iter().map(|(_, probe)| probe).collect()
}

/// What is asked, and why it is red.
async fn one(dial: &dyn Dial, gate: &Gate) -> (String, Option<String>) {
    match gate {
        Gate::Http(url) => {
            let red = match get(dial, url).await {
                Ok(page) if (200..300).contains(&page.status) => None,
                Ok(page) => Some(format!("it answers {}", page.status)),
                Err(why) => Some(why),
            };
            (url.clone(), red)
        }
        Gate::PromQl(gate) => {
            let query: String = form_urlencoded::byte_serialize(gate.query.as_bytes()).collect();
            let url = format!("{}/api/v1/query?query={query}", gate.server.trim_end_matches('/'));
            let red = match get(dial, &url).await {
                Ok(page) => judge(&gate.query, page.status, &page.body).err(),
                Err(why) => Some(why),
            };
            (gate.query.clone(), red)
        }
    }
}

/// An answer of Prometheus' HTTP API (its documentation, "HTTP API", "Instant queries").
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

/// Whether the answer says yes. A comparison keeps what it is true for, whatever its value, and drops the rest; with
/// `bool`, and between two numbers, it gives 0 or 1 instead (Prometheus' documentation, "Comparison binary operators").
fn judge(query: &str, status: u16, body: &[u8]) -> Result<(), String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| format!("status {status}, and no answer of Prometheus' API"))?;
    let Some(data) = answer.data.filter(|_| status == 200) else {
        return Err(format!("Prometheus says: {}", if answer.error.is_empty() { "no data" } else { &answer.error }));
    };
    let numbers: Vec<&str> = match (data.result_type.as_str(), &data.result) {
        ("vector", serde_json::Value::Array(items)) => {
            items.iter().filter_map(|item| item["value"][1].as_str()).collect()
        }
        ("scalar", value) => value[1].as_str().into_iter().collect(),
        (other, _) => return Err(format!("the query gives a {other}, not a comparison's result")),
    };
    let tells_by_value =
        data.result_type == "scalar" || query.split(|c: char| !c.is_alphanumeric()).any(|word| word == "bool");
    if numbers.is_empty() {
        return Err(String::from("the query gives nothing: it is not true"));
    }
    match numbers.iter().find(|number| tells_by_value && number.parse::<f64>().is_ok_and(|number| number == 0.0)) {
        Some(_) => Err(String::from("the query gives 0: it is not true")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Rolling;

    #[test]
    fn a_gate_is_asked_once_and_knows_whom_it_holds_up() {
        let mut specification = crate::capacity::example();
        let gates = |texts: &[&str]| Some(texts.iter().map(|text| Gate::Http((*text).to_owned())).collect());
        let (all, shop) = ("https://health.example", "https://shop.example");
        specification.cluster.spec.rolling.gates = gates(&[all]);
        let groups: Vec<String> = specification.node_groups.iter().map(|it| it.metadata.name.to_string()).collect();
        assert_eq!(scoped(&specification), [ScopedGate { gate: Gate::Http(all.to_owned()), groups: None }]);
        let first = &mut specification.node_groups[0].spec.rolling;
        *first = Rolling { gates: gates(&[shop]), ..first.clone() };
        let scoped = scoped(&specification);
        assert_eq!(scoped.len(), 2);
        let all = scoped[0].groups.as_ref().expect("not for the first group");
        assert!(!all.contains(&groups[0]) && all.contains(&groups[1]) && all.contains("control-plane-a"), "{all:?}");
        assert_eq!(scoped[1].groups, Some([groups[0].clone()].into()));
    }

    fn vector(values: &[&str]) -> Vec<u8> {
        let items: Vec<String> =
            values.iter().map(|value| format!(r#"{{"metric":{{}},"value":[1700000000,"{value}"]}}"#)).collect();
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, items.join(","))
            .into_bytes()
    }

    #[test]
    fn a_comparison_is_true_for_what_it_keeps() {
        assert_eq!(judge("errors < 1", 200, &vector(&["0"])), Ok(()));
        assert!(judge("errors < 1", 200, &vector(&[])).is_err());
    }

    #[test]
    fn with_bool_the_value_tells() {
        assert_eq!(judge("errors < bool 1", 200, &vector(&["1", "1"])), Ok(()));
        assert!(judge("errors < bool 1", 200, &vector(&["1", "0"])).is_err());
        let scalar = br#"{"status":"success","data":{"resultType":"scalar","result":[1700000000,"0"]}}"#;
        assert!(judge("1 > bool 2", 200, scalar).is_err());
    }

    #[test]
    fn what_is_no_result_is_red() {
        let error = br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert_eq!(judge("x <", 400, error), Err(String::from("Prometheus says: parse error")));
        assert!(judge("x", 502, b"<html>").is_err());
        let matrix = br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        assert!(judge("x[5m]", 200, matrix).is_err());
    }
}
