//! The security token service, imitated: who is calling.
//!
//! Source: STS API reference, GetCallerIdentity.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::world::{Live, World};

/// Its part of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct State {
    /// The IAM user that every caller is.
    pub user: String,
    /// Its policies, as JSON; `None`: it may do everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<String>>,
    /// Operations that faults refuse to this process: a simulation says so as well.
    #[serde(skip)]
    pub denied: BTreeSet<String>,
}

impl Default for State {
    fn default() -> Self {
        Self { user: "sandbox".to_owned(), policies: None, denied: BTreeSet::new() }
    }
}

impl State {
    /// The caller's ARN.
    #[must_use]
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:user/{}", self.user)
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
        .text("Arn", world.sts.arn(&world.account))
        .text("UserId", "AIDASANDBOX0000000000")
        .text("Account", &world.account);
    Ok(answer.into())
}
