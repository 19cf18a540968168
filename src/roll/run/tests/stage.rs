//! A scenario's world with the real runner in it: the SDK and the Kubernetes client talk to the sandbox, time is virtual.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::super::{Cluster, Ending, Event, InMemory, Means, Names, Observer, Place, Report, RunError, run};
use super::watch::Watch;
use crate::aws::{Aws, Fence, Settings};
use crate::clock::Clock;
use crate::fault::FaultPlan;
use crate::health::{GroupRole, View};
use crate::kubernetes::Kubernetes;
use crate::roll::{Amount, GroupPolicy, Policy, Record, baseline};
use crate::sandbox::Sandbox;
use crate::sandbox::scenario::{BUCKET, Scenario};

/// A scenario of this folder, by name.
pub fn scenario(name: &str) -> Scenario {
    let path = format!("{}/tests/scenarios/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Scenario::read(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a fault was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killed {
    Yes,
    No,
}

/// A world, and what is told of a roll in it.
pub struct Stage {
    pub clock: Clock,
    pub sandbox: Sandbox,
    pub scenario: Scenario,
    pub keeper: InMemory,
    pub events: Arc<Mutex<Vec<(Timestamp, Event)>>>,
    /// Tells the run to stop, as Ctrl-C does.
    pub stop: CancellationToken,
}

impl Stage {
    /// Must be called inside a runtime whose clock is paused.
    pub fn new(scenario: Scenario) -> Self {
        let clock = Clock::starting_at("2026-11-20T10:00:00Z".parse().expect("a date"));
        let sandbox = Sandbox::in_memory(clock, scenario.world(clock.now()));
        Self {
            clock,
            sandbox,
            scenario,
            keeper: InMemory::default(),
            events: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    pub fn named(name: &str) -> Self {
        Self::new(scenario(name))
    }

    pub fn with_faults(mut self, plan: FaultPlan) -> Self {
        self.sandbox = self.sandbox.with_faults(plan);
        self
    }

    pub async fn cluster(&self, roll: &str) -> Cluster {
        let settings =
            Settings { http_client: Some(self.sandbox.http_client()), ..Settings::new("eu-west-3", self.clock) };
        let aws = Aws::connect(settings).await;
        aws.hold(Fence::open());
        let name = &self.scenario.cluster;
        let fallback = |group: &crate::sandbox::scenario::Group| Some((group.name.clone(), group.fallback.clone()?));
        let members =
            (0..self.scenario.control_plane.members).map(|number| char::from(b"abc"[number as usize]).to_string());
        Cluster {
            names: Names {
                cluster: name.parse().expect("a name"),
                roll: roll.to_owned(),
                fallbacks: self.scenario.groups.iter().filter_map(fallback).collect(),
                members: members.into_iter().map(|name| (format!("control-plane-{name}"), name)).collect(),
                bastions: BTreeSet::new(),
                snapshots: Some(Place { bucket: BUCKET.to_owned(), prefix: format!("{name}/") }),
            },
            aws,
            kubernetes: Kubernetes::of_service(self.sandbox.kubernetes(name), self.clock),
            dial: Arc::new(self.sandbox.clone()),
            gates: Vec::new(),
        }
    }

    pub async fn view(&self) -> View {
        let mut observer = Observer::start(self.cluster("look").await, self.clock);
        observer.wants(true);
        for _ in 0..60 {
            if let Some(view) = observer.look().await.expect("AWS answers") {
                return view;
            }
            observer.changed(Duration::from_secs(1)).await;
        }
        panic!("the API does not answer: {:?}", observer.trouble());
    }

    pub fn policy(&self, view: &View) -> Policy {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let group = GroupPolicy {
            max_surge: Amount::Percent(10),
            max_unavailable: Amount::Percent(10),
            canary: 1,
            drain: true,
            drain_timeout: minutes(15),
            ready_timeout: minutes(10),
            gate_timeout: minutes(30),
            windows: None,
        };
        Policy {
            groups: view.groups.keys().map(|name| (name.clone(), group.clone())).collect(),
            forced: BTreeSet::new(),
            ignore_budgets: false,
            gate_timeout: minutes(30),
            snapshot_age: Some(minutes(10)),
            leader_stable: minutes(1),
        }
    }

    pub fn record(&self, view: &View, policy: &Policy) -> Record {
        let groups = policy.groups.keys().cloned().collect();
        Record::new("roll-1", self.clock.now(), "ann@laptop", groups).with(
            policy.forced.clone(),
            policy.ignore_budgets,
            baseline(view),
        )
    }

    /// Begins a roll, or goes on with the one that was kept.
    pub async fn roll(&mut self, change: impl FnOnce(&mut Policy)) -> Result<Report, RunError> {
        let view = self.view().await;
        let mut policy = self.policy(&view);
        change(&mut policy);
        let record = match self.keeper.record.clone() {
            Some(record) => record,
            None => self.record(&view, &policy),
        };
        let events = Arc::clone(&self.events);
        let cluster = self.cluster(&record.id).await;
        let means = Means {
            cluster,
            policy,
            keeper: &mut self.keeper,
            clock: self.clock,
            reporter: Arc::new(move |at, event| events.lock().expect("one thread").push((at, event))),
            stop: self.stop.clone(),
        };
        run(means, record).await
    }

    /// Rolls to the end, and checks that it is one, and that nothing was broken on the way.
    pub async fn rolls(&mut self) -> Report {
        let watch = Watch::start(self);
        let report = self.roll(|_| {}).await.expect("nothing is refused for good");
        assert_eq!(report.ending, Ending::Done, "{}", self.log());
        self.check_end().await;
        watch.check();
        report
    }

    /// Rolls until the sandbox stops at a fault, as a killed process does: nothing of it goes on.
    pub async fn rolls_until_stopped(&mut self) -> Killed {
        let sandbox = self.sandbox.clone();
        tokio::select! {
            biased;
            () = sandbox.stopped() => Killed::Yes,
            report = self.roll(|_| {}) => {
                assert_eq!(report.expect("nothing is refused for good").ending, Ending::Done, "{}", self.log());
                Killed::No
            }
        }
    }

    /// The next process: no faults any more.
    pub fn again(&mut self) {
        let sandbox = self.sandbox.clone();
        self.sandbox = sandbox.with_faults(FaultPlan::default());
        self.stop = CancellationToken::new();
    }

    /// Everything is new, and everything that was changed for the roll is back.
    pub async fn check_end(&self) {
        let view = self.view().await;
        for (name, group) in &view.groups {
            let stale: Vec<&String> =
                group.machines.values().filter(|it| group.is_stale(it)).map(|it| &it.id).collect();
            assert!(stale.is_empty(), "{name} still has {stale:?}");
            let max = match &group.role {
                GroupRole::Member(_) => 1,
                _ => self
                    .scenario
                    .groups
                    .iter()
                    .find(|it| it.name == *name)
                    .map_or(0, |it| it.max.unwrap_or(it.size * 2)),
            };
            assert_eq!(group.max, max, "the maximum of {name}");
        }
        for node in view.nodes.values() {
            assert!(!node.unschedulable, "{} is still cordoned", node.name);
            assert!(node.annotations.is_empty(), "{}: {:?}", node.name, node.annotations);
        }
    }

    /// What was told, for messages of tests.
    pub fn log(&self) -> String {
        let events = self.events.lock().expect("one thread");
        let start = events.first().map_or(Timestamp::UNIX_EPOCH, |(at, _)| *at);
        let line = |(at, event): &(Timestamp, Event)| format!("{:>6} s {event:?}", at.duration_since(start).as_secs());
        let lines: Vec<String> =
            events.iter().filter(|(_, event)| !matches!(event, Event::Heartbeat { .. })).map(line).collect();
        lines[lines.len().saturating_sub(150)..].join("\n")
    }

    pub fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.events.lock().expect("one thread").iter().filter(|(_, event)| is(event)).count()
    }
}
