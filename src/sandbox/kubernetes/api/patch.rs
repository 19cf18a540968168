//! The three patches that change an object by themselves: JSON merge patch (RFC 7396), JSON patch (RFC 6902) and
//! Kubernetes' strategic merge patch. Server-side apply is `apply`.

use serde_json::{Map, Value};

use super::lists;
use super::problem::Problem;

/// Merges as RFC 7396 says.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    for (key, value) in patch {
        let map = object(target);
        if value.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
    object(target);
}

/// Merges as Kubernetes' strategic merge patch does: lists with keys item by item, `$patch`, `$deleteFromPrimitiveList`,
/// `$retainKeys`; `$setElementOrder` only orders, and is not followed.
pub fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let rest = patch.iter().filter(|(key, _)| key.as_str() != "$patch");
            *target = Value::Object(rest.map(|(key, value)| (key.clone(), value.clone())).collect());
            return;
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return;
        }
        _ => {}
    }
    let target = object(target);
    if let Some(Value::Array(kept)) = patch.get("$retainKeys") {
        target.retain(|key, _| kept.iter().any(|it| it == key.as_str()));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(Value::Array(items)) = target.get_mut(list) {
                items.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            // Order and retained keys are no fields.
        } else if value.is_null() {
            target.remove(key);
        } else if let Value::Array(items) = value {
            list(target.entry(key.clone()).or_insert_with(|| Value::Array(Vec::new())), key, items);
        } else {
            strategic(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

fn list(target: &mut Value, field: &str, patch: &[Value]) {
    let Value::Array(items) = target else {
        *target = Value::Array(patch.to_vec());
        return;
    };
    let replaced = patch.iter().any(|item| item["$patch"] == "replace");
    if lists::is_set(field) {
        let new: Vec<Value> = patch.iter().filter(|item| !items.contains(item)).cloned().collect();
        items.extend(new);
        return;
    }
    let keys = lists::keys(field, patch);
    let Some(keys) = keys.filter(|_| !replaced) else {
        *items = patch.iter().filter(|item| item["$patch"] != "replace").cloned().collect();
        return;
    };
    for change in patch {
        let found = items.iter().position(|item| lists::same(keys, item, change));
        match (found, change["$patch"] == "delete") {
            (Some(index), true) => {
                items.remove(index);
            }
            (Some(index), false) => strategic(&mut items[index], change),
            (None, true) => {}
            (None, false) => {
                let mut new = Value::Null;
                strategic(&mut new, change);
                items.push(new);
            }
        }
    }
}

/// Carries out a JSON patch.
///
/// # Errors
/// 400 for what is no patch, 422 for operations that do not fit the object.
pub fn json(target: &mut Value, patch: &Value) -> Result<(), Problem> {
    let operations = patch.as_array().ok_or_else(|| Problem::bad_request("a JSON patch is a list of operations"))?;
    for operation in operations {
        let text = |name: &str| operation[name].as_str().map(str::to_owned);
        let path = text("path").ok_or_else(misfit)?;
        match operation["op"].as_str() {
            Some("add") => add(target, &path, operation["value"].clone())?,
            Some("remove") => {
                remove(target, &path)?;
            }
            Some("replace") => *target.pointer_mut(&path).ok_or_else(misfit)? = operation["value"].clone(),
            Some("move") => {
                let value = remove(target, &text("from").ok_or_else(misfit)?)?;
                add(target, &path, value)?;
            }
            Some("copy") => {
                let value = target.pointer(&text("from").ok_or_else(misfit)?).cloned().ok_or_else(misfit)?;
                add(target, &path, value)?;
            }
            Some("test") if target.pointer(&path).unwrap_or(&Value::Null) == &operation["value"] => {}
            _ => return Err(misfit()),
        }
    }
    Ok(())
}

fn misfit() -> Problem {
    let mut problem = Problem::new(422, "Invalid", "the server rejected our request due to an error in our request");
    problem.details = Some(Box::new(serde_json::json!({})));
    problem
}

fn parent<'value>(target: &'value mut Value, path: &str) -> Result<(&'value mut Value, String), Problem> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(misfit)?;
    let last = last.replace("~1", "/").replace("~0", "~");
    Ok((target.pointer_mut(parent).ok_or_else(misfit)?, last))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), Problem> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    match parent(target, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(items), key) if key == "-" => items.push(value),
        (Value::Array(items), key) => {
            let index: usize = key.parse().map_err(|_| misfit())?;
            if index > items.len() {
                return Err(misfit());
            }
            items.insert(index, value);
        }
        _ => return Err(misfit()),
    }
    Ok(())
}

fn remove(target: &mut Value, path: &str) -> Result<Value, Problem> {
    match parent(target, path)? {
        // Not shift_remove: the order of fields means nothing.
        (Value::Object(map), key) => map.remove(&key).ok_or_else(misfit),
        (Value::Array(items), key) => {
            let index: usize = key.parse().map_err(|_| misfit())?;
            if index < items.len() { Ok(items.remove(index)) } else { Err(misfit()) }
        }
        _ => Err(misfit()),
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made an object")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_replaces_lists_and_removes_nulls() {
        let mut object = json!({"a": [1, 2], "b": {"c": 1, "d": 2}});
        merge(&mut object, &json!({"a": [3], "b": {"c": null, "e": {"f": null}}}));
        assert_eq!(object, json!({"a": [3], "b": {"d": 2, "e": {}}}));
    }

    #[test]
    fn a_strategic_patch_merges_lists_by_their_keys() {
        let mut object = json!({"status": {"conditions": [
            {"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}]},
            "spec": {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}], "taints": [{"key": "a"}]}});
        strategic(
            &mut object,
            &json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]},
                "spec": {"$setElementOrder/containers": [{"name": "a"}], "taints": [{"key": "b"}],
                    "containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}, {"name": "X", "$patch": "delete"}]},
                        {"name": "b"}]}}),
        );
        assert_eq!(
            object,
            json!({"status": {"conditions": [
                {"type": "Ready", "status": "False"}, {"type": "DiskPressure", "status": "False"}]},
                "spec": {"containers": [{"name": "a", "image": "1", "env": [{"name": "Y", "value": "2"}]}, {"name": "b"}],
                    "taints": [{"key": "b"}]}})
        );
    }

    #[test]
    fn a_strategic_patch_has_directives() {
        let mut object = json!({"a": {"b": 1}, "metadata": {"finalizers": ["x", "y"]}, "s": {"rolling": 1, "type": 2}});
        let patch = json!({"a": {"$patch": "replace", "c": 1}, "s": {"$retainKeys": ["type"], "type": 3},
            "metadata": {"$deleteFromPrimitiveList/finalizers": ["x"], "finalizers": ["z"]}});
        strategic(&mut object, &patch);
        assert_eq!(object, json!({"a": {"c": 1}, "metadata": {"finalizers": ["y", "z"]}, "s": {"type": 3}}));
    }

    #[test]
    fn a_json_patch_is_carried_out_in_order() {
        let mut object = json!({"a": {"b/c": 1}, "list": [1, 3]});
        let patch = json!([
            {"op": "test", "path": "/a/b~1c", "value": 1},
            {"op": "add", "path": "/list/1", "value": 2},
            {"op": "add", "path": "/list/-", "value": 4},
            {"op": "move", "from": "/a/b~1c", "path": "/d"},
            {"op": "replace", "path": "/list/0", "value": 0},
            {"op": "copy", "from": "/d", "path": "/a/e"},
            {"op": "remove", "path": "/d"},
        ]);
        json(&mut object, &patch).expect("it fits");
        assert_eq!(object, json!({"a": {"e": 1}, "list": [0, 2, 3, 4]}));
        for wrong in [
            json!([{"op": "remove", "path": "/no"}]),
            json!([{"op": "test", "path": "/list/0", "value": 9}]),
            json!([{"op": "add", "path": "/list/9", "value": 9}]),
            json!([{"op": "?", "path": "/a"}]),
        ] {
            assert_eq!(json(&mut object, &wrong).expect_err("it does not fit").code, 422, "{wrong}");
        }
        assert_eq!(json(&mut object, &json!({})).expect_err("no list").code, 400);
    }
}
