//! Changing a kubeconfig document.

use serde_json::{Map, Value, json};

use super::{Current, Kubeconfig, KubeconfigError};

/// The lists of a kubeconfig, each with the name of the mapping in its items.
const CLUSTERS: (&str, &str) = ("clusters", "cluster");
const USERS: (&str, &str) = ("users", "user");
const CONTEXTS: (&str, &str) = ("contexts", "context");

/// Fields of a cluster that would contradict the trust that is written.
const OTHER_TRUST: [&str; 3] = ["certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"];

pub(super) fn check(document: &Map<String, Value>) -> Result<(), KubeconfigError> {
    let kind = document.get("kind");
    if kind.is_some_and(|kind| !kind.is_null() && kind != "Config" && kind != "") {
        return Err(KubeconfigError::Shape("its kind is not Config"));
    }
    for (list, _) in [CLUSTERS, USERS, CONTEXTS] {
        match document.get(list) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => {}
            Some(_) => return Err(KubeconfigError::Shape("clusters, users and contexts must be lists of mappings")),
        }
    }
    Ok(())
}

pub(super) fn insert(document: &mut Map<String, Value>, kubeconfig: &Kubeconfig, current: Current) {
    document.entry("apiVersion").or_insert_with(|| json!("v1"));
    document.entry("kind").or_insert_with(|| json!("Config"));
    // A proxy or a namespace that somebody set for this cluster stays; another way to prove oneself does not.
    let cluster = kubeconfig.cluster_fields();
    put(document, CLUSTERS, &kubeconfig.context, cluster, |field| !OTHER_TRUST.contains(&field));
    put(document, USERS, &kubeconfig.user, kubeconfig.user_fields(), |field| field == "extensions");
    let context = vec![("cluster", json!(kubeconfig.context)), ("user", json!(kubeconfig.user))];
    put(document, CONTEXTS, &kubeconfig.context, context, |_| true);
    let none = document.get("current-context").and_then(Value::as_str).unwrap_or_default().is_empty();
    if none || current == Current::Switch {
        document.insert(String::from("current-context"), json!(kubeconfig.context));
    }
}

/// Sets fields of the item with this name, which keeps its place and those of its other fields that may stay.
fn put(
    document: &mut Map<String, Value>,
    (list, inner): (&str, &str),
    name: &str,
    fields: Vec<(&'static str, Value)>,
    stays: impl Fn(&str) -> bool,
) {
    let items = document.entry(list).or_insert(Value::Null);
    if !items.is_array() {
        *items = json!([]);
    }
    let Some(items) = items.as_array_mut() else { return };
    let mut first = true;
    // Two of one name are an error to kubectl: the first one is the one.
    items.retain(|item| !is_named(item, name) || std::mem::take(&mut first));
    if first {
        items.push(json!({ "name": name, inner: {} }));
    }
    let Some(Value::Object(item)) = items.iter_mut().find(|item| is_named(item, name)) else { return };
    let content = item.entry(inner).or_insert_with(|| json!({}));
    if !content.is_object() {
        *content = json!({});
    }
    let Some(content) = content.as_object_mut() else { return };
    content.retain(|field, _| stays(field) || fields.iter().any(|(ours, _)| ours == field));
    for (field, value) in fields {
        content.insert(field.to_owned(), value);
    }
}

pub(super) fn remove(document: &mut Map<String, Value>, name: &str) -> bool {
    let Some(context) = items(document, CONTEXTS.0).iter().find(|item| is_named(item, name)).cloned() else {
        return false;
    };
    drop_named(document, CONTEXTS.0, name);
    for (list, inner) in [CLUSTERS, USERS] {
        let of = |item: &Value| item["context"][inner].as_str().map(str::to_owned);
        let Some(used) = of(&context) else { continue };
        if !items(document, CONTEXTS.0).iter().any(|other| of(other).as_deref() == Some(&used)) {
            drop_named(document, list, &used);
        }
    }
    if document.get("current-context").and_then(Value::as_str) == Some(name) {
        document.insert(String::from("current-context"), json!(""));
    }
    true
}

fn items<'a>(document: &'a Map<String, Value>, list: &str) -> &'a [Value] {
    document.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn drop_named(document: &mut Map<String, Value>, list: &str, name: &str) {
    if let Some(items) = document.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| !is_named(item, name));
    }
}

fn is_named(item: &Value, name: &str) -> bool {
    item.get("name").and_then(Value::as_str) == Some(name)
}
