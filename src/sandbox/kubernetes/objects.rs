//! The objects of one cluster, as etcd and the API server's storage keep them: JSON by resource, namespace and name, one
//! revision for all, and a log of changes that watches read.
//!
//! Everything that changes an object goes through here, so that no change is missed by a watch. No rule of any kind of
//! object is in here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::super::kept::Kept;
use crate::mix::mix;

/// Changes that watches can still be told of; whoever is further behind is told to list again (410).
const LOG: usize = 20_000;

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// Plural and group, as a CRD's name: `pods`, `deployments.apps`, `poddisruptionbudgets.policy`.
    pub resource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// An object in a namespace, or of the whole cluster (`""`).
    #[must_use]
    pub fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self { resource: resource.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// What happened to an object, as a watch tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It is new.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the object is its last form, with the revision of its end.
    Deleted,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The revision that it made.
    pub revision: u64,
    /// What.
    pub happened: Happened,
    /// Of what.
    pub key: Key,
    /// The object afterwards.
    pub object: Arc<Value>,
}

/// The revision asked for is older than the log: list again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld;

/// Objects and their changes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Stored")]
pub struct Objects {
    seed: u64,
    revision: u64,
    /// Shared by copies of a world until one of them changes.
    objects: Arc<BTreeMap<Key, Kept<Value>>>,
    /// Not stored: who reads a stored world lists again.
    log: Arc<VecDeque<Change>>,
}

/// The form in a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    seed: u64,
    revision: u64,
    objects: Vec<(Key, Kept<Value>)>,
}

impl Serialize for Objects {
    /// In the form that is read back, `Stored`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let objects: Vec<(&Key, &Kept<Value>)> = self.objects.iter().collect();
        let mut stored = serializer.serialize_struct("Stored", 3)?;
        stored.serialize_field("seed", &self.seed)?;
        stored.serialize_field("revision", &self.revision)?;
        stored.serialize_field("objects", &objects)?;
        stored.end()
    }
}

impl From<Stored> for Objects {
    fn from(stored: Stored) -> Self {
        let Stored { seed, revision, objects } = stored;
        Self { seed, revision, objects: Arc::new(objects.into_iter().collect()), log: Arc::default() }
    }
}

impl PartialEq for Objects {
    fn eq(&self, other: &Self) -> bool {
        (self.seed, self.revision, &self.objects) == (other.seed, other.revision, &other.objects)
    }
}

impl Eq for Objects {}

impl Objects {
    /// None yet; uids come from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, revision: 1, ..Self::default() }
    }

    /// The newest revision.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key).map(|object| &**object)
    }

    /// One object, for somebody who keeps it longer.
    #[must_use]
    pub fn share(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).map(Kept::share)
    }

    /// All objects of a resource, in the order of namespaces and names.
    pub fn list(&self, resource: &str) -> impl Iterator<Item = (&Key, &Value)> {
        let first = Key::new(resource, "", "");
        let all = self.objects.range(first..);
        let resource = resource.to_owned();
        all.take_while(move |(key, _)| key.resource == resource).map(|(key, object)| (key, &**object))
    }

    /// All objects.
    pub fn all(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.objects.iter().map(|(key, object)| (key, &**object))
    }

    /// Puts a new object in, with `metadata.uid`, `creationTimestamp` (unless given) and `resourceVersion`. The same key
    /// must not be there: callers have looked.
    pub fn create(&mut self, key: &Key, mut object: Value, now: Timestamp) -> &Value {
        self.revision += 1;
        let uid = self.uid();
        let metadata = metadata(&mut object);
        metadata.insert(String::from("name"), json!(key.name));
        if !key.namespace.is_empty() {
            metadata.insert(String::from("namespace"), json!(key.namespace));
        }
        metadata.insert(String::from("uid"), json!(uid));
        if !metadata.contains_key("creationTimestamp") {
            metadata.insert(String::from("creationTimestamp"), json!(time(now)));
        }
        self.put(key, object, Happened::Added)
    }

    /// Changes an object; a change that changes nothing makes no revision (as the API server's storage). `false`: there
    /// is no such object.
    pub fn update(&mut self, key: &Key, change: impl FnOnce(&mut Value)) -> bool {
        let Some(before) = self.share(key) else { return false };
        let mut object = before.as_ref().clone();
        change(&mut object);
        if object != *before {
            self.revision += 1;
            self.put(key, object, Happened::Modified);
        }
        true
    }

    /// Takes an object out, whatever finalizers it has; gives its last form.
    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let object = Arc::make_mut(&mut self.objects).remove(key)?;
        self.revision += 1;
        let mut last = Value::clone(&object);
        metadata(&mut last).insert(String::from("resourceVersion"), json!(self.revision.to_string()));
        let last = Arc::new(last);
        self.note(key, Happened::Deleted, Arc::clone(&last));
        Some(last)
    }

    /// Changes of a resource after a revision, the oldest first.
    ///
    /// # Errors
    /// When some of them are no longer known.
    pub fn since(&self, resource: &str, revision: u64) -> Result<Vec<Change>, TooOld> {
        Ok(self.changes(revision)?.filter(|change| change.key.resource == resource).cloned().collect())
    }

    /// Changes of all resources after a revision, the oldest first.
    ///
    /// # Errors
    /// When some of them are no longer known.
    pub fn changes(&self, revision: u64) -> Result<impl Iterator<Item = &Change>, TooOld> {
        let oldest_known = self.log.front().map_or(self.revision, |change| change.revision - 1);
        if revision < oldest_known {
            return Err(TooOld);
        }
        let known = self.log.partition_point(|change| change.revision <= revision);
        Ok(self.log.range(known..))
    }

    fn put(&mut self, key: &Key, mut object: Value, happened: Happened) -> &Value {
        metadata(&mut object).insert(String::from("resourceVersion"), json!(self.revision.to_string()));
        let object = Kept::from(object);
        self.note(key, happened, object.share());
        Arc::make_mut(&mut self.objects).insert(key.clone(), object);
        &self.objects[key]
    }

    fn note(&mut self, key: &Key, happened: Happened, object: Arc<Value>) {
        let log = Arc::make_mut(&mut self.log);
        log.push_back(Change { revision: self.revision, happened, key: key.clone(), object });
        if log.len() > LOG {
            log.pop_front();
        }
    }

    /// A random-looking UUID (version 4) that the seed and the revision give.
    fn uid(&self) -> String {
        let high = mix(self.seed ^ mix(self.revision));
        let low = mix(high);
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 50),
            low & 0xffff_ffff_ffff
        )
    }
}

/// A moment as Kubernetes writes it: whole seconds.
#[must_use]
pub fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The metadata of an object; makes it where there is none.
pub fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"].as_object_mut().expect("it was just made an object")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(objects: &mut Objects, name: &str) -> Key {
        let key = Key::new("pods", "default", name);
        objects.create(&key, json!({"spec": {}}), Timestamp::UNIX_EPOCH);
        key
    }

    #[test]
    fn every_change_is_one_revision_and_is_told() {
        let mut objects = Objects::new(1);
        let start = objects.revision();
        let key = pod(&mut objects, "a");
        assert!(objects.update(&key, |object| object["spec"]["nodeName"] = json!("n1")));
        assert!(objects.update(&key, |object| object["spec"]["nodeName"] = json!("n1")));
        objects.remove(&key);
        let told: Vec<Happened> =
            objects.since("pods", start).expect("known").iter().map(|change| change.happened).collect();
        assert_eq!(told, [Happened::Added, Happened::Modified, Happened::Deleted]);
        assert_eq!(objects.revision(), start + 3);
        assert!(!objects.update(&key, |_| {}));
    }

    #[test]
    fn a_resource_is_listed_apart_from_others() {
        let mut objects = Objects::new(1);
        pod(&mut objects, "a");
        pod(&mut objects, "b");
        objects.create(&Key::new("podtemplates", "default", "c"), json!({}), Timestamp::UNIX_EPOCH);
        assert_eq!(objects.list("pods").count(), 2);
    }

    #[test]
    fn whoever_is_too_far_behind_lists_again() {
        let mut objects = Objects::new(1);
        let key = pod(&mut objects, "a");
        for number in 0..LOG {
            objects.update(&key, |object| object["spec"]["n"] = json!(number));
        }
        assert_eq!(objects.since("pods", 1), Err(TooOld));
        let stored = serde_json::to_string(&objects).expect("it is stored");
        let read: Objects = serde_json::from_str(&stored).expect("it is read");
        assert_eq!(read, objects);
        assert_eq!(read.since("pods", read.revision()).map(|it| it.len()), Ok(0));
        assert_eq!(read.since("pods", read.revision() - 1), Err(TooOld));
    }
}
