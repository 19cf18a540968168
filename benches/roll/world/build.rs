//! A world at its beginning: every machine stale and Ready, every pod placed and ready.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::time::Event;
use super::{Application, Group, Machine, PODS_PER_NODE, State, World, ZONES};
use crate::measure::Meter;
use crate::scenario::{Budgets, Drought, Scenario};

/// Replicas of the applications, one after the other until the cluster is full.
const REPLICAS: [u32; 5] = [3, 5, 10, 20, 40];
/// How long the machines have run when the roll begins: longer than anything waits.
const AGE: i64 = 86_400;

impl World {
    pub fn new(scenario: &Scenario) -> Self {
        let size: u32 = scenario.groups.iter().sum();
        let mut world = Self {
            now: 0,
            groups: Vec::new(),
            machines: Vec::new(),
            meter: Meter::new(size, &scenario.groups),
            seed: scenario.seed,
            timing: scenario.timing,
            pods: Vec::new(),
            applications: Vec::new(),
            failures: Vec::new(),
            room: BTreeSet::new(),
            unplaced: BTreeSet::new(),
            events: BinaryHeap::new(),
            sequence: 0,
            reclaims: scenario.reclaims,
            reclaimed: 0,
        };
        for (at, size) in scenario.groups.iter().enumerate() {
            world.group(format!("nodes-{at:02}"), *size);
        }
        if let Some(Drought { from, until, reserve }) = scenario.drought {
            world.groups[0].fallback = Some(1);
            world.groups[1].max += reserve;
            world.after(from, Event::Dry(0, true));
            world.after(until, Event::Dry(0, false));
        }
        world.applications(size * PODS_PER_NODE, scenario.budgets);
        world.schedule_reclaim();
        world.meter.start();
        world
    }

    fn group(&mut self, name: String, size: u32) -> usize {
        let group = self.groups.len();
        self.groups.push(Group {
            name,
            desired: size,
            size,
            fallback: None,
            min: 1,
            max: size,
            suspended: BTreeSet::new(),
            machines: Vec::new(),
            dry: false,
            ready: 0,
        });
        for _ in 0..size {
            let machine = self.launch(group);
            let it = &mut self.machines[machine];
            (it.stale, it.state, it.has_node) = (true, State::InService, true);
            (it.launched, it.in_service, it.ready) = (-AGE, -AGE, -AGE);
            self.refresh(machine);
        }
        group
    }

    /// A new machine, in the zone where its group has the fewest.
    pub(super) fn launch(&mut self, group: usize) -> usize {
        let mut zones = [0; ZONES.len()];
        for machine in self.present(group) {
            zones[self.machines[machine].zone] += 1;
        }
        let zone = (0..ZONES.len()).min_by_key(|zone| zones[*zone]).unwrap_or(0);
        let machine = self.machines.len();
        self.machines.push(Machine {
            group,
            stale: false,
            state: State::Pending,
            in_service: i64::MAX,
            cordoned: false,
            launched: self.now,
            zone,
            ready: i64::MAX,
            detached: false,
            avoided: false,
            has_node: false,
            annotations: BTreeMap::new(),
            pods: BTreeSet::new(),
            counted: false,
            place: None,
        });
        self.groups[group].machines.push(machine);
        self.meter.machine_came();
        machine
    }

    fn applications(&mut self, mut pods: u32, budgets: Budgets) {
        for replicas in REPLICAS.into_iter().cycle() {
            let replicas = replicas.min(pods);
            if replicas == 0 {
                break;
            }
            pods -= replicas;
            let missing = match budgets {
                Budgets::Tight => 1,
                Budgets::Loose => (replicas / 4).max(1),
            };
            let application = self.applications.len();
            self.applications.push(Application { replicas, missing, healthy: 0 });
            for _ in 0..replicas {
                let pod = self.make(application);
                self.set_ready(pod, true);
            }
        }
        assert!(self.unplaced.is_empty(), "every pod has a place at the beginning");
        // What was placed has long started.
        self.events.retain(|it| !matches!(it.0.2, Event::PodReady(_)));
    }
}
