//! Tables: what `kubectl get` prints (Kubernetes documentation, "Receiving resources as Tables").

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;

/// Name, type, and whether only `-o wide` shows it.
type Column = (&'static str, &'static str, u8);

/// A table of objects.
#[must_use]
pub fn of(kind: &Kind, answer: &Value, now: Timestamp) -> Value {
    let (metadata, items): (Value, Vec<&Value>) = match answer["items"].as_array() {
        Some(items) => (answer["metadata"].clone(), items.iter().collect()),
        None => (json!({"resourceVersion": answer["metadata"]["resourceVersion"]}), vec![answer]),
    };
    let columns: Vec<Value> = columns(kind)
        .iter()
        .map(|(name, form, priority)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({"name": name, "type": form, "format": format, "description": name, "priority": priority})
        })
        .collect();
    let rows: Vec<Value> = items
        .iter()
        .map(|item| {
            let object = json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"],
            });
            json!({"cells": cells(kind, item, now), "object": object})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}

fn columns(kind: &Kind) -> &'static [Column] {
    match kind.resource().as_str() {
        "nodes" => &[
            ("Name", "string", 0),
            ("Status", "string", 0),
            ("Roles", "string", 0),
            ("Age", "string", 0),
            ("Version", "string", 0),
            ("Internal-IP", "string", 1),
        ],
        "pods" => &[
            ("Name", "string", 0),
            ("Ready", "string", 0),
            ("Status", "string", 0),
            ("Restarts", "string", 0),
            ("Age", "string", 0),
            ("IP", "string", 1),
            ("Node", "string", 1),
        ],
        "poddisruptionbudgets.policy" => &[
            ("Name", "string", 0),
            ("Min Available", "string", 0),
            ("Max Unavailable", "string", 0),
            ("Allowed Disruptions", "integer", 0),
            ("Age", "string", 0),
        ],
        "deployments.apps" | "statefulsets.apps" => {
            &[("Name", "string", 0), ("Ready", "string", 0), ("Age", "string", 0)]
        }
        "namespaces" => &[("Name", "string", 0), ("Status", "string", 0), ("Age", "string", 0)],
        _ => &[("Name", "string", 0), ("Age", "string", 0)],
    }
}

fn cells(kind: &Kind, item: &Value, now: Timestamp) -> Vec<Value> {
    let name = item["metadata"]["name"].clone();
    let age = json!(age(&item["metadata"]["creationTimestamp"], now));
    let (spec, status) = (&item["spec"], &item["status"]);
    let text = |value: &Value| value.as_str().filter(|it| !it.is_empty()).unwrap_or("<none>").to_owned();
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let limit = |value: &Value| match value {
        Value::Null => "N/A".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match kind.resource().as_str() {
        "nodes" => {
            let addresses = status["addresses"].as_array().into_iter().flatten();
            let internal = addresses.into_iter().find(|it| it["type"] == "InternalIP").map(|it| &it["address"]);
            let version = status["nodeInfo"]["kubeletVersion"].clone();
            let address = json!(internal.map_or_else(|| "<none>".to_owned(), text));
            vec![name, json!(node_status(item)), json!(roles(item)), age, version, address]
        }
        "pods" => {
            let statuses: Vec<&Value> = status["containerStatuses"].as_array().into_iter().flatten().collect();
            let all = spec["containers"].as_array().map_or(0, Vec::len);
            let ready = if statuses.is_empty() && condition(item, "Ready") == Some("True") {
                all
            } else {
                statuses.iter().filter(|it| it["ready"] == true).count()
            };
            let restarts: i64 = statuses.iter().map(|it| number(&it["restartCount"])).sum();
            let state = if item["metadata"]["deletionTimestamp"].is_null() {
                text(&status["phase"])
            } else {
                "Terminating".to_owned()
            };
            vec![
                name,
                json!(format!("{ready}/{all}")),
                json!(state),
                json!(restarts.to_string()),
                age,
                json!(text(&status["podIP"])),
                json!(text(&spec["nodeName"])),
            ]
        }
        "poddisruptionbudgets.policy" => vec![
            name,
            json!(limit(&spec["minAvailable"])),
            json!(limit(&spec["maxUnavailable"])),
            json!(number(&status["disruptionsAllowed"])),
            age,
        ],
        "deployments.apps" | "statefulsets.apps" => {
            let ready = format!("{}/{}", number(&status["readyReplicas"]), number(&spec["replicas"]));
            vec![name, json!(ready), age]
        }
        "namespaces" => vec![name, status["phase"].clone(), age],
        _ => vec![name, age],
    }
}

fn condition<'item>(item: &'item Value, wanted: &str) -> Option<&'item str> {
    let conditions = item["status"]["conditions"].as_array()?;
    conditions.iter().find(|it| it["type"] == wanted)?["status"].as_str()
}

fn node_status(node: &Value) -> String {
    let ready = match condition(node, "Ready") {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
    format!("{ready}{cordoned}")
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<&str> = labels.filter_map(|(label, _)| label.strip_prefix("node-role.kubernetes.io/")).collect();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

/// As kubectl writes ages: two units at most.
fn age(created: &Value, now: Timestamp) -> String {
    let Some(created) = created.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else {
        return "<unknown>".to_owned();
    };
    let seconds = now.duration_since(created).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    // The limits are those of kubectl's HumanDuration.
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        172_800..691_200 if hours % 24 != 0 => format!("{days}d{}h", hours % 24),
        172_800..63_072_000 => format!("{days}d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a date");
        for (created, shown) in [
            ("2026-11-20T11:59:20Z", "40s"),
            ("2026-11-20T11:57:30Z", "2m30s"),
            ("2026-11-20T11:30:00Z", "30m"),
            ("2026-11-20T07:30:00Z", "4h30m"),
            ("2026-11-19T11:30:00Z", "24h"),
            ("2026-11-10T11:30:00Z", "10d"),
            ("2023-11-10T11:30:00Z", "3y"),
            ("?", "<unknown>"),
        ] {
            assert_eq!(age(&json!(created), now), shown, "{created}");
        }
    }
}
