//! `windlass capacity test-fallback`: what happens to a cluster when a group gets no machines, tried in a copy of the
//! sandbox.
//!
//! The copy is rolled by the real runner, with nothing to be had for the group: a launch fails, the declared fallback is
//! raised, its nodes become Ready, the group gets machines again, the fallback is lowered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::super::failure::Stopped;
use super::super::options::{Format, Global, Which};
use super::super::roll::policy;
use super::super::session::{self, FEW_CALLS, Session};
use super::super::view;
use crate::aws::{Aws, Fence, Settings};
use crate::capacity;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::health::{GroupRole, View};
use crate::kubernetes::Kubernetes;
use crate::roll::{self, Action, Cluster, Ending, Event, InMemory, Means, Observer, Record, baseline};
use crate::sandbox::ec2::{CapacityLimit, Purchase};
use crate::sandbox::{Sandbox, World};
use crate::spec::value::MachineType;
use crate::ui::output::Output;
use crate::ui::table::Table;

/// How often the copy is looked at while it is rolled.
const LOOK: Duration = Duration::from_secs(5);

/// Try in a copy of the sandbox what happens when a group gets no machines: how soon it is told, and whether its fallback
/// stands in.
///
/// Needs --sandbox, and a cluster that was applied there; the sandbox itself stays as it is. Exits with 16 when a fallback
/// does not stand in.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Try these groups only; without it all that have a fallback.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Version of this format.
    version: u32,
    cluster: String,
    trials: Vec<Trial>,
}

/// What became of one group; seconds of the sandbox's time.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trial {
    group: String,
    fallback: String,
    /// From the first launch that failed until it was told.
    told_seconds: Option<i64>,
    /// From then until the fallback was raised.
    raised_seconds: Option<i64>,
    /// From then until the fallback had more Ready nodes than before.
    ready_seconds: Option<i64>,
    /// From the moment that the group got machines again until everything was as before.
    back_seconds: Option<i64>,
    /// What went wrong, or why it was not tried.
    problem: Option<String>,
    /// Whether it was tried at all.
    tried: bool,
}

impl Arguments {
    /// Tries and shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        if !global.sandbox {
            let message = "this takes machines away from a group, so it works in the sandbox only\n  hint: windlass \
                           --sandbox apply CLUSTER, then windlass --sandbox capacity test-fallback CLUSTER";
            return Err(Stopped::new(Exit::Config, message).into());
        }
        let session = Session::open(global, output, &self.which.cluster, FEW_CALLS).await?;
        let links = self.links(&session)?;
        let (_, sandbox) = session::sandbox(global, &session.manifests.project)?;
        let world = sandbox.with_world(|world| world.clone())?;
        let mut trials = Vec::new();
        for (group, fallback) in links {
            trials.push(Stage::new(&session, &world, group, fallback).await.trial().await?);
        }
        let report = Report { version: 1, cluster: session.cluster().to_string(), trials };
        output.data(&match self.output {
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
            Format::Text => text(&report),
        })?;
        let failed = report.trials.iter().any(|trial| trial.tried && trial.problem.is_some());
        Ok(if failed { Exit::Capacity } else { Exit::Done })
    }

    /// The groups to try, with their fallbacks.
    fn links(&self, session: &Session) -> anyhow::Result<BTreeMap<String, String>> {
        let mut links = capacity::fallbacks(session.specification());
        if let Some(unknown) = self.groups.iter().find(|group| !links.contains_key(*group)) {
            let all: Vec<&str> = links.keys().map(String::as_str).collect();
            let message = format!("no group {unknown} has a fallback\n  hint: these have one: {}", all.join(", "));
            return Err(Stopped::new(Exit::Config, message).into());
        }
        links.retain(|group, _| self.groups.is_empty() || self.groups.contains(group));
        Ok(links)
    }
}

/// A copy of the sandbox in which one group gets no machines.
struct Stage<'s> {
    session: &'s Session,
    /// Begins with the date in the sandbox, whatever happened in other copies.
    clock: Clock,
    sandbox: Sandbox,
    aws: Aws,
    group: String,
    fallback: String,
}

impl<'s> Stage<'s> {
    async fn new(session: &'s Session, world: &World, group: String, fallback: String) -> Self {
        let clock = Clock::starting_at(world.now);
        let sandbox = Sandbox::in_memory(clock, world.clone());
        let settings =
            Settings { http_client: Some(sandbox.http_client()), ..Settings::new(session.aws.region(), clock) };
        let aws = Aws::connect(settings).await;
        aws.hold(Fence::open());
        Self { session, clock, sandbox, aws, group, fallback }
    }

    async fn trial(&self) -> anyhow::Result<Trial> {
        let trial = Trial { group: self.group.clone(), fallback: self.fallback.clone(), ..Trial::default() };
        let mut observer = Observer::start(self.cluster("look"), self.clock);
        let silent = |why: &str| format!("the API in the sandbox does not answer: {why}");
        let before = view::first_look(&mut observer, self.clock, silent).await?;
        let machines = before.groups.get(&self.group).map_or(0, |group| group.in_service().count());
        if machines == 0 {
            let problem = Some(String::from("not tried: the group has no machine in service"));
            return Ok(Trial { problem, ..trial });
        }
        let trial = Trial { tried: true, ..trial };
        let limits = self.limits();
        self.sandbox.with_world(|world| world.ec2.capacity.extend(limits.iter().cloned()))?;
        let events: Arc<Mutex<Vec<(Timestamp, Event)>>> = Arc::default();
        let ready_before = ready(&before, &self.fallback);
        let watch = async {
            loop {
                self.clock.sleep(LOOK).await;
                let view = observer.look().await?;
                if view.is_some_and(|view| ready(&view, &self.fallback) > ready_before) {
                    self.sandbox.with_world(|world| world.ec2.capacity.retain(|limit| !limits.contains(limit)))?;
                    return anyhow::Ok(self.clock.now());
                }
            }
        };
        let rolled = self.roll(&before, Arc::clone(&events));
        tokio::pin!(watch, rolled);
        // The roll ends by itself, whether a fallback stands in or not.
        let (stood_in, ending) = tokio::select! {
            at = &mut watch => (Some(at?), rolled.await?),
            ending = &mut rolled => (None, ending?),
        };
        let events = events.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(self.judge(trial, &events, stood_in, &ending))
    }

    /// What the group launches is not to be had any more: spot, for a group that buys spot, else on demand.
    fn limits(&self) -> Vec<CapacityLimit> {
        let groups = &self.session.specification().node_groups;
        let group = groups.iter().find(|group| group.metadata.name.as_str() == self.group);
        let purchase = match group {
            Some(group) if group.spec.buys_spot() => Purchase::Spot,
            _ => Purchase::OnDemand,
        };
        let types = group.map(|group| group.spec.machine_types.clone()).unwrap_or_default();
        let limit = |machine_type: &MachineType| CapacityLimit {
            instance_type: machine_type.to_string(),
            zone: String::from("*"),
            purchase: Some(purchase),
            at_most: 0,
        };
        types.iter().map(limit).collect()
    }

    fn cluster(&self, roll: &str) -> Cluster {
        let kubernetes = Kubernetes::of_service(self.sandbox.kubernetes(self.session.cluster().as_str()), self.clock);
        Cluster {
            aws: self.aws.clone(),
            dial: Arc::new(self.sandbox.clone()),
            gates: Vec::new(),
            ..view::cluster(self.session, kubernetes, roll)
        }
    }

    /// Replaces the group's machines as `windlass roll --force` does.
    async fn roll(&self, before: &View, events: Arc<Mutex<Vec<(Timestamp, Event)>>>) -> anyhow::Result<Ending> {
        let groups = BTreeSet::from([self.group.clone()]);
        let forced = policy::every_machine(before, &groups);
        let mut policy = policy::policy(self.session, &groups, forced.clone(), false);
        // It is about capacity, not about when people want their nodes replaced.
        policy.groups.values_mut().for_each(|group| group.windows = None);
        let record = Record::new("test-fallback", self.clock.now(), "test-fallback", groups);
        let record = record.with(forced, false, baseline(before));
        let means = Means {
            cluster: self.cluster(&record.id),
            policy,
            keeper: &mut InMemory::default(),
            clock: self.clock,
            reporter: Arc::new(move |at, event| {
                tracing::debug!(%at, ?event, "trial");
                events.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, event));
            }),
            stop: CancellationToken::new(),
        };
        Ok(roll::run(means, record).await.context("the trial roll cannot go on")?.ending)
    }

    fn judge(
        &self,
        trial: Trial,
        events: &[(Timestamp, Event)],
        stood_in: Option<Timestamp>,
        ending: &Ending,
    ) -> Trial {
        let since = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs();
        let failure = events.iter().find_map(|(told, event)| match event {
            Event::NoCapacity { failure } => Some((failure.at, *told)),
            _ => None,
        });
        let raised = events.iter().find_map(|(at, event)| match event {
            Event::Did { action: Action::Resize { group, .. } } if *group == self.fallback => Some(*at),
            _ => None,
        });
        let end = events.last().map(|(at, _)| *at);
        let problem = match (failure, raised, stood_in, ending) {
            (None, ..) => Some(String::from("no launch failed: the group got machines all the same")),
            (_, None, ..) => Some(format!("the fallback was not raised: {}", how(ending))),
            (.., None, _) => Some(format!("no node of the fallback became Ready: {}", how(ending))),
            (.., Ending::Done) => None,
            (.., ending) => Some(format!("the group did not come back: {}", how(ending))),
        };
        Trial {
            told_seconds: failure.map(|(at, told)| since(at, told)),
            raised_seconds: failure.zip(raised).map(|((_, told), raised)| since(told, raised)),
            ready_seconds: raised.zip(stood_in).map(|(raised, ready)| since(raised, ready)),
            back_seconds: stood_in.zip(end).filter(|_| *ending == Ending::Done).map(|(from, end)| since(from, end)),
            problem,
            ..trial
        }
    }
}

fn how(ending: &Ending) -> String {
    match ending {
        Ending::Done => String::from("the roll was done without it"),
        Ending::Stopped(stop) => stop.to_string().lines().next().unwrap_or_default().to_owned(),
        Ending::Paused | Ending::Aborted | Ending::Interrupted => format!("the roll ended: {ending:?}").to_lowercase(),
    }
}

fn ready(view: &View, group: &str) -> usize {
    let Some(group) = view.groups.get(group).filter(|group| group.role == GroupRole::Nodes) else { return 0 };
    let is_ready = |id: &str| view.node_of(id).is_some_and(crate::kubernetes::Node::is_ready);
    group.in_service().filter(|machine| is_ready(&machine.id)).count()
}

fn text(report: &Report) -> String {
    let mut table = Table::new(["GROUP", "FALLBACK", "TOLD", "RAISED", "READY", "BACK", "RESULT"]);
    let seconds = |seconds: Option<i64>| seconds.map_or_else(|| String::from("-"), |seconds| format!("{seconds} s"));
    for trial in &report.trials {
        table.row([
            trial.group.clone(),
            trial.fallback.clone(),
            seconds(trial.told_seconds),
            seconds(trial.raised_seconds),
            seconds(trial.ready_seconds),
            seconds(trial.back_seconds),
            trial.problem.clone().unwrap_or_else(|| String::from("ok")),
        ]);
    }
    if table.is_empty() { String::from("no group has a fallback\n") } else { table.to_text() }
}
