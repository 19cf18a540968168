//! EC2 Auto Scaling, imitated.

#[cfg_attr(not(test), expect(dead_code, reason = "scheduled actions follow"))]
mod cron;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::Operation;
use super::world::{Live, World};

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {}

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[];

/// The earliest moment at which something happens by itself; never one at which [`advance`] then does nothing.
#[must_use]
pub const fn due(_world: &World) -> Option<Timestamp> {
    None
}

/// Does what is due at `world.now`.
pub const fn advance(_world: &mut World) {}

/// Its live objects.
#[must_use]
pub const fn live(_world: &World) -> Live {
    Live::new()
}
