//! What load balancers need to know of EC2.

use jiff::Timestamp;

use super::super::ec2::{self, Phase, SecurityGroup, Subnet};
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
pub fn subnet(world: &World, id: &str) -> Option<Place> {
    let subnet = ec2::get::<Subnet>(world, id).ok()?;
    Some(Place { vpc: subnet.vpc.clone(), zone: subnet.zone.clone() })
}

/// The VPC of a security group, if it exists.
pub fn security_group_vpc(world: &World, id: &str) -> Option<String> {
    ec2::get::<SecurityGroup>(world, id).ok().map(|group| group.vpc.clone())
}

/// Whether a VPC has a way to the internet.
pub fn has_internet_gateway(world: &World, vpc: &str) -> bool {
    ec2::internet_gateway_of(world, vpc).is_some()
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
pub fn instance(world: &World, id: &str) -> Option<Instance> {
    let instance = world.ec2.instances.get(id).filter(|it| it.phase != Phase::Terminated)?;
    let (state, _) = instance.phase.name_and_code();
    Some(Instance { state, since: instance.since, vpc: instance.vpc.clone() })
}
