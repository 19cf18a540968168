//! The probes of `spec.rolling.gates`: a URL that must answer well, a Prometheus query that must be true.

use std::sync::Arc;

use serde::Deserialize;

use crate::health::Probe;
use crate::live::{Dial, get};
use crate::spec::Gate;

/// Asks all probes at the same time.
pub async fn ask(dial: &Arc<dyn Dial>, gates: &[Gate]) -> Vec<Probe> {
    let mut asked = tokio::task::JoinSet::new();
    for (index, gate) in gates.iter().enumerate() {
        let (dial, gate) = (Arc::clone(dial), gate.clone());
        asked.spawn(async move { (index, one(dial.as_ref(), &gate).await) });
    }
    let mut probes = asked.join_all().await;
    probes.sort_by_key(|(index, _)| *index);
    probes.into_iter().map(|(_, probe)| probe).collect()
}

async fn one(dial: &dyn Dial, gate: &Gate) -> Probe {
    match gate {
        Gate::Http(url) => {
            let red = match get(dial, url).await {
                Ok(page) if (200..300).contains(&page.status) => None,
                Ok(page) => Some(format!("it answers {}", page.status)),
                Err(why) => Some(why),
            };
            Probe { name: url.clone(), red }
        }
        Gate::PromQl(gate) => {
            let query: String = form_urlencoded::byte_serialize(gate.query.as_bytes()).collect();
            let url = format!("{}/api/v1/query?query={query}", gate.server.trim_end_matches('/'));
            let red = match get(dial, &url).await {
                Ok(page) => judge(&gate.query, page.status, &page.body).err(),
                Err(why) => Some(why),
            };
            Probe { name: gate.query.clone(), red }
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
