//! Launches that fail: nothing new in such a group, its fallback is raised, and lowered again afterwards.

use super::draft::Draft;
use super::look::Look;
use super::stop::Stop;
use super::surge::size;
use crate::health::{CapacityFailure, Group};
use crate::roll::action::Action;
use crate::state::roll::{Raise, State};

/// How long a failed launch counts: Auto Scaling tries again every few minutes, and a failing combination is remembered
/// for as long (design, `rolling.md` point 7).
const FAILURE_COUNTS: u64 = 600;

/// The newest failure of a group that lacks machines.
pub(super) fn trouble<'a>(look: &Look<'a>, group: &Group) -> Option<&'a CapacityFailure> {
    let short = Look::present(group) < group.desired;
    let of =
        |it: &&CapacityFailure| it.auto_scaling_group == group.auto_scaling_group && look.age(it.at) < FAILURE_COUNTS;
    look.view.capacity.iter().filter(of).max_by_key(|it| it.at).filter(|_| short)
}

/// How many more machines the fallback of a group may get now.
pub(super) fn room(look: &Look<'_>, draft: &Draft<'_>, name: &str, group: &Group) -> u32 {
    let Some((fallback, its)) = look.view.fallback_of(group) else { return 0 };
    let other = draft.record.raised.get(fallback).is_some_and(|raise| raise.instead_of != name);
    if other || fallback == name || trouble(look, its).is_some() { 0 } else { its.max.saturating_sub(its.desired) }
}

/// Ready nodes of fallbacks that stand in for a group.
pub(super) fn standing_in(look: &Look<'_>, draft: &Draft<'_>, name: &str) -> u32 {
    // Once it launches again, the fallback is lowered: what will go is no ground to let more go.
    if look.view.groups.get(name).is_none_or(|group| trouble(look, group).is_none()) {
        return 0;
    }
    let ready = |(fallback, raise): (&String, &Raise)| {
        let group = look.view.groups.get(fallback).filter(|_| raise.instead_of == name)?;
        let ready = look.schedulable(group, &draft.memory().terminated);
        let own = size(&draft.record, fallback, group);
        Some(ready.saturating_sub(own.size + own.surged).min(raise.by))
    };
    draft.record.raised.iter().filter_map(ready).sum()
}

/// Notes since when groups lack machines because launches fail.
pub(super) fn watch(look: &Look<'_>, draft: &mut Draft<'_>) {
    for name in look.policy.groups.keys() {
        let Some(group) = look.view.groups.get(name) else { continue };
        if trouble(look, group).is_some() {
            draft.record.memory.short_since.entry(name.clone()).or_insert(look.now);
        } else {
            draft.record.memory.short_since.remove(name);
        }
    }
}

/// Raises fallbacks of groups that lack machines, lowers the others, and says when nothing can stand in any more.
pub(super) fn raise(look: &Look<'_>, draft: &mut Draft<'_>, open: bool) {
    let running = matches!(draft.record.state, State::Running);
    for name in look.policy.groups.keys() {
        let Some(group) = look.view.groups.get(name) else { continue };
        let Some(failure) = trouble(look, group) else { continue };
        let missing = group.desired.saturating_sub(Look::present(group));
        let covered = group.fallback.as_ref().and_then(|it| draft.record.raised.get(it));
        let covered = covered.filter(|raise| raise.instead_of == *name).map_or(0, |raise| raise.by);
        let more = missing.saturating_sub(covered).min(room(look, draft, name, group));
        let since = draft.memory().short_since.get(name).copied();
        draft.wait(name, name, format!("{missing} machines: {}: {}", failure.reason, failure.message), since);
        if running && more > 0 {
            grow(look, draft, name, group, more);
        } else if since.is_some_and(|since| look.age(since) >= patience(look, name, missing > covered)) {
            draft.stops.push(Stop::Capacity { group: name.clone(), missing, message: failure.message.clone() });
        } else {
            draft.progress = true;
        }
    }
    repeat(look, draft, running && open);
}

/// How long a group may be short: as long as a machine may take, and where a fallback stands in for all that is missing,
/// as long as a gate may be red on top.
fn patience(look: &Look<'_>, group: &str, uncovered: bool) -> u64 {
    let ready = look.policy_of(group).map_or(0, |policy| policy.ready_timeout.as_secs());
    if uncovered { ready } else { ready + look.policy.gate_timeout.as_secs() }
}

fn grow(look: &Look<'_>, draft: &mut Draft<'_>, name: &str, group: &Group, more: u32) {
    let Some((fallback, its)) = look.view.fallback_of(group) else { return };
    let own = size(&draft.record, fallback, its);
    let fresh = Raise { instead_of: name.to_owned(), by: 0, size_before: its.desired, since: look.now };
    let raise = draft.record.raised.entry(fallback.to_owned()).or_insert(fresh);
    if raise.by == 0 {
        draft.record.done.fallbacks += 1;
    }
    raise.size_before = its.desired.saturating_sub(own.raised);
    raise.by = raise.by.max(own.raised) + more;
    let desired = raise.size_before.saturating_add(raise.by).min(its.max);
    draft.act(Action::Resize { group: fallback.to_owned(), desired, max: its.max });
}

/// A raise that was announced and not done is done now; one that is not needed any more is forgotten when it is back.
fn repeat(look: &Look<'_>, draft: &mut Draft<'_>, running: bool) {
    let raised: Vec<(String, Raise)> =
        draft.record.raised.iter().map(|(name, it)| (name.clone(), it.clone())).collect();
    for (name, raise) in raised {
        let Some(its) = look.view.groups.get(&name) else {
            draft.record.raised.remove(&name);
            continue;
        };
        let needed = look.view.groups.get(&raise.instead_of).is_some_and(|it| trouble(look, it).is_some());
        let outstanding = size(&draft.record, &name, its).raised;
        let before = look.record.raised.get(&name).is_some_and(|it| it.by == raise.by);
        if needed && running && outstanding < raise.by && before {
            let desired = raise.size_before.saturating_add(raise.by).min(its.max);
            if desired > its.desired {
                draft.act(Action::Resize { group: name.clone(), desired, max: its.max });
            }
        }
        if !needed && outstanding == 0 {
            draft.record.raised.remove(&name);
        }
    }
}

/// How many machines of a group are more than it needs: a raise that is not needed any more.
pub(super) fn surplus(look: &Look<'_>, draft: &Draft<'_>, name: &str, raised: u32) -> u32 {
    let Some(raise) = draft.record.raised.get(name) else { return 0 };
    let Some(first) = look.view.groups.get(&raise.instead_of) else { return raised };
    let size = size(&draft.record, &raise.instead_of, first).size;
    let spare = look.policy_of(&raise.instead_of).map_or(0, |policy| policy.unavailable(size));
    let ready = look.schedulable(first, &draft.memory().terminated);
    let back = Look::present(first) >= first.desired && ready >= size.saturating_sub(spare);
    if trouble(look, first).is_none() && back { raised } else { 0 }
}
