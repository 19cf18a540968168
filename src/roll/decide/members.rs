//! The control plane: one member at a time over all groups, and never one while another is not well.

use super::draft::{Draft, Drain};
use super::look::{Look, is_present};
use super::stop::Stop;
use super::terminate;
use crate::health::{ControlPlane, Group, GroupRole, Lifecycle, Machine, Member};
use crate::kubernetes::Node;
use crate::planted::{self, Bug};
use crate::roll::action::Action;
use crate::state::roll::Replace;
use crate::state::roll::State;
use crate::state::roll::{LeaderSeen, MemberInWork};

/// A member whose machine is stale.
struct Candidate<'a> {
    group: &'a str,
    member: &'a str,
    machine: &'a Machine,
}

/// Decides about the members; whether all that are rolled are new and well.
pub(super) fn decide<'a>(look: &Look<'a>, draft: &mut Draft<'a>, open: bool) -> bool {
    let stale = candidates(look);
    if !stale.is_empty() {
        draft.stale_left = true;
    }
    if stale.is_empty() && draft.memory().member.is_none() {
        return true;
    }
    draft.needs_control_plane = true;
    if let Some(control_plane) = &look.view.control_plane {
        follow_leader(look, draft, control_plane);
    }
    match draft.memory().member.clone() {
        Some(work) => go_on(look, draft, work),
        None if open && matches!(draft.record.state, State::Running) => begin(look, draft, &stale),
        None => {}
    }
    false
}

/// Why no member may be replaced, as long as none is in work: a member that is not well and is not to be replaced itself.
pub(super) fn trouble(look: &Look<'_>) -> Option<String> {
    let stale = candidates(look);
    if look.record.memory.member.is_some() || stale.is_empty() {
        return None;
    }
    let control_plane = look.view.control_plane.as_ref()?;
    if !control_plane.ready_from_outside {
        return Some("the API server does not answer through its load balancer or name".to_owned());
    }
    let sick = sick(look, control_plane);
    match sick.as_slice() {
        [] => None,
        [(one, _)] if stale.iter().any(|it| it.member == one) => None,
        [(one, why), ..] => Some(format!("etcd's member {one} is not healthy: {why}")),
    }
}

fn candidates<'a>(look: &Look<'a>) -> Vec<Candidate<'a>> {
    let stale = |name: &'a String| {
        let group = look.view.groups.get(name)?;
        let GroupRole::Member(member) = &group.role else { return None };
        let machine = group.machines.values().find(|it| is_present(it) && look.is_stale(group, it))?;
        Some(Candidate { group: name, member, machine })
    };
    look.policy.groups.keys().filter_map(stale).collect()
}

/// Members that are not well, or of which nothing is known.
fn sick(look: &Look<'_>, control_plane: &ControlPlane) -> Vec<(String, String)> {
    let well = |group: &Group| {
        let GroupRole::Member(name) = &group.role else { return None };
        let sickness = control_plane.members.get(name).map_or(Some("it gives no answer"), Member::sickness);
        sickness.map(|why| (name.clone(), why.to_owned()))
    };
    look.view.groups.values().filter_map(well).collect()
}

fn follow_leader(look: &Look<'_>, draft: &mut Draft<'_>, control_plane: &ControlPlane) {
    let leader = control_plane.members.iter().find(|(_, member)| member.leader && member.healthy);
    let seen = draft.memory().leader.as_ref();
    let Some((name, member)) = leader else {
        draft.record.memory.leader = None;
        return;
    };
    if !seen.is_some_and(|seen| seen.member == *name && seen.term == member.term) {
        draft.record.memory.leader = Some(LeaderSeen { member: name.clone(), term: member.term, since: look.now });
    }
}

/// Takes the next member into work when everything around it is well.
fn begin(look: &Look<'_>, draft: &mut Draft<'_>, stale: &[Candidate<'_>]) {
    let Some(control_plane) = &look.view.control_plane else {
        draft.progress = true;
        return;
    };
    let rank = |it: &&Candidate<'_>| {
        let member = control_plane.members.get(it.member);
        // The sick one first, because replacing it heals; the leader last, so that it moves once.
        (member.is_some_and(|member| member.healthy), member.is_some_and(|member| member.leader), it.group.to_owned())
    };
    let Some(next) = stale.iter().min_by_key(rank) else { return };
    if next.machine.lifecycle != Lifecycle::InService {
        draft.progress = true;
        draft.wait(next.group, next.group, "the stale machine to be in service".to_owned(), None);
        return;
    }
    if let Some(why) = others_sick(look, control_plane, next.member) {
        draft.wait(next.group, next.member, why, None);
        return;
    }
    let is_old = |limit: std::time::Duration| control_plane.snapshot.is_none_or(|at| look.age(at) >= limit.as_secs());
    if look.policy.snapshot_age.is_some_and(is_old) {
        let healthy = |(name, member): (&String, &Member)| {
            member.healthy.then(|| (name.as_str() == next.member, !member.leader, member.instance.clone()))
        };
        if let Some((_, _, instance)) = control_plane.members.iter().filter_map(healthy).min() {
            draft.act(Action::Snapshot { instance });
        }
        draft.wait(next.group, next.member, "a fresh snapshot of etcd".to_owned(), None);
        return;
    }
    if !leads_not(draft, control_plane, next.group, next.member, stale) {
        return;
    }
    let node = look.node(&next.machine.id);
    draft.record.memory.member = Some(MemberInWork {
        group: next.group.to_owned(),
        member: next.member.to_owned(),
        instance: next.machine.id.clone(),
        node_uid: node.map(|node| node.uid.clone()),
        since: look.now,
        back: None,
    });
    draft.in_work = true;
    if let Some(node) = node.filter(|node| !node.unschedulable) {
        draft.act(Action::Cordon { node: node.name.clone(), uid: node.uid.clone() });
    }
    draft.progress = true;
}

/// Why a member must stay: another one is not well, or the API does not answer.
fn others_sick(look: &Look<'_>, control_plane: &ControlPlane, member: &str) -> Option<String> {
    let mut others = sick(look, control_plane).into_iter().filter(|(name, _)| name != member);
    if let Some((name, why)) = others.next().filter(|_| !planted::is(Bug::IgnoredQuorum)) {
        return Some(format!("etcd's member {name}, which is not healthy: {why}"));
    }
    let outside = "the API server to answer through its load balancer or name";
    (!control_plane.ready_from_outside).then(|| outside.to_owned())
}

/// Whether the member does not lead; if it does, its leadership is handed on, if possible to one that is new.
fn leads_not(
    draft: &mut Draft<'_>,
    control_plane: &ControlPlane,
    group: &str,
    member: &str,
    stale: &[Candidate<'_>],
) -> bool {
    if !control_plane.members.get(member).is_some_and(|it| it.leader) {
        return true;
    }
    let heir = |(name, it): (&String, &Member)| {
        let old = stale.iter().any(|stale| stale.member == name);
        (it.healthy && name != member).then(|| (old, name.clone()))
    };
    // A single member has nobody to hand over to: it is known to stop for a while.
    let Some((_, to)) = control_plane.members.iter().filter_map(heir).min() else { return true };
    draft.wait(group, member, format!("etcd's leadership to move to {to}"), None);
    draft.act(Action::MoveLeader { from: member.to_owned(), to });
    false
}

fn go_on<'a>(look: &Look<'a>, draft: &mut Draft<'a>, work: MemberInWork) {
    let old = look.machine(&work.instance).map(|(_, machine)| machine).filter(|it| is_present(it));
    if draft.memory().terminated.contains_key(&work.instance) {
        terminate::again(look, draft, &work.group);
    }
    match old {
        Some(_) if draft.memory().terminated.contains_key(&work.instance) => draft.in_work = true,
        Some(_) if matches!(draft.record.state, State::Aborting { .. }) => draft.record.memory.member = None,
        Some(machine) => empty(look, draft, work, machine),
        None => come_back(look, draft, work),
    }
}

/// Drains the machine that goes, and terminates it.
fn empty<'a>(look: &Look<'a>, draft: &mut Draft<'a>, mut work: MemberInWork, machine: &Machine) {
    draft.in_work = true;
    let drains = look.policy_of(&work.group).is_none_or(|policy| policy.drain);
    if let Some(node) = look.node(&machine.id) {
        if !node.unschedulable {
            draft.act(Action::Cordon { node: node.name.clone(), uid: node.uid.clone() });
            return;
        }
        if drains && look.holding(&node.name).next().is_some() {
            let since = look.cordoned_at(node).unwrap_or(work.since);
            if let Some((group, machine)) = look.machine(&work.instance) {
                draft.drains.push(Drain { node, group, instance: &machine.id, since });
            }
            return;
        }
    }
    let Some(control_plane) = &look.view.control_plane else {
        draft.progress = true;
        return;
    };
    if let Some(why) = others_sick(look, control_plane, &work.member) {
        draft.wait(&work.group, &work.member, why, Some(work.since));
        return;
    }
    let stale = candidates(look);
    if !leads_not(draft, control_plane, &work.group, &work.member, &stale) {
        return;
    }
    terminate::terminate(look, draft, &work.group, &work.instance, Replace::Launch);
    work.since = look.now;
    draft.record.memory.member = Some(work);
}

/// Waits until the member is back on another machine, with a node of its own, and etcd has calmed down.
fn come_back(look: &Look<'_>, draft: &mut Draft<'_>, mut work: MemberInWork) {
    draft.in_work = true;
    let stable = look.policy.leader_stable.as_secs();
    let missing = missing(look, &work).or_else(|| {
        let back = *work.back.get_or_insert(look.now);
        let leader = draft.memory().leader.as_ref()?;
        let since = back.max(leader.since);
        (look.age(since) < stable).then(|| (format!("leader {} to stay", leader.member), true))
    });
    let Some((what, calming)) = missing else {
        draft.record.memory.member = None;
        draft.progress = true;
        return;
    };
    if !calming {
        work.back = None;
    }
    let timeout = look.policy_of(&work.group).map_or(0, |policy| policy.ready_timeout.as_secs());
    draft.wait(&work.group, &work.member, what.clone(), Some(work.since));
    if calming || look.age(work.since) < timeout {
        draft.progress = true;
    } else {
        draft.stops.push(Stop::Member { member: work.member.clone(), reason: what });
    }
    draft.record.memory.member = Some(work);
}

/// What is missing until the member is back.
fn missing(look: &Look<'_>, work: &MemberInWork) -> Option<(String, bool)> {
    let no = |what: String| Some((what, false));
    let group = look.view.groups.get(&work.group)?;
    let new = group.machines.values().find(|it| it.lifecycle == Lifecycle::InService && it.id != work.instance);
    let Some(new) = new else { return no("a new machine in service".to_owned()) };
    let Some(node) = look.node(&new.id).filter(|node| work.node_uid.as_ref() != Some(&node.uid)) else {
        return no(format!("a node of its own for {}", new.id));
    };
    if !node.is_ready() {
        return no(format!("node {} to be Ready", node.name));
    }
    let Some(control_plane) = &look.view.control_plane else {
        return Some(("etcd's members to be asked".to_owned(), true));
    };
    if let Some((name, why)) = sick(look, control_plane).into_iter().next() {
        return no(format!("etcd's member {name}: {why}"));
    }
    if control_plane.members.get(&work.member).is_some_and(|member| member.instance != new.id) {
        return no(format!("etcd's member {} to run on {}", work.member, new.id));
    }
    if !control_plane.ready_from_outside {
        return no("the API server to answer through its load balancer or name".to_owned());
    }
    if !control_plane.members.values().any(|member| member.leader) || control_plane.members.len() < look.member_count()
    {
        return no("etcd to have a leader".to_owned());
    }
    None
}

/// Whether a node is one of the control plane's that a roll drains: for putting back cordons.
pub(super) fn is_in_work(draft: &Draft<'_>, node: &Node) -> bool {
    draft.memory().member.as_ref().is_some_and(|work| work.node_uid.as_ref() == Some(&node.uid))
}
