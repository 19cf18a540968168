//! Which change of a field cannot be made in place: the kind's own list, and the few cases that depend on the values.

use serde_json::Value;

use super::FieldChange;
use crate::resource::{Kind, Resource};

/// Whether `change` of `found` forces a replacement.
pub(super) fn forces(found: &Resource, change: &FieldChange) -> bool {
    let field = top(&change.path);
    if found.replaced_by().contains(&field) {
        return true;
    }
    match (found.kind(), field) {
        // ModifyVolume: "The target size … must be greater than or equal to the existing size".
        (Kind::Volume, "size") => {
            let size = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
            size(&change.after) < size(&change.before)
        }
        // SetSecurityGroups: not for a network load balancer that was made without any, and never down to none.
        (Kind::LoadBalancer, "securityGroups") => is_empty(&change.before) || is_empty(&change.after),
        _ => false,
    }
}

/// The top-level field of a path.
fn top(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

fn is_empty(list: &Option<Value>) -> bool {
    list.as_ref().and_then(Value::as_array).is_none_or(Vec::is_empty)
}
