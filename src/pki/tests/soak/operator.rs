//! Whoever rotates authorities in the soak: asks for the decision every night and takes the step that is possible.

use jiff::Timestamp;

use super::super::super::rotation::{self, CurrentLeaf, Position, Report, Situation, Stage, Step};
use super::super::super::*;
use super::world::{Haste, Machine, World};

impl World {
    pub(super) fn step(&mut self, name: AuthorityName, day: i64) {
        let position = rotation::decide(&self.situation(name)).expect("phases");
        let step = match position.stage {
            Stage::Steady => {
                let due = self.begin.iter().find(|(when, of)| *when <= day && *of == name).copied();
                let Some(due) = due.filter(|_| position.is_ready()) else { return };
                self.begin.remove(&due);
                position.next
            }
            Stage::Trusting { new } if self.withdrawn.remove(&(name, new)) => position.back.expect("a way back"),
            Stage::Replacing { .. } if self.returned.remove(&(name, self.signing(name))) => {
                position.back.expect("a way back")
            }
            _ if position.is_ready() || self.is_hasty(&position) => position.next,
            _ => return,
        };
        if let Step::Prepare { new } = step {
            self.make(name, new, KeyPhase::Prepared);
            return self.rush(name, day, Haste::Switch);
        }
        self.generation += 1;
        let before = self.bundle(name);
        for (number, phase) in rotation::after(step, &self.revisions(name)).expect("possible") {
            self.authorities.get_mut(&name).expect("known").get_mut(&number).expect("known").1 = phase;
        }
        if self.bundle(name) != before {
            self.bundle_since.insert(name, self.now);
        }
        if matches!(step, Step::Switch { .. }) {
            self.rush(name, day, Haste::Drop);
        }
    }

    /// Somebody does not wait for the next night.
    fn rush(&mut self, name: AuthorityName, day: i64, haste: Haste) {
        if self.haste == Some(haste) {
            self.step(name, day);
        }
    }

    fn is_hasty(&self, position: &Position) -> bool {
        match position.next {
            Step::Switch { .. } => self.haste == Some(Haste::Switch),
            Step::Drop { .. } => self.haste == Some(Haste::Drop),
            _ => false,
        }
    }

    fn situation(&self, name: AuthorityName) -> Situation {
        let since = |moment: Timestamp| u64::try_from(self.now.as_second() - moment.as_second()).expect("before");
        let leafs = self.published.iter().filter(|((_, leaf), _)| leaf.authority() == name);
        let current = leafs.map(|((member, leaf), (certificate, revision))| CurrentLeaf {
            member: (*member).to_owned(),
            leaf: leaf.to_string(),
            revision: *revision,
            serial: certificate.serial.clone(),
        });
        let report = |machine: &Machine| Report {
            age: machine.reported.map_or(u64::MAX, since),
            trusted: machine.trust[&name].iter().map(|it| it.fingerprint.clone()).collect(),
            installed: machine.leafs.iter().map(|(leaf, it)| (leaf.to_string(), it.serial.clone())).collect(),
        };
        let of = |(member, machine): (&&'static str, &Machine)| ((*member).to_owned(), Some(report(machine)));
        let members = self.machines.iter().map(of).collect();
        let cluster = name == AuthorityName::Cluster;
        let signs = self.signing(name);
        let holders = self.workers.iter().filter(|(_, (_, revision, _))| cluster && *revision != signs);
        Situation {
            revisions: self.revisions(name),
            leafs: current.collect(),
            members,
            published: Some(since(self.bundle_since[&name])),
            // Workers refresh once a day here, and kubeconfigs end after a day.
            silent_wait: if cluster { 24 * 3600 } else { 0 },
            report_limit: 5400,
            holders: holders.map(|(worker, _)| (*worker).to_owned()).collect(),
        }
    }
}
