//! What load balancers need to know of EC2.

use jiff::Timestamp;

use super::super::world::World;

/// Where a subnet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its VPC.
    pub vpc: String,
    /// Its zone.
    pub zone: String,
}

/// The place of a subnet, if it exists.
pub fn subnet(_world: &World, _id: &str) -> Option<Place> {
    None
}

/// The VPC of a security group, if it exists.
pub fn security_group_vpc(_world: &World, _id: &str) -> Option<String> {
    None
}

/// Whether a VPC has a way to the internet.
pub fn has_internet_gateway(_world: &World, _vpc: &str) -> bool {
    true
}

/// An instance as a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `pending`, `running`, ….
    pub state: &'static str,
    /// When it began to run.
    pub since: Timestamp,
    /// Its VPC.
    pub vpc: String,
}

/// The instance of that id, unless it is terminated.
pub fn instance(_world: &World, _id: &str) -> Option<Instance> {
    None
}
