//! How a roll ends: what was changed for it is put back, and seen to be back, before it says so.

use super::draft::Draft;
use super::gates::Gates;
use super::look::{Look, is_present};
use super::stop::Stop;
use super::surge::size;
use super::{Decision, Outcome, PROTECT_ANNOTATION, members};
use crate::roll::action::Action;
use crate::state::roll::State;

/// Whether a roll puts everything back, or keeps what it needs to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    /// It is over.
    Everything,
    /// It goes on another day: surge and cordons stay, so that nothing is done twice.
    ForNow,
}

/// Makes the decision out of the draft.
pub(super) fn end(look: &Look<'_>, mut draft: Draft<'_>, gates: &Gates) -> Decision {
    let outcome = match draft.record.state {
        State::Running => running(look, &mut draft, gates),
        State::Paused { .. } if draft.in_work && draft.progress => Outcome::Going,
        State::Paused { .. } => Outcome::Paused,
        State::Aborting { .. } => aborting(look, &mut draft),
    };
    Decision {
        actions: draft.actions,
        record: draft.record,
        waiting: draft.waiting,
        needs_control_plane: draft.needs_control_plane,
        outcome,
    }
}

fn running(look: &Look<'_>, draft: &mut Draft<'_>, gates: &Gates) -> Outcome {
    let lent = !draft.record.raised.is_empty() || !draft.memory().shrinking.is_empty();
    let left = draft.stale_left || draft.in_work || draft.unfinished || lent || draft.memory().member.is_some();
    if !left {
        draft.record.memory.idle_since = None;
        return if put_back(look, draft, Back::Everything) { Outcome::Done } else { Outcome::Going };
    }
    let Some(stop) = stop(look, draft, gates) else {
        draft.record.memory.stopping = false;
        return Outcome::Going;
    };
    stopped(look, draft, stop)
}

/// Why it cannot go on, once everything that can be finished is finished.
fn stop(look: &Look<'_>, draft: &mut Draft<'_>, gates: &Gates) -> Option<Stop> {
    let timeout = look.policy.gate_timeout.as_secs();
    if draft.in_work && draft.progress {
        draft.record.memory.idle_since = None;
        return None;
    }
    if let Some(stop) = draft.stops.first() {
        return Some(stop.clone());
    }
    let red = draft.record.red_since.filter(|since| look.age(*since) >= timeout);
    if let Some(since) = red.filter(|_| !gates.red.is_empty()) {
        return Some(Stop::Gate { red: gates.red.clone(), since });
    }
    if let Some(stop) = red_group(look, draft, gates) {
        return Some(stop);
    }
    // As long as one group may go on, the others can wait for their windows.
    let closed = gates.held.values().filter_map(|held| held.closed);
    if gates.hold_all() && closed.clone().count() > 0 {
        let opens = closed.flatten().min();
        let soon = |at: jiff::Timestamp| at.as_second().saturating_sub(look.now.as_second());
        let far = opens.is_none_or(|at| u64::try_from(soon(at)).unwrap_or(0) > timeout);
        let waits = gates.held.values().any(|held| held.closed.is_none());
        return (far && !draft.progress && !waits).then_some(Stop::Window { opens });
    }
    if draft.progress || !gates.red.is_empty() || gates.hold_all() {
        draft.record.memory.idle_since = None;
        return None;
    }
    if let Some(blocked) = draft.blocked.first() {
        return Some(blocked.clone());
    }
    idle(look, draft)
}

/// A group whose own probes are red for the whole of its gate timeout.
fn red_group(look: &Look<'_>, draft: &Draft<'_>, gates: &Gates) -> Option<Stop> {
    let (name, since) = draft.record.red_groups.iter().find(|(name, since)| {
        look.policy_of(name).is_some_and(|policy| look.age(**since) >= policy.gate_timeout.as_secs())
    })?;
    let red = gates.held.get(name)?.red.iter().map(|what| format!("{name}: {what}")).collect();
    Some(Stop::Gate { red, since: *since })
}

/// Nothing is under way now; the stop that follows when that lasts for the whole gate timeout.
fn idle(look: &Look<'_>, draft: &mut Draft<'_>) -> Option<Stop> {
    let since = *draft.record.memory.idle_since.get_or_insert(look.now);
    let waiting = || draft.waiting.iter().map(|it| format!("{}: {}", it.about, it.what)).collect();
    (look.age(since) >= look.policy.gate_timeout.as_secs()).then(|| Stop::Idle { waiting: waiting() })
}

fn stopped(look: &Look<'_>, draft: &mut Draft<'_>, stop: Stop) -> Outcome {
    draft.record.memory.stopping = true;
    draft.actions.retain(|action| !matches!(action, Action::Suspend { .. } | Action::Protect { on: true, .. }));
    if !put_back(look, draft, Back::ForNow) {
        return Outcome::Going;
    }
    // The next run gives everything another chance.
    draft.record.memory.stopping = false;
    draft.record.memory.idle_since = None;
    draft.record.memory.short_since.clear();
    draft.record.red_since = None;
    draft.record.red_groups.clear();
    Outcome::Stopped(stop)
}

fn aborting(look: &Look<'_>, draft: &mut Draft<'_>) -> Outcome {
    let outstanding = look.view.groups.iter().any(|(name, group)| size(&draft.record, name, group).surged > 0);
    let left = draft.in_work || outstanding || !draft.record.raised.is_empty() || draft.memory().member.is_some();
    if !left {
        draft.record.memory.idle_since = None;
        return if put_back(look, draft, Back::Everything) { Outcome::Aborted } else { Outcome::Going };
    }
    if draft.progress {
        draft.record.memory.idle_since = None;
        return Outcome::Going;
    }
    let idle = idle(look, draft);
    match draft.blocked.first().or(draft.stops.first()).cloned().or(idle) {
        Some(stop) => stopped(look, draft, stop),
        None => Outcome::Going,
    }
}

/// Puts back what the roll has changed; whether all of it is seen to be back.
fn put_back(look: &Look<'_>, draft: &mut Draft<'_>, back: Back) -> bool {
    let actions = draft.actions.len();
    if back == Back::Everything {
        cordons(look, draft);
        maximum(look, draft);
    }
    protection(look, draft);
    processes(look, draft);
    draft.actions.len() == actions
}

fn cordons(look: &Look<'_>, draft: &mut Draft<'_>) {
    for node in look.view.nodes.values().filter(|node| look.is_ours(node)) {
        let machine = node.instance.as_deref().and_then(|id| look.machine(id));
        let stays = machine
            .is_some_and(|(_, machine)| is_present(machine) && !draft.memory().terminated.contains_key(&machine.id));
        if stays && !members::is_in_work(draft, node) {
            draft.actions.push(Action::Uncordon { node: node.name.clone(), uid: node.uid.clone() });
        }
    }
}

fn maximum(look: &Look<'_>, draft: &mut Draft<'_>) {
    let surged = draft.record.surged.clone();
    for (name, surge) in surged {
        let group = look.view.groups.get(&name);
        match group {
            Some(group) if group.max > surge.max_before.max(group.desired) => {
                let max = surge.max_before.max(group.desired);
                draft.actions.push(Action::Resize { group: name, desired: group.desired, max });
            }
            _ => {
                draft.record.surged.remove(&name);
            }
        }
    }
}

fn protection(look: &Look<'_>, draft: &mut Draft<'_>) {
    let protected = std::mem::take(&mut draft.record.memory.protected);
    for name in protected {
        let still = look.view.nodes.get(&name).is_some_and(|node| node.annotations.contains_key(PROTECT_ANNOTATION));
        if still {
            draft.actions.push(Action::Protect { node: name.clone(), on: false });
            draft.record.memory.protected.insert(name);
        }
    }
}

fn processes(look: &Look<'_>, draft: &mut Draft<'_>) {
    let suspended = std::mem::take(&mut draft.record.suspended);
    for (group, processes) in suspended {
        let live = look.view.groups.get(&group).map(|it| &it.suspended);
        let still = processes.iter().filter(|it| live.is_some_and(|live| live.contains(*it))).cloned().collect();
        let still: std::collections::BTreeSet<String> = still;
        if !still.is_empty() {
            draft.actions.push(Action::Resume { group: group.clone(), processes: still.clone() });
            draft.record.suspended.insert(group, still);
        }
    }
}
