//! Watches a world while something goes on in it, every second of its time: budgets, ready capacity, members of etcd.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::stage::Stage;
use crate::sandbox::World;

/// What was seen that must not be.
#[derive(Debug, Default)]
pub struct Seen {
    /// Budgets with fewer healthy pods than desired.
    pub violations: Vec<String>,
    /// Groups with fewer ready nodes than allowed.
    pub below: Vec<String>,
    /// Fewest members of the control plane that served at the same time.
    pub members: usize,
    /// The most machines there were.
    pub machines: usize,
}

/// A watch that goes on until it is dropped.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to watch; the floor of a group is its size less a tenth, one at least.
    pub fn start(stage: &Stage) -> Self {
        let seen = Arc::new(Mutex::new(Seen { members: usize::MAX, ..Seen::default() }));
        let floors: BTreeMap<String, usize> = stage
            .scenario
            .groups
            .iter()
            .map(|group| {
                let size = usize::try_from(group.size).expect("small");
                (group.name.clone(), size - (size / 10).max(1))
            })
            .collect();
        let (sandbox, cluster, clock) = (stage.sandbox.clone(), stage.scenario.cluster.clone(), stage.clock);
        let into = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                sandbox
                    .with_world(|world| look(world, &cluster, &floors, &mut into.lock().expect("one thread")))
                    .expect("a world in memory");
                clock.sleep(Duration::from_secs(1)).await;
            }
        });
        Self { seen, task }
    }

    /// Nothing was broken.
    pub fn check(&self) {
        let seen = self.seen.lock().expect("one thread");
        assert!(seen.violations.is_empty(), "budgets: {:#?}", &seen.violations[..seen.violations.len().min(10)]);
        assert!(seen.below.is_empty(), "capacity: {:#?}", &seen.below[..seen.below.len().min(10)]);
    }

    /// Fewest members that served at the same time.
    pub fn members(&self) -> usize {
        self.seen.lock().expect("one thread").members
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn look(world: &World, name: &str, floors: &BTreeMap<String, usize>, seen: &mut Seen) {
    let Some(cluster) = world.kubernetes.clusters.get(name) else { return };
    let now: Timestamp = world.now;
    for (key, budget) in cluster.objects.list("poddisruptionbudgets.policy") {
        let number = |field: &str| budget["status"][field].as_u64().unwrap_or(0);
        if number("currentHealthy") < number("desiredHealthy") {
            let (has, needs) = (number("currentHealthy"), number("desiredHealthy"));
            seen.violations.push(format!("{now} {}: {has} healthy, {needs} needed", key.name));
        }
    }
    let ready: Vec<&str> = cluster
        .objects
        .list("nodes")
        .filter(|(_, node)| is_ready(node))
        .filter_map(|(_, node)| instance(node))
        .collect();
    for (group, floor) in floors {
        let address = format!("auto-scaling-group/{group}");
        let own = world
            .autoscaling
            .groups
            .values()
            .find(|it| it.tags.get("windlass.dev/address").is_some_and(|(value, _)| *value == address));
        let Some(own) = own else { continue };
        let has = ready.iter().filter(|id| own.members.contains_key(**id)).count();
        if has < *floor {
            seen.below.push(format!("{now} {group}: {has} ready, at least {floor}"));
        }
    }
    let members = world
        .boot
        .machines
        .keys()
        .filter(|id| matches!(crate::sandbox::boot::health(world, id), crate::sandbox::boot::Health::Ready(_)));
    seen.members = seen.members.min(members.count());
    seen.machines = seen.machines.max(world.autoscaling.groups.values().map(|group| group.members.len()).sum());
}

fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ready = conditions.iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
    ready && node["spec"]["unschedulable"] != Value::Bool(true)
}

fn instance(node: &Value) -> Option<&str> {
    node["spec"]["providerID"].as_str()?.rsplit('/').next()
}
