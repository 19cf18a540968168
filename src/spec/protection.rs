//! What may not happen by accident.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What may not happen by accident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Protection {
    /// Refuses `destroy` and the replacement of the network and the etcd volumes; also switches the load balancer's own
    /// deletion protection on. Default: true.
    pub deletion: bool,
    /// How many objects one plan may delete or replace without `--allow`. Default: 5.
    pub max_destroys: u32,
}

impl Default for Protection {
    fn default() -> Self {
        Self { deletion: true, max_destroys: 5 }
    }
}
