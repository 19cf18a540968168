//! The rolling update of kops 1.37 with its defaults, as the design describes it: one group after the other; a machine
//! is detached first so that its group launches another; after each node the group must validate twice.

use super::{Policy, Step, evict_all};
use crate::world::World;

/// Pause after a detached and after a terminated machine.
const INTERVAL: i64 = 15;
/// Pause after a drain.
const AFTER_DRAIN: i64 = 5;
/// After so long a node is terminated whatever is still on it.
const DRAIN_TIMEOUT: i64 = 15 * 60;
/// How soon an eviction that was refused is tried again.
const EVICT_AGAIN: i64 = 5;
/// What one look at everything takes.
const PASS: i64 = 3;
/// How often a cluster that does not validate is looked at.
const VALIDATE_EVERY: i64 = 30;
/// From one good look to the next.
const AGAIN: i64 = 10;
/// Good looks in a row that are wanted between nodes.
const PASSES: u32 = 2;
/// After so long without them the update fails.
const VALIDATE_TIMEOUT: i64 = 15 * 60;

/// The rolling update of kops.
pub struct Kops {
    surge: u32,
    group: usize,
    stage: Stage,
    /// Machines of the group that are still to be drained, in the order in which that happens.
    queue: Vec<usize>,
    drains: Vec<Drain>,
}

enum Stage {
    /// A group begins.
    Begin,
    /// The group must validate; then what follows.
    Validate(Validation, Next),
    /// Nothing happens until then.
    Pause(i64, Next),
    /// Nodes are drained.
    Roll,
}

#[derive(Clone, Copy)]
enum Next {
    /// So many machines are detached already.
    Detach(u32),
    Validate(u32),
    Roll,
}

struct Validation {
    since: i64,
    at: i64,
    missing: u32,
}

struct Drain {
    machine: usize,
    since: i64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Evicting; what was refused is tried again at that second.
    Evicting(i64),
    Drained(i64),
    Terminated(i64),
    Over,
}

impl Validation {
    const fn new(now: i64, passes: u32) -> Self {
        Self { since: now, at: now, missing: passes }
    }
}

impl Kops {
    pub const fn new(surge: u32) -> Self {
        Self { surge, group: 0, stage: Stage::Begin, queue: Vec::new(), drains: Vec::new() }
    }

    /// Goes on with the drains; when the next of them wants to be looked at.
    fn go_on(&mut self, world: &mut World) -> Option<i64> {
        for drain in &mut self.drains {
            drain.go_on(world);
        }
        let wakes = self.drains.iter().filter_map(|drain| match drain.phase {
            Phase::Evicting(_) => Some(1),
            Phase::Drained(until) | Phase::Terminated(until) => Some(until - world.now),
            Phase::Over => None,
        });
        wakes.min()
    }

    /// Detaches machines from the end of the queue: the first one alone, to see whether its successor comes up.
    fn detach(&self, world: &mut World, detached: u32) -> Stage {
        let most = self.surge.min(u32::try_from(self.queue.len()).unwrap_or(u32::MAX));
        if detached >= most {
            return Stage::Roll;
        }
        let until = if detached == 0 { 1 } else { most };
        for machine in self.queue.iter().rev().take(until as usize).skip(detached as usize) {
            world.detach(*machine);
        }
        Stage::Pause(world.now + INTERVAL, Next::Validate(until))
    }

    /// What follows once one of the running drains is over, or all of the last ones; `None`: it is waited for.
    fn roll(&mut self, now: i64) -> Option<Stage> {
        let over = self.drains.iter().any(|drain| drain.phase == Phase::Over);
        let most = self.surge.max(1) as usize;
        if over && (self.drains.len() >= most || self.queue.is_empty()) {
            let waits = self.queue.is_empty() && self.drains.iter().any(|drain| drain.phase != Phase::Over);
            if waits {
                return None;
            }
            self.drains.retain(|drain| drain.phase != Phase::Over);
            return Some(Stage::Validate(Validation::new(now, PASSES), Next::Roll));
        }
        if self.queue.is_empty() && self.drains.is_empty() {
            self.group += 1;
            return Some(Stage::Begin);
        }
        None
    }

    /// Begins drains until as many run as may.
    fn begin_drains(&mut self, world: &mut World) {
        // What ended while the group validated makes room for the next.
        self.drains.retain(|drain| drain.phase != Phase::Over);
        while self.drains.len() < self.surge.max(1) as usize && !self.queue.is_empty() {
            let machine = self.queue.remove(0);
            world.cordon(machine, true);
            self.drains.push(Drain { machine, since: world.now, phase: Phase::Evicting(world.now) });
        }
    }
}

impl Drain {
    fn go_on(&mut self, world: &mut World) {
        match self.phase {
            Phase::Evicting(again) => {
                if again <= world.now && !evict_all(world, self.machine) {
                    self.phase = Phase::Evicting(world.now + EVICT_AGAIN);
                }
                if world.is_empty(self.machine) || world.now >= self.since + DRAIN_TIMEOUT {
                    self.phase = Phase::Drained(world.now + AFTER_DRAIN);
                }
            }
            Phase::Drained(until) if until <= world.now => {
                world.terminate(self.machine);
                world.delete_node(self.machine);
                self.phase = Phase::Terminated(world.now + INTERVAL);
            }
            Phase::Terminated(until) if until <= world.now => self.phase = Phase::Over,
            Phase::Drained(_) | Phase::Terminated(_) | Phase::Over => {}
        }
    }
}

impl Policy for Kops {
    fn name(&self) -> &'static str {
        "kops"
    }

    fn step(&mut self, world: &mut World) -> Step {
        let mut wake = self.go_on(world);
        loop {
            let now = world.now;
            match &mut self.stage {
                Stage::Begin => {
                    if self.group >= world.groups.len() {
                        return Step::Done;
                    }
                    self.queue = world.stale(self.group);
                    if self.queue.is_empty() {
                        self.group += 1;
                        continue;
                    }
                    self.queue.iter().for_each(|machine| world.avoid(*machine));
                    self.stage = Stage::Validate(Validation::new(now, 1), Next::Detach(0));
                }
                Stage::Validate(validation, next) if validation.at <= now => {
                    if world.is_whole(self.group) {
                        validation.missing -= 1;
                        if validation.missing == 0 {
                            self.stage = Stage::Pause(now + PASS, *next);
                            continue;
                        }
                        validation.at = now + PASS + AGAIN;
                        continue;
                    }
                    if now - validation.since >= VALIDATE_TIMEOUT {
                        let name = &world.groups[self.group].name;
                        return Step::Stopped(format!("{name} did not validate within 15 minutes"));
                    }
                    validation.missing = PASSES;
                    validation.at = now + VALIDATE_EVERY;
                }
                Stage::Pause(until, next) if *until <= now => {
                    self.stage = match *next {
                        Next::Detach(detached) => self.detach(world, detached),
                        Next::Validate(detached) => {
                            Stage::Validate(Validation::new(now, PASSES), Next::Detach(detached))
                        }
                        Next::Roll => Stage::Roll,
                    };
                    if matches!(self.stage, Stage::Roll) {
                        self.begin_drains(world);
                        wake = self.go_on(world);
                    }
                }
                Stage::Validate(Validation { at: until, .. }, _) | Stage::Pause(until, _) => {
                    let own = *until - now;
                    return Step::After(wake.map_or(own, |wake| wake.min(own)).max(1));
                }
                Stage::Roll => match self.roll(now) {
                    Some(stage) => self.stage = stage,
                    None => return Step::After(wake.unwrap_or(1).max(1)),
                },
            }
        }
    }
}
