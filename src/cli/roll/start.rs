//! Begins a roll, or goes on with one: looks, shows what would be replaced and what stands in the way, asks, takes the
//! lock, rolls, and says how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;

use super::{Selection, policy};
use crate::aws::{Fence, Instances, LeaseEnded};
use crate::cli::api;
use crate::cli::failure::Stopped;
use crate::cli::interrupt;
use crate::cli::options::{Format, Global, LockOptions, RunOptions};
use crate::cli::picture::look_at;
use crate::cli::run::{self, actor};
use crate::cli::session::Session;
use crate::cli::view;
use crate::exit::Exit;
use crate::health::Severity;
use crate::kubernetes::Kubernetes;
use crate::name::ClusterName;
use crate::plan::Purpose;
use crate::roll::{self, Baseline, Ending, Means, Policy, Record, State, Timings};
use crate::state::{Records, RunRecord, RunResult};
use crate::ui;
use crate::ui::output::Output;
use crate::ui::stream;

/// A lock that is not waited for.
pub fn no_limits() -> LockOptions {
    LockOptions { lock_timeout: Duration::ZERO, timeout: Duration::from_secs(15 * 60) }
}

/// Whether a paused roll may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paused {
    /// It may not: somebody has to say so.
    Refused,
    /// Somebody says so.
    GoesOn,
}

/// What is to be rolled, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'command> {
    /// The cluster.
    pub cluster: &'command ClusterName,
    /// Which of its groups.
    pub selection: &'command Selection,
    /// How the run behaves.
    pub options: &'command RunOptions,
    /// Whether a paused roll may go on.
    pub paused: Paused,
}

/// `windlass roll abort CLUSTER` when no run is at it: puts back what the dead one left.
pub async fn abort(session: Session, options: &RunOptions) -> anyhow::Result<Exit> {
    let records = session.store.read().await?;
    let Some(mut record) = records.roll.clone() else { return Ok(Exit::Done) };
    record.state = State::Aborting { by: actor(), at: session.clock.now() };
    let kubernetes = api::connect(&session, &records, None)?;
    let policy = policy::policy(&session, &record.groups, record.forced.clone(), record.ignore_budgets);
    under_lock(&session, options, "roll abort", kubernetes, policy, Begun::Again(Box::new(record))).await
}

/// `windlass roll CLUSTER` and `windlass roll resume CLUSTER`.
pub async fn begin(global: &Global, output: Output, wanted: Wanted<'_>) -> anyhow::Result<Exit> {
    let Wanted { cluster, selection, options, paused } = wanted;
    run::needs_somebody_to_ask(options, "roll")?;
    let session = Session::open(global, output, cluster, options.parallelism).await?;
    let records = session.store.read().await?;
    if records.cluster.is_none() {
        let message = format!("{cluster} does not exist yet\n  hint: windlass apply {cluster}");
        return Err(Stopped::new(Exit::Refused, message).into());
    }
    refuse_paused(&session, &records, paused)?;
    // The account and the region must be the right ones, and what git asks for must be applied before it is rolled out.
    let picture = look_at(&session, Purpose::Apply, records.clone(), Instances::Ignored).await?;
    let pending = picture.plan(&session, Purpose::Apply)?.counts();
    if pending.changes_aws() {
        output.message(&format!(
            "warning: {} changes are pending, and a roll replaces machines by what is applied: windlass plan {cluster}",
            pending.create + pending.update + pending.replace + pending.delete
        ));
    }
    let kubernetes = api::connect(&session, &records, selection.kubeconfig.as_deref())?;
    let begun = match records.roll.clone() {
        Some(record) => Begun::Again(Box::new(record)),
        None => Begun::New,
    };
    let chosen = policy::chosen(session.specification(), selection)?;
    let groups = match &begun {
        Begun::Again(record) => &record.groups | &chosen,
        Begun::New | Begun::From(_) => chosen,
    };
    let view = view::look(&session, &kubernetes, view::Members::Asked).await?;
    let forced = if selection.force { policy::every_machine(&view, &groups) } else { BTreeSet::new() };
    let forced = match &begun {
        Begun::Again(record) => &record.forced | &forced,
        Begun::New | Begun::From(_) => forced,
    };
    let ignore = selection.ignore_pdb || matches!(&begun, Begun::Again(record) if record.ignore_budgets);
    let policy = policy::policy(&session, &groups, forced, ignore);
    let outlook = ui::roll::Outlook {
        cluster: cluster.as_str(),
        view: &view,
        policy: &policy,
        findings: &roll::preflight(&view, &policy),
        estimate: &roll::estimate(&view, &policy, &Timings::default()),
    };
    if options.output == Format::Text {
        output.data(&ui::roll::outlook(&outlook))?;
    }
    let left = outlook.estimate.machines;
    if options.dry_run {
        if options.output == Format::Json {
            output.data(&ui::roll::outlook_json(&outlook)?)?;
        }
        return Ok(Exit::Done);
    }
    if left == 0 && matches!(begun, Begun::New) {
        return Ok(Exit::Done);
    }
    let obstacles = outlook.findings.iter().filter(|finding| finding.severity == Severity::Bad).count();
    // Half-way through a roll, much of what is found is the roll's own doing: it is shown, and the decision waits for it.
    if obstacles > 0 && !selection.accept_findings && matches!(begun, Begun::New) {
        let message = format!(
            "{obstacles} of the findings above will stop this roll or hurt somebody; nothing was changed\n  hint: mend them \
             (docs/runbooks/stuck-roll.md), or roll all the same with --accept-findings"
        );
        return Err(Stopped::new(Exit::Refused, message).into());
    }
    run::confirm(&session, options, &run::Question { word: String::from("yes"), needed: true })?;
    let begun = match begun {
        Begun::Again(record) => {
            let (groups, forced) = (policy.groups.keys().cloned().collect(), policy.forced.clone());
            Begun::Again(Box::new(Record { groups, forced, ignore_budgets: ignore, state: State::Running, ..*record }))
        }
        Begun::New | Begun::From(_) => Begun::From(Box::new(roll::baseline(&view))),
    };
    under_lock(&session, options, "roll", kubernetes, policy, begun).await
}

/// Where a roll stands at the start of a run.
enum Begun {
    /// Nothing has begun.
    New,
    /// Nothing has begun, and the cluster was so.
    From(Box<Baseline>),
    /// An earlier run began it.
    Again(Box<Record>),
}

fn refuse_paused(session: &Session, records: &Records, paused: Paused) -> anyhow::Result<()> {
    let cluster = session.cluster();
    match (records.roll.as_ref().map(|record| &record.state), paused) {
        (Some(State::Paused { by, at }), Paused::Refused) => {
            let message = format!(
                "the roll of {cluster} was paused by {by} at {}\n  hint: to go on: windlass roll resume {cluster}; to give \
                 it up: windlass roll abort {cluster}",
                at.strftime("%F %T")
            );
            Err(Stopped::new(Exit::Refused, message).into())
        }
        (Some(State::Aborting { by, .. }), _) => {
            let message = format!(
                "the roll of {cluster} was given up by {by}, and not everything is put back yet\n  hint: windlass roll abort \
                 {cluster}"
            );
            Err(Stopped::new(Exit::Refused, message).into())
        }
        _ => Ok(()),
    }
}

async fn under_lock(
    session: &Session,
    options: &RunOptions,
    command: &str,
    kubernetes: Kubernetes,
    policy: Policy,
    begun: Begun,
) -> anyhow::Result<Exit> {
    let started = session.clock.now();
    let file = options.json_into.as_ref().map(File::create).transpose().context("the file of --json-into")?;
    let view = match options.output {
        Format::Text => stream::View::Text,
        Format::Json => stream::View::Json,
    };
    let stop = interrupt::listen(session.output, session.clock, options.timeout)?;
    let run = run::run_id(started)?;
    let mut lease = run::acquire(session, options.lock(), command, &run, &stop).await?;
    let fence = lease.fence();
    session.aws.hold(Fence::new(move |timeout| fence.permit(timeout).map_err(|ended| LeaseEnded(ended.to_string()))));
    let record = match begun {
        Begun::Again(record) => *record,
        Begun::From(baseline) => new_record(&run, started, &policy, *baseline),
        Begun::New => new_record(&run, started, &policy, Baseline::default()),
    };
    let means = Means {
        cluster: view::cluster(session, kubernetes, &record.id),
        policy,
        keeper: &mut lease,
        clock: session.clock,
        reporter: ui::roll::reporter(session.output, view, file),
        stop,
    };
    let report = roll::run(means, record).await;
    if matches!(&report, Ok(report) if matches!(report.ending, Ending::Done | Ending::Aborted)) {
        lease.stage_roll(None)?;
    }
    let (result, error) = match &report {
        Ok(report) => match &report.ending {
            Ending::Done | Ending::Aborted => (RunResult::Done, None),
            Ending::Paused | Ending::Interrupted => (RunResult::Interrupted, None),
            Ending::Stopped(stop) => (RunResult::Failed, Some(stop.to_string())),
        },
        Err(error) => (RunResult::Failed, Some(error.to_string())),
    };
    let counts = report.as_ref().map(|report| counts(&report.record)).unwrap_or_default();
    let epoch = lease.epoch();
    let released = lease.release(RunRecord {
        run,
        epoch,
        operation: command.to_owned(),
        actor: actor(),
        started,
        ended: session.clock.now(),
        config: session.config.clone(),
        plan: None,
        result,
        counts,
        error,
    });
    let released = released.await;
    // Why the run ended comes first; that its end could not be recorded as well only adds to it.
    let report = report?;
    released?;
    end(session, command, &report)
}

fn new_record(run: &str, started: Timestamp, policy: &Policy, baseline: Baseline) -> Record {
    let groups: BTreeSet<String> = policy.groups.keys().cloned().collect();
    Record::new(run, started, &actor(), groups).with(policy.forced.clone(), policy.ignore_budgets, baseline)
}

fn counts(record: &Record) -> BTreeMap<String, u64> {
    let done = &record.done;
    let all = [
        ("replaced", done.replaced),
        ("gone otherwise", done.gone_otherwise),
        ("evicted", done.evicted),
        ("blocked", done.blocked),
        ("fallbacks", done.fallbacks),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count.into())).collect()
}

/// How the roll ends for the user: what was done, what was not, the one next command.
fn end(session: &Session, command: &str, report: &roll::Report) -> anyhow::Result<Exit> {
    let cluster = session.cluster();
    for line in roll::summary(&report.record, session.clock.now()) {
        session.output.message(&line);
    }
    let so_far = format!("{} machines replaced", report.record.done.replaced);
    match &report.ending {
        Ending::Done | Ending::Aborted => Ok(Exit::Done),
        Ending::Paused => {
            let message =
                format!("the roll of {cluster} is paused, {so_far}\n  hint: to go on: windlass roll resume {cluster}");
            Err(Stopped::new(Exit::Resumable, message).into())
        }
        Ending::Interrupted => {
            let message = format!(
                "{command} of {cluster} was interrupted, {so_far}\n  hint: it goes on where it was: windlass roll {cluster}"
            );
            Err(Stopped::new(Exit::Resumable, message).into())
        }
        Ending::Stopped(stop) => {
            // What stopped it carries its own hint, where there is one.
            let message = format!("the roll of {cluster} stopped, {so_far}: {stop}").replace("\nhint: ", "\n  hint: ");
            Err(Stopped::new(stop.exit(), message).into())
        }
    }
}
