//! Systems Manager's parameter store and Run Command, imitated.
//!
//! Source: Systems Manager API reference. Public parameters (`/aws/service/…`) come from the seed of the world.

mod commands;
mod paging;
mod parameters;
mod read;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::kept::Table;
use super::wire::Operation;
use super::world::{Live, World};

pub use commands::{Invocation, advance, due};
pub use parameters::write;

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// The account's parameters by name.
    pub parameters: Table<Parameter>,
    /// Public parameters by name: read by everybody, written by AWS.
    pub public: Table<Parameter>,
    /// Scripts on instances by `command/instance`.
    pub invocations: BTreeMap<String, Invocation>,
}

/// A parameter with the version that is current.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    /// `/path/name`.
    pub name: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// The value in clear.
    pub value: String,
    /// Counts from 1.
    pub version: u64,
    /// When this version was made.
    pub modified: Timestamp,
    /// `Standard` or `Advanced`.
    pub tier: String,
    /// KMS key of a SecureString.
    pub key_id: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// `text` or `aws:ec2:image`.
    pub data_type: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl fmt::Debug for Parameter {
    /// Without the value: the SDK's logs show the client that they call, and with it this whole world.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, version, .. } = self;
        formatter
            .debug_struct("Parameter")
            .field("name", name)
            .field("kind", kind)
            .field("version", version)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Adds a public parameter, such as the id of a machine image.
    pub fn publish(&mut self, name: &str, value: &str, modified: Timestamp) {
        let parameter = Parameter {
            name: name.to_owned(),
            kind: "String".to_owned(),
            value: value.to_owned(),
            version: 1,
            modified,
            tier: "Standard".to_owned(),
            key_id: None,
            description: None,
            data_type: if value.starts_with("ami-") { "aws:ec2:image" } else { "text" }.to_owned(),
            tags: BTreeMap::new(),
        };
        self.public.insert(name.to_owned(), parameter);
    }

    fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(name).or_else(|| self.public.get(name))
    }
}

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("PutParameter", parameters::put),
    ("DeleteParameter", parameters::delete),
    ("DeleteParameters", parameters::delete_many),
    ("GetParameter", read::get),
    ("GetParameters", read::get_many),
    ("GetParametersByPath", read::get_by_path),
    ("DescribeParameters", read::describe),
    ("AddTagsToResource", tags::add),
    ("RemoveTagsFromResource", tags::remove),
    ("ListTagsForResource", tags::list),
    ("SendCommand", commands::send),
    ("GetCommandInvocation", commands::invocation),
    ("ListCommands", commands::list),
];

/// Its live objects: the account's parameters, without the public ones. Of a secret only a digest is shown.
#[must_use]
pub fn live(world: &World) -> Live {
    let view = |it: &Parameter| {
        let mut view = serde_json::to_value(it).unwrap_or_default();
        if it.kind == "SecureString" {
            view["value"] = format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(&it.value))).into();
        }
        (format!("ssm/parameter/{}", it.name), view)
    };
    world.ssm.parameters.values().map(view).collect()
}
