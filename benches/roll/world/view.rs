//! The cluster as windlass sees it: the very value that its decision is about.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use windlass::health::{CapacityFailure, CapacityReason, Group, GroupRole, Lifecycle, Machine, View};
use windlass::kubernetes::{Budget, Controller, Node, Pod, PodPhase, Ready, Selector};

use super::{State, World, ZONES};

/// How far back scaling activities are read.
const ACTIVITIES: i64 = 3600;

/// A second of the virtual time as a moment.
pub fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + second)
}

pub fn instance(machine: usize) -> String {
    format!("i-{machine:06}")
}

/// The uid of a machine's node.
fn node_uid(machine: usize) -> String {
    format!("node-{machine:06}")
}

/// The number in a name of ours: `i-000012`, `node-000012`, `pod-000012`.
pub fn number(name: &str) -> usize {
    let digits = name.rsplit('-').next().and_then(|it| it.parse().ok());
    digits.expect("names in the world end with a number")
}

impl World {
    /// What an observer sees now.
    pub fn view(&self) -> View {
        let nodes = (0..self.machines.len()).filter(|id| self.machines[*id].has_node).map(|id| self.node(id));
        View {
            now: at(self.now),
            groups: (0..self.groups.len()).map(|id| (self.groups[id].name.clone(), self.group_view(id))).collect(),
            nodes: nodes.map(|node| (node.name.clone(), node)).collect(),
            pods: self.pod_views(),
            budgets: self.budgets(),
            unreachable: None,
            control_plane: None,
            capacity: self.capacity(),
            probes: Vec::new(),
        }
    }

    fn group_view(&self, group: usize) -> Group {
        let its = &self.groups[group];
        let machines = its.machines.iter().map(|id| (instance(*id), self.machine_view(*id)));
        Group {
            auto_scaling_group: its.name.clone(),
            role: GroupRole::Nodes,
            min: its.min,
            max: its.max,
            desired: its.desired,
            suspended: its.suspended.clone(),
            template_version: "2".to_owned(),
            machines: machines.collect(),
            fallback: its.fallback.map(|fallback| self.groups[fallback].name.clone()),
            zones: ZONES.map(str::to_owned).into(),
        }
    }

    fn machine_view(&self, machine: usize) -> Machine {
        let it = &self.machines[machine];
        Machine {
            id: instance(machine),
            zone: ZONES[it.zone].to_owned(),
            machine_type: "m7i.large".to_owned(),
            spot: false,
            lifecycle: match it.state {
                State::Pending => Lifecycle::Pending,
                State::InService => Lifecycle::InService,
                State::Leaving | State::Gone => Lifecycle::Leaving,
            },
            healthy: true,
            template_version: Some(if it.stale { "1" } else { "2" }.to_owned()),
            launched: Some(at(it.launched)),
        }
    }

    fn node(&self, machine: usize) -> Node {
        let it = &self.machines[machine];
        let ready = if self.is_ready(machine) { Ready::Yes(at(it.ready)) } else { Ready::Unknown };
        Node {
            name: node_uid(machine),
            uid: node_uid(machine),
            instance: Some(instance(machine)),
            zone: Some(ZONES[it.zone].to_owned()),
            ready,
            unschedulable: it.cordoned,
            control_plane: false,
            kubelet_version: "v1.34.2".to_owned(),
            cpu: 4000,
            memory: 16 << 30,
            pods: 110,
            labels: BTreeMap::new(),
            annotations: it.annotations.clone(),
            taints: Vec::new(),
            created: at(it.ready),
        }
    }

    fn pod_views(&self) -> Vec<Pod> {
        let placed = self.machines.iter().flat_map(|it| &it.pods);
        let all: BTreeSet<(usize, usize)> =
            placed.chain(&self.unplaced).map(|pod| (self.pods[*pod].application, *pod)).collect();
        all.into_iter().map(|(application, pod)| self.pod_view(application, pod)).collect()
    }

    fn pod_view(&self, application: usize, pod: usize) -> Pod {
        let it = &self.pods[pod];
        let name = application_name(application);
        Pod {
            namespace: name.clone(),
            name: format!("pod-{pod:06}"),
            uid: format!("pod-{pod:06}"),
            node: it.machine.map(node_uid),
            phase: if it.machine.is_some() { PodPhase::Running } else { PodPhase::Pending },
            ready: it.ready,
            deleted_at: it.deleted_at.map(at),
            has_finalizers: false,
            unschedulable: None,
            controller: Some(Controller { kind: "ReplicaSet".to_owned(), name }),
            mirror: false,
            priority: 0,
            labels: BTreeMap::new(),
            cpu: 400,
            memory: 1 << 30,
            local_volumes: Vec::new(),
            host_ports: Vec::new(),
            images: Vec::new(),
            restarts: 0,
            created: at(it.created),
        }
    }

    fn budgets(&self) -> Vec<Budget> {
        let all = self.applications.iter().enumerate().map(|(application, it)| Budget {
            namespace: application_name(application),
            name: "budget".to_owned(),
            // Each application has a namespace of its own.
            selector: Selector::default(),
            rule: format!("maxUnavailable {}", it.missing),
            allowed: it.healthy.saturating_sub(it.desired()),
            healthy: it.healthy,
            desired: it.desired(),
            expected: it.replicas,
            observed: true,
        });
        all.collect()
    }

    fn capacity(&self) -> Vec<CapacityFailure> {
        let recent = self.failures.iter().rev().take_while(|(second, _)| self.now - second < ACTIVITIES);
        let failure = |(second, group): &(i64, usize)| CapacityFailure {
            at: at(*second),
            auto_scaling_group: self.groups[*group].name.clone(),
            activity: format!("activity-{second}"),
            reason: CapacityReason::NoCapacity,
            machine_type: None,
            zone: None,
            spot: None,
            message: "no capacity".to_owned(),
        };
        recent.map(failure).collect()
    }
}

fn application_name(application: usize) -> String {
    format!("application-{application:05}")
}
