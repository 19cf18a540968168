//! The run of a roll: looks, asks [`decide`], stores the record, does what is to be done, and asks again, until the
//! decision says that it ends. It decides nothing itself.

mod act;
mod control_plane;
mod event;
mod keeper;
mod observe;
mod probe;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use act::name;
pub use control_plane::Place;
pub use event::{EVENT_VERSION, Event, Reporter};
pub use keeper::{InMemory, Keeper};
pub use observe::{Cluster, Names, Observer};
pub use probe::{ScopedGate, scoped};

use super::decide::{Decision, Outcome, Stop, decide};
use super::{Action, Estimate, Memory, Policy, Record, State, Timings, estimate};
use crate::aws;
use crate::clock::Clock;
use crate::health::{CapacityFailure, View};
use crate::kubernetes;
use crate::state::{self, Asked, RequestRecord};

/// How often everything is looked at, also when nothing tells of a change. Scaling activities are read as often: a launch
/// that failed is known within that time.
const LOOK: Duration = Duration::from_secs(10);
/// How soon after a change it is decided again: changes come in swarms.
const SOON: Duration = Duration::from_secs(1);
/// How long counts and what was only noticed may be newer than the stored record: losing them makes a summary wrong, and
/// nothing else.
const SOFT: Duration = Duration::from_secs(60);
/// A sign of life in a log at least this often (see the design, "Output").
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long the same action may fail, one time after the other, before the roll stops.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How soon what failed is tried again: whoever has too much to do is not asked every second.
const AGAIN: Duration = Duration::from_secs(5);
/// How long calls under way get when the run is told to stop: CI systems give 10 s before they kill.
const GRACE: Duration = Duration::from_secs(5);

/// What a run needs.
pub struct Means<'run, K> {
    /// The cluster.
    pub cluster: Cluster,
    /// How to go about it; the windows in it are worked out anew by `policy` when the run is a day old.
    pub policy: Policy,
    /// Keeps the record.
    pub keeper: &'run mut K,
    /// The clock.
    pub clock: Clock,
    /// Receives events.
    pub reporter: Reporter,
    /// Stops the run: Ctrl-C, SIGTERM, the end of `--timeout`.
    pub stop: CancellationToken,
}

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The record cannot be stored, or the lock is lost: nothing is begun that is not in the record.
    #[error("{0}")]
    State(#[from] state::Error),
    /// AWS refuses something for good.
    #[error("{what}: {error}")]
    Aws {
        /// What was tried.
        what: String,
        /// Its answer.
        #[source]
        error: Box<aws::Error>,
    },
    /// Kubernetes refuses something for good.
    #[error("{what}: {error}")]
    Kubernetes {
        /// What was tried.
        what: String,
        /// Its answer.
        #[source]
        error: Box<kubernetes::Error>,
    },
    /// A member of the control plane does not do what it is asked for.
    #[error("{what}: {why}")]
    Member {
        /// What was tried.
        what: String,
        /// In the member's words.
        why: String,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything is replaced, and everything is as it was.
    Done,
    /// Somebody paused it.
    Paused,
    /// Somebody aborted it, and everything that could be put back is.
    Aborted,
    /// It cannot go on.
    Stopped(Stop),
    /// It was told to stop: Ctrl-C.
    Interrupted,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// The record as it was last.
    pub record: Record,
    /// How long this run took.
    pub elapsed: Duration,
    /// Decisions made.
    pub decisions: u64,
}

/// Runs until the roll ends, stops, is paused, or is interrupted.
///
/// # Errors
/// See [`RunError`]. What was begun is in the record; running again goes on from what is there.
pub async fn run<K: Keeper>(means: Means<'_, K>, record: Record) -> Result<Report, RunError> {
    let Means { cluster, policy, keeper, clock, reporter, stop } = means;
    let mut runner = Runner {
        observer: Observer::start(cluster, clock),
        policy,
        keeper,
        clock,
        reporter,
        stop,
        started: clock.since_boot(),
        resumed: record.memory != Memory::default(),
        kept: None,
        kept_at: Duration::ZERO,
        record,
        looked: None,
        told: Told::default(),
        failing: BTreeMap::new(),
        decisions: 0,
    };
    let ending = runner.run().await?;
    let elapsed = clock.since_boot().saturating_sub(runner.started);
    runner.finished(&ending, elapsed);
    Ok(Report { ending, record: runner.record, elapsed, decisions: runner.decisions })
}

struct Runner<'run, K> {
    observer: Observer,
    policy: Policy,
    keeper: &'run mut K,
    clock: Clock,
    reporter: Reporter,
    stop: CancellationToken,
    started: Duration,
    /// Whether an earlier run has looked at it already.
    resumed: bool,
    /// The record as it was last stored.
    kept: Option<Record>,
    /// When that was.
    kept_at: Duration,
    record: Record,
    /// When requests were last looked for.
    looked: Option<Duration>,
    told: Told,
    /// Since when each action has failed one time after the other.
    failing: BTreeMap<String, Duration>,
    decisions: u64,
}

/// What was told already, so that a log says each thing once.
#[derive(Default)]
struct Told {
    started: bool,
    waiting: BTreeMap<String, String>,
    failures: BTreeSet<String>,
    heartbeat: Option<Duration>,
}

impl<K: Keeper> Runner<'_, K> {
    async fn run(&mut self) -> Result<Ending, RunError> {
        loop {
            self.hear().await?;
            if self.stop.is_cancelled() {
                let record = self.record.clone();
                self.keep(record, "interrupted").await?;
                return Ok(Ending::Interrupted);
            }
            let looked = attend(self.keeper, self.clock, &self.stop, self.observer.look()).await?;
            let Some(looked) = looked else { continue };
            let Some(view) = looked.map_err(|error| refused("looking at AWS", error))? else {
                self.pause(LOOK).await;
                continue;
            };
            let decision = decide(&view, &self.policy, &self.record);
            self.decisions += 1;
            self.tell(&view, &decision);
            self.observer.wants(decision.needs_control_plane);
            let Decision { actions, record, outcome, .. } = decision;
            self.keep(record, "what comes next").await?;
            let acted = !actions.is_empty();
            self.act(actions).await?;
            match outcome {
                Outcome::Going => {}
                _ if acted => {}
                Outcome::Done => return Ok(Ending::Done),
                Outcome::Paused => return Ok(Ending::Paused),
                Outcome::Aborted => return Ok(Ending::Aborted),
                Outcome::Stopped(stop) => return Ok(Ending::Stopped(stop)),
            }
            if acted {
                self.pause(if self.failing.is_empty() { SOON } else { AGAIN }).await;
            } else {
                self.wait().await;
            }
        }
    }

    /// Takes in what somebody asked for from elsewhere.
    async fn hear(&mut self) -> Result<(), RunError> {
        let now = self.clock.since_boot();
        if self.looked.is_some_and(|at| now < at + LOOK) {
            return Ok(());
        }
        self.looked = Some(now);
        for RequestRecord { what, by, at } in self.keeper.asked().await? {
            let word = match what {
                Asked::Pause => "paused",
                Asked::Abort => "aborted",
            };
            self.notice(format!("{word} by {by}"));
            let mut record = self.record.clone();
            record.state = match (what, &record.state) {
                // What is being undone is not stopped half-way by a pause.
                (Asked::Pause, State::Aborting { .. }) => continue,
                (Asked::Pause, _) => State::Paused { by, at },
                (Asked::Abort, _) => State::Aborting { by, at },
            };
            self.keep(record, word).await?;
        }
        Ok(())
    }

    /// Stores the record if it says anything new that must be known before it is done. Counts ride along.
    async fn keep(&mut self, record: Record, why: &str) -> Result<(), RunError> {
        let now = self.clock.since_boot();
        let is_old = now >= self.kept_at + SOFT && self.kept.as_ref() != Some(&record);
        if is_old || self.kept.as_ref().is_none_or(|kept| announces(kept, &record)) {
            self.keeper.keep(&record, why).await?;
            (self.kept, self.kept_at) = (Some(record.clone()), now);
        }
        self.record = record;
        Ok(())
    }

    /// Does everything at the same time; what fails is tried again after the next look. What was given up because the run
    /// shall stop is seen by the next one.
    async fn act(&mut self, actions: Vec<Action>) -> Result<(), RunError> {
        // What is not tried this time has not failed one time after the other.
        let tried: BTreeSet<String> = actions.iter().map(act::name).collect();
        self.failing.retain(|key, _| tried.contains(key));
        let performed = attend(self.keeper, self.clock, &self.stop, self.observer.perform(actions)).await?;
        let now = self.clock.since_boot();
        for (action, outcome) in performed.into_iter().flatten() {
            let key = act::name(&action);
            match outcome {
                Ok(done) => {
                    self.failing.remove(&key);
                    self.count(&action, &done);
                    self.report_done(action, done);
                }
                Err(error) => {
                    let since = *self.failing.entry(key.clone()).or_insert(now);
                    if error.is_final() || now >= since + PATIENCE {
                        return Err(error.of(key));
                    }
                    self.report(Event::Failed { action, error: error.to_string() });
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, action: &Action, done: &act::Done) {
        if let (Action::Evict { .. } | Action::DeletePod { .. }, act::Done::Yes) = (action, done) {
            self.record.done.evicted += 1;
        }
    }

    fn report_done(&self, action: Action, done: act::Done) {
        match (action, done) {
            (Action::Evict { namespace, pod, node, .. }, act::Done::Refused(cause)) => {
                self.report(Event::Refused { pod: format!("{namespace}/{pod}"), node, cause });
            }
            (action, _) => self.report(Event::Did { action }),
        }
    }

    /// Until something changed, or it is time to look again.
    async fn wait(&mut self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.observer.changed(LOOK) => self.clock.sleep(SOON).await,
        }
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.clock.sleep(time) => {}
        }
    }

    /// Tells what is new: the start, launches that failed, what is waited for, a sign of life.
    fn tell(&mut self, view: &View, decision: &Decision) {
        let ahead = || estimate(view, &self.policy, &Timings::default());
        let machines = |ahead: &Estimate| usize::try_from(ahead.machines).unwrap_or(usize::MAX);
        if !std::mem::replace(&mut self.told.started, true) {
            let ahead = ahead();
            self.report(Event::RollStarted {
                version: EVENT_VERSION,
                cluster: self.observer.cluster_name().to_owned(),
                roll: self.record.id.clone(),
                resumed: self.resumed,
                machines: machines(&ahead),
                estimate_seconds: ahead.duration.as_secs(),
            });
        }
        let new = |failure: &&CapacityFailure| {
            failure.at >= self.record.started && !self.told.failures.contains(&failure.activity)
        };
        let failures: Vec<CapacityFailure> = view.capacity.iter().filter(new).cloned().collect();
        for failure in failures {
            self.told.failures.insert(failure.activity.clone());
            self.report(Event::NoCapacity { failure });
        }
        let waiting: BTreeMap<String, String> =
            decision.waiting.iter().map(|it| (it.about.clone(), it.what.clone())).collect();
        for (about, what) in &waiting {
            if self.told.waiting.get(about) != Some(what) {
                self.report(Event::Waiting { about: about.clone(), what: what.clone() });
            }
        }
        for about in self.told.waiting.keys().filter(|about| !waiting.contains_key(*about)) {
            self.report(Event::Settled { about: about.clone() });
        }
        let now = self.clock.since_boot();
        if self.told.heartbeat.is_none_or(|at| now >= at + HEARTBEAT) {
            self.told.heartbeat = Some(now);
            let seconds = now.saturating_sub(self.started).as_secs();
            let left = machines(&ahead());
            let waiting = waiting.iter().map(|(about, what)| format!("{about}: {what}")).collect();
            self.report(Event::Heartbeat { seconds, left, waiting });
        }
        self.told.waiting = waiting;
    }

    fn finished(&self, ending: &Ending, elapsed: Duration) {
        let result = match ending {
            Ending::Done => "done",
            Ending::Paused => "paused",
            Ending::Aborted => "aborted",
            Ending::Stopped(_) => "stopped",
            Ending::Interrupted => "interrupted",
        };
        self.report(Event::RollFinished {
            result: result.to_owned(),
            done: self.record.done.clone(),
            seconds: elapsed.as_secs(),
        });
    }

    fn notice(&self, message: String) {
        self.report(Event::Notice { message });
    }

    fn report(&self, event: Event) {
        (self.reporter)(self.clock.now(), event);
    }
}

/// Waits for calls, which may have to be repeated for minutes; the right to act is kept alive meanwhile. `None`: the run was
/// told to stop, and they were given up.
async fn attend<T, K: Keeper>(
    keeper: &mut K,
    clock: Clock,
    stop: &CancellationToken,
    calls: impl Future<Output = T>,
) -> Result<Option<T>, RunError> {
    let stopped = async {
        stop.cancelled().await;
        clock.sleep(GRACE).await;
    };
    let done = async {
        tokio::select! {
            biased;
            done = calls => Some(done),
            () = stopped => None,
        }
    };
    Ok(keeper.during(done).await?)
}

/// Whether `record` says anything beyond `kept` that must be known before it is done: what is switched off, made larger,
/// paused. What is only counted or noticed rides along with the next of those; a run that dies before counts less.
fn announces(kept: &Record, record: &Record) -> bool {
    let bare = |record: &Record| Record {
        done: super::Done::default(),
        red_since: None,
        red_groups: Default::default(),
        memory: Memory {
            member: record.memory.member.clone(),
            protected: record.memory.protected.clone(),
            stopping: record.memory.stopping,
            ..Memory::default()
        },
        ..record.clone()
    };
    bare(kept) != bare(record)
}

fn refused(what: &str, error: aws::Error) -> RunError {
    RunError::Aws { what: what.to_owned(), error: Box::new(error) }
}
