//! The seam to EC2: everything that groups know of instances and templates, and do with them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::ec2::{self, End, Instance, LaunchRequest, LaunchedFrom, Phase, TemplateReference};
use super::super::wire::Refusal;
use super::super::world::World;

/// What to launch.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The launch template's version.
    pub template: &'a ec2::Resolved,
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
    /// Whether it rests: stopped, and not on its way there.
    pub stopped: bool,
    /// When it runs, or will.
    pub running_at: Timestamp,
    /// When it began to stop or to end.
    pub ended_at: Option<Timestamp>,
    /// When it is terminated, if it is on its way.
    pub gone_at: Option<Timestamp>,
}

/// Launches one instance.
pub fn launch(world: &mut World, request: &Request<'_>) -> Result<String, Refusal> {
    let mut data = request.template.data.clone();
    if let Some(instance_type) = request.instance_type {
        data.instance_type = Some(instance_type.to_owned());
    }
    // A template that brings its own interface lies where that lies.
    let own_interface = data.interfaces.iter().any(|it| it.interface.is_some());
    let spot = request.spot || data.market_type.as_deref() == Some("spot");
    let launch = LaunchRequest {
        data,
        template: Some(LaunchedFrom { id: request.template.id.clone(), version: request.template.version }),
        subnet: request.subnet.filter(|_| !own_interface).map(str::to_owned),
        zone: Some(request.zone.to_owned()).filter(|_| own_interface || request.subnet.is_none()),
        spot,
        tags: request.tags.clone(),
        ..LaunchRequest::default()
    };
    ec2::launch(world, &launch)
}

/// Ends an instance.
pub fn terminate(world: &mut World, id: &str) {
    ec2::terminate(world, id, End::UserInitiated);
}

/// Stops an instance, for the warm pool.
pub fn stop(world: &mut World, id: &str) {
    ec2::stop(world, id);
}

/// Starts a stopped instance.
pub fn start(world: &mut World, id: &str) {
    ec2::start(world, id);
}

/// How an instance is doing; `None`: EC2 does not know it any more.
pub fn status(world: &World, id: &str) -> Option<Status> {
    world.ec2.instances.get(id).map(of)
}

fn of(instance: &Instance) -> Status {
    let ended = !matches!(instance.phase, Phase::Pending | Phase::Running);
    let gone_at = match instance.phase {
        Phase::ShuttingDown => instance.until,
        Phase::Terminated => Some(instance.since),
        Phase::Pending | Phase::Running | Phase::Stopping | Phase::Stopped => None,
    };
    Status {
        instance_type: instance.instance_type.clone(),
        zone: instance.zone.clone(),
        spot: instance.spot_request.is_some(),
        stopped: instance.phase == Phase::Stopped,
        running_at: match instance.phase {
            Phase::Pending => instance.until.unwrap_or(instance.since),
            _ => instance.since,
        },
        ended_at: ended.then_some(instance.since),
        gone_at,
    }
}

/// What a template (by id or name) and a version mean now.
pub fn resolve(world: &World, id: Option<&str>, name: Option<&str>, version: &str) -> Result<ec2::Resolved, Refusal> {
    let reference = TemplateReference {
        id: id.map(str::to_owned),
        name: name.map(str::to_owned),
        version: Some(version.to_owned()),
    };
    ec2::resolve(world, &reference)
}

/// The zone of a subnet, if it exists.
pub fn zone_of_subnet(world: &World, id: &str) -> Option<String> {
    ec2::get::<ec2::Subnet>(world, id).ok().map(|subnet| subnet.zone.clone())
}
