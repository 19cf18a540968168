//! The seam to EC2: everything that groups know of instances and templates, and do with them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::wire::Refusal;
use super::super::world::World;

/// What to launch.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Id of the launch template.
    pub template: &'a str,
    /// Version, a number.
    pub version: &'a str,
    /// Instead of the template's own type.
    pub instance_type: Option<&'a str>,
    /// Zone.
    pub zone: &'a str,
    /// Subnet; `None`: the template's network interface, or the zone's default subnet.
    pub subnet: Option<&'a str>,
    /// Whether it is bought as spot.
    pub spot: bool,
    /// Tags beside the template's own.
    pub tags: BTreeMap<String, String>,
}

/// How an instance is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its type.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// Whether it is a spot instance.
    pub spot: bool,
    /// When it runs, or will.
    pub running_at: Timestamp,
    /// When it began to stop or to end.
    pub ended_at: Option<Timestamp>,
    /// When it is terminated, if it is on its way.
    pub gone_at: Option<Timestamp>,
}

/// A launch template's version, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// `lt-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The number that the version means now.
    pub version: String,
    /// The type that it names.
    pub instance_type: Option<String>,
    /// Its instance profile, name or ARN.
    pub instance_profile: Option<String>,
    /// Its own network interface.
    pub interface: Option<String>,
}

/// Launches one instance.
pub fn launch(_world: &mut World, _request: &Request<'_>) -> Result<String, Refusal> {
    Err(Refusal::new("InsufficientInstanceCapacity", "nothing"))
}

/// Ends an instance.
pub fn terminate(_world: &mut World, _id: &str) {}

/// Stops an instance, for the warm pool.
pub fn stop(_world: &mut World, _id: &str) {}

/// Starts a stopped instance.
pub fn start(_world: &mut World, _id: &str) {}

/// How an instance is doing; `None`: EC2 does not know it any more.
pub fn status(_world: &World, _id: &str) -> Option<Status> {
    None
}

/// What a template (by id or name) and a version mean now.
pub fn resolve(_world: &World, _id: Option<&str>, _name: Option<&str>, _version: &str) -> Result<Resolved, Refusal> {
    Err(Refusal::new("InvalidLaunchTemplateId.NotFound", ""))
}

/// The zone of a subnet, if it exists.
pub fn zone_of_subnet(_world: &World, _id: &str) -> Option<String> {
    None
}
