//! Which objects belong to which add-on, written where they are: in the cluster itself, as an ApplySet.
//!
//! An object that an add-on no longer has can only be told from somebody else's by a mark that was set when it was applied.
//! The convention is that of kubectl (KEP-3659, "ApplySet: kubectl apply --prune redesign and graduation strategy"), so that
//! its tools read it too: a parent object has an id and says which kinds and namespaces to look through; each member bears
//! the id as a label.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::addon::ObjectKey;

/// Label of a parent: its id.
pub const ID: &str = "applyset.kubernetes.io/id";
/// Label of a member: the id of its parent.
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
/// Annotation of a parent: who manages it; another tool must leave it alone.
const TOOLING: &str = "applyset.kubernetes.io/tooling";
/// Annotation of a parent: `ConfigMap,Deployment.apps`.
const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// Annotation of a parent: namespaces beside its own.
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
/// Label of a parent: the add-on's name.
pub const ADD_ON: &str = "windlass.dev/add-on";
/// Where all parents are: whichever namespaces an add-on uses, its parent is found there after the add-on is gone from the
/// manifests.
pub const NAMESPACE: &str = "kube-system";

/// A kind without its version, as inventories name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKind {
    /// Empty: the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
}

impl GroupKind {
    /// That of an object.
    #[must_use]
    pub fn of(key: &ObjectKey) -> Self {
        Self { group: key.group.clone(), kind: key.kind.clone() }
    }

    fn text(&self) -> String {
        if self.group.is_empty() { self.kind.clone() } else { format!("{}.{}", self.kind, self.group) }
    }

    fn read(text: &str) -> Self {
        let (kind, group) = text.split_once('.').unwrap_or((text, ""));
        Self { group: group.to_owned(), kind: kind.to_owned() }
    }
}

/// What a parent says of the objects of its add-on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The add-on.
    pub name: String,
    /// Kinds that any of its objects have.
    pub kinds: BTreeSet<GroupKind>,
    /// Namespaces that any of them are in.
    pub namespaces: BTreeSet<String>,
}

impl Inventory {
    /// Of an add-on that has no objects yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Takes in an object.
    pub fn add(&mut self, object: &ObjectKey) {
        self.kinds.insert(GroupKind::of(object));
        self.namespaces.extend(object.namespace.clone());
    }

    /// What either of two has: while objects of both may be there.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.kinds.extend(other.kinds.iter().cloned());
        self.namespaces.extend(other.namespaces.iter().cloned());
        self
    }

    /// Name of the parent.
    #[must_use]
    pub fn parent_name(&self) -> String {
        format!("windlass-addon-{}", self.name)
    }

    /// Its id: a digest of where the parent is, so that a copied parent has no members (KEP-3659, "ApplySet ID").
    #[must_use]
    pub fn id(&self) -> String {
        let identity = format!("{}.{NAMESPACE}.ConfigMap.", self.parent_name());
        format!("applyset-{}-v1", BASE64URL_NOPAD.encode(&Sha256::digest(identity.as_bytes())))
    }

    /// The parent as it is applied.
    #[must_use]
    pub fn parent(&self) -> Value {
        let joined = |texts: Vec<String>| texts.join(",");
        let namespaces = self.namespaces.iter().filter(|it| *it != NAMESPACE).cloned().collect();
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.parent_name(),
                "namespace": NAMESPACE,
                "labels": { ID: self.id(), ADD_ON: self.name, "app.kubernetes.io/managed-by": "windlass" },
                "annotations": {
                    TOOLING: concat!("windlass/v", env!("CARGO_PKG_VERSION")),
                    GROUP_KINDS: joined(self.kinds.iter().map(GroupKind::text).collect()),
                    NAMESPACES: joined(namespaces),
                },
            },
        })
    }

    /// Out of a live parent; `None`: it is none of ours.
    #[must_use]
    pub fn read(parent: &Value) -> Option<Self> {
        let (labels, annotations) = (&parent["metadata"]["labels"], &parent["metadata"]["annotations"]);
        let tooling = annotations[TOOLING].as_str()?;
        let list = |key: &str| {
            let text = annotations[key].as_str().unwrap_or_default();
            text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut namespaces: BTreeSet<String> = list(NAMESPACES).into_iter().collect();
        namespaces.insert(NAMESPACE.to_owned());
        let inventory = Self {
            name: labels[ADD_ON].as_str()?.to_owned(),
            kinds: list(GROUP_KINDS).iter().map(|it| GroupKind::read(it)).collect(),
            namespaces,
        };
        // A parent with another id is a copy: its members are somebody else's.
        let is_ours = tooling.starts_with("windlass/") && labels[ID] == inventory.id().as_str();
        is_ours.then_some(inventory)
    }
}

/// The object with the label that makes it a member.
#[must_use]
pub fn marked(object: &Value, inventory: &Inventory) -> Value {
    let mut object = object.clone();
    object["metadata"]["labels"][PART_OF] = json!(inventory.id());
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let mut inventory = Inventory::new("flannel");
        let key = |group: &str, kind: &str, namespace: Option<&str>| ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: String::from("flannel"),
        };
        inventory.add(&key("apps", "DaemonSet", Some("network")));
        inventory.add(&key("", "ConfigMap", Some("kube-system")));
        inventory.add(&key("rbac.authorization.k8s.io", "ClusterRole", None));
        inventory
    }

    #[test]
    fn the_id_is_that_of_kubectl() {
        // echo -n windlass-addon-flannel.kube-system.ConfigMap. | openssl sha256 -binary | basenc --base64url
        assert_eq!(inventory().id(), "applyset-hU_Vwu6uFN2uolZUcF50l5MC-61JtMzw_Wv7GxXw0d4-v1");
        assert!(inventory().id().len() <= 63, "a label's value");
    }

    #[test]
    fn a_parent_is_read_as_it_was_written() {
        let parent = inventory().parent();
        let annotations = &parent["metadata"]["annotations"];
        assert_eq!(annotations[GROUP_KINDS], "ConfigMap,DaemonSet.apps,ClusterRole.rbac.authorization.k8s.io");
        assert_eq!(annotations[NAMESPACES], "network");
        assert_eq!(Inventory::read(&parent), Some(inventory()));
    }

    #[test]
    fn a_parent_of_somebody_else_and_a_copy_are_not_ours() {
        let mut other = inventory().parent();
        other["metadata"]["annotations"][TOOLING] = json!("kubectl/v1.34");
        assert_eq!(Inventory::read(&other), None);
        let mut copy = inventory().parent();
        copy["metadata"]["labels"][ID] = json!("applyset-x-v1");
        assert_eq!(Inventory::read(&copy), None);
        assert_eq!(Inventory::read(&json!({})), None);
    }

    #[test]
    fn a_member_bears_the_id() {
        let marked = marked(&json!({"kind": "Service", "metadata": {"name": "a"}}), &inventory());
        assert_eq!(marked["metadata"]["labels"][PART_OF], inventory().id().as_str());
    }
}
