//! The network interfaces of a load balancer: they hold its subnets and security groups.

use std::collections::BTreeMap;

use super::super::wire::Refusal;
use super::super::world::World;

/// One interface in each subnet; subnet → interface.
pub fn make<'a>(
    _world: &mut World,
    _description: &str,
    _subnets: impl Iterator<Item = &'a String>,
    _groups: &[String],
) -> Result<BTreeMap<String, String>, Refusal> {
    Ok(BTreeMap::new())
}

/// Gives them back.
pub fn remove(_world: &mut World, _ids: &[String]) {}

/// Puts them into other security groups.
pub fn regroup(_world: &mut World, _ids: &[String], _groups: &[String]) {}
