//! What a policy can do to the cluster: the calls of AWS and Kubernetes that it would make.

use std::collections::BTreeSet;

use super::World;
use super::time::Cause;

impl World {
    /// Lets no new pods onto a node, or lets them again.
    pub fn cordon(&mut self, machine: usize, cordoned: bool) {
        self.machines[machine].cordoned = cordoned;
        self.refresh(machine);
        if !cordoned {
            self.place_all();
        }
    }

    /// The scheduler places pods elsewhere if it can.
    pub fn avoid(&mut self, machine: usize) {
        self.machines[machine].avoided = true;
        self.refresh(machine);
    }

    /// Sets an annotation of a machine's node, or takes it away.
    pub fn annotate(&mut self, machine: usize, key: &str, value: Option<String>) {
        let annotations = &mut self.machines[machine].annotations;
        match value {
            Some(value) => annotations.insert(key.to_owned(), value),
            None => annotations.remove(key),
        };
    }

    /// Takes a machine out of its group, which launches another one. It goes on running.
    pub fn detach(&mut self, machine: usize) {
        self.machines[machine].detached = true;
        self.react(self.machines[machine].group, 1);
    }

    /// Terminates a machine with all that is still on it; its group launches another one.
    pub fn terminate(&mut self, machine: usize) {
        if !self.machines[machine].is_alive() {
            return;
        }
        let (group, detached) = (self.machines[machine].group, self.machines[machine].detached);
        self.leave(machine, Cause::Policy);
        if !detached {
            self.react(group, 1);
        }
    }

    /// Terminates a machine, and its group becomes smaller by one.
    pub fn terminate_and_shrink(&mut self, machine: usize) {
        if !self.machines[machine].is_alive() {
            return;
        }
        let group = &mut self.groups[self.machines[machine].group];
        assert!(group.desired > group.min, "Auto Scaling refuses to go below the minimum of {}", group.name);
        group.desired -= 1;
        self.leave(machine, Cause::Policy);
    }

    /// Sets a group's size.
    pub fn resize(&mut self, group: usize, desired: u32, max: u32) {
        let its = &mut self.groups[group];
        assert!(its.desired <= desired && desired <= max, "{} from {} to {desired}, {max}", its.name, its.desired);
        let more = desired - its.desired;
        (its.desired, its.max) = (desired, max);
        if more > 0 {
            self.react(group, more);
        }
    }

    /// Switches processes of a group off.
    pub fn suspend(&mut self, group: usize, processes: &BTreeSet<String>) {
        self.groups[group].suspended.extend(processes.iter().cloned());
    }

    /// Switches them on again.
    pub fn resume(&mut self, group: usize, processes: &BTreeSet<String>) {
        self.groups[group].suspended.retain(|it| !processes.contains(it));
    }
}
