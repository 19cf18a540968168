//! What happens by itself as time passes: launches, boots, pods that start and end, reclaims, groups that run dry.

use std::cmp::Reverse;

use super::{State, World};

/// Until a machine that was told to terminate is not listed any more.
const SHUTDOWN: i64 = 30;
/// Until the node of a machine that is gone is taken out, and its pods are made anew elsewhere: 40 s until it counts as
/// not ready, and up to 20 s until the pods are collected (kube-controller-manager, defaults).
const NODE_REMOVED: i64 = 60;
/// How soon Auto Scaling tries a launch again that failed.
const LAUNCH_AGAIN: i64 = 60;

/// A range out of which seconds are drawn, both ends included.
#[derive(Clone, Copy)]
pub struct Span(pub i64, pub i64);

/// How long things take.
#[derive(Clone, Copy)]
pub struct Timing {
    /// Until Auto Scaling launches what a group lacks.
    pub reaction: Span,
    /// From the launch until the node is Ready.
    pub boot: Span,
    /// From the eviction of a pod until it is gone.
    pub grace: Span,
    /// From a pod's placement until it is ready.
    pub start: Span,
}

/// Something that will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A group looks whether it lacks machines, and launches so many at most.
    Evaluate {
        group: usize,
        count: u32,
    },
    InService(usize),
    NodeReady(usize),
    MachineGone(usize),
    NodeRemoved(usize),
    PodReady(usize),
    PodGone(usize),
    Reclaim,
    Dry(usize, bool),
}

/// What a number is drawn for: each has numbers of its own.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Reaction = 1,
    Boot,
    Grace,
    Start,
    ReclaimGap,
    ReclaimWho,
    Place,
}

/// Who makes a machine go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The policy: what its pods lose is its doing.
    Policy,
    /// A spot reclaim: nobody's fault.
    Reclaim,
}

impl Span {
    const fn at(self, random: u64) -> i64 {
        let width = (self.1 - self.0 + 1).unsigned_abs();
        self.0 + (random % width).cast_signed()
    }
}

impl World {
    /// Time passes.
    pub fn pass(&mut self, seconds: i64) {
        let until = self.now + seconds;
        while let Some(Reverse((at, _, _))) = self.events.peek() {
            if *at > until {
                break;
            }
            let Some(Reverse((at, _, event))) = self.events.pop() else { break };
            self.move_to(at);
            self.happen(event);
        }
        self.move_to(until);
    }

    fn move_to(&mut self, at: i64) {
        self.meter.pass(at - self.now);
        self.now = at;
    }

    pub(super) fn after(&mut self, seconds: i64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((self.now + seconds, self.sequence, event)));
    }

    /// A number that depends on the seed, on what it is for and on which one of them it is, and on nothing else.
    pub(super) const fn random(&self, what: Draw, which: u64) -> u64 {
        let mut mixed = self.seed ^ ((what as u64) << 56) ^ which.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Twice over, because neighbouring numbers must not give neighbouring seconds.
        let mut round = 0;
        while round < 2 {
            mixed ^= mixed >> 31;
            mixed = mixed.wrapping_mul(0xd6e8_feb8_6659_fd93);
            mixed ^= mixed >> 29;
            round += 1;
        }
        mixed
    }

    pub(super) const fn draw(&self, span: Span, what: Draw, which: u64) -> i64 {
        span.at(self.random(what, which))
    }

    /// The group will look whether it lacks machines.
    pub(super) fn react(&mut self, group: usize, count: u32) {
        let seconds = self.draw(self.timing.reaction, Draw::Reaction, self.sequence);
        self.after(seconds, Event::Evaluate { group, count });
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Evaluate { group, count } => self.evaluate(group, count),
            Event::InService(machine) if self.machines[machine].state == State::Pending => {
                self.machines[machine].state = State::InService;
                self.refresh(machine);
            }
            Event::NodeReady(machine) if self.machines[machine].state == State::InService => {
                self.machines[machine].has_node = true;
                self.refresh(machine);
                self.place_all();
            }
            // It went before it came.
            Event::InService(_) | Event::NodeReady(_) => {}
            Event::MachineGone(machine) => {
                self.machines[machine].state = State::Gone;
                let group = self.machines[machine].group;
                self.groups[group].machines.retain(|id| *id != machine);
            }
            Event::NodeRemoved(machine) => self.delete_node(machine),
            Event::PodReady(pod) => self.pod_ready(pod),
            Event::PodGone(pod) => self.pod_gone(pod),
            Event::Reclaim => self.reclaim(),
            Event::Dry(group, dry) => self.groups[group].dry = dry,
        }
    }

    fn evaluate(&mut self, group: usize, count: u32) {
        let present = u32::try_from(self.present(group).count()).unwrap_or(u32::MAX);
        let missing = self.groups[group].desired.saturating_sub(present).min(count);
        if missing == 0 {
            return;
        }
        if self.groups[group].dry {
            self.failures.push((self.now, group));
            self.after(LAUNCH_AGAIN, Event::Evaluate { group, count: missing });
            return;
        }
        for _ in 0..missing {
            let machine = self.launch(group);
            let boot = self.draw(self.timing.boot, Draw::Boot, machine as u64);
            // EC2 has it running in about a third of the time until its node is Ready.
            let in_service = boot / 3;
            self.machines[machine].in_service = self.now + in_service;
            self.machines[machine].ready = self.now + boot;
            self.after(in_service, Event::InService(machine));
            self.after(boot, Event::NodeReady(machine));
        }
    }

    /// A machine begins to go, with all that still runs on it.
    pub(super) fn leave(&mut self, machine: usize, cause: Cause) {
        self.machines[machine].state = State::Leaving;
        self.meter.machine_left();
        self.refresh(machine);
        self.lose_pods(machine, cause);
        self.after(SHUTDOWN, Event::MachineGone(machine));
        self.after(NODE_REMOVED, Event::NodeRemoved(machine));
    }

    pub(super) fn schedule_reclaim(&mut self) {
        if let Some(gap) = self.reclaims {
            let seconds = self.draw(gap, Draw::ReclaimGap, self.reclaimed);
            self.after(seconds, Event::Reclaim);
        }
    }

    fn reclaim(&mut self) {
        let living: Vec<usize> =
            (0..self.machines.len()).filter(|id| self.machines[*id].state == State::InService).collect();
        let random = self.random(Draw::ReclaimWho, self.reclaimed);
        self.reclaimed += 1;
        if let Ok(count @ 1..) = u64::try_from(living.len()) {
            let which = usize::try_from(random % count).unwrap_or(0);
            let machine = living[which];
            let (group, detached) = (self.machines[machine].group, self.machines[machine].detached);
            self.leave(machine, Cause::Reclaim);
            if !detached {
                self.react(group, 1);
            }
        }
        self.schedule_reclaim();
    }
}
