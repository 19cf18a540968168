//! What an add-on is made of.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::inventory::GroupKind;

/// What an add-on should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOn {
    /// Its name.
    pub name: String,
    /// Add-ons that must be healthy before.
    pub needs: BTreeSet<String>,
    /// Its objects as the API server takes them, namespaces filled in, in the order in which they are applied.
    pub objects: Vec<Value>,
}

/// What tells an object from all others, whichever version of its kind it is written in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// Its kind.
    pub kind: GroupKind,
    /// Its namespace; `None`: it belongs to the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectName {
    /// The name of an object.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            kind: GroupKind::new(&text(&object["apiVersion"]), &text(&object["kind"])),
            namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
            name: text(&object["metadata"]["name"]),
        }
    }
}

/// `Deployment kube-system/coredns`, `ClusterRole coredns`.
impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        match namespace {
            Some(namespace) => write!(formatter, "{} {namespace}/{name}", kind.kind),
            None => write!(formatter, "{} {name}", kind.kind),
        }
    }
}
