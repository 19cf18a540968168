//! Lists whose items are told apart by a key, by the names of their fields.
//!
//! The keys are those of the Kubernetes API reference (`patchStrategy`, `patchMergeKey`, `listType=map`). A node's
//! taints and a pod's tolerations are replaced as a whole there, so they are not in here.

use serde_json::Value;

/// The fields that tell the items of a list apart; `None`: it is replaced as a whole.
#[must_use]
pub fn keys(field: &str, items: &[Value]) -> Option<&'static [&'static str]> {
    let first = items.iter().find(|item| item.is_object());
    let has = |name: &str| first.is_some_and(|item| item.get(name).is_some());
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "webhooks" => Some(&["name"]),
        "secrets" if has("name") => Some(&["name"]),
        "conditions" | "addresses" if has("type") => Some(&["type"]),
        "ports" if has("containerPort") => Some(&["containerPort"]),
        "ports" if has("port") => Some(&["port"]),
        "volumeMounts" => Some(&["mountPath"]),
        "volumeDevices" => Some(&["devicePath"]),
        "hostAliases" => Some(&["ip"]),
        "topologySpreadConstraints" => Some(&["topologyKey"]),
        "ownerReferences" => Some(&["uid"]),
        "podIPs" | "hostIPs" => Some(&["ip"]),
        _ => None,
    }
}

/// Lists of plain values that are sets.
#[must_use]
pub fn is_set(field: &str) -> bool {
    matches!(field, "finalizers" | "podCIDRs")
}

/// Maps and structures that have one owner as a whole in server-side apply (`mapType=atomic`).
#[must_use]
pub fn is_atomic(field: &str) -> bool {
    matches!(
        field,
        "selector"
            | "labelSelector"
            | "namespaceSelector"
            | "objectSelector"
            | "nodeSelector"
            | "secretKeyRef"
            | "configMapKeyRef"
            | "fieldRef"
            | "resourceFieldRef"
            | "claimRef"
            | "scaleTargetRef"
            | "roleRef"
    )
}

/// Whether two items are the same one.
#[must_use]
pub fn same(keys: &[&str], one: &Value, other: &Value) -> bool {
    keys.iter().all(|key| one.get(key).is_some() && one.get(key) == other.get(key))
}

/// As [`keys`], for server-side apply and the owners of fields, which tell some items apart by two fields
/// (`x-kubernetes-list-map-keys` of the published OpenAPI document).
#[must_use]
pub fn owned_keys(field: &str, items: &[Value]) -> Option<&'static [&'static str]> {
    Some(match (field, keys(field, items)?) {
        ("ports", ["containerPort"]) => &["containerPort", "protocol"],
        ("ports", ["port"]) => &["port", "protocol"],
        ("topologySpreadConstraints", _) => &["topologyKey", "whenUnsatisfiable"],
        (_, keys) => keys,
    })
}

/// The key of an item; a port without protocol is one of TCP (`default` in the same document).
#[must_use]
pub fn key_of(item: &Value, key: &str) -> Value {
    match item.get(key) {
        None | Some(Value::Null) if key == "protocol" => Value::from("TCP"),
        found => found.cloned().unwrap_or(Value::Null),
    }
}

/// Whether two items are the same one to server-side apply.
#[must_use]
pub fn same_owned(keys: &[&str], one: &Value, other: &Value) -> bool {
    keys.iter().all(|key| {
        let own = key_of(one, key);
        !own.is_null() && own == key_of(other, key)
    })
}
