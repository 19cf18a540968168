//! Rolls in a small pure world, from their first decision to their end, with every invariant checked at every step.

mod invariants;
mod preflight;
mod properties;
mod scenarios;
mod world;

pub(crate) use world::{World, at};
