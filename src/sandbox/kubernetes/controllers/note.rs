//! What controllers write, in their names: who looks at `managedFields` sees whose a field is.

use jiff::Timestamp;
use serde_json::Value;

use super::super::api;
use super::super::objects::{Key, Objects};

/// Changes an object in the name of a manager. Objects that no client made have no noted managers, and get none: that
/// keeps the worlds of scenarios small.
pub fn as_manager(
    objects: &mut Objects,
    key: &Key,
    (manager, subresource): (&str, &str),
    now: Timestamp,
    change: impl FnOnce(&mut Value),
) {
    let before = objects.share(key).filter(|it| it["metadata"]["managedFields"].is_array());
    objects.update(key, |object| {
        change(object);
        if let Some(before) = before
            && *before != *object
        {
            api::note_controller(&before, object, &key.resource, (manager, subresource), now);
        }
    });
}
