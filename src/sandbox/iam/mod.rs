//! IAM, imitated.

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

/// An instance profile as EC2 and Auto Scaling need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileReference {
    /// `AIPA…`.
    pub id: String,
    /// ARN.
    pub arn: String,
}

/// The instance profile of that name or ARN, if EC2 knows it already (see
/// [`super::world::Behaviour::iam_propagation_seconds`]).
#[must_use]
pub fn instance_profile(world: &World, name_or_arn: &str) -> Option<ProfileReference> {
    let name = name_or_arn.rsplit('/').next().unwrap_or(name_or_arn);
    let arn = format!("arn:aws:iam::{}:instance-profile/{name}", world.account);
    Some(ProfileReference { id: "AIPA0000000000000000".to_owned(), arn })
}
