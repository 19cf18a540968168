//! Namespaces that go: everything in them goes first.

use jiff::Timestamp;

use super::super::objects::{Key, Objects};
use super::index::Index;
use super::{later, owners};

/// Seconds between two looks whether what holds a namespace is gone.
const PERIOD: i64 = 5;

/// Does what is to be done once; when it has to look again by itself.
pub fn step(objects: &mut Objects, index: &Index, now: Timestamp) -> Option<Timestamp> {
    let going = index.of("namespaces").filter(|(_, it)| !it["metadata"]["deletionTimestamp"].is_null());
    let going: Vec<Key> = going.map(|(key, _)| key.clone()).collect();
    let mut next = None;
    for key in going {
        let within = |objects: &Objects| -> Vec<(Key, bool)> {
            let within = objects.all().filter(|(it, _)| it.namespace == key.name);
            within.map(|(key, it)| (key.clone(), it["metadata"]["deletionTimestamp"].is_null())).collect()
        };
        for (key, living) in within(objects) {
            if living {
                owners::delete(objects, &key, now);
            }
        }
        if within(objects).is_empty() {
            objects.remove(&key);
        } else {
            next = Some(later(now, PERIOD));
        }
    }
    next
}
