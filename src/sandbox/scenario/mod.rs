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

pub use autoscaler::State as AutoscalerState;
pub use file::{All, Autoscaler, Budget, ControlPlane, Fault, Group, Kind, Scenario, Stale, Topology, What, Workload};
pub use machines::BUCKET;
pub use workloads::deploy;

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is no YAML of the form.
    #[error("the scenario cannot be read: {0}")]
    Unreadable(String),
    /// It contradicts itself.
    #[error("the scenario is not sound: {0}")]
    Unsound(String),
}

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

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When it is not of the form, names something twice, or names a group that is not there.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_saphyr::from_str(text)
            .map_err(|error| ScenarioError::Unreadable(error.without_snippet().to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let mut names = std::collections::BTreeSet::new();
        for group in &self.groups {
            if !names.insert(group.name.as_str()) {
                return Err(ScenarioError::Unsound(format!("group {} is there twice", group.name)));
            }
            let known = |name: &String| super::ec2::instance_type(name).is_some();
            if let Some(name) = group.machine_types.iter().find(|name| !known(name)) {
                return Err(ScenarioError::Unsound(format!("group {}: {name} is no instance type", group.name)));
            }
        }
        for fault in &self.faults {
            let group = match &fault.what {
                What::Reclaim { group, .. }
                | What::Terminate { group, .. }
                | What::NodeNeverReady { group, .. }
                | What::KubeletStops { group, .. } => group,
                What::Capacity { .. } | What::ApiDown { .. } => continue,
            };
            if !names.contains(group.as_str()) {
                return Err(ScenarioError::Unsound(format!("a fault is about group {group}, which is not there")));
            }
        }
        if self.zones.is_empty() {
            return Err(ScenarioError::Unsound("it has no zones".to_owned()));
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
