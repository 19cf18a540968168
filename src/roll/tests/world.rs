//! A small cluster in virtual time: machines boot, pods move, budgets count, and things go wrong on request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::health::{
    CapacityFailure, CapacityReason, ControlPlane, Group, GroupRole, Lifecycle, Machine, Member, Probe, View,
};
use crate::kubernetes::{Budget, Controller, Node, Pod, PodPhase, Ready, Selector};
use crate::roll::decide::{CORDONED_AT_ANNOTATION, PROTECT_ANNOTATION, ROLL_ANNOTATION, baseline};
use crate::roll::{Action, Amount, GroupPolicy, Policy, Record, Replace};

/// Seconds between two looks.
pub(super) const STEP: i64 = 10;

/// A machine with what only the world knows.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    pub(super) node_at: i64,
    pub(super) ready_at: Option<i64>,
    pub(super) gone_at: Option<i64>,
}

/// The world.
pub(crate) struct World {
    pub(crate) view: View,
    pub(super) fates: BTreeMap<String, Fate>,
    pub(super) now: i64,
    pub(super) boot: i64,
    pub(super) grace: i64,
    /// Groups that get no machines.
    pub(super) dry: BTreeSet<String>,
    /// Groups whose new machines never become Ready.
    pub(super) broken: BTreeSet<String>,
    /// Applications: how many pods, in a budget of so many that may be missing.
    pub(super) applications: BTreeMap<String, (u32, Option<u32>)>,
    pub(super) terminated: Vec<(String, Replace)>,
    pub(super) snapshots: u32,
    pub(super) moves: Vec<String>,
    counter: u64,
    random: u64,
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + second)
}

pub(crate) fn group_policy() -> GroupPolicy {
    GroupPolicy {
        max_surge: Amount::Percent(10),
        max_unavailable: Amount::Percent(10),
        canary: 1,
        drain: true,
        drain_timeout: Duration::from_secs(900),
        ready_timeout: Duration::from_secs(600),
        gate_timeout: Duration::from_secs(1800),
        windows: None,
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let view = View {
            now: at(0),
            groups: BTreeMap::new(),
            nodes: BTreeMap::new(),
            pods: Vec::new(),
            budgets: Vec::new(),
            unreachable: None,
            control_plane: None,
            capacity: Vec::new(),
            probes: Vec::<Probe>::new(),
        };
        Self {
            view,
            fates: BTreeMap::new(),
            now: 0,
            boot: 60,
            grace: 30,
            dry: BTreeSet::new(),
            broken: BTreeSet::new(),
            applications: BTreeMap::new(),
            terminated: Vec::new(),
            snapshots: 0,
            moves: Vec::new(),
            counter: 0,
            random: seed | 1,
        }
    }

    pub(crate) fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below.max(1)
    }

    fn id(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A group whose machines are all stale and Ready.
    pub(crate) fn group(mut self, name: &str, role: GroupRole, size: u32) -> Self {
        let member = matches!(role, GroupRole::Member(_));
        let group = Group {
            auto_scaling_group: format!("asg-{name}"),
            role,
            min: u32::from(member),
            max: if member { 1 } else { size.max(1) },
            desired: size,
            suspended: BTreeSet::new(),
            template_version: "1".to_owned(),
            machines: BTreeMap::new(),
            fallback: None,
            zones: ["a", "b", "c"].map(str::to_owned).into(),
        };
        self.view.groups.insert(name.to_owned(), group);
        for _ in 0..size {
            self.launch(name, -3600, Some(-3500));
        }
        self.edit(name).template_version = "2".to_owned();
        self.reconcile();
        self
    }

    pub(crate) fn members(self) -> Self {
        ["a", "b", "c"].into_iter().fold(self, |world, zone| {
            world.group(&format!("control-plane-{zone}"), GroupRole::Member(zone.to_owned()), 1)
        })
    }

    /// An application whose pods are spread, with a budget that lets so many be missing.
    pub(crate) fn application(mut self, name: &str, pods: u32, missing: Option<u32>) -> Self {
        self.applications.insert(name.to_owned(), (pods, missing));
        for _ in 0..pods {
            self.pod(name);
        }
        self.place();
        for pod in &mut self.view.pods {
            pod.phase = PodPhase::Running;
            pod.ready = true;
        }
        self.reconcile();
        self
    }

    pub(crate) fn edit(&mut self, name: &str) -> &mut Group {
        self.view.groups.get_mut(name).expect("the test names a group that is there")
    }

    fn launch(&mut self, name: &str, launched: i64, ready: Option<i64>) {
        let id = format!("i-{:06}", self.id());
        let zone = ["a", "b", "c"][(self.counter % 3) as usize].to_owned();
        let version = self.view.groups[name].template_version.clone();
        let machine = Machine {
            id: id.clone(),
            zone,
            machine_type: "m7i.large".to_owned(),
            spot: false,
            lifecycle: if ready.is_some_and(|ready| ready <= self.now) {
                Lifecycle::InService
            } else {
                Lifecycle::Pending
            },
            healthy: true,
            template_version: Some(version),
            launched: Some(at(launched)),
        };
        self.edit(name).machines.insert(id.clone(), machine);
        let extra = i64::try_from(self.random(60)).unwrap_or(0);
        let ready_at = match ready {
            Some(ready) => Some(ready),
            None if self.broken.contains(name) => None,
            None => Some(launched + self.boot + extra),
        };
        self.fates.insert(id, Fate { node_at: launched + self.boot / 2, ready_at, gone_at: None });
    }

    fn pod(&mut self, application: &str) {
        let id = self.id();
        self.view.pods.push(Pod {
            namespace: "default".to_owned(),
            name: format!("{application}-{id}"),
            uid: format!("pod-{id}"),
            node: None,
            phase: PodPhase::Pending,
            ready: false,
            deleted_at: None,
            has_finalizers: false,
            unschedulable: None,
            controller: Some(Controller { kind: "ReplicaSet".to_owned(), name: application.to_owned() }),
            mirror: false,
            priority: 0,
            labels: BTreeMap::from([("app".to_owned(), application.to_owned())]),
            cpu: 100,
            memory: 1 << 20,
            local_volumes: Vec::new(),
            host_ports: Vec::new(),
            images: Vec::new(),
            restarts: 0,
            created: at(self.now),
        });
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        self.view.now = at(self.now);
        self.reconcile();
    }

    /// What Auto Scaling, kubelets, scheduler and controllers do.
    fn reconcile(&mut self) {
        let names: Vec<String> = self.view.groups.keys().cloned().collect();
        for name in &names {
            self.scale(name);
        }
        self.nodes(&names);
        let (now, nodes) = (self.now, &self.view.nodes);
        self.view.pods.retain(|pod| {
            pod.deleted_at.is_none_or(|deleted| pod.has_finalizers || deleted > at(now))
                && pod.node.as_ref().is_none_or(|node| nodes.contains_key(node))
        });
        let wanted = self.applications.clone();
        for (name, (pods, _)) in &wanted {
            let have =
                self.view.pods.iter().filter(|pod| pod.labels["app"] == *name && pod.deleted_at.is_none()).count();
            for _ in have..*pods as usize {
                self.pod(name);
            }
        }
        self.place();
        for pod in &mut self.view.pods {
            let old = self.now - (pod.created.as_second() - at(0).as_second()) >= 20;
            let ready = pod.node.as_ref().and_then(|node| self.view.nodes.get(node)).is_some_and(Node::is_ready);
            if pod.node.is_some() && old && pod.deleted_at.is_none() {
                pod.phase = PodPhase::Running;
                pod.ready = ready;
            }
        }
        self.view.pods.sort_by(|a, b| a.name.cmp(&b.name));
        self.budgets();
        self.etcd();
    }

    fn scale(&mut self, name: &str) {
        let now = self.now;
        let fates = self.fates.clone();
        let group = self.edit(name);
        group.machines.retain(|id, _| fates[id].gone_at.is_none_or(|gone| gone > now));
        for (id, machine) in &mut group.machines {
            if machine.lifecycle == Lifecycle::Pending && now >= fates[id].node_at {
                machine.lifecycle = Lifecycle::InService;
            }
        }
        let have = group.machines.values().filter(|it| it.lifecycle != Lifecycle::Leaving).count();
        let member = matches!(group.role, GroupRole::Member(_));
        // A member's volume is free only when its old machine is gone.
        let wait = member && group.machines.values().any(|it| it.lifecycle == Lifecycle::Leaving);
        let missing = (group.desired as usize).saturating_sub(have);
        if missing == 0 || wait {
            return;
        }
        if self.dry.contains(name) {
            self.view.capacity.insert(
                0,
                CapacityFailure {
                    at: at(now),
                    auto_scaling_group: format!("asg-{name}"),
                    activity: format!("activity-{now}"),
                    reason: CapacityReason::NoCapacity,
                    machine_type: None,
                    zone: None,
                    spot: None,
                    message: "no capacity".to_owned(),
                },
            );
            self.view.capacity.truncate(20);
            return;
        }
        for _ in 0..missing {
            self.launch(name, now, None);
        }
    }

    fn nodes(&mut self, names: &[String]) {
        for name in names {
            let machines: Vec<(String, String)> =
                self.view.groups[name].machines.values().map(|it| (it.id.clone(), it.zone.clone())).collect();
            let member = match &self.view.groups[name].role {
                GroupRole::Member(member) => Some(member.clone()),
                GroupRole::Bastion => continue,
                GroupRole::Nodes => None,
            };
            for (id, zone) in machines {
                let fate = self.fates[&id].clone();
                if self.now < fate.node_at {
                    continue;
                }
                let node = member.as_ref().map_or_else(|| format!("node-{id}"), |member| format!("member-{member}"));
                let ready = match fate.ready_at {
                    Some(ready) if ready <= self.now => Ready::Yes(at(ready)),
                    _ => Ready::No("container runtime is down".to_owned()),
                };
                // The trap: a node of the same name keeps its identity.
                let entry = self.view.nodes.entry(node.clone()).or_insert_with(|| Node {
                    name: node.clone(),
                    uid: format!("uid-{id}"),
                    instance: Some(id.clone()),
                    zone: Some(zone),
                    ready: ready.clone(),
                    unschedulable: false,
                    control_plane: member.is_some(),
                    kubelet_version: "v1.34.2".to_owned(),
                    cpu: 4000,
                    memory: 16 << 30,
                    pods: 110,
                    labels: BTreeMap::new(),
                    annotations: BTreeMap::new(),
                    taints: Vec::new(),
                    created: at(fate.node_at),
                });
                entry.ready = ready;
            }
        }
        let alive: BTreeSet<&String> = self.view.groups.values().flat_map(|it| it.machines.keys()).collect();
        for node in self.view.nodes.values_mut() {
            if node.instance.as_ref().is_some_and(|id| !alive.contains(id)) {
                node.ready = Ready::Unknown;
            }
        }
    }

    fn place(&mut self) {
        let mut load: BTreeMap<String, usize> = self
            .view
            .nodes
            .values()
            .filter(|node| node.is_schedulable() && !node.control_plane)
            .map(|node| (node.name.clone(), 0))
            .collect();
        for pod in &self.view.pods {
            if let Some(load) = pod.node.as_ref().and_then(|node| load.get_mut(node)) {
                *load += 1;
            }
        }
        for pod in self.view.pods.iter_mut().filter(|pod| pod.node.is_none() && pod.deleted_at.is_none()) {
            if let Some((node, load)) = load.iter_mut().min_by_key(|(_, load)| **load) {
                *load += 1;
                pod.node = Some(node.clone());
            }
        }
    }

    fn budgets(&mut self) {
        let budgets = self.applications.iter().filter_map(|(name, (pods, missing))| {
            let missing = (*missing)?;
            let healthy =
                self.view.pods.iter().filter(|pod| pod.labels["app"] == *name && pod.ready && pod.deleted_at.is_none());
            let healthy = u32::try_from(healthy.count()).unwrap_or(u32::MAX);
            let desired = pods.saturating_sub(missing);
            Some(Budget {
                namespace: "default".to_owned(),
                name: name.clone(),
                selector: Selector {
                    labels: BTreeMap::from([("app".to_owned(), name.clone())]),
                    ..Selector::default()
                },
                rule: format!("maxUnavailable {missing}"),
                allowed: healthy.saturating_sub(desired),
                healthy,
                desired,
                expected: *pods,
                observed: true,
            })
        });
        self.view.budgets = budgets.collect();
    }

    fn etcd(&mut self) {
        let mut members = BTreeMap::new();
        let before = self.view.control_plane.clone().unwrap_or_default();
        for group in self.view.groups.values() {
            let GroupRole::Member(name) = &group.role else { continue };
            let running = group.machines.values().find(|it| {
                it.lifecycle == Lifecycle::InService
                    && self.fates[&it.id].ready_at.is_some_and(|ready| ready <= self.now)
            });
            let Some(machine) = running else { continue };
            let leader = before.members.get(name).is_some_and(|it| it.leader && it.instance == machine.id);
            let term = before.members.values().map(|it| it.term).max().unwrap_or(1);
            let member = Member { instance: machine.id.clone(), healthy: true, leader, term, trouble: None };
            members.insert(name.clone(), member);
        }
        if !members.values().any(|it: &Member| it.leader) {
            if let Some(first) = members.values_mut().next() {
                first.leader = true;
            }
            members.values_mut().for_each(|it| it.term += 1);
        }
        self.view.control_plane = Some(ControlPlane { members, snapshot: before.snapshot, ready_from_outside: true });
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy {
            groups: self.view.groups.keys().map(|name| (name.clone(), group_policy())).collect(),
            forced: BTreeSet::new(),
            ignore_budgets: false,
            gate_timeout: Duration::from_secs(1800),
            snapshot_age: Some(Duration::from_secs(600)),
            leader_stable: Duration::from_secs(60),
        }
    }

    pub(crate) fn record(&self) -> Record {
        let groups = self.view.groups.keys().cloned().collect();
        let record = Record::new("roll-1", at(self.now), "somebody@somewhere", groups);
        record.with(BTreeSet::new(), false, baseline(&self.view))
    }

    /// A machine goes without the roll.
    pub(crate) fn reclaim(&mut self, id: &str) {
        let now = self.now;
        for group in self.view.groups.values_mut() {
            if let Some(machine) = group.machines.get_mut(id) {
                machine.lifecycle = Lifecycle::Leaving;
            }
        }
        if let Some(fate) = self.fates.get_mut(id) {
            fate.gone_at = Some(now + 30);
        }
    }

    /// Does an action, as the runner would.
    pub(crate) fn act(&mut self, action: &Action) {
        match action {
            Action::Suspend { group, processes } => self.edit(group).suspended.extend(processes.iter().cloned()),
            Action::Resume { group, processes } => self.edit(group).suspended.retain(|it| !processes.contains(it)),
            Action::Resize { group, desired, max } => {
                let group = self.edit(group);
                assert!(*desired >= group.desired, "a group is never made smaller by its desired size");
                assert!(desired <= max, "desired is above the maximum");
                (group.desired, group.max) = (*desired, *max);
            }
            Action::Protect { node, on } => {
                if let Some(node) = self.view.nodes.get_mut(node) {
                    if *on {
                        node.annotations.insert(PROTECT_ANNOTATION.to_owned(), "true".to_owned());
                    } else {
                        node.annotations.remove(PROTECT_ANNOTATION);
                    }
                }
            }
            Action::Cordon { node, uid } => {
                let now = at(self.now).to_string();
                if let Some(node) = self.view.nodes.get_mut(node).filter(|it| it.uid == *uid) {
                    node.unschedulable = true;
                    node.annotations.insert(ROLL_ANNOTATION.to_owned(), "roll-1".to_owned());
                    node.annotations.insert(CORDONED_AT_ANNOTATION.to_owned(), now);
                }
            }
            Action::Uncordon { node, uid } => {
                if let Some(node) = self.view.nodes.get_mut(node).filter(|it| it.uid == *uid) {
                    node.unschedulable = false;
                    node.annotations.remove(ROLL_ANNOTATION);
                    node.annotations.remove(CORDONED_AT_ANNOTATION);
                }
            }
            Action::Evict { uid, .. } | Action::DeletePod { uid, .. } => {
                self.evict(uid, matches!(action, Action::Evict { .. }))
            }
            Action::Terminate { group, instance, replace } => self.terminate(group, instance, *replace),
            Action::DeleteNode { node, uid } => {
                if self.view.nodes.get(node).is_some_and(|it| it.uid == *uid) {
                    self.view.nodes.remove(node);
                }
            }
            Action::Snapshot { .. } => {
                self.snapshots += 1;
                let now = at(self.now);
                if let Some(control_plane) = &mut self.view.control_plane {
                    control_plane.snapshot = Some(now);
                }
            }
            Action::MoveLeader { from, to } => {
                self.moves.push(format!("{from} to {to}"));
                if let Some(control_plane) = &mut self.view.control_plane {
                    for (name, member) in &mut control_plane.members {
                        member.leader = name == to;
                        member.term += 1;
                    }
                }
            }
        }
    }

    fn evict(&mut self, uid: &str, asks: bool) {
        let until = at(self.now + self.grace);
        let Some(pod) = self.view.pods.iter_mut().find(|pod| pod.uid == *uid && pod.deleted_at.is_none()) else {
            return;
        };
        let budget = self.view.budgets.iter_mut().find(|budget| budget.covers(pod));
        if let Some(budget) = budget.filter(|_| asks && pod.ready) {
            assert!(budget.allowed > 0, "a pod was evicted that budget {} still needs", budget.name);
            budget.allowed -= 1;
        }
        pod.deleted_at = Some(until);
        pod.ready = false;
    }

    fn terminate(&mut self, name: &str, instance: &str, replace: Replace) {
        let now = self.now;
        let group = self.edit(name);
        let Some(machine) = group.machines.get_mut(instance).filter(|it| it.lifecycle != Lifecycle::Leaving) else {
            return;
        };
        machine.lifecycle = Lifecycle::Leaving;
        if replace == Replace::Shrink {
            assert!(group.desired > group.min, "a group cannot shrink below its minimum");
            group.desired -= 1;
        }
        if let Some(fate) = self.fates.get_mut(instance) {
            fate.gone_at = Some(now + 30);
        }
        self.terminated.push((name.to_owned(), replace));
    }
}
