//! Which workloads have to be looked at, as the work queues of controllers: those that changed, whose pods, ReplicaSets or
//! nodes did, and those for which something is due. A world of a thousand pods changes in a few of them at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::super::owners::owners;
use super::uid;

/// Workloads by their uids.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    changed: BTreeSet<String>,
    /// Whether a node came, went or changed: every DaemonSet has to be looked at.
    nodes: bool,
    due: BTreeMap<String, Timestamp>,
}

impl Queue {
    /// A workload, or something of its, changed.
    pub fn add(&mut self, uid: &str) {
        if !self.changed.contains(uid) {
            self.changed.insert(uid.to_owned());
        }
    }

    /// An object that may be a workload changed; whoever owns it has to look as well.
    pub fn changed(&mut self, object: &Value) {
        self.add(uid(object));
        owners(object).for_each(|owner| self.add(owner));
    }

    /// A node came, went or changed.
    pub const fn nodes_changed(&mut self) {
        self.nodes = true;
    }

    /// Looks again at a workload at a moment, or not at all, while nothing changes.
    pub fn put_off(&mut self, uid: &str, at: Option<Timestamp>) {
        match at {
            Some(at) => self.due.insert(uid.to_owned(), at),
            None => self.due.remove(uid),
        };
    }

    /// When something is due although nothing changes.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.due.values().min().copied()
    }

    /// Takes out what has to be looked at now.
    pub fn take(&mut self, now: Timestamp) -> Self {
        let due = std::mem::take(&mut self.due);
        let (due, later) = due.into_iter().partition(|(_, at)| *at <= now);
        self.due = later;
        Self { changed: std::mem::take(&mut self.changed), nodes: std::mem::take(&mut self.nodes), due }
    }

    /// These and others, which stay in their queue.
    #[must_use]
    pub fn with(mut self, others: &Self) -> Self {
        self.changed.extend(others.changed.iter().cloned());
        self.nodes |= others.nodes;
        self
    }

    /// Whether a workload is among them.
    #[must_use]
    pub fn has(&self, workload: &Value) -> bool {
        let uid = uid(workload);
        self.changed.contains(uid) || self.due.contains_key(uid)
    }

    /// Whether a node changed.
    #[must_use]
    pub const fn has_nodes(&self) -> bool {
        self.nodes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(uid: &str) -> Value {
        json!({"metadata": {"uid": uid, "ownerReferences": [{"uid": format!("owner-of-{uid}")}]}})
    }

    #[test]
    fn what_changed_and_its_owners_are_looked_at_once() {
        let (mut queue, now) = (Queue::default(), Timestamp::UNIX_EPOCH);
        queue.changed(&workload("a"));
        let taken = queue.take(now);
        assert!(taken.has(&workload("a")) && taken.has(&workload("owner-of-a")) && !taken.has(&workload("b")));
        assert!(!queue.take(now).has(&workload("a")));
    }

    #[test]
    fn what_is_due_waits_until_then() {
        let (mut queue, now) = (Queue::default(), Timestamp::UNIX_EPOCH);
        let at = super::super::later(now, 5);
        queue.put_off("a", Some(at));
        assert!(!queue.take(now).has(&workload("a")));
        assert_eq!(queue.next(), Some(at));
        assert!(queue.take(at).has(&workload("a")));
        assert_eq!(queue.next(), None);
        queue.put_off("a", Some(at));
        queue.put_off("a", None);
        assert_eq!(queue.next(), None);
    }
}
