//! How a node joins: with the token that it reads, trusting the authorities that it reads.

use super::super::world::World;
use super::facts::Facts;
use super::keys;
use super::machine::{Machine, Stage, Trouble};

/// One try.
pub fn boot(world: &World, instance: &str, facts: &Facts, machine: &mut Machine) -> Result<Stage, Trouble> {
    machine.installed = keys::fetch(world, instance, facts, &machine.installed)?;
    keys::read(world, instance, "ssm:GetParameter", &[facts.join.as_str()])?;
    Ok(Stage::Serving(world.now))
}

/// Fetches the authorities that it trusts.
///
/// # Errors
/// Why they could not be fetched.
pub fn refresh(world: &World, instance: &str, facts: &Facts, machine: &mut Machine) -> Result<(), String> {
    machine.installed = keys::fetch(world, instance, facts, &machine.installed)?;
    Ok(())
}
