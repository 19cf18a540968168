//! The world of the soak: what is recorded, what is published, and what everybody has installed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::super::lifetime::{renew_at, skewed};
use super::super::super::rotation::{self, Revision};
use super::super::super::*;
use super::super::{YEAR, leaf, now};
use super::peers;
use crate::spec::KeyAlgorithm;

pub(super) const DAY: i64 = 24 * 3600;
const TICK: i64 = 600;
pub(super) const MEMBERS: [&str; 3] = ["a", "b", "c"];
pub(super) const WORKERS: [&str; 2] = ["w1", "w2"];

/// A step that is taken although something is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    Switch,
    Drop,
}

/// A machine: what it has installed, and when it last said so.
#[derive(Clone, Default)]
pub(super) struct Machine {
    pub(super) trust: BTreeMap<AuthorityName, Vec<Certificate>>,
    pub(super) leafs: BTreeMap<LeafName, Certificate>,
    pub(super) away: bool,
    /// With which revision of the cluster authority its controller manager signs.
    signs: u32,
    pub(super) reported: Option<Timestamp>,
    /// Of the world, when it last installed something.
    pub(super) generation: u64,
}

/// A person with a kubeconfig.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) trust: Vec<Certificate>,
    pub(super) certificate: Certificate,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) authorities: BTreeMap<AuthorityName, BTreeMap<u32, (Authority, KeyPhase)>>,
    /// Of each member: leaf, which revision signed it.
    pub(super) published: BTreeMap<(&'static str, LeafName), (Certificate, u32)>,
    pub(super) bundle_since: BTreeMap<AuthorityName, Timestamp>,
    pub(super) machines: BTreeMap<&'static str, Machine>,
    /// Workers' kubelets: certificate, which revision signed it, trust.
    pub(super) workers: BTreeMap<&'static str, (Certificate, u32, Vec<Certificate>)>,
    pub(super) people: Vec<Person>,
    pub(super) begin: BTreeSet<(i64, AuthorityName)>,
    pub(super) absent: Vec<(&'static str, i64, i64)>,
    pub(super) replaced: Vec<(&'static str, i64)>,
    pub(super) withdrawn: BTreeSet<(AuthorityName, u32)>,
    pub(super) returned: BTreeSet<(AuthorityName, u32)>,
    pub(super) haste: Option<Haste>,
    pub(super) renew_percent: u8,
    pub(super) renewals: usize,
    /// Counts changes of what is published.
    pub(super) generation: u64,
    changed: bool,
    /// Until then nothing that is in use ends.
    calm_until: Timestamp,
    believed: BTreeSet<(String, Usage)>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            now: now(),
            authorities: BTreeMap::new(),
            published: BTreeMap::new(),
            bundle_since: BTreeMap::new(),
            machines: MEMBERS.map(|member| (member, Machine::default())).into(),
            workers: BTreeMap::new(),
            people: Vec::new(),
            begin: BTreeSet::new(),
            absent: Vec::new(),
            replaced: Vec::new(),
            withdrawn: BTreeSet::new(),
            returned: BTreeSet::new(),
            haste: None,
            renew_percent: 67,
            renewals: 0,
            generation: 0,
            changed: true,
            calm_until: now(),
            believed: BTreeSet::new(),
        };
        for name in AuthorityName::ALL {
            world.make(name, 1, KeyPhase::Issuing);
        }
        world.renew();
        MEMBERS.iter().for_each(|member| world.refresh(member));
        WORKERS.iter().for_each(|worker| world.join(worker));
        world
    }

    /// Rotates an authority from a day on.
    pub(super) fn rotate(&mut self, name: AuthorityName, day: i64) {
        self.begin.insert((day, name));
    }

    pub(super) fn run(&mut self, days: i64) {
        if let Some(distrust) = self.first_distrust(days) {
            panic!("{}: {distrust}", self.now);
        }
        assert!(self.begin.is_empty(), "a rotation never began");
    }

    /// Lives for so many days, or until somebody is not believed.
    pub(super) fn first_distrust(&mut self, days: i64) -> Option<String> {
        for tick in 0..days * DAY / TICK {
            self.now = Timestamp::from_second(now().as_second() + tick * TICK).expect("a moment");
            let (day, second) = (tick * TICK / DAY, tick * TICK % DAY);
            self.happen(day, second);
            for (index, member) in MEMBERS.into_iter().enumerate() {
                // Every 30 minutes, each at other minutes.
                if (tick + i64::try_from(index).expect("small")) % 3 == 0 {
                    self.refresh(member);
                }
            }
            for (index, worker) in WORKERS.into_iter().enumerate() {
                if second == 6 * 3600 * i64::try_from(index + 1).expect("small") {
                    self.refresh_worker(worker);
                }
            }
            if std::mem::take(&mut self.changed) || self.now > self.calm_until {
                let talks = peers::talks(self);
                if let Some(distrust) = self.believe(&talks) {
                    return Some(distrust);
                }
            }
        }
        None
    }

    fn happen(&mut self, day: i64, second: i64) {
        match second {
            // The nightly apply: renewals, then at most one step of each rotation.
            0 => {
                self.renew();
                AuthorityName::ALL.into_iter().for_each(|name| self.step(name, day));
                self.renew();
            }
            28_800 => {
                for &(member, from, to) in &self.absent {
                    let machine = self.machines.get_mut(member).expect("a member");
                    machine.away = if day == from { true } else { machine.away && day != to };
                }
                self.fetch_kubeconfig();
            }
            36_000 => {
                if let Some(&(member, _)) = self.replaced.iter().find(|(_, when)| *when == day) {
                    self.machines.insert(member, Machine::default());
                    self.refresh(member);
                }
                // A roll, one node a day, as long as somebody holds a certificate of another revision; the others'
                // kubelets renew theirs themselves.
                let signs = self.signing(AuthorityName::Cluster);
                let old = |(_, (certificate, revision, _)): &(&&'static str, &(Certificate, u32, _))| {
                    *revision != signs || renew_at(certificate.ends, 67) <= self.now
                };
                if let Some((worker, _)) = self.workers.iter().find(old) {
                    self.join(worker);
                }
            }
            _ => {}
        }
    }

    /// A certificate of everybody who talks, to whoever listens: believed, or why not. Once believed, only another
    /// certificate or the end of one can change that.
    fn believe(&mut self, talks: &[peers::Talk]) -> Option<String> {
        self.calm_until = Timestamp::MAX;
        for talk in talks {
            let all = || std::iter::once(&talk.certificate).chain(&talk.trusted);
            let key = (all().map(|it| it.fingerprint.as_str()).collect::<String>(), talk.usage);
            if !self.believed.contains(&key) || !all().all(|it| it.ends.contain(self.now)) {
                if let Err(why) = verify(&talk.certificate, &talk.trusted, talk.usage, self.now) {
                    return Some(format!("{} is refused by {}: {why}", talk.who, talk.by));
                }
                self.believed.insert(key);
            }
            let end = all().map(|it| it.ends.not_after).min().expect("one at least");
            self.calm_until = self.calm_until.min(end);
        }
        None
    }

    pub(super) fn signing(&self, name: AuthorityName) -> u32 {
        rotation::trusted(&self.revisions(name)).expect("phases").1
    }

    pub(super) fn revisions(&self, name: AuthorityName) -> Vec<Revision> {
        let of = |(number, (authority, phase)): (&u32, &(Authority, KeyPhase))| Revision {
            number: *number,
            phase: *phase,
            fingerprint: Some(authority.certificate().fingerprint.clone()),
        };
        self.authorities[&name].iter().map(of).collect()
    }

    pub(super) fn bundle(&self, name: AuthorityName) -> Vec<Certificate> {
        let (trusted, _) = rotation::trusted(&self.revisions(name)).expect("phases");
        trusted.iter().rev().map(|number| self.authorities[&name][number].0.certificate().clone()).collect()
    }

    pub(super) fn make(&mut self, name: AuthorityName, revision: u32, phase: KeyPhase) {
        let cluster = "prod.example.com".parse().expect("a name");
        let ends = Ends::issued_at(self.now, 10 * YEAR);
        let made = Authority::create(name, &cluster, revision, KeyAlgorithm::EcdsaP256, ends).expect("an authority");
        self.authorities.entry(name).or_default().insert(revision, (made, phase));
        self.bundle_since.insert(name, self.now);
        self.generation += 1;
    }

    fn issue(&self, name: AuthorityName, what: &Leaf, lifetime: u64) -> (Certificate, u32) {
        let revision = self.signing(name);
        let ends = Ends::issued_at(self.now, lifetime);
        let issued = self.authorities[&name][&revision].0.issue(what, ends).expect("issued");
        assert_eq!(issued.certificate.ends, ends);
        (issued.certificate, revision)
    }

    /// Publishes every leaf that is due, or of which another revision than the one that signs is the issuer.
    fn renew(&mut self) {
        for member in MEMBERS {
            for name in LeafName::ALL {
                let due = self.published.get(&(member, name)).is_none_or(|(certificate, revision)| {
                    renew_at(certificate.ends, self.renew_percent) <= self.now
                        || *revision != self.signing(name.authority())
                });
                if due {
                    let lifetime = skewed(YEAR, 10, &format!("{member}/{name}"));
                    let what = leaf(&format!("{name}.{member}"), peers::usages(name));
                    let issued = self.issue(name.authority(), &what, lifetime);
                    self.published.insert((member, name), issued);
                    self.renewals += 1;
                    self.generation += 1;
                }
            }
        }
    }

    /// A member installs what is published, and reports it.
    fn refresh(&mut self, member: &'static str) {
        let (generation, reported) = (self.generation, Some(self.now));
        let machine = self.machines.get_mut(member).expect("a member");
        if machine.away || machine.generation == generation && machine.reported.is_some() {
            machine.reported = if machine.away { machine.reported } else { reported };
            return;
        }
        let trust = AuthorityName::ALL.map(|name| (name, self.bundle(name)));
        let signs = self.signing(AuthorityName::Cluster);
        let leafs = LeafName::ALL.map(|name| (name, self.published[&(member, name)].0.clone()));
        let (trust, leafs) = (BTreeMap::from(trust), BTreeMap::from(leafs));
        self.machines.insert(member, Machine { trust, leafs, signs, reported, away: false, generation });
        self.changed = true;
    }

    /// A new worker: the controller manager of some member signs its kubelet's certificate.
    fn join(&mut self, worker: &'static str) {
        let mut present = self.machines.values().filter(|machine| !machine.away);
        let revision = present.next().expect("a member is there").signs;
        let ends = Ends::issued_at(self.now, YEAR);
        let signer = &self.authorities[&AuthorityName::Cluster][&revision].0;
        let issued = signer.issue(&leaf(worker, &[Usage::Client]), ends).expect("issued");
        self.workers.insert(worker, (issued.certificate, revision, self.bundle(AuthorityName::Cluster)));
        self.changed = true;
    }

    fn refresh_worker(&mut self, worker: &str) {
        let bundle = self.bundle(AuthorityName::Cluster);
        let (_, _, trust) = self.workers.get_mut(worker).expect("a worker");
        self.changed |= *trust != bundle;
        *trust = bundle;
    }

    /// Somebody takes a kubeconfig for 24 hours every day; the one before that ends in these minutes.
    fn fetch_kubeconfig(&mut self) {
        let (certificate, _) = self.issue(AuthorityName::Cluster, &leaf("me", &[Usage::Client]), 24 * 3600);
        self.people = vec![Person { trust: self.bundle(AuthorityName::Cluster), certificate }];
        self.changed = true;
    }
}
