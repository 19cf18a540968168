//! The security token service, imitated: who is calling.
//!
//! Source: STS API reference, GetCallerIdentity.

use serde::{Deserialize, Serialize};

use super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::world::{Live, World};

/// Its part of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct State {
    /// The IAM user that every caller is.
    pub user: String,
}

impl Default for State {
    fn default() -> Self {
        Self { user: "sandbox".to_owned() }
    }
}

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[("GetCallerIdentity", get_caller_identity)];

/// Its live objects: none.
#[must_use]
pub const fn live(_world: &World) -> Live {
    Live::new()
}

fn get_caller_identity(world: &mut World, _call: &Call<'_>) -> Result<Answer, Refusal> {
    let answer = Xml::new()
        .text("Arn", format!("arn:aws:iam::{}:user/{}", world.account, world.sts.user))
        .text("UserId", "AIDASANDBOX0000000000")
        .text("Account", &world.account);
    Ok(answer.into())
}
