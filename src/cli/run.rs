//! What `apply` and `destroy` share: showing, asking, the lock, the run itself, and how it ends.

use std::collections::BTreeMap;
use std::fs::File;

use anyhow::Context;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::add_ons;
use super::certs;
use super::failure::Stopped;
use super::interrupt;
use super::keys;
use super::options::{Format, LockOptions, RunOptions};
use super::permissions;
use super::picture::{Picture, guards, look_renewing};
use super::session::Session;
use super::work::{AddOnWork, Reach, Work};
use crate::apply::{self, Means, Report, Reporter, Vault};
use crate::aws::permission::policy::Policy;
use crate::aws::{self, Failure, Instances, NotNow, Scope};
use crate::exit::Exit;
use crate::install;
use crate::plan::{Plan, Purpose};
use crate::state::{self, Acquire, ClusterRecord, Held, Lease, LeaseEnded, LockRecord, RunRecord, RunResult};
use crate::ui;
use crate::ui::plan::{Detail, View};
use crate::ui::progress;
use crate::ui::prompt;
use crate::ui::stream::{self, Sink};

/// What is asked before anything is changed.
pub struct Question {
    /// What must be typed.
    pub word: String,
    /// Whether there is anything to ask about.
    pub needed: bool,
}

/// Without a terminal and without `--yes` nothing can come of it: say so before any call.
pub fn needs_somebody_to_ask(options: &RunOptions, verb: &str) -> anyhow::Result<()> {
    if options.yes || options.dry_run || prompt::somebody_is_there() {
        return Ok(());
    }
    let message = format!(
        "{verb} asks before it changes anything, and there is no terminal to ask on\n  \
         hint: add --yes to do it without asking, or --dry-run to only look"
    );
    Err(Stopped::new(Exit::Refused, message).into())
}

/// Shows the plan: on stdout for people; machines get the events.
pub fn show(session: &Session, plan: &Plan, format: Format) -> anyhow::Result<()> {
    let output = session.output;
    match format {
        Format::Text => {
            let view = View { detail: Detail::Summary, color: output.data_has_color() };
            output.data(&ui::plan::text(plan, view))
        }
        Format::Json => Ok(()),
    }
}

/// Asks, unless `--yes`.
pub fn confirm(session: &Session, options: &RunOptions, question: &Question) -> anyhow::Result<()> {
    if options.yes || !question.needed {
        return Ok(());
    }
    let text = format!("Do this to {}?", session.cluster());
    if prompt::confirm(&text, &question.word)? {
        return Ok(());
    }
    Err(Stopped::new(Exit::Refused, "not confirmed: nothing was changed").into())
}

/// Refuses a plan that no longer fits the world.
pub fn refuse_stale(agreed: &Plan, now: &Plan) -> anyhow::Result<()> {
    let Some(staleness) = agreed.staleness(now) else { return Ok(()) };
    let message = format!(
        "the plan is stale: {staleness}; nothing was changed\n  hint: look at a new one: windlass plan {}",
        now.cluster
    );
    Err(Stopped::new(Exit::StalePlan, message).into())
}

/// Takes the lock, looks again, does it, records it.
pub async fn run(session: &Session, options: &RunOptions, work: Work) -> anyhow::Result<Exit> {
    if !options.skip_permission_check {
        let policy = match work.purpose {
            Purpose::Apply => Policy::Apply,
            Purpose::Destroy => Policy::Destroy,
        };
        permissions::refuse(session, &permissions::of_plan(&work.shown), policy).await?;
    }
    let started = session.clock.now();
    let reporter = progress::reporter(sink(session, options)?);
    let stop = interrupt::listen(session.output, session.clock, options.timeout)?;
    let mut lease = acquire(session, options.lock(), work.command, &run_id(started)?, &stop).await?;
    let done = under_lock(session, &work, options, &mut lease, reporter, stop).await;
    let ending = Ending::of(&done);
    let plan = (work.reach == Reach::Everything).then(|| work.shown.digest());
    let record = RunRecord { plan, ..ended(session, &lease, work.command, started, ending) };
    let released = lease.release(record).await;
    let done = concluded(done, released)?;
    end(session, &work, &done.report)?;
    end_of_add_ons(session, &done)
}

/// What was done, when the lock was given back as well. Why a run ended comes first; that its end could not be recorded as
/// well only adds to it.
pub fn concluded<T>(
    done: Result<T, impl Into<anyhow::Error>>,
    released: Result<String, state::Error>,
) -> anyhow::Result<T> {
    let done = done.map_err(|error| interrupted(error.into()))?;
    released.map_err(|error| interrupted(error.into()))?;
    Ok(done)
}

/// A git that fails under the lock, because a disk is full or a remote is away, leaves the run where it was: the same
/// command goes on, and finds what was done.
fn interrupted(error: anyhow::Error) -> anyhow::Error {
    use state::Error::{Git, Io, TimedOut, Unreachable};
    let broken = |error: &state::Error| matches!(error, Git { .. } | Io { .. } | TimedOut { .. } | Unreachable { .. });
    if !error.chain().filter_map(|cause| cause.downcast_ref()).any(broken) {
        return error;
    }
    let message =
        format!("the run was interrupted: {error}\n  hint: run the same command again: it goes on where it was");
    Stopped::new(Exit::Resumable, message).into()
}

/// What a run did.
struct Done {
    /// In AWS.
    report: Report,
    /// In the cluster; `None`: it did not come to that.
    add_ons: Option<install::Report>,
}

/// How a run goes into the record.
pub struct Ending {
    /// How it ended.
    pub result: RunResult,
    /// How many of each thing were done.
    pub counts: BTreeMap<String, u64>,
    /// What failed, if anything did.
    pub error: Option<String>,
}

impl Ending {
    fn of(done: &anyhow::Result<Done>) -> Self {
        match done {
            Ok(Done { report, add_ons }) => {
                let in_aws = report.failures.first().map(|failure| format!("{}: {}", failure.address, failure.error));
                let failures = add_ons.iter().flat_map(|it| &it.failures);
                let in_cluster = failures.map(|(name, error)| format!("add-on {name}: {error}")).next();
                let result = match &in_cluster {
                    Some(_) if report.result() == RunResult::Done => RunResult::Failed,
                    _ => report.result(),
                };
                let mut counts = report.counts.clone();
                if let Some(done) = add_ons.as_ref().map(|it| it.done).filter(|done| *done > 0) {
                    counts.insert(String::from("objects"), u64::try_from(done).unwrap_or(u64::MAX));
                }
                Self { result, counts, error: in_aws.or(in_cluster) }
            }
            Err(error) => Self { result: RunResult::Failed, counts: BTreeMap::new(), error: Some(error.to_string()) },
        }
    }
}

/// Does something that changes records only, under the lock and with a line in the audit log.
pub async fn recorded<T>(
    session: &Session,
    command: &str,
    options: LockOptions,
    work: impl AsyncFnOnce(&mut Lease) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let started = session.clock.now();
    let stop = interrupt::listen(session.output, session.clock, options.timeout)?;
    let mut lease = acquire(session, options, command, &run_id(started)?, &stop).await?;
    let done = work(&mut lease).await;
    let ending = Ending {
        result: if done.is_ok() { RunResult::Done } else { RunResult::Failed },
        counts: BTreeMap::new(),
        error: done.as_ref().err().map(ToString::to_string),
    };
    let record = ended(session, &lease, command, started, ending);
    let released = lease.release(record).await;
    concluded(done, released)
}

/// The record of a run that ends now; it followed no plan.
pub fn ended(session: &Session, lease: &Lease, command: &str, started: Timestamp, ending: Ending) -> RunRecord {
    RunRecord {
        run: lease.run().to_owned(),
        epoch: lease.epoch(),
        operation: command.to_owned(),
        actor: actor(),
        started,
        ended: session.clock.now(),
        config: session.config.clone(),
        plan: None,
        result: ending.result,
        counts: ending.counts,
        error: ending.error,
    }
}

/// Where the events of a run go.
pub fn sink(session: &Session, options: &RunOptions) -> anyhow::Result<Sink> {
    let file = options.json_into.as_ref().map(File::create).transpose().context("the file of --json-into")?;
    let view = match options.output {
        Format::Text => stream::View::Text,
        Format::Json => stream::View::Json,
    };
    Ok(Sink { output: session.output, view, file })
}

/// From now on AWS is changed only while the lease lasts.
pub fn fence(session: &Session, lease: &Lease) {
    session.aws.hold(permission(lease));
}

/// What a lease says to a change.
pub fn permission(lease: &Lease) -> aws::Fence {
    let fence = lease.fence();
    aws::Fence::new(move |timeout| {
        fence.permit(timeout).map_err(|ended| {
            let why = aws::LeaseEnded(ended.to_string());
            match ended {
                LeaseEnded::Suspended => NotNow::Unclear(why),
                LeaseEnded::TooShort { .. } | LeaseEnded::Taken { .. } | LeaseEnded::Released => NotNow::Ended(why),
            }
        })
    })
}

pub async fn acquire(
    session: &Session,
    options: LockOptions,
    verb: &str,
    run: &str,
    stop: &CancellationToken,
) -> anyhow::Result<Lease> {
    let acquire = Acquire {
        operation: verb.to_owned(),
        run: run.to_owned(),
        holder: format!("{} pid {}", actor(), std::process::id()),
        actor: actor(),
        config: session.config.clone(),
        timeout: options.lock_timeout,
        stop: stop.clone(),
    };
    let output = session.output;
    let mut waiting = |held: &Held| output.message(&format!("waiting: {held}"));
    let lease = session.store.acquire(acquire, &mut waiting).await?;
    if let Some(dead) = lease.predecessor() {
        let LockRecord { run, holder, operation, .. } = dead;
        output.message(&format!("took over the lock of {holder}: {operation}, run {run}, has died"));
    }
    Ok(lease)
}

/// Everything between taking the lock and giving it back.
async fn under_lock(
    session: &Session,
    work: &Work,
    options: &RunOptions,
    lease: &mut Lease,
    reporter: Reporter,
    stop: CancellationToken,
) -> anyhow::Result<Done> {
    let mut records = lease.records().clone();
    if let Some(step) = &work.step {
        step.check(&records)?;
        records.change_keys(&step.change);
    }
    let look = look_renewing(session, work.purpose, records, Instances::Ignored, &work.renewal);
    let picture = lease.beating(look).await??;
    let mut plan = work.reach.of(picture.plan(session, work.purpose)?, lease.records())?;
    if work.exactly {
        if let Some(add_ons) = &work.add_ons {
            plan.add_ons = add_ons::look(session, &add_ons.list, &picture.records, &add_ons.options).await?;
        }
        refuse_stale(&work.shown, &plan)?;
    }
    guards(session, options.allow).check(&plan)?;
    certs::refuse(session, &plan, &picture.records)?;
    let uid = identity(session, &picture, lease)?;
    let vault = match work.purpose {
        Purpose::Apply => {
            let made = keys::ensure(session, lease, work.step.as_ref()).await?;
            keys::vault(&session.age, lease.records(), &apply::needs(&plan), &made)?
        }
        Purpose::Destroy => Vault::default(),
    };
    fence(session, lease);
    if let (Purpose::Destroy, Some(AddOnWork { list, options })) = (work.purpose, &work.add_ons) {
        let work = add_ons::Work { add_ons: list, options, reporter: &reporter, stop: &stop, made: false };
        add_ons::clear(session, lease, &work).await?;
    }
    let run = lease.run().to_owned();
    let scope = Scope { uid: Some(uid.clone()), ..picture.scope };
    let (aws, clock) = (session.aws.clone(), session.clock);
    let (reporting, stopping) = (reporter.clone(), stop.clone());
    let settling = match (work.purpose, work.reach) {
        (Purpose::Apply, Reach::Everything) => picture.records.settling(),
        (Purpose::Apply | Purpose::Destroy, _) => BTreeMap::new(),
    };
    let means = Means { aws, lease, scope, clock, reporter: reporting, stop: stopping, uid, run, vault, settling };
    let before = session.aws.calls().total();
    let report = apply::run(means, &plan, &picture.observed, &picture.records).await?;
    let calls = session.aws.calls().since(before);
    tracing::info!(calls = calls.total(), changes = calls.changes(), operations = report.operations, "ran the plan");
    if report.is_complete() {
        match (work.purpose, work.reach) {
            (Purpose::Apply, Reach::Everything) => lease.stage_manifests(&manifests(session))?,
            (Purpose::Destroy, _) if report.leftovers.is_empty() => lease.stage_retirement()?,
            (Purpose::Apply | Purpose::Destroy, _) => {}
        }
    }
    let add_ons = match &work.add_ons {
        Some(AddOnWork { list, options }) if report.is_complete() && work.purpose == Purpose::Apply => {
            let made = report.counts.get("create").is_some_and(|count| *count > 0);
            let work = add_ons::Work { add_ons: list, options, reporter: &reporter, stop: &stop, made };
            Some(add_ons::apply(session, lease, &work).await?)
        }
        _ => None,
    };
    Ok(Done { report, add_ons })
}

/// The cluster's uid, made once: at its first apply.
fn identity(session: &Session, picture: &Picture, lease: &mut Lease) -> anyhow::Result<String> {
    let uid = match &picture.records.cluster {
        Some(cluster) => cluster.uid.clone(),
        None => random(16)?,
    };
    lease.stage_cluster(ClusterRecord {
        name: session.cluster().clone(),
        uid: uid.clone(),
        account: picture.caller.account.clone(),
        region: session.aws.region().to_owned(),
        config: session.config.clone(),
        plan: None,
    })?;
    Ok(uid)
}

/// What was rendered, by file name.
pub fn manifests(session: &Session) -> BTreeMap<String, String> {
    let documents = &session.manifests.rendered.documents;
    documents.iter().map(|document| (document.name.clone(), document.text().to_owned())).collect()
}

/// How the run ends for the user: what was done, what was not, the one next command.
fn end(session: &Session, work: &Work, report: &Report) -> anyhow::Result<Exit> {
    let (cluster, verb) = (session.cluster(), work.command);
    let so_far = format!("{} of {} operations done", report.done, report.operations);
    let again = format!("hint: run it again, it goes on where it was: windlass {verb} {cluster}");
    if !report.failures.is_empty() {
        let failures: Vec<String> = report
            .failures
            .iter()
            .map(|failure| {
                let hint = failure.error.hint().map(|hint| format!("\n    hint: {hint}")).unwrap_or_default();
                format!("  {}: {} failed: {}{hint}", failure.address, failure.act.as_str(), failure.error)
            })
            .collect();
        let message = format!("{verb} of {cluster} failed, {so_far}\n{}\n  {again}", failures.join("\n"));
        return Err(Stopped::new(failure_exit(work.purpose, report), message).into());
    }
    if report.interrupted {
        let message = format!("{verb} of {cluster} was interrupted, {so_far}\n  {again}");
        return Err(Stopped::new(Exit::Resumable, message).into());
    }
    if !report.leftovers.is_empty() {
        let left: Vec<String> = report.leftovers.iter().map(|leftover| format!("  {leftover}")).collect();
        let message = format!("{cluster} is destroyed, but this is left:\n{}\n  {again}", left.join("\n"));
        return Err(Stopped::new(Exit::LeftBehind, message).into());
    }
    Ok(Exit::Done)
}

/// Add-ons that failed: each with why, and the one next command.
fn end_of_add_ons(session: &Session, done: &Done) -> anyhow::Result<Exit> {
    let Some(failures) = done.add_ons.as_ref().map(|it| &it.failures).filter(|it| !it.is_empty()) else {
        return Ok(Exit::Done);
    };
    let cluster = session.cluster();
    let lines: Vec<String> = failures
        .iter()
        .map(|(name, error)| format!("  {name}: {}", error.to_string().replace("\nhint: ", "\n    hint: ")))
        .collect();
    let interrupted = failures.values().any(install::Error::is_resumable);
    let message = format!(
        "AWS is as the manifests say, but {} of {cluster} {}:\n{}\n  hint: run it again, it goes on where it was: windlass \
         apply {cluster}",
        if failures.len() == 1 { String::from("1 add-on") } else { format!("{} add-ons", failures.len()) },
        if failures.len() == 1 { "is not" } else { "are not" },
        lines.join("\n")
    );
    Err(Stopped::new(if interrupted { Exit::Resumable } else { Exit::Provider }, message).into())
}

/// No capacity, an ended lease and credentials that ran out are told apart from other refusals of AWS.
fn failure_exit(purpose: Purpose, report: &Report) -> Exit {
    let failures: Vec<Option<Failure>> = report.failures.iter().map(|failure| failure.error.failure()).collect();
    let resumable =
        |failure: &Option<Failure>| matches!(failure, Some(Failure::LeaseEnded | Failure::ExpiredCredentials));
    if failures.iter().any(resumable) {
        Exit::Resumable
    } else if failures.iter().all(|failure| *failure == Some(Failure::Capacity)) {
        Exit::Capacity
    } else if purpose == Purpose::Destroy && failures.iter().all(|failure| *failure == Some(Failure::Dependency)) {
        // Everything else is gone, and each failure names what holds on.
        Exit::LeftBehind
    } else {
        Exit::Provider
    }
}

/// `20261120t133302z-1f3a`: sorts by time; the random part tells apart runs of one second.
pub fn run_id(started: Timestamp) -> anyhow::Result<String> {
    Ok(format!("{}-{}", started.strftime("%Y%m%dt%H%M%Sz"), random(4)?))
}

/// That many random bytes in hexadecimal.
fn random(bytes: usize) -> anyhow::Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(data_encoding::HEXLOWER.encode(&buffer))
}

/// Who runs this, for locks and the audit log: `user@host`. CI systems set USER or LOGNAME too.
pub fn actor() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty());
    let user = user.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
    let system = rustix::system::uname();
    format!("{user}@{}", system.nodename().to_string_lossy())
}
