//! A cluster in virtual time: Auto Scaling groups, machines, nodes, pods and budgets, moved by events.
//!
//! It knows no policy, and no policy changes it but through the methods of `act`. Everything drawn comes from the seed
//! and a running number, so that the n-th machine boots as fast and the n-th reclaim comes at the same second under
//! every policy.

mod act;
mod build;
mod pods;
mod time;
mod view;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

pub use time::{Span, Timing};
pub use view::{at, number};

use crate::measure::Meter;
use time::{Draw, Event};

/// Pods that one node has room for.
const ROOM: usize = 10;
/// Pods per node on average: the nodes are full to 60 %.
pub const PODS_PER_NODE: u32 = 6;
/// Zones that every group spreads over.
const ZONES: [&str; 3] = ["a", "b", "c"];

/// The cluster.
pub struct World {
    /// Seconds since the beginning.
    pub now: i64,
    pub groups: Vec<Group>,
    pub machines: Vec<Machine>,
    pub meter: Meter,
    seed: u64,
    timing: Timing,
    pods: Vec<Pod>,
    applications: Vec<Application>,
    /// Launches that failed: when, and of which group.
    failures: Vec<(i64, usize)>,
    /// Nodes that take pods, the best first.
    room: BTreeSet<Place>,
    /// Pods without a place, in the order in which they were made.
    unplaced: BTreeSet<usize>,
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    sequence: u64,
    /// From one reclaim to the next; `None`: there are none.
    reclaims: Option<Span>,
    reclaimed: u64,
}

/// An Auto Scaling group.
pub struct Group {
    pub name: String,
    pub desired: u32,
    /// Its size when everything began.
    pub size: u32,
    /// The group that takes over when this one gets no machines.
    pub fallback: Option<usize>,
    min: u32,
    max: u32,
    suspended: BTreeSet<String>,
    /// Its machines that are not gone, detached ones included.
    machines: Vec<usize>,
    /// Whether it gets no machines now.
    dry: bool,
    /// Ready nodes onto which pods may be placed.
    pub ready: u32,
}

/// A machine, and the node on it.
pub struct Machine {
    pub group: usize,
    pub stale: bool,
    pub state: State,
    /// When it came into service, or will.
    pub in_service: i64,
    pub cordoned: bool,
    launched: i64,
    zone: usize,
    /// When its node became Ready, or will.
    ready: i64,
    /// Whether it is in no group any more.
    detached: bool,
    /// Whether the scheduler places pods elsewhere if it can (taint `PreferNoSchedule`).
    avoided: bool,
    /// Whether the API server knows a node of it.
    has_node: bool,
    annotations: BTreeMap<String, String>,
    pods: BTreeSet<usize>,
    /// Whether it is counted in its group's `ready`.
    counted: bool,
    /// Where it stands in the world's `room`.
    place: Option<Place>,
}

/// A node with room for pods: those that are to be avoided come last, then the emptiest first, then by lot, so that the
/// pods of an application are on no machines that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    avoided: bool,
    load: usize,
    lot: u64,
    machine: usize,
}

/// Where a machine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    InService,
    /// It is terminating.
    Leaving,
    Gone,
}

/// A pod.
struct Pod {
    application: usize,
    machine: Option<usize>,
    ready: bool,
    created: i64,
    /// When its grace is over, once it was asked to go.
    deleted_at: Option<i64>,
    gone: bool,
}

/// What one controller runs, with a budget over it.
struct Application {
    replicas: u32,
    /// How many its budget lets be missing: `maxUnavailable`.
    missing: u32,
    /// Pods that are ready and not asked to go.
    healthy: u32,
}

impl Application {
    /// Pods that the budget wants healthy.
    const fn desired(&self) -> u32 {
        self.replicas.saturating_sub(self.missing)
    }
}

impl Machine {
    /// Whether it is there or coming, in its group or detached.
    const fn is_alive(&self) -> bool {
        matches!(self.state, State::Pending | State::InService)
    }
}

impl World {
    /// Machines of a group that it counts: there or coming, and not detached.
    pub fn present(&self, group: usize) -> impl Iterator<Item = usize> {
        let all = self.groups[group].machines.iter().copied();
        all.filter(|id| self.machines[*id].is_alive() && !self.machines[*id].detached)
    }

    /// Machines of a group that are to be replaced, the oldest first, detached ones included.
    pub fn stale(&self, group: usize) -> Vec<usize> {
        let all = self.groups[group].machines.iter().copied();
        all.filter(|id| self.machines[*id].stale && self.machines[*id].is_alive()).collect()
    }

    /// Stale machines of the whole cluster.
    pub fn stale_left(&self) -> usize {
        (0..self.groups.len()).map(|group| self.stale(group).len()).sum()
    }

    /// Whether the node of a machine is Ready, cordoned or not.
    pub fn is_ready(&self, machine: usize) -> bool {
        let it = &self.machines[machine];
        it.state == State::InService && it.has_node && it.ready <= self.now
    }

    /// Whether a group has as many machines as it should, and all of them are Ready nodes.
    pub fn is_whole(&self, group: usize) -> bool {
        let present: Vec<usize> = self.present(group).collect();
        present.len() >= self.groups[group].desired as usize && present.into_iter().all(|id| self.is_ready(id))
    }

    /// Whether a drain of the machine's node is over.
    pub fn is_empty(&self, machine: usize) -> bool {
        self.machines[machine].pods.is_empty()
    }

    /// Pods on a machine that nobody has asked to go yet.
    pub fn staying(&self, machine: usize) -> Vec<usize> {
        let all = self.machines[machine].pods.iter().copied();
        all.filter(|pod| self.pods[*pod].deleted_at.is_none()).collect()
    }

    /// The ready nodes that stand for a group: its own, and those that its fallback has more than it needs itself.
    pub fn standing(&self, group: usize) -> u32 {
        let its = &self.groups[group];
        let more = |fallback: usize| self.groups[fallback].ready.saturating_sub(self.groups[fallback].size);
        its.ready + its.fallback.map_or(0, more)
    }

    /// Brings everything that is counted about a machine up to date.
    fn refresh(&mut self, machine: usize) {
        let ready = self.is_ready(machine) && !self.machines[machine].cordoned;
        let lot = self.random(Draw::Place, machine as u64);
        let it = &mut self.machines[machine];
        if let Some(place) = it.place.take() {
            self.room.remove(&place);
        }
        if ready && it.pods.len() < ROOM {
            let place = Place { avoided: it.avoided, load: it.pods.len(), lot, machine };
            it.place = Some(place);
            self.room.insert(place);
        }
        if ready != it.counted {
            it.counted = ready;
            let group = it.group;
            let count = &mut self.groups[group].ready;
            *count = if ready { *count + 1 } else { count.saturating_sub(1) };
            let standing: Vec<u32> = (0..self.groups.len()).map(|group| self.standing(group)).collect();
            let all = self.groups.iter().map(|it| it.ready).sum();
            self.meter.ready(all, &standing);
        }
    }
}
