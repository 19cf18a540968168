//! Hooks around the bootstrap of an instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::HookName;

/// Which hooks of `Cluster.spec.hooks` an instance runs at its first boot, in this order. Compressed, they and windlass'
/// own scripts have at most 16 KB (EC2's limit on user data), and anyone who may describe launch templates can read them:
/// no secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UserData {
    /// Before Kubernetes is set up. A hook that fails stops the bootstrap.
    pub before: Vec<HookName>,
    /// After the node has joined.
    pub after: Vec<HookName>,
}
