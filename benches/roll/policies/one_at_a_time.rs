//! One node after the other, without pauses: cordon, drain within the budgets, terminate, wait for the successor.

use super::{Policy, Step, evict_all};
use crate::world::World;

/// How often it looks, and how soon an eviction that was refused is tried again (kubectl drain, five seconds).
const LOOK: i64 = 5;

/// One node after the other.
#[derive(Default)]
pub struct OneAtATime {
    group: usize,
    draining: Option<usize>,
}

impl Policy for OneAtATime {
    fn name(&self) -> &'static str {
        "one at a time"
    }

    fn step(&mut self, world: &mut World) -> Step {
        if let Some(machine) = self.draining {
            evict_all(world, machine);
            if !world.is_empty(machine) {
                return Step::After(LOOK);
            }
            world.delete_node(machine);
            world.terminate(machine);
            self.draining = None;
        }
        while self.group < world.groups.len() {
            if !world.is_whole(self.group) {
                return Step::After(LOOK);
            }
            if let Some(next) = world.stale(self.group).first().copied() {
                world.cordon(next, true);
                self.draining = Some(next);
                return Step::After(LOOK);
            }
            self.group += 1;
        }
        Step::Done
    }
}
