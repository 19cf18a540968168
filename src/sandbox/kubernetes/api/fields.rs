//! Which fields an object has, as sets of paths, and `FieldsV1`, the form in `metadata.managedFields`
//! (Kubernetes documentation, "Server-Side Apply").

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::lists;

/// A path: `f:spec`, `k:{"name":"c"}`, `v:"x"`.
pub type Path = Vec<String>;

/// Fields.
pub type Fields = BTreeSet<Path>;

/// What nobody manages: the server's own.
const OWN: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "generateName",
    "selfLink",
];

/// The leaves of an object, and the items of its lists with keys.
#[must_use]
pub fn of(object: &Value) -> Fields {
    let mut fields = Fields::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (key, value) in
                    value.as_object().into_iter().flatten().filter(|(key, _)| !OWN.contains(&key.as_str()))
                {
                    collect(key, value, vec!["f:metadata".to_owned()], &mut fields);
                }
            }
            _ => collect(key, value, Vec::new(), &mut fields),
        }
    }
    fields
}

fn collect(field: &str, value: &Value, mut path: Path, fields: &mut Fields) {
    path.push(format!("f:{field}"));
    match value {
        Value::Object(map) if !map.is_empty() && !lists::is_atomic(field) => {
            for (key, value) in map {
                collect(key, value, path.clone(), fields);
            }
        }
        Value::Array(items) => {
            if lists::is_set(field) {
                fields.extend(items.iter().map(|item| extended(&path, format!("v:{item}"))));
            } else if let Some(keys) = lists::owned_keys(field, items) {
                for item in items {
                    let path = extended(&path, element(keys, item));
                    for (key, value) in item.as_object().into_iter().flatten() {
                        collect(key, value, path.clone(), fields);
                    }
                    fields.insert(path);
                }
            } else {
                fields.insert(path);
            }
        }
        _ => {
            fields.insert(path);
        }
    }
}

fn extended(path: &[String], part: String) -> Path {
    let mut path = path.to_vec();
    path.push(part);
    path
}

/// How an item is named.
fn element(keys: &[&str], item: &Value) -> String {
    let named: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), lists::key_of(item, key))).collect();
    format!("k:{}", Value::Object(named))
}

/// The value at a path.
#[must_use]
pub fn get<'object>(object: &'object Value, path: &[String]) -> Option<&'object Value> {
    path.iter().try_fold(object, |value, part| step(value, part))
}

fn step<'object>(value: &'object Value, part: &str) -> Option<&'object Value> {
    if let Some(field) = part.strip_prefix("f:") {
        return value.get(field);
    }
    let index = position(value, part)?;
    value.get(index)
}

fn position(list: &Value, part: &str) -> Option<usize> {
    let items = list.as_array()?;
    if let Some(text) = part.strip_prefix("v:") {
        return items.iter().position(|item| serde_json::to_string(item).is_ok_and(|it| it == text));
    }
    let keys: Map<String, Value> = serde_json::from_str(part.strip_prefix("k:")?).ok()?;
    items.iter().position(|item| keys.iter().all(|(key, value)| lists::key_of(item, key) == *value))
}

/// Removes what is at a path; maps that become empty stay.
pub fn remove(object: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut value = object;
    for part in parents {
        let next = match part.strip_prefix("f:") {
            Some(field) => value.get_mut(field),
            None => position(value, part).and_then(|index| value.get_mut(index)),
        };
        let Some(next) = next else { return };
        value = next;
    }
    if let (Some(field), Some(map)) = (last.strip_prefix("f:"), value.as_object_mut()) {
        map.remove(field);
    } else if let (Some(index), Some(items)) = (position(value, last), value.as_array_mut()) {
        items.remove(index);
    }
}

/// The first list with keys that has an item twice, as server-side apply words it.
#[must_use]
pub fn duplicate(object: &Value) -> Option<String> {
    fn walk(value: &Value, path: &mut Path) -> Option<String> {
        for (field, value) in value.as_object()? {
            path.push(format!("f:{field}"));
            if let Value::Array(items) = value {
                if let Some(keys) = lists::owned_keys(field, items) {
                    let mut seen = BTreeSet::new();
                    for item in items {
                        let name = element(keys, item);
                        if !seen.insert(name.clone()) {
                            let key = text(&[name]);
                            return Some(format!("{}: duplicate entries for key {key}", text(path)));
                        }
                        path.push(name);
                        let found = walk(item, path);
                        path.pop();
                        if found.is_some() {
                            return found;
                        }
                    }
                }
            } else if let Some(found) = walk(value, path) {
                return Some(found);
            }
            path.pop();
        }
        None
    }
    walk(object, &mut Path::new())
}

/// Whether a field is one of those that its item is told apart by: it goes with its item only.
#[must_use]
pub fn is_key(path: &[String]) -> bool {
    let [.., item, field] = path else { return false };
    let keys = item.strip_prefix("k:").and_then(|keys| serde_json::from_str::<Map<String, Value>>(keys).ok());
    field.strip_prefix("f:").is_some_and(|field| keys.is_some_and(|keys| keys.contains_key(field)))
}

/// As messages write a path: `.spec.containers[name="c"].image`.
#[must_use]
pub fn text(path: &[String]) -> String {
    path.iter()
        .map(|part| match (part.strip_prefix("f:"), part.strip_prefix("k:"), part.strip_prefix("v:")) {
            (Some(field), ..) => format!(".{field}"),
            (_, Some(keys), _) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("[{}]", keys.join(","))
            }
            (_, _, Some(value)) => format!("[={value}]"),
            _ => String::new(),
        })
        .collect()
}

/// Removes what is at a path, and the maps and lists that are empty without it, but those that somebody owns as such.
pub fn remove_with_parents(object: &mut Value, path: &[String], owned: impl Fn(&[String]) -> bool) {
    remove(object, path);
    let mut parents = path;
    while let Some((_, rest)) = parents.split_last() {
        parents = rest;
        let empty = get(object, parents).is_some_and(|value| match value {
            Value::Object(map) => map.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        });
        if parents.is_empty() || !empty || owned(parents) {
            return;
        }
        remove(object, parents);
    }
}

/// The form in `managedFields`; `maps`: with the maps that users fill as members of their own, as updates have them.
#[must_use]
pub fn write(fields: &Fields, maps: bool) -> Value {
    let mut root = json!({});
    for path in fields {
        let mut value = &mut root;
        for (index, part) in path.iter().enumerate() {
            value = &mut value[part.as_str()];
            if value.is_null() {
                *value = json!({});
            }
            // An item is itself a member of the set; so are the maps that users fill.
            let is_item = index + 1 == path.len() && part.starts_with("k:");
            let is_map = maps
                && index + 1 < path.len()
                && matches!(part.as_str(), "f:labels" | "f:annotations" | "f:data" | "f:matchLabels" | "f:conditions");
            if is_item || is_map {
                value["."] = json!({});
            }
        }
    }
    root
}

/// Reads the form in `managedFields`.
#[must_use]
pub fn read(stored: &Value) -> Fields {
    fn walk(value: &Value, path: &mut Path, fields: &mut Fields) {
        let Some(map) = value.as_object() else { return };
        let is_item = path.last().is_some_and(|part| part.starts_with("k:"));
        if map.is_empty() || (is_item && map.contains_key(".")) {
            fields.insert(path.clone());
        }
        for (part, value) in map.iter().filter(|(part, _)| part.as_str() != ".") {
            path.push(part.clone());
            walk(value, path, fields);
            path.pop();
        }
    }
    let mut fields = Fields::new();
    if stored.as_object().is_some_and(|map| !map.is_empty()) {
        walk(stored, &mut Path::new(), &mut fields);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_and_read() {
        let object = json!({"metadata": {"name": "x", "labels": {"a.b/c": "d"}, "finalizers": ["f"]},
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}], "args": ["a"],
                "selector": {"matchLabels": {"a": "b"}}, "replicas": 1}});
        let fields = of(&object);
        let written = write(&fields, true);
        assert_eq!(read(&written), fields);
        assert_eq!(written["f:metadata"]["f:labels"], json!({".": {}, "f:a.b/c": {}}));
        assert_eq!(written["f:spec"]["f:selector"], json!({}));
        assert!(fields.iter().all(|path| get(&object, path).is_some()), "{fields:?}");
        let texts: Vec<String> = fields.iter().map(|path| text(path)).collect();
        assert!(texts.contains(&".spec.containers[name=\"c\"].image".to_owned()), "{texts:?}");
        assert!(
            texts.contains(&".spec.containers[name=\"c\"].ports[containerPort=80,protocol=\"TCP\"]".to_owned()),
            "{texts:?}"
        );
    }

    #[test]
    fn emptied_maps_go_unless_somebody_owns_them() {
        let path: Path = ["f:a", "f:b", "f:c"].map(str::to_owned).to_vec();
        let mut object = json!({"a": {"b": {"c": 1}}, "x": 1});
        remove_with_parents(&mut object, &path, |_| false);
        assert_eq!(object, json!({"x": 1}));
        let mut object = json!({"a": {"b": {"c": 1}}});
        remove_with_parents(&mut object, &path, |parent| parent.len() == 1);
        assert_eq!(object, json!({"a": {}}));
    }

    #[test]
    fn an_item_that_is_there_twice_is_found() {
        let env = |names: [&str; 2]| {
            let env: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"spec": {"containers": [{"name": "c", "env": env}]}})
        };
        assert_eq!(duplicate(&env(["A", "B"])), None);
        let told = r#".spec.containers[name="c"].env: duplicate entries for key [name="A"]"#;
        assert_eq!(duplicate(&env(["A", "A"])).as_deref(), Some(told));
    }

    #[test]
    fn removing_takes_only_what_is_at_the_path() {
        let mut object = json!({"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "i"}]}});
        let item = vec!["f:spec".to_owned(), "f:containers".to_owned(), r#"k:{"name":"a"}"#.to_owned()];
        remove(&mut object, &item);
        remove(&mut object, &item);
        assert_eq!(object, json!({"spec": {"containers": [{"name": "b", "image": "i"}]}}));
    }
}
