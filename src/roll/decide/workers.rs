//! Groups of nodes: surge, canary, cordon, and the end of drained machines.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::PROTECT_ANNOTATION;
use super::draft::{Draft, Drain};
use super::look::{Look, is_present};
use super::stop::Stop;
use super::surge::{self, Size};
use super::{capacity, terminate};
use crate::health::{Group, GroupRole, Lifecycle, Machine};
use crate::kubernetes::{Node, Ready};
use crate::roll::action::Action;
use crate::roll::policy::GroupPolicy;
use crate::state::roll::Replace;
use crate::state::roll::State;
use crate::state::roll::{Lacking, Termination};

/// How many stale nodes of a zone are cordoned; the others with whether they are Ready and how many pods hold them.
type Zone<'a> = (u32, Vec<(bool, usize, &'a Node)>);

/// One group while it is decided about.
struct Work<'a, 'l> {
    look: &'l Look<'a>,
    name: &'a str,
    group: &'a Group,
    policy: &'a GroupPolicy,
    now: Size,
    /// Stale machines that are there and not on their way out.
    stale: Vec<&'a Machine>,
    /// New ones.
    fresh: Vec<&'a Machine>,
    /// Whether something new may begin here.
    open: bool,
    /// Whether a machine that goes now can be replaced.
    can_grow: bool,
    /// Ready nodes that must stay.
    floor: u32,
    /// Ready nodes that may still go.
    headroom: u32,
    /// Ready nodes that stand in for another group and are not counted here: they may go whatever the floor is.
    lent: u32,
    canary: bool,
}

/// Decides about one group.
pub(super) fn decide<'a>(look: &Look<'a>, draft: &mut Draft<'a>, name: &'a str, open: bool) {
    let Some((group, policy)) = look.view.groups.get(name).zip(look.policy_of(name)) else { return };
    terminate::again(look, draft, name);
    let rolled = look.policy.groups.contains_key(name);
    let here = group.machines.values().filter(|it| is_present(it) && !draft.memory().terminated.contains_key(&it.id));
    let (stale, fresh): (Vec<&Machine>, Vec<&Machine>) = here.partition(|it| rolled && look.is_stale(group, it));
    judge_fresh(look, draft, name, group, policy, &fresh);
    let now = surge::size(&draft.record, name, group);
    let trouble = capacity::trouble(look, group).is_some();
    let grows = !group.suspended.contains("Launch");
    let schedulable = look.schedulable(group, &draft.memory().terminated);
    let lent = now.raised.min(schedulable.saturating_sub(now.size + now.surged));
    let ready = schedulable - lent + capacity::standing_in(look, draft, name);
    let floor = now.size.saturating_sub(policy.unavailable(now.size));
    let mut work = Work {
        look,
        name,
        group,
        policy,
        now,
        stale,
        fresh,
        open: open && rolled && draft.stops.is_empty(),
        can_grow: grows && (!trouble || capacity::room(look, draft, name, group) > 0),
        floor,
        headroom: ready.saturating_sub(floor),
        lent,
        canary: false,
    };
    draft.stale_left |= !work.stale.is_empty();
    let lacking = lacking(look, draft, name, group).filter(|_| rolled);
    if let Some(since) = lacking {
        draft.unfinished = true;
        let missing = group.desired - Look::present(group);
        draft.wait(name, name, format!("{missing} machines to be launched"), Some(since));
        draft.progress |= !trouble && grows && look.age(since) < policy.ready_timeout.as_secs();
    }
    work.canary(draft);
    if group.role == GroupRole::Bastion {
        work.bastions(draft);
        return;
    }
    work.protect(draft);
    if work.open && !trouble && !work.shrinks(draft) && now.raised == 0 {
        let most = policy.max_surge.of(now.size);
        let most = if work.canary { most.min(policy.canary) } else { most };
        let want = most.min(count(work.stale.len()));
        surge::enlarge(draft, name, group, now, want);
    }
    work.give_back(draft);
    work.go_on(draft);
    if work.open && work.can_grow {
        work.cordon(draft);
    }
}

/// Since when a group lacks machines, and gets no more.
fn lacking(look: &Look<'_>, draft: &mut Draft<'_>, name: &str, group: &Group) -> Option<Timestamp> {
    let present = Look::present(group);
    let lacking = &mut draft.record.memory.lacking;
    if present >= group.desired {
        lacking.remove(name);
        return None;
    }
    let before = lacking.get(name).filter(|it| present <= it.present).map(|it| it.since);
    let since = before.unwrap_or(look.now);
    lacking.insert(name.to_owned(), Lacking { present, since });
    Some(since)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// New machines that are not Ready yet, and those that take too long.
fn judge_fresh(
    look: &Look<'_>,
    draft: &mut Draft<'_>,
    name: &str,
    group: &Group,
    policy: &GroupPolicy,
    fresh: &[&Machine],
) {
    for machine in fresh {
        let known = draft.memory().joined.contains(&machine.id) || draft.memory().shrinking.contains(&machine.id);
        let during = machine.launched.is_some_and(|at| at >= look.record.started);
        let node = look.node(&machine.id);
        if group.role == GroupRole::Bastion || node.is_some_and(Node::is_ready) || known || !during {
            continue;
        }
        draft.unfinished = true;
        let since = machine.launched.unwrap_or(look.now);
        draft.wait(name, node.map_or(&machine.id, |node| &node.name), "Ready".to_owned(), Some(since));
        if look.age(since) < policy.ready_timeout.as_secs() {
            draft.progress = true;
            continue;
        }
        let reason = match node.map(|node| &node.ready) {
            Some(Ready::No(why)) => format!("its kubelet says: {why}"),
            Some(_) => "its kubelet says nothing".to_owned(),
            None => "it never registered a node".to_owned(),
        };
        draft.stops.push(Stop::NeverReady { group: name.to_owned(), instance: machine.id.clone(), reason });
    }
}

impl<'a> Work<'a, '_> {
    /// Whether the first machines are still alone.
    fn canary(&mut self, draft: &mut Draft<'a>) {
        if draft.record.canaries.contains(self.name) || self.stale.is_empty() {
            return;
        }
        let up = |it: &&&Machine| {
            it.lifecycle == Lifecycle::InService
                && (self.group.role == GroupRole::Bastion || self.look.node(&it.id).is_some_and(Node::is_ready))
        };
        let ready = count(self.fresh.iter().filter(up).count());
        if ready >= self.policy.canary.saturating_add(self.now.surged) {
            if self.open {
                draft.record.canaries.insert(self.name.to_owned());
            }
        } else {
            self.canary = true;
        }
    }

    /// Whether a termination that makes the group smaller is under way: its numbers are between two states.
    fn shrinks(&self, draft: &Draft<'a>) -> bool {
        self.leaving(draft).any(|it| it.replace == Replace::Shrink)
    }

    /// Terminations of this group that were asked for, and do not show yet.
    fn leaving<'draft>(&'draft self, draft: &'draft Draft<'a>) -> impl Iterator<Item = &'draft Termination> {
        let shows_not = |id: &String| self.group.machines.get(id).is_some_and(is_present);
        let all = draft.memory().terminated.iter();
        all.filter(move |(id, it)| it.group == self.name && shows_not(id)).map(|(_, it)| it)
    }

    fn bastions(&self, draft: &mut Draft<'a>) {
        let whole = count(self.group.in_service().count()) >= self.group.desired;
        let busy = draft.memory().terminated.values().any(|it| it.group == self.name);
        let next = self.stale.iter().find(|it| it.lifecycle == Lifecycle::InService);
        if let Some(machine) = next.filter(|_| self.open && self.can_grow && whole && !busy) {
            terminate::terminate(self.look, draft, self.name, &machine.id, Replace::Launch);
        }
    }

    /// Keeps the cluster-autoscaler from removing new nodes, which are empty at first.
    fn protect(&self, draft: &mut Draft<'a>) {
        let running = matches!(draft.record.state, State::Running) && !draft.memory().stopping;
        if !running || (self.stale.is_empty() && self.now.raised == 0) {
            return;
        }
        for node in self.fresh.iter().filter_map(|it| self.look.node(&it.id)) {
            let shrinks = node.instance.as_ref().is_some_and(|id| draft.memory().shrinking.contains(id));
            if node.is_ready() && !shrinks && !node.annotations.contains_key(PROTECT_ANNOTATION) {
                draft.record.memory.protected.insert(node.name.clone());
                draft.act(Action::Protect { node: node.name.clone(), on: true });
            }
        }
    }

    /// Chooses the machines with which surge and fallbacks are given back, when no stale ones are left for that.
    fn give_back(&mut self, draft: &mut Draft<'a>) {
        let aborting = matches!(draft.record.state, State::Aborting { .. });
        let kept = if aborting { 0 } else { count(self.stale.len()) };
        let raised = capacity::surplus(self.look, draft, self.name, self.now.raised);
        let extra = self.now.surged.saturating_sub(kept) + raised;
        if self.now.surged > 0 || self.now.raised > 0 {
            draft.unfinished = true;
        }
        let group = self.group;
        let mut chosen: Vec<String> =
            draft.memory().shrinking.iter().filter(|id| group.machines.contains_key(*id)).cloned().collect();
        let leaving = |id: &String| draft.memory().terminated.contains_key(id);
        chosen.retain(|id| !leaving(id));
        let chosen_count = count(chosen.len());
        if chosen_count > extra {
            for id in chosen.into_iter().take((chosen_count - extra) as usize) {
                draft.record.memory.shrinking.remove(&id);
                let node = self.look.node(&id).filter(|node| self.look.is_ours(node));
                if let Some(node) = node {
                    let is_stale = self.stale.iter().any(|it| it.id == id);
                    if !is_stale {
                        draft.act(Action::Uncordon { node: node.name.clone(), uid: node.uid.clone() });
                    }
                }
            }
            return;
        }
        if chosen_count == extra || self.shrinks(draft) {
            return;
        }
        let all = self.fresh.iter().chain(&self.stale).filter(|it| it.lifecycle == Lifecycle::InService);
        let mut all: Vec<(bool, usize, &str)> = all
            .filter(|it| !draft.memory().shrinking.contains(&it.id))
            .map(|it| {
                let node = self.look.node(&it.id);
                let pods = node.map_or(0, |node| self.look.holding(&node.name).count());
                (node.is_some_and(Node::is_ready), pods, it.id.as_str())
            })
            .collect();
        all.sort_unstable();
        for (_, _, id) in all.into_iter().take((extra - chosen_count) as usize) {
            draft.record.memory.shrinking.insert(id.to_owned());
            draft.progress = true;
        }
    }

    /// What is in work goes on: drains, and the end of what is empty.
    fn go_on(&mut self, draft: &mut Draft<'a>) {
        let machines: Vec<&'a Machine> = self.stale.iter().chain(&self.fresh).copied().collect();
        for machine in machines {
            let shrinking = draft.memory().shrinking.contains(&machine.id);
            let is_stale = self.stale.iter().any(|it| it.id == machine.id);
            if !shrinking && !is_stale {
                continue;
            }
            if machine.lifecycle != Lifecycle::InService {
                draft.progress = true;
                continue;
            }
            match self.look.node(&machine.id) {
                None => self.without_node(draft, machine, shrinking),
                Some(node) if !node.unschedulable && shrinking => {
                    draft.in_work = true;
                    self.cordon_one(draft, node, true);
                }
                Some(node) if node.unschedulable => self.cordoned(draft, machine, node, shrinking),
                Some(_) => {}
            }
        }
    }

    fn without_node(&mut self, draft: &mut Draft<'a>, machine: &'a Machine, shrinking: bool) {
        if self.look.unknown_nodes {
            draft.wait(self.name, &machine.id, "nodes to say on which machines they run".to_owned(), None);
        } else if shrinking || (self.open && !self.canary_is_busy(draft)) {
            self.finish(draft, machine, shrinking);
        }
    }

    fn cordoned(&mut self, draft: &mut Draft<'a>, machine: &'a Machine, node: &'a Node, shrinking: bool) {
        let ours = self.look.is_ours(node);
        let aborting = matches!(draft.record.state, State::Aborting { .. });
        let full = self.policy.drain && self.look.holding(&node.name).next().is_some();
        if aborting && !shrinking && (full || !ours) {
            if ours {
                draft.act(Action::Uncordon { node: node.name.clone(), uid: node.uid.clone() });
            }
            return;
        }
        if !ours && !draft.memory().foreign.contains_key(&machine.id) {
            if !self.open && !shrinking {
                return;
            }
            draft.record.memory.foreign.insert(machine.id.clone(), self.look.now);
        }
        draft.in_work = true;
        if full {
            let foreign = draft.memory().foreign.get(&machine.id).copied();
            let since = self.look.cordoned_at(node).or(foreign).unwrap_or(node.created);
            draft.drains.push(Drain { node, group: self.name, instance: &machine.id, since });
        } else {
            self.finish(draft, machine, shrinking);
        }
    }

    /// Ends a machine that holds no pods.
    fn finish(&mut self, draft: &mut Draft<'a>, machine: &'a Machine, shrinking: bool) {
        let aborting = matches!(draft.record.state, State::Aborting { .. });
        let last = self.now.surged > 0 && (aborting || count(self.stale.len()) <= self.now.surged);
        if shrinking || last {
            self.shrink(draft, machine, shrinking && !last && self.now.raised > 0);
        } else if self.can_grow {
            terminate::terminate(self.look, draft, self.name, &machine.id, Replace::Launch);
        } else {
            draft.wait(self.name, &machine.id, "capacity for its successor".to_owned(), None);
            return;
        }
        self.stale.retain(|it| it.id != machine.id);
    }

    fn shrink(&mut self, draft: &mut Draft<'a>, machine: &'a Machine, of_raise: bool) {
        let record = &mut draft.record;
        if of_raise {
            self.now.raised = self.now.raised.saturating_sub(1);
            if let Some(raise) = record.raised.get_mut(self.name) {
                raise.by = raise.by.saturating_sub(1);
            }
        } else {
            self.now.surged = self.now.surged.saturating_sub(1);
            if let Some(surge) = record.surged.get_mut(self.name) {
                surge.by = self.now.surged;
            }
            if let Some(raise) = record.raised.get_mut(self.name) {
                raise.size_before = raise.size_before.saturating_sub(1);
            }
        }
        terminate::terminate(self.look, draft, self.name, &machine.id, Replace::Shrink);
    }

    /// Cordons a node if the floor holds.
    fn cordon_one(&mut self, draft: &mut Draft<'a>, node: &Node, shrinking: bool) -> bool {
        if node.is_schedulable() {
            // Whichever machine a lent one is given back with, as many ready nodes are left that count here.
            let room = if shrinking && self.lent > 0 { &mut self.lent } else { &mut self.headroom };
            if *room == 0 {
                return false;
            }
            *room -= 1;
        }
        draft.in_work = true;
        draft.act(Action::Cordon { node: node.name.clone(), uid: node.uid.clone() });
        true
    }

    /// Stale machines on their way out.
    fn busy(&self, draft: &Draft<'a>) -> u32 {
        let ours = |it: &&&Machine| self.look.node(&it.id).is_some_and(|node| self.look.is_ours(node));
        count(self.stale.iter().filter(ours).count() + self.leaving(draft).count())
    }

    fn canary_is_busy(&self, draft: &Draft<'a>) -> bool {
        self.canary && self.canary_room(draft) == 0
    }

    fn canary_room(&self, draft: &Draft<'a>) -> u32 {
        let replaced = count(self.fresh.len()).saturating_sub(self.now.surged);
        self.policy.canary.saturating_sub(replaced).saturating_sub(self.busy(draft))
    }

    /// Cordons stale nodes: those that are not Ready first, then those with the fewest pods, spread over the zones.
    fn cordon(&mut self, draft: &mut Draft<'a>) {
        let most = self.policy.max_surge.of(self.now.size) + self.policy.unavailable(self.now.size);
        let mut room = most.max(1).saturating_sub(self.busy(draft));
        if self.canary {
            room = room.min(self.canary_room(draft));
        }
        let mut zones: BTreeMap<&str, Zone<'a>> = BTreeMap::new();
        for machine in &self.stale {
            let zone = zones.entry(&machine.zone).or_default();
            match self.look.node(&machine.id) {
                Some(node) if node.unschedulable => zone.0 += 1,
                Some(node)
                    if machine.lifecycle == Lifecycle::InService && !draft.memory().shrinking.contains(&machine.id) =>
                {
                    zone.1.push((node.is_ready(), self.look.holding(&node.name).count(), node));
                }
                _ => {}
            }
        }
        for (_, nodes) in zones.values_mut() {
            nodes.sort_by(|a, b| (b.0, b.1, &b.2.name).cmp(&(a.0, a.1, &a.2.name)));
        }
        while room > 0 {
            let rank =
                |(name, (busy, nodes)): (&&'a str, &Zone<'_>)| nodes.last().map(|(ready, ..)| (*ready, *busy, *name));
            let Some((_, _, zone)) = zones.iter().filter_map(rank).min() else { return };
            let Some((busy, nodes)) = zones.get_mut(zone) else { return };
            let Some((_, _, node)) = nodes.pop() else { return };
            if !self.cordon_one(draft, node, false) {
                let what = format!("ready nodes: no more may go below the floor of {}", self.floor);
                draft.wait(self.name, self.name, what, None);
                return;
            }
            *busy += 1;
            room -= 1;
        }
    }
}
