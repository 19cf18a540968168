//! EC2, VPC and EBS, imitated; one file per area.

mod object;
mod vpcs;

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use object::{Object, Tags, Words};
pub use vpcs::Vpc;

use super::wire::{Operation, Refusal};
use super::world::{Live, World};

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct State {
    /// VPCs.
    pub vpcs: BTreeMap<String, Vpc>,
}

/// Operation and handler, area by area.
pub const OPERATIONS: &[&[Operation]] = &[vpcs::OPERATIONS];

/// The earliest moment at which something happens by itself.
#[must_use]
pub const fn due(_world: &World) -> Option<Timestamp> {
    None
}

/// Does what is due at `world.now`.
pub const fn advance(_world: &mut World) {}

/// The live objects.
#[must_use]
pub fn live(world: &World) -> Live {
    let mut live = Live::new();
    collect(world, "vpc", &mut live, |it: &Vpc| it);
    live
}

fn collect<T: Object, S: Serialize>(world: &World, kind: &str, live: &mut Live, shown: impl Fn(&T) -> &S) {
    for (id, object) in T::all(world) {
        if object.exists(world) {
            let value = serde_json::to_value(shown(object)).unwrap_or_default();
            live.insert(format!("ec2/{kind}/{id}"), value);
        }
    }
}

/// Parses an address range; host bits must be zero in what AWS keeps, and AWS itself cuts them off.
fn network(text: &str) -> Result<Ipv4Net, Refusal> {
    let network: Ipv4Net = text.parse().map_err(|_| {
        let message = format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
        Refusal::invalid(message)
    })?;
    Ok(network.trunc())
}
