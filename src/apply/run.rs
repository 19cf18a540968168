//! The run of a plan: wave after wave, until it is done, something fails, or it is told to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::event::{ActName, EVENT_VERSION, Event, Reporter};
use super::operation::{Bench, OperationError, act_name, intent, perform};
use super::sweep::sweep;
use super::vault::Vault;
use super::waits::{Until, Waits};
use crate::aws::{self, Aws, Ids, Leftover, Scope};
use crate::clock::Clock;
use crate::pki::Certificate;
use crate::plan::{Operation, Plan, Purpose};
use crate::planted::{self, Bug};
use crate::resource::{Address, Content, Kind, Observed, Parameter, Resource, attribute};
use crate::state::{
    self, CertificateRecord, CertificateRole, IntentKind, JournalLine, KeyChange, Lease, Outcome, Records,
    ResourceRecord, RunResult,
};

/// A sign of life in a log at least this often (see the design, "Output").
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long calls in flight may still take after an interrupt: CI systems give ten seconds until the kill.
const GRACE: Duration = Duration::from_secs(5);

/// What a run needs beside the plan.
pub struct Means<'run> {
    /// The way to AWS, fenced by the lease.
    pub aws: Aws,
    /// The lease on the state branch.
    pub lease: &'run mut Lease,
    /// The opened keys that the plan [`super::needs`].
    pub vault: Vault,
    /// What belongs to the cluster: for the sweep of a destroy.
    pub scope: Scope,
    /// The clock.
    pub clock: Clock,
    /// Receives events.
    pub reporter: Reporter,
    /// Stops the run: Ctrl-C, SIGTERM, the end of `--timeout`.
    pub stop: CancellationToken,
    /// The cluster's id.
    pub uid: String,
    /// The run's id.
    pub run: String,
    /// What earlier runs made and did not see ready, with its id: this one waits for it, too.
    pub settling: BTreeMap<Address, String>,
}

/// Why a run could not go on. Operations that fail are no such reason: they are in the report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state branch cannot be written: nothing is begun that is not in the journal. The cause says how the run ends.
    #[error("{0}")]
    State(#[from] state::Error),
    /// What is left of the cluster could not be found out.
    #[error("cannot look for what is left: {0}")]
    Look(#[from] aws::Error),
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Report {
    /// How many of each act were done.
    pub counts: BTreeMap<String, u64>,
    /// Operations done.
    pub done: usize,
    /// Operations that there were.
    pub operations: usize,
    /// What failed.
    pub failures: Vec<Failure>,
    /// Whether it was told to stop before the end.
    pub interrupted: bool,
    /// After a destroy: what is left, and what holds it.
    pub leftovers: Vec<Leftover>,
    /// How long it took.
    pub elapsed: Duration,
}

/// One operation that failed.
#[derive(Debug)]
pub struct Failure {
    /// Which.
    pub address: Address,
    /// What it did.
    pub act: ActName,
    /// Why.
    pub error: OperationError,
}

impl Report {
    /// Whether everything was done.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.result(), RunResult::Done)
    }

    /// For the run's record.
    #[must_use]
    pub const fn result(&self) -> RunResult {
        match (self.interrupted, self.failures.is_empty()) {
            (true, _) => RunResult::Interrupted,
            (false, false) => RunResult::Failed,
            (false, true) => RunResult::Done,
        }
    }
}

/// Runs the plan to its end.
///
/// Failures of operations are in the report: the rest of their wave is finished, later waves are not begun.
///
/// # Errors
/// See [`RunError`].
pub async fn run(means: Means<'_>, plan: &Plan, observed: &Observed, records: &Records) -> Result<Report, RunError> {
    let Means { aws, lease, vault, scope, clock, reporter, stop, uid, run, settling } = means;
    let waits = Waits::start(aws.clone(), clock, Arc::clone(&reporter));
    let cluster = plan.cluster.clone();
    let bench = Arc::new(Bench {
        aws,
        clock,
        reporter,
        cluster,
        uid,
        run,
        waits,
        vault,
        ids: Mutex::new(Ids::observed(observed)),
        earlier_intents: unanswered_creates(records),
        recorded: records.resources.clone(),
    });
    let mut beat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut runner = Runner {
        bench,
        lease,
        scope,
        stop,
        started: Instant::now(),
        beat,
        grace_ends: None,
        swept: false,
        operations: plan.waves.iter().map(Vec::len).sum(),
        report: Report::default(),
        outcomes: Vec::new(),
        certificates: Vec::new(),
        settling,
    };
    runner.run(plan).await?;
    let Runner { mut report, operations, started, bench, .. } = runner;
    report.operations = operations;
    report.elapsed = started.elapsed();
    bench.report(Event::RunFinished {
        result: result_name(report.result()).to_owned(),
        done: report.done,
        operations,
        seconds: report.elapsed.as_secs(),
    });
    Ok(report)
}

/// Whether the operation is about something that launches instances.
fn launches(operation: &Operation) -> bool {
    operation.address.kind() == Kind::AutoScalingGroup
}

/// Creates that a dead run announced without telling what came of them, with the time at which it had ended.
fn unanswered_creates(records: &Records) -> BTreeMap<Address, Timestamp> {
    let mut unanswered = BTreeMap::new();
    for line in records.open_journals.values().flatten() {
        match line {
            JournalLine::Intent(intent) if intent.operation == IntentKind::Create => {
                unanswered.insert(intent.address.clone(), intent.at);
            }
            JournalLine::Intent(_) => {}
            JournalLine::Outcome(outcome) => {
                unanswered.remove(&outcome.address);
            }
        }
    }
    unanswered
}

const fn operation_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Apply => "apply",
        Purpose::Destroy => "destroy",
    }
}

const fn result_name(result: RunResult) -> &'static str {
    match result {
        RunResult::Done => "done",
        RunResult::Interrupted => "interrupted",
        RunResult::Failed | RunResult::Abandoned => "failed",
    }
}

/// The record of the certificate in a parameter; `None`: there is none in it.
#[must_use]
pub fn certificate_record(record: &ResourceRecord) -> Option<CertificateRecord> {
    let Resource::Parameter(Parameter { content: Content::Certificate(request), .. }) = &record.applied else {
        return None;
    };
    let certificate = Certificate::parse(record.attributes.get(attribute::CERTIFICATE)?).ok()?;
    Some(CertificateRecord {
        authority: request.authority,
        revision: request.revision,
        pem: certificate.pem(),
        not_before: certificate.ends.not_before,
        not_after: certificate.ends.not_after,
        serial: certificate.serial,
        role: CertificateRole::Leaf { address: record.address.clone() },
        run: record.run.clone(),
    })
}

struct Runner<'run> {
    bench: Arc<Bench>,
    lease: &'run mut Lease,
    scope: Scope,
    stop: CancellationToken,
    started: Instant,
    beat: Interval,
    /// Set by an interrupt: when what is under way is given up.
    grace_ends: Option<Instant>,
    /// Whether what Kubernetes made was swept.
    swept: bool,
    operations: usize,
    report: Report,
    /// Outcomes that are not in git yet: they ride with the next wave's intents.
    outcomes: Vec<Outcome>,
    /// Certificates that were issued, likewise.
    certificates: Vec<CertificateRecord>,
    /// What is waited for at the end, with its id.
    settling: BTreeMap<Address, String>,
}

type Finished = (Address, ActName, Result<Outcome, OperationError>);

impl Runner<'_> {
    async fn run(&mut self, plan: &Plan) -> Result<(), RunError> {
        self.bench.report(Event::RunStarted {
            version: EVENT_VERSION,
            cluster: plan.cluster.to_string(),
            operation: operation_name(plan.purpose).to_owned(),
            run: self.bench.run.clone(),
            operations: self.operations,
            waves: plan.waves.len(),
        });
        for (index, wave) in plan.waves.iter().enumerate() {
            if self.stop.is_cancelled() {
                self.report.interrupted = true;
            }
            if self.report.interrupted || !self.report.failures.is_empty() {
                break;
            }
            if plan.purpose == Purpose::Destroy && plan.waves[index..].iter().flatten().all(|it| !launches(it)) {
                self.sweep_once().await?;
            }
            let intents = wave.iter().map(|operation| intent(&self.bench, operation)).collect();
            self.stage_certificates()?;
            let outcomes = std::mem::take(&mut self.outcomes);
            let (number, of) = (index + 1, plan.waves.len());
            self.lease.write(&format!("wave {number}/{of}"), intents, outcomes).await?;
            self.bench.report(Event::WaveStarted { wave: number, of, operations: wave.len() });
            self.wave(wave).await?;
        }
        if !self.report.interrupted && self.report.failures.is_empty() {
            match plan.purpose {
                Purpose::Apply => self.settle().await?,
                Purpose::Destroy => {
                    self.sweep_once().await?;
                    self.report.leftovers = aws::leftovers(&self.bench.aws, &self.scope).await?;
                }
            }
        }
        self.stage_certificates()?;
        let outcomes = std::mem::take(&mut self.outcomes);
        if !outcomes.is_empty() {
            self.lease.write("results", Vec::new(), outcomes).await?;
        }
        Ok(())
    }

    /// After the last group is gone, so that no controller makes anew what is deleted, and before the network goes.
    async fn sweep_once(&mut self) -> Result<(), RunError> {
        if std::mem::replace(&mut self.swept, true) || planted::is(Bug::NoSweep) {
            return Ok(());
        }
        let (bench, scope) = (Arc::clone(&self.bench), self.scope.clone());
        let mut running = JoinSet::new();
        // It takes minutes: meanwhile the lease is kept, and Ctrl-C is heard.
        running.spawn(async move { sweep(&bench, &scope).await });
        while let Some(swept) = self.next(&mut running, &BTreeSet::new()).await? {
            swept?;
        }
        Ok(())
    }

    /// All operations of one wave at the same time; the gate below the SDK bounds the calls.
    async fn wave(&mut self, wave: &[Operation]) -> Result<(), state::Error> {
        let mut running = JoinSet::new();
        for operation in wave {
            let (bench, operation) = (Arc::clone(&self.bench), operation.clone());
            let (address, act) = (operation.address.clone(), act_name(&operation.act));
            running.spawn(async move { (address, act, perform(bench, operation).await) });
        }
        let under_way = wave.iter().map(|operation| operation.address.clone()).collect();
        self.drain(running, under_way).await
    }

    /// Waits at the end for what takes its time: everything is made, nothing depends on it any more.
    async fn settle(&mut self) -> Result<(), state::Error> {
        let mut running = JoinSet::new();
        for (address, id) in self.settling.clone() {
            let bench = Arc::clone(&self.bench);
            running.spawn(async move {
                let begun = Instant::now();
                bench.report(Event::Started { address: address.clone(), act: ActName::Settle });
                let waited = bench.waits.wait(&address, &id, Until::Ready).await;
                if waited.is_ok() {
                    let milliseconds = begun.elapsed().as_millis();
                    bench.report(Event::Done { address: address.clone(), act: ActName::Settle, id, milliseconds });
                }
                (address, ActName::Settle, waited.map_err(OperationError::from))
            });
        }
        let mut under_way: BTreeSet<Address> = self.settling.keys().cloned().collect();
        let mut settled = Vec::new();
        while let Some(finished) = self.next(&mut running, &under_way).await? {
            let (address, act, waited) = finished;
            under_way.remove(&address);
            match waited {
                Ok(()) => settled.push(address),
                Err(error) => self.failed(address, act, error),
            }
        }
        let records = self.outcomes.iter_mut().filter_map(|outcome| outcome.record.as_mut());
        for record in records.filter(|record| settled.contains(&record.address)) {
            record.settling = false;
        }
        self.lease.stage_settled(&settled)
    }

    async fn drain(
        &mut self,
        mut running: JoinSet<Finished>,
        mut under_way: BTreeSet<Address>,
    ) -> Result<(), state::Error> {
        while let Some((address, act, result)) = self.next(&mut running, &under_way).await? {
            under_way.remove(&address);
            match result {
                Ok(outcome) => {
                    *self.report.counts.entry(act.as_str().to_owned()).or_default() += 1;
                    self.report.done += 1;
                    self.certificates.extend(outcome.record.as_ref().and_then(certificate_record));
                    match &outcome.record {
                        Some(it) if it.settling => drop(self.settling.insert(it.address.clone(), it.id.clone())),
                        _ => drop(self.settling.remove(&outcome.address)),
                    }
                    if !planted::is(Bug::LostOutcome) {
                        self.outcomes.push(outcome);
                    }
                }
                Err(error) => self.failed(address, act, error),
            }
        }
        Ok(())
    }

    /// Certificates that were issued go into git with the outcomes. If the run dies before, nobody has their public side,
    /// and the next run issues them anew.
    fn stage_certificates(&mut self) -> Result<(), state::Error> {
        let known = &self.lease.records().certificates;
        let is_new = |record: &CertificateRecord| !known.iter().any(|it| it.serial == record.serial);
        let certificates: Vec<_> = std::mem::take(&mut self.certificates).into_iter().filter(is_new).collect();
        if certificates.is_empty() {
            return Ok(());
        }
        self.lease.stage_keys(KeyChange { certificates, ..KeyChange::default() })
    }

    fn failed(&mut self, address: Address, act: ActName, error: OperationError) {
        self.bench.report(Event::Failed { address: address.clone(), act, error: error.to_string() });
        self.report.failures.push(Failure { address, act, error });
    }

    /// The next task that ended; meanwhile the lease is kept alive and the log shows signs of life. `None`: all ended,
    /// or the run was told to stop and the grace is over.
    async fn next<T: 'static>(
        &mut self,
        running: &mut JoinSet<T>,
        under_way: &BTreeSet<Address>,
    ) -> Result<Option<T>, state::Error> {
        loop {
            let grace_ends = self.grace_ends;
            tokio::select! {
                biased;
                joined = running.join_next() => return match joined {
                    Some(Ok(value)) => Ok(Some(value)),
                    // Nothing aborts a single task, so it panicked: a mistake of ours that must not pass for success.
                    // What it was about to do is in the journal.
                    Some(Err(broken)) => std::panic::resume_unwind(broken.into_panic()),
                    None => Ok(None),
                },
                () = sleep_until(grace_ends.unwrap_or_else(Instant::now)), if grace_ends.is_some() => {
                    running.shutdown().await;
                    return Ok(None);
                }
                () = self.stop.cancelled(), if grace_ends.is_none() => {
                    self.report.interrupted = true;
                    self.grace_ends = Some(Instant::now() + GRACE);
                    let (calls, seconds) = (running.len(), GRACE.as_secs());
                    let message = format!("stopping: {calls} operations under way get {seconds} s more");
                    self.bench.report(Event::Notice { message });
                }
                _ = self.beat.tick() => {
                    self.lease.beat_if_due().await?;
                    let waiting = under_way.iter().map(ToString::to_string).collect();
                    self.bench.report(Event::Heartbeat { seconds: self.started.elapsed().as_secs(), waiting });
                }
            }
        }
    }
}
