//! Structural schemas of custom resources: unknown fields are dropped, defaults put in, and the rest is checked.
//!
//! Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions". Imitated are types,
//! required and additional properties, enumerations, bounds and lengths; patterns, formats and CEL rules are not.

use serde_json::{Map, Value};

use super::super::Cluster;
use super::super::objects::Key;
use super::kind::{CRDS, Kind};
use super::problem::Cause;

/// The schema of a custom resource in the version that was asked for.
#[must_use]
pub fn of(cluster: &Cluster, kind: &Kind) -> Option<Value> {
    let definition = cluster.objects.get(&Key::new(CRDS, "", &kind.resource()))?;
    let versions = definition["spec"]["versions"].as_array()?;
    let version = versions.iter().find(|it| it["name"] == kind.version.as_str())?;
    let mut schema = version["schema"]["openAPIV3Schema"].clone();
    if definition["spec"]["preserveUnknownFields"] == true {
        schema["x-kubernetes-preserve-unknown-fields"] = Value::Bool(true);
    }
    schema.is_object().then_some(schema)
}

/// Fields that every object has (and those with `x-kubernetes-embedded-resource`).
const EVERY: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Drops what the schema does not know; the places of what was dropped, `spec.bogus`.
pub fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut dropped = Vec::new();
    walk(schema, object, (String::new(), true), &mut dropped);
    dropped
}

fn walk(schema: &Value, value: &mut Value, (path, whole): (String, bool), dropped: &mut Vec<String>) {
    let below = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    match value {
        Value::Object(map) => {
            let keeps = schema["x-kubernetes-preserve-unknown-fields"] == true;
            let additional = &schema["additionalProperties"];
            let names: Vec<String> = map.keys().cloned().collect();
            for name in names {
                if whole && EVERY.contains(&name.as_str()) {
                    continue;
                }
                let known = match schema["properties"].get(&name) {
                    Some(known) => known,
                    None if additional.is_object() => additional,
                    None if keeps || *additional == Value::Bool(true) => continue,
                    None => {
                        dropped.push(below(&name));
                        map.remove(&name);
                        continue;
                    }
                };
                let Some(value) = map.get_mut(&name) else { continue };
                if value.is_null() && known["nullable"] != true {
                    map.remove(&name);
                    continue;
                }
                walk(known, value, (below(&name), known["x-kubernetes-embedded-resource"] == true), dropped);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(&schema["items"], item, (format!("{path}[{index}]"), false), dropped);
            }
        }
        _ => {}
    }
}

/// Puts defaults in where nothing is.
pub fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let no_properties = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&no_properties);
            for (name, known) in properties {
                if !map.contains_key(name) && !known["default"].is_null() {
                    map.insert(name.clone(), known["default"].clone());
                }
            }
            for (name, value) in map.iter_mut() {
                let known = properties.get(name).unwrap_or(&schema["additionalProperties"]);
                fill(known, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(&schema["items"], item)),
        _ => {}
    }
}

/// What an object has that its schema forbids.
#[must_use]
pub fn check(schema: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    checked(schema, object, String::new(), &mut causes);
    causes
}

fn checked(schema: &Value, value: &Value, path: String, causes: &mut Vec<Cause>) {
    let below = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    let wrong = |why: String| {
        let message = format!("Invalid value: {value}: {path} in body {why}");
        Cause { reason: "FieldValueInvalid", field: path.clone(), message }
    };
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    let kind = type_of(value);
    let wanted = schema["type"].as_str().unwrap_or_default();
    let either = schema["x-kubernetes-int-or-string"] == true;
    let fits = match wanted {
        _ if either => kind == "integer" || kind == "string",
        "" => true,
        "number" => kind == "integer" || kind == "number",
        wanted => wanted == kind,
    };
    if !fits {
        let wanted = if either { "integer,string" } else { wanted };
        let message = format!("Invalid value: {kind:?}: {path} in body must be of type {wanted}: {kind:?}");
        causes.push(Cause { reason: "FieldValueTypeInvalid", field: path.clone(), message });
        return;
    }
    let bound = |name: &str| schema[name].as_f64();
    if let Some(number) = value.as_f64() {
        if let Some(least) = bound("minimum").filter(|least| number < *least) {
            causes.push(wrong(format!("should be greater than or equal to {least}")));
        }
        if let Some(most) = bound("maximum").filter(|most| number > *most) {
            causes.push(wrong(format!("should be less than or equal to {most}")));
        }
    }
    let length = |name: &str| schema[name].as_u64().and_then(|it| usize::try_from(it).ok());
    if let Some(text) = value.as_str() {
        let count = text.chars().count();
        if let Some(least) = length("minLength").filter(|least| count < *least) {
            causes.push(wrong(format!("should be at least {least} chars long")));
        }
        if let Some(most) = length("maxLength").filter(|most| count > *most) {
            causes.push(wrong(format!("should be at most {most} chars long")));
        }
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
        causes.push(Cause { reason: "FieldValueNotSupported", field: path.clone(), message });
    }
    match value {
        Value::Object(map) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !map.contains_key(name) {
                    let message = "Required value".to_owned();
                    causes.push(Cause { reason: "FieldValueRequired", field: below(name), message });
                }
            }
            for (name, value) in map {
                let known = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                // Metadata is the server's business.
                if known.is_object() && !(path.is_empty() && EVERY.contains(&name.as_str())) {
                    checked(known, value, below(name), causes);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                checked(&schema["items"], item, format!("{path}[{index}]"), causes);
            }
        }
        _ => {}
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1},
            "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "port": {"x-kubernetes-int-or-string": true},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "items": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}},
        }}}})
    }

    #[test]
    fn unknown_fields_go_and_are_named() {
        let mut object = json!({"apiVersion": "e/v1", "kind": "T", "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"size": 1, "bogus": 1, "free": {"any": 1}, "labels": {"k": "v"}, "items": [{"x": "1", "y": 2}]},
            "other": 1});
        let dropped = prune(&schema(), &mut object);
        assert_eq!(dropped, ["spec.bogus", "spec.items[0].y", "other"]);
        assert_eq!(object["spec"]["free"], json!({"any": 1}));
        assert_eq!(object["spec"]["items"], json!([{"x": "1"}]));
        assert_eq!(object["metadata"]["labels"], json!({"x": "y"}));
    }

    #[test]
    fn defaults_come_in() {
        let mut object = json!({"spec": {"size": 1}});
        fill(&schema(), &mut object);
        assert_eq!(object, json!({"spec": {"size": 1, "mode": "a"}}));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let object = json!({"spec": {"mode": "c", "port": [], "labels": {"k": 1}, "items": [{"x": 1}]}});
        let causes = check(&schema(), &object);
        let told: Vec<(&str, &str)> = causes.iter().map(|it| (it.reason, it.field.as_str())).collect();
        let expected = [
            ("FieldValueRequired", "spec.size"),
            ("FieldValueNotSupported", "spec.mode"),
            ("FieldValueTypeInvalid", "spec.port"),
            ("FieldValueTypeInvalid", "spec.labels.k"),
            ("FieldValueTypeInvalid", "spec.items[0].x"),
        ];
        assert_eq!(told, expected);
        let low = check(&schema(), &json!({"spec": {"size": 0}}));
        let text = "Invalid value: 0: spec.size in body should be greater than or equal to 1";
        assert_eq!(low[0].message, text);
        assert_eq!(check(&schema(), &json!({"spec": {"size": 1, "port": "http"}})), []);
    }
}
