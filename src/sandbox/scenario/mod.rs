//! Scenarios: whole worlds out of one readable file, for tests, benchmarks and drills: a cluster that runs, its workloads,
//! and what goes wrong when.
//!
//! Machines of a scenario run no user data: they come up by themselves after the seconds that the file says.

mod autoscaler;
mod faults;
mod file;
mod machines;
mod network;
mod workloads;
mod world;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ec2::CapacityLimit;
use super::world::World;
use crate::problem::Problems;
use crate::render::source::Source;
use crate::spec::{File, Step, steps};

pub use autoscaler::State as AutoscalerState;
pub use file::{All, Autoscaler, Budget, ControlPlane, Fault, Group, Kind, Scenario, Stale, Topology, What, Workload};
pub use machines::BUCKET;
pub use workloads::deploy;

/// What is still to come of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Running {
    /// The cluster.
    pub cluster: String,
    /// What goes wrong, the next first.
    pub faults: Vec<(Timestamp, Fault)>,
    /// Limits of capacity that end.
    pub limits: Vec<(Timestamp, CapacityLimit)>,
    /// Spot instances that were told that they go, and when they do.
    pub reclaimed: Vec<(Timestamp, String)>,
    /// Members of the control plane: Auto Scaling group, name, address tag of the volume.
    pub members: Vec<Member>,
    /// The cluster-autoscaler.
    pub autoscaler: Option<AutoscalerState>,
    /// Whether a cloud controller deletes nodes of terminated instances.
    pub cloud_controller: bool,
}

/// A member of the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Its Auto Scaling group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its etcd volume.
    pub volume: String,
    /// Names of all members, for what each knows of the others.
    pub all: Vec<String>,
}

/// Kubernetes' own bounds on one cluster (kubernetes.io, "Considerations for large clusters"): what is larger only fills
/// the memory.
const MOST_MACHINES: u32 = 5_000;
pub(super) const MOST_PODS: u32 = 150_000;
/// etcd takes seven members at most (etcd.io, "Frequently Asked Questions").
const MOST_MEMBERS: u32 = 7;

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first mistake with its place: it is not of the form, names something twice, or names a group that is not
    /// there.
    pub fn read(text: &str) -> Result<Self, Problems> {
        let source = Source::new("scenario", text);
        let (scenario, file) = File::read::<Self>(&source, "scenario")?;
        scenario.check().map_err(|(path, why)| file.wrong(&path, why))?;
        Ok(scenario)
    }

    /// Where something does not fit, and what.
    fn check(&self) -> Result<(), (Vec<Step>, String)> {
        let misfit = |path: &[Step], why: String| Err((path.to_vec(), why));
        let mut names = std::collections::BTreeSet::new();
        if self.control_plane.members > MOST_MEMBERS {
            let why = format!("at most {MOST_MEMBERS} members are possible");
            return misfit(&steps!["controlPlane", "members"], why);
        }
        if let Some(index) = self.workloads.iter().position(|workload| workload.replicas > MOST_PODS) {
            return misfit(&steps!["workloads", index, "replicas"], format!("at most {MOST_PODS} pods are possible"));
        }
        for (index, group) in self.groups.iter().enumerate() {
            if group.size > MOST_MACHINES {
                let why = format!("at most {MOST_MACHINES} machines are possible");
                return misfit(&steps!["groups", index, "size"], why);
            }
            if !names.insert(group.name.as_str()) {
                return misfit(&steps!["groups", index, "name"], format!("group {} is there twice", group.name));
            }
            let known = |name: &String| super::ec2::instance_type(name).is_some();
            if let Some((at, name)) = group.machine_types.iter().enumerate().find(|(_, name)| !known(name)) {
                let why = format!("group {}: {name} is no instance type", group.name);
                return misfit(&steps!["groups", index, "machineTypes", at], why);
            }
        }
        for (index, fault) in self.faults.iter().enumerate() {
            let group = match &fault.what {
                What::Reclaim { group, .. }
                | What::Terminate { group, .. }
                | What::NodeNeverReady { group, .. }
                | What::KubeletStops { group, .. } => group,
                What::Capacity { .. } | What::ApiDown { .. } => continue,
            };
            if !names.contains(group.as_str()) {
                let why = format!("a fault is about group {group}, which is not there");
                return misfit(&steps!["faults", index, "what"], why);
            }
        }
        if self.zones.is_empty() {
            return misfit(&steps!["zones"], String::from("it has no zones"));
        }
        Ok(())
    }
}

/// The earliest moment at which a scenario does something.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    let running = world.kubernetes.scenario.as_ref()?;
    let faults = running.faults.iter().map(|(at, _)| *at);
    let limits = running.limits.iter().map(|(at, _)| *at);
    let reclaimed = running.reclaimed.iter().map(|(at, _)| *at);
    let others = [machines::due(world, running), autoscaler::due(world, running)];
    faults.chain(limits).chain(reclaimed).chain(others.into_iter().flatten()).min()
}

/// Does what is due at `world.now`.
pub fn advance(world: &mut World) {
    let Some(mut running) = world.kubernetes.scenario.take() else { return };
    faults::step(world, &mut running);
    machines::step(world, &running);
    autoscaler::step(world, &mut running);
    world.kubernetes.scenario = Some(running);
}

#[cfg(test)]
mod tests;
