//! What was seen of a cluster, and how an event changes it. Pure; the lists come from [`Kubernetes::look`].

use std::collections::BTreeMap;

use serde_json::Value;

use super::budget::Budget;
use super::call::escaped;
use super::connect::Kubernetes;
use super::error::Error;
use super::event::Event;
use super::node::Node;
use super::pod::Pod;
use super::read::{list, name, read_budget, read_node, read_pod};

/// Objects per page: what kubectl asks for (`--chunk-size`).
const PAGE: u32 = 500;
/// Pages of one list at most: 500 000 objects are more than Kubernetes is built for (150 000 pods); a server that goes
/// on for ever must not hold us.
const PAGES: u32 = 1000;

/// Nodes, pods and budgets of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// By name.
    pub nodes: BTreeMap<String, Node>,
    /// By namespace and name.
    pub pods: BTreeMap<(String, String), Pod>,
    /// By namespace and name.
    pub budgets: BTreeMap<(String, String), Budget>,
    /// How new each of the three is.
    pub at: Revisions,
}

/// `resourceVersion`s of the lists; `None`: not listed yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Of the nodes.
    pub nodes: Option<String>,
    /// Of the pods.
    pub pods: Option<String>,
    /// Of the budgets.
    pub budgets: Option<String>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `nodes`.
    Nodes,
    /// `pods` of all namespaces.
    Pods,
    /// `poddisruptionbudgets` of all namespaces.
    Budgets,
}

/// One object of a [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A node.
    Node(Box<Node>),
    /// A pod.
    Pod(Box<Pod>),
    /// A budget.
    Budget(Box<Budget>),
}

/// A whole list of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its objects.
    pub objects: Vec<Object>,
    /// Its `resourceVersion`: from there a watch goes on.
    pub revision: String,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nodes, Self::Pods, Self::Budgets];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Nodes => "/api/v1/nodes",
            Self::Pods => "/api/v1/pods",
            Self::Budgets => "/apis/policy/v1/poddisruptionbudgets",
        }
    }

    pub(super) fn read(self, object: &Value) -> Option<Object> {
        match self {
            Self::Nodes => read_node(object).map(|it| Object::Node(Box::new(it))),
            Self::Pods => read_pod(object).map(|it| Object::Pod(Box::new(it))),
            Self::Budgets => read_budget(object).map(|it| Object::Budget(Box::new(it))),
        }
    }
}

impl Revisions {
    fn of(&mut self, kind: Kind) -> &mut Option<String> {
        match kind {
            Kind::Nodes => &mut self.nodes,
            Kind::Pods => &mut self.pods,
            Kind::Budgets => &mut self.budgets,
        }
    }
}

impl Seen {
    /// Whether all three have been listed.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.at.nodes.is_some() && self.at.pods.is_some() && self.at.budgets.is_some()
    }

    /// Takes an event over. Whether anything but a revision changed.
    pub fn apply(&mut self, kind: Kind, event: Event) -> bool {
        let (changed, revision) = match event {
            Event::Put { object, revision } => (self.put(object), revision),
            Event::Removed { object, revision } => (self.remove(&object), revision),
            Event::Bookmark { revision } => (false, Some(revision)),
        };
        if let Some(revision) = revision {
            *self.at.of(kind) = Some(revision);
        }
        changed
    }

    /// Takes a whole list over: what is not in it is gone. Whether anything but the revision changed.
    pub(super) fn replace(&mut self, kind: Kind, listed: Listed) -> bool {
        let mut fresh = Self::default();
        for object in listed.objects {
            fresh.put(object);
        }
        let first = self.at.of(kind).replace(listed.revision).is_none();
        let changed = match kind {
            Kind::Nodes => std::mem::replace(&mut self.nodes, fresh.nodes) != self.nodes,
            Kind::Pods => std::mem::replace(&mut self.pods, fresh.pods) != self.pods,
            Kind::Budgets => std::mem::replace(&mut self.budgets, fresh.budgets) != self.budgets,
        };
        changed || first
    }

    fn put(&mut self, object: Object) -> bool {
        match object {
            Object::Node(it) => {
                let old = self.nodes.insert(it.name.clone(), (*it).clone());
                old.as_ref() != Some(&*it)
            }
            Object::Pod(it) => {
                let old = self.pods.insert((it.namespace.clone(), it.name.clone()), (*it).clone());
                old.as_ref() != Some(&*it)
            }
            Object::Budget(it) => {
                let old = self.budgets.insert((it.namespace.clone(), it.name.clone()), (*it).clone());
                old.as_ref() != Some(&*it)
            }
        }
    }

    /// A namesake that was made since stays.
    fn remove(&mut self, object: &Object) -> bool {
        match object {
            Object::Node(it) => {
                let same = self.nodes.get(&it.name).is_some_and(|known| known.uid == it.uid);
                same && self.nodes.remove(&it.name).is_some()
            }
            Object::Pod(it) => {
                let key = (it.namespace.clone(), it.name.clone());
                let same = self.pods.get(&key).is_some_and(|known| known.uid == it.uid);
                same && self.pods.remove(&key).is_some()
            }
            Object::Budget(it) => self.budgets.remove(&(it.namespace.clone(), it.name.clone())).is_some(),
        }
    }
}

impl Kubernetes {
    /// Looks at everything once: three paged lists.
    ///
    /// # Errors
    /// See [`Error`]. [`Error::Gone`]: a list took so long that its pages were no longer kept, twice.
    pub async fn look(&self) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        for kind in Kind::ALL {
            let listed = self.list(kind).await?;
            seen.replace(kind, listed);
        }
        Ok(seen)
    }

    pub(super) async fn list(&self, kind: Kind) -> Result<Listed, Error> {
        let (items, revision) = self.pages(kind.path(), "").await?;
        let revision = revision.ok_or_else(|| Error::Malformed(String::from("a list without a resourceVersion")))?;
        Ok(Listed { objects: items.iter().filter_map(|it| kind.read(it)).collect(), revision })
    }

    /// All items of a list and its revision; `filter` is part of the query, such as `&labelSelector=…`, or empty. A list whose pages were forgotten on the way begins once more: the pages of
    /// one revision are kept for minutes (`--etcd-compaction-interval`, 5 min), so that the second one has time again.
    pub(super) async fn pages(&self, path: &str, filter: &str) -> Result<(Vec<Value>, Option<String>), Error> {
        match self.pages_of_one_revision(path, filter).await {
            Err(Error::Gone(why)) => {
                tracing::debug!(path, why, "a list begins once more");
                self.pages_of_one_revision(path, filter).await
            }
            listed => listed,
        }
    }

    async fn pages_of_one_revision(&self, path: &str, filter: &str) -> Result<(Vec<Value>, Option<String>), Error> {
        let mut items = Vec::new();
        let mut rest = String::new();
        for _ in 0..PAGES {
            let mut page = self.get(&format!("{path}?limit={PAGE}{filter}{rest}")).await?;
            if !page["items"].is_array() && !page["items"].is_null() {
                return Err(Error::Malformed(format!("{path} gives no list")));
            }
            if let Value::Array(these) = page["items"].take() {
                items.extend(these);
            }
            match name(&page["metadata"]["continue"]) {
                Some(next) => rest = format!("&continue={}", escaped(&next)),
                None => return Ok((items, name(&page["metadata"]["resourceVersion"]))),
            }
        }
        Err(Error::Malformed(format!("{path} has no end: {} objects so far", list(&Value::Array(items)).len())))
    }
}
