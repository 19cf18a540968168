//! What an open roll has changed for its own time: a larger maximum, processes that are switched off. The roll puts it back;
//! an apply in between neither calls it drift nor undoes it, because a group that is made smaller than it is terminates
//! machines without a drain (Auto Scaling API reference, UpdateAutoScalingGroup, "MaxSize").

use std::borrow::Cow;

use crate::resource::{AutoScalingGroup, Found, Kind, Observed, Resource, attribute};
use crate::state::roll::Record;

/// What was observed, as it is without the roll.
pub(super) fn without_lent<'a>(observed: Cow<'a, Observed>, roll: Option<&Record>) -> Cow<'a, Observed> {
    let Some(roll) = roll else { return observed };
    let as_without = |found: &Found| match &found.resource {
        Resource::AutoScalingGroup(group) => Some(without(roll, found.address.name(), group)).filter(|it| it != group),
        _ => None,
    };
    if !observed.found.iter().any(|found| as_without(found).is_some()) {
        return observed;
    }
    let mut observed = observed.into_owned();
    for found in &mut observed.found {
        if let Some(group) = as_without(found) {
            found.resource = Resource::from(group);
        }
    }
    Cow::Owned(observed)
}

fn without(roll: &Record, name: &str, group: &AutoScalingGroup) -> AutoScalingGroup {
    let mut group = group.clone();
    // Below what it was, somebody else has changed it.
    if let Some(surge) = roll.surged.get(name) {
        group.max_size = group.max_size.min(surge.max_before);
    }
    if let Some(suspended) = roll.suspended.get(name) {
        group.suspended_processes.retain(|process| !suspended.contains(process));
    }
    group
}

/// A group that is updated, with how large the roll needs it to stay meanwhile.
pub(super) fn marked(found: &Found, roll: Option<&Record>) -> Found {
    let mut found = found.clone();
    let surge = roll.and_then(|it| it.surged.get(found.address.name()));
    if let (Kind::AutoScalingGroup, Some(surge)) = (found.address.kind(), surge) {
        let needed = surge.size_before.saturating_add(surge.by);
        found.attributes.insert(attribute::LENT_MAXIMUM.to_owned(), needed.to_string());
    }
    found
}
