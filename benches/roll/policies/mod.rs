//! The ways to replace all machines that are compared. Each acts on the same world through the same calls.

mod instance_refresh;
mod kops;
mod one_at_a_time;
mod windlass;

pub use self::instance_refresh::InstanceRefresh;
pub use self::kops::Kops;
pub use self::one_at_a_time::OneAtATime;
pub use self::windlass::Windlass;

use crate::world::World;

/// A way to replace all machines.
pub trait Policy {
    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// Looks at the world and acts.
    fn step(&mut self, world: &mut World) -> Step;
}

/// What a policy does next.
pub enum Step {
    /// It looks again after so many seconds.
    After(i64),
    /// It says that everything is new.
    Done,
    /// It gives up.
    Stopped(String),
}

/// Asks all pods of a node to go that have not been asked yet. Whether none of them was refused.
fn evict_all(world: &mut World, machine: usize) -> bool {
    let mut refused = false;
    for pod in world.staying(machine) {
        refused |= !world.evict(pod);
    }
    !refused
}
