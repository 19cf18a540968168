//! One object of Kubernetes.

use std::fmt;

use serde_json::{Map, Number, Value as Json};

use crate::problem::Place;
use crate::render::yaml::{Node, Value};

/// An object as it is applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Group and version: `apps/v1`, or `v1`.
    pub api_version: String,
    /// Kind: `Deployment`.
    pub kind: String,
    /// Namespace; `None`: the kind has none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// All of it, the namespace filled in.
    pub value: Json,
    /// Where it stands in the rendered document.
    pub place: Place,
}

/// What tells objects apart. The version is not part of it: it is another view of the same object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// API group; empty: the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; `None`: the kind has none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl Object {
    /// What tells it apart from others.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.group().to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// API group; empty: the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        group_and_version(&self.api_version).0
    }
}

impl ObjectKey {
    /// The key of an object as an API server or a record has it.
    #[must_use]
    pub fn of(object: &Json) -> Self {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        Self {
            group: group_and_version(object["apiVersion"].as_str().unwrap_or_default()).0.to_owned(),
            kind: text(&object["kind"]),
            namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
            name: text(&object["metadata"]["name"]),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} {namespace}/{}", self.kind, self.name),
            None => write!(formatter, "{} {}", self.kind, self.name),
        }
    }
}

/// `apps/v1` is group `apps` and version `v1`; `v1` is the core group's.
pub(super) fn group_and_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// A tree without its places.
pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Integer(value) => Json::from(*value),
        // YAML is read without infinite numbers.
        Value::Float(value, written) => {
            Number::from_f64(*value).map_or_else(|| Json::String(written.clone()), Json::Number)
        }
        Value::String(text) => Json::String(text.clone()),
        Value::Sequence(items) => Json::Array(items.iter().map(json).collect()),
        Value::Mapping(mapping) => {
            let entries = mapping.entries().iter();
            Json::Object(entries.map(|entry| (entry.key.name.clone(), json(&entry.value))).collect::<Map<_, _>>())
        }
    }
}
