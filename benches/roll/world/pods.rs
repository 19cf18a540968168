//! Pods: where they are placed, when their budgets let them go, and who makes them anew.

use super::time::{Cause, Draw, Event};
use super::{Pod, World};

/// How many of the emptiest nodes the scheduler compares when it spreads an application.
const COMPARED: usize = 8;

impl World {
    /// Asks for a pod's eviction, by the arithmetic of the API server: a ready pod goes if its budget has one to spare,
    /// one that is not ready if the budget is kept without it. Whether it goes.
    pub fn evict(&mut self, pod: usize) -> bool {
        let it = &self.pods[pod];
        if it.gone || it.deleted_at.is_some() {
            return true;
        }
        let application = &self.applications[it.application];
        let spare = i64::from(application.healthy) - i64::from(application.desired());
        let needed = match (it.machine, it.ready) {
            (None, _) => i64::MIN,
            (Some(_), true) => 1,
            (Some(_), false) => 0,
        };
        if spare < needed {
            return false;
        }
        self.set_ready(pod, false);
        self.meter.pod_moved();
        let grace = self.draw(self.timing.grace, Draw::Grace, pod as u64);
        self.pods[pod].deleted_at = Some(self.now + grace);
        self.after(grace, Event::PodGone(pod));
        // Its controller counts it as gone from now on.
        let application = self.pods[pod].application;
        self.make(application);
        true
    }

    /// Makes a pod and places it if there is room. Its number.
    pub(super) fn make(&mut self, application: usize) -> usize {
        let pod = self.pods.len();
        let created = self.now;
        self.pods.push(Pod { application, machine: None, ready: false, created, deleted_at: None, gone: false });
        if !self.place(pod) {
            self.unplaced.insert(pod);
        }
        pod
    }

    fn place(&mut self, pod: usize) -> bool {
        let application = self.pods[pod].application;
        let beside = |machine: usize| {
            let pods = self.machines[machine].pods.iter();
            pods.filter(|other| self.pods[**other].application == application).count()
        };
        let candidates = self.room.iter().take(COMPARED);
        let best = candidates.min_by_key(|place| (place.avoided, beside(place.machine), **place));
        let Some(machine) = best.map(|place| place.machine) else { return false };
        self.pods[pod].machine = Some(machine);
        self.machines[machine].pods.insert(pod);
        self.refresh(machine);
        let start = self.draw(self.timing.start, Draw::Start, pod as u64);
        self.after(start, Event::PodReady(pod));
        true
    }

    /// Places what has waited for room.
    pub(super) fn place_all(&mut self) {
        while let Some(pod) = self.unplaced.first().copied() {
            if !self.pods[pod].gone && self.pods[pod].deleted_at.is_none() && !self.place(pod) {
                return;
            }
            self.unplaced.remove(&pod);
        }
    }

    pub(super) fn pod_ready(&mut self, pod: usize) {
        let it = &self.pods[pod];
        let runs = it.machine.is_some_and(|machine| self.is_ready(machine));
        if runs && !it.gone && it.deleted_at.is_none() {
            self.set_ready(pod, true);
        }
    }

    pub(super) fn pod_gone(&mut self, pod: usize) {
        self.pods[pod].gone = true;
        if let Some(machine) = self.pods[pod].machine {
            self.machines[machine].pods.remove(&pod);
            self.refresh(machine);
            self.place_all();
        }
    }

    /// All pods of a machine end at once. Each ready one whose loss leaves fewer than its budget wants is a violation,
    /// if the policy did it.
    pub(super) fn lose_pods(&mut self, machine: usize, cause: Cause) {
        let pods: Vec<usize> = self.machines[machine].pods.iter().copied().collect();
        for pod in pods {
            if !self.pods[pod].ready {
                continue;
            }
            self.set_ready(pod, false);
            self.meter.pod_moved();
            let application = &self.applications[self.pods[pod].application];
            if cause == Cause::Policy && application.healthy < application.desired() {
                self.meter.violated();
            }
        }
    }

    /// Takes the node of a machine out of the API; its pods are made anew elsewhere.
    pub fn delete_node(&mut self, machine: usize) {
        if !std::mem::take(&mut self.machines[machine].has_node) {
            return;
        }
        let pods = std::mem::take(&mut self.machines[machine].pods);
        self.refresh(machine);
        for pod in pods {
            self.set_ready(pod, false);
            let it = &mut self.pods[pod];
            if !std::mem::replace(&mut it.gone, true) && it.deleted_at.is_none() {
                let application = it.application;
                self.make(application);
            }
        }
    }

    pub(super) fn set_ready(&mut self, pod: usize, ready: bool) {
        let it = &mut self.pods[pod];
        if std::mem::replace(&mut it.ready, ready) != ready {
            let healthy = &mut self.applications[it.application].healthy;
            *healthy = if ready { *healthy + 1 } else { healthy.saturating_sub(1) };
        }
    }
}
