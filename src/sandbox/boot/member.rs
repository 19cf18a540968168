//! The bootstrap of a control-plane member, and its refresh.

use super::super::ec2;
use super::super::iam::Request;
use super::super::world::World;
use super::caller::may;
use super::facts::Facts;
use super::machine::{Machine, Stage, Trouble};
use super::{keys, later, publish, quorum, volume};

/// Seconds between two join tokens (`windlass-join-token.timer`; a token lives for a day).
const JOIN: i64 = 6 * 3600;

/// One try: its interface, its volume, its keys; then etcd's majority; then what it tells the others.
pub fn boot(world: &mut World, instance: &str, facts: &Facts, machine: &mut Machine) -> Result<Stage, Trouble> {
    interface(world, instance, facts)?;
    volume::take(world, instance, facts)?;
    machine.installed = keys::fetch(world, instance, facts, &machine.installed)?;
    if let Err(why) = quorum::of(world, instance, facts, &machine.installed) {
        return Ok(Stage::Waiting(why));
    }
    volume::mark(world, instance, facts)?;
    publish::join(world, instance, facts)?;
    machine.published = Some(world.now);
    publish::status(world, instance, facts, &machine.installed)?;
    Ok(Stage::Serving(world.now))
}

/// The primary interface must be the member's own: its address is what the others know it by.
fn interface(world: &World, instance: &str, facts: &Facts) -> Result<(), String> {
    may(world, instance, Request::new("ec2:DescribeNetworkInterfaces", "*"))?;
    let wanted = facts.interfaces.get(&facts.name).ok_or_else(|| format!("INTERFACES has no {}", facts.name))?;
    let primary = ec2::primary_interface(world, instance).ok_or("there is no primary network interface")?;
    let tag = |key: &str| primary.tags.get(key).map(String::as_str);
    if tag("windlass.dev/cluster") == Some(&facts.cluster) && tag("windlass.dev/address") == Some(wanted) {
        return Ok(());
    }
    Err(format!("the primary network interface {} is not tagged windlass.dev/address={wanted}", primary.id))
}

/// Fetches what changed, says what it has, and makes a new token when the old one gets old.
///
/// # Errors
/// Why something could not be fetched or told.
pub fn refresh(world: &mut World, instance: &str, facts: &Facts, machine: &mut Machine) -> Result<(), String> {
    let fetched = keys::fetch(world, instance, facts, &machine.installed);
    if let Ok(installed) = &fetched {
        machine.installed = installed.clone();
    }
    // With expired certificates there is no API server to make a token of.
    let serves = quorum::of(world, instance, facts, &machine.installed).is_ok();
    if serves && machine.published.is_none_or(|at| later(at, JOIN) <= world.now) {
        publish::join(world, instance, facts)?;
        machine.published = Some(world.now);
    }
    publish::status(world, instance, facts, &machine.installed)?;
    fetched.map(drop)
}
