//! How large a group is without the roll, and what it is enlarged by for the time of the roll.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::look::Look;
use crate::health::Group;
use crate::roll::action::Action;
use crate::state::roll::{Record, Surge};

/// The only process that kills machines in mid-roll although nothing is wrong with them. `ReplaceUnhealthy` stays on: a
/// broken machine must be replaced during a roll too, and is seen like any other change from outside.
const SUSPENDED: &str = "AZRebalance";

/// A group's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Machines that it should have without the roll.
    pub(super) size: u32,
    /// Machines that it has been given for the time of the roll and that are not given back.
    pub(super) surged: u32,
    /// Machines by which it stands in for another group.
    pub(super) raised: u32,
}

/// A group's numbers as they are set now, whether or not what the record announces has been done.
pub(super) fn size(record: &Record, name: &str, group: &Group) -> Size {
    // What cannot be given back, because somebody has raised the minimum since, is not lent any more.
    let lent = group.desired.saturating_sub(group.min);
    let raised = record.raised.get(name).map_or(0, |it| it.by.min(group.desired.saturating_sub(it.size_before)));
    let raised = raised.min(lent);
    let above = |it: &Surge| group.desired.saturating_sub(it.size_before).min(lent).saturating_sub(raised);
    let surged = record.surged.get(name).map_or(0, |it| it.by.min(above(it)));
    Size { size: group.desired.saturating_sub(raised + surged), surged, raised }
}

/// Switches `AZRebalance` off where it is on: first in the record, then in the group.
pub(super) fn suspend(look: &Look<'_>, draft: &mut Draft<'_>) {
    for name in look.policy.groups.keys() {
        let Some(group) = look.view.groups.get(name) else { continue };
        if group.suspended.contains(SUSPENDED) || !group.machines.values().any(|it| look.is_stale(group, it)) {
            continue;
        }
        let processes = BTreeSet::from([SUSPENDED.to_owned()]);
        draft.record.suspended.entry(name.clone()).or_default().extend(processes.iter().cloned());
        draft.act(Action::Suspend { group: name.clone(), processes });
    }
}

/// Enlarges a group so that it has `want` machines more than its size.
pub(super) fn enlarge(draft: &mut Draft<'_>, name: &str, group: &Group, now: Size, want: u32) {
    if want <= now.surged || group.suspended.contains("Launch") {
        return;
    }
    let surge = draft.record.surged.entry(name.to_owned()).or_insert(Surge {
        by: 0,
        max_before: group.max,
        size_before: group.desired.saturating_sub(now.raised),
    });
    // Somebody may have resized the group in the meantime: its size is what it is now.
    surge.size_before = now.size;
    surge.by = want;
    let desired = group.desired.saturating_add(want - now.surged);
    draft.act(Action::Resize { group: name.to_owned(), desired, max: group.max.max(desired) });
}
