//! Begins a roll, or goes on with one: looks, shows what would be replaced and what stands in the way, asks, takes the
//! lock, rolls, and says how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::{Selection, policy};
use crate::aws::Instances;
use crate::aws::permission::{self, acts};
use crate::cli::api;
use crate::cli::failure::Stopped;
use crate::cli::interrupt;
use crate::cli::options::{Format, Global, LockOptions, RunOptions};
use crate::cli::permissions;
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
use crate::state::{Records, RunResult};
use crate::ui;
use crate::ui::output::Output;

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
    let earlier = records.roll.as_ref();
    let mut groups = policy::chosen(session.specification(), selection)?;
    groups.extend(earlier.iter().flat_map(|record| record.groups.iter().cloned()));
    let view = view::look(&session, &kubernetes, view::Members::Asked).await?;
    let mut forced = if selection.force { policy::every_machine(&view, &groups) } else { BTreeSet::new() };
    forced.extend(earlier.iter().flat_map(|record| record.forced.iter().cloned()));
    let ignore = selection.ignore_pdb || earlier.is_some_and(|record| record.ignore_budgets);
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
    if left == 0 && earlier.is_none() {
        return Ok(Exit::Done);
    }
    let obstacles = outlook.findings.iter().filter(|finding| finding.severity == Severity::Bad).count();
    // Half-way through a roll, much of what is found is the roll's own doing: it is shown, and the decision waits for it.
    if obstacles > 0 && !selection.accept_findings && earlier.is_none() {
        let message = format!(
            "{obstacles} of the findings above will stop this roll or hurt somebody; nothing was changed\n  hint: mend them \
             (docs/runbooks/stuck-roll.md), or roll all the same with --accept-findings"
        );
        return Err(Stopped::new(Exit::Refused, message).into());
    }
    run::confirm(&session, options, &run::Question { word: String::from("yes"), needed: true })?;
    let begun = match records.roll {
        Some(record) => {
            let (groups, forced) = (policy.groups.keys().cloned().collect(), policy.forced.clone());
            Begun::Again(Box::new(Record { groups, forced, ignore_budgets: ignore, state: State::Running, ..record }))
        }
        None => Begun::New(roll::baseline(&view)),
    };
    under_lock(&session, options, "roll", kubernetes, policy, begun).await
}

/// Where a roll stands at the start of a run.
enum Begun {
    /// Nothing has begun, and the cluster was so.
    New(Baseline),
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
    if !options.skip_permission_check {
        permissions::refuse(
            session,
            &permission::permissions(acts::ROLL.iter().copied()),
            permission::policy::Policy::Roll,
        )
        .await?;
    }
    let started = session.clock.now();
    let reporter = ui::roll::reporter(run::sink(session, options)?);
    let stop = interrupt::listen(session.output, session.clock, options.timeout)?;
    let run = run::run_id(started)?;
    let mut lease = run::acquire(session, options.lock(), command, &run, &stop).await?;
    run::fence(session, &lease);
    let record = match begun {
        Begun::Again(record) => *record,
        Begun::New(baseline) => new_record(&run, started, &policy, baseline),
    };
    let means = Means {
        cluster: view::cluster(session, kubernetes, &record.id),
        policy,
        keeper: &mut lease,
        clock: session.clock,
        reporter,
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
    let ending = run::Ending { result, counts, error };
    let record = run::ended(session, &lease, command, started, ending);
    let released = lease.release(record).await;
    end(session, command, &run::concluded(report, released)?)
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
    for line in ui::roll::summary(&report.record, session.clock.now()) {
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
