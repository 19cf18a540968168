//! Specification → the resources that should exist. Pure: data in, data out; what only AWS knows comes in as [`Facts`].
//!
//! One file per area; all of them add to one `builder::Builder`, in the order in which a person would explain a
//! cluster. Every size limit of AWS is checked here, before the first call.

mod access;
mod api;
mod bootstrap;
mod builder;
mod control_plane;
mod dns;
mod existing;
mod facts;
mod launch;
mod limits;
mod names;
mod network;
mod node_groups;
mod parameters;
mod policies;
mod security;
mod tags;
#[cfg(test)]
mod tests;

pub use bootstrap::{FORMAT as USER_DATA_FORMAT, built_in, compressed, decompressed};
pub use dns::{api_port, internal_name};
pub use facts::{ExistingNetwork, ExistingSubnet, Facts, HostedZone, Image, Keys, Revisions};
pub use names::{dns_address, group_name, member_group, parameter_path};
pub use policies::partition;

use std::collections::BTreeMap;

use crate::problem::{Problem, Problems};
use crate::resource::{Address, Resource};
use crate::spec::Specification;
use builder::Builder;

/// The resources of a cluster by address, and what is allowed but unwise.
///
/// # Errors
/// All mistakes at once: what the facts show to be impossible (an unknown image, a subnet that is not in the VPC), and
/// what exceeds a limit of AWS.
pub fn desired(
    specification: &Specification,
    facts: &Facts,
) -> Result<(BTreeMap<Address, Resource>, Vec<Problem>), Problems> {
    let mut builder = Builder::new(specification, facts);
    existing::check(&mut builder);
    network::add(&mut builder);
    security::add(&mut builder);
    access::add(&mut builder);
    api::add(&mut builder);
    parameters::add(&mut builder);
    control_plane::add(&mut builder);
    node_groups::add(&mut builder);
    dns::add(&mut builder);
    limits::check(&mut builder);
    builder.finish()
}
