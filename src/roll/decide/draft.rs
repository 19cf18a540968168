//! A decision while it is being made.

use super::Waiting;
use super::look::{Look, is_present};
use super::stop::Stop;
use crate::health::GroupRole;
use crate::kubernetes::Node;
use crate::roll::Memory;
use crate::roll::action::Action;
use crate::state::roll::Record;

/// A decision while it is being made.
pub(super) struct Draft<'a> {
    pub(super) actions: Vec<Action>,
    pub(super) record: Record,
    pub(super) waiting: Vec<Waiting>,
    pub(super) needs_control_plane: bool,
    /// Nodes to drain: node, group, and whether all of its time is over.
    pub(super) drains: Vec<Drain<'a>>,
    /// Whether something is under way that ends by itself.
    pub(super) progress: bool,
    /// Whether machines are in work: cordoned and drained, or terminated and not gone.
    pub(super) in_work: bool,
    /// Whether stale machines are left.
    pub(super) stale_left: bool,
    /// Whether a group is not whole yet: machines missing, not Ready, or too many.
    pub(super) unfinished: bool,
    /// Drains that are held for longer than their timeout.
    pub(super) blocked: Vec<Stop>,
    /// What forbids to begin anything new.
    pub(super) stops: Vec<Stop>,
}

/// A node that is being drained.
#[derive(Clone, Copy)]
pub(super) struct Drain<'a> {
    pub(super) node: &'a Node,
    pub(super) group: &'a str,
    pub(super) instance: &'a str,
    pub(super) since: jiff::Timestamp,
}

impl<'a> Draft<'a> {
    pub(super) const fn new(record: Record) -> Self {
        Self {
            actions: Vec::new(),
            record,
            waiting: Vec::new(),
            needs_control_plane: false,
            drains: Vec::new(),
            progress: false,
            in_work: false,
            stale_left: false,
            unfinished: false,
            blocked: Vec::new(),
            stops: Vec::new(),
        }
    }

    pub(super) const fn memory(&self) -> &Memory {
        &self.record.memory
    }

    /// Adds an action: something is done, so something goes on.
    pub(super) fn act(&mut self, action: Action) {
        self.progress = true;
        self.actions.push(action);
    }

    pub(super) fn wait(&mut self, group: &str, about: &str, what: String, since: Option<jiff::Timestamp>) {
        self.waiting.push(Waiting { about: about.to_owned(), what, group: Some(group.to_owned()), since });
    }

    /// Brings the memory up to what is seen now: who came, who is gone, who was Ready.
    pub(super) fn follow(&mut self, look: &Look<'a>) {
        let leaving = |id: &String| look.machine(id).is_none_or(|(_, machine)| !is_present(machine));
        let memory = &mut self.record.memory;
        for (name, group) in &look.view.groups {
            let rolled = look.policy.groups.contains_key(name);
            if !rolled && !self.record.raised.contains_key(name) {
                continue;
            }
            for machine in group.machines.values().filter(|it| is_present(it)) {
                if rolled && look.is_stale(group, machine) {
                    memory.stale.insert(machine.id.clone());
                    continue;
                }
                memory.fresh.insert(machine.id.clone());
                if look.node(&machine.id).is_some_and(Node::is_ready) || group.role == GroupRole::Bastion {
                    memory.joined.insert(machine.id.clone());
                }
            }
        }
        let left: Vec<String> =
            memory.stale.iter().chain(memory.terminated.keys()).filter(|it| leaving(it)).cloned().collect();
        for id in left {
            let was_stale = memory.stale.remove(&id);
            let ours = memory.terminated.contains_key(&id) || memory.gone.contains(&id);
            if was_stale && !ours {
                self.record.done.gone_otherwise += 1;
            }
            memory.gone.insert(id.clone());
            memory.shrinking.remove(&id);
            if look.machine(&id).is_none() {
                memory.terminated.remove(&id);
            }
        }
        // A new machine that was reclaimed leaves its node behind just the same.
        let lost = memory.fresh.iter().filter(|id| look.machine(id).is_none()).cloned();
        memory.gone.extend(lost.collect::<Vec<_>>());
        memory.gone.retain(|id| look.machine(id).is_some() || look.node(id).is_some());
        memory.fresh.retain(|id| look.machine(id).is_some());
        memory.joined.retain(|id| look.machine(id).is_some());
        memory.shrinking.retain(|id| look.machine(id).is_some());
        memory.blocked.retain(|id| look.machine(id).is_some());
        memory.foreign.retain(|id, _| look.node(id).is_some_and(|node| node.unschedulable));
    }
}
