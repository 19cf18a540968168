//! What `apply` and `destroy` share: showing, asking, the lock, the run itself, and how it ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::failure::Stopped;
use super::interrupt;
use super::options::{Format, RunOptions};
use super::picture::{Picture, guards, look};
use super::session::Session;
use crate::apply::{self, Means, Report, Reporter};
use crate::aws;
use crate::exit::Exit;
use crate::plan::{Plan, Purpose};
use crate::state::{self, Acquire, ClusterRecord, Held, Lease, RunRecord};
use crate::ui;
use crate::ui::output::Output;
use crate::ui::plan::{Detail, View};
use crate::ui::progress;
use crate::ui::prompt;

/// What is to be done.
pub struct Work {
    /// Apply or destroy.
    pub purpose: Purpose,
    /// The plan that was shown.
    pub shown: Plan,
    /// Whether a person agreed to exactly this plan: another one is then refused.
    pub exactly: bool,
}

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
    let started = session.clock.now();
    let run = run_id(started)?;
    let file = options.json_into.as_ref().map(File::create).transpose().context("the file of --json-into")?;
    let view = match options.output {
        Format::Text => progress::View::Text,
        Format::Json => progress::View::Json,
    };
    let reporter = progress::reporter(session.output, view, file);
    let verb = verb(work.purpose);
    let mut lease = acquire(session, options, verb, &run).await?;
    let done = under_lock(session, options, &work, &mut lease, &reporter).await;
    let (result, report, plan) = match done {
        Ok((report, plan)) => (report.result(), Some(report), Some(plan)),
        Err(error) => {
            // The reason of the run's end comes first; that the lock stays held as well only adds to it.
            let record = record(session, &lease, verb, started, None, Some(error.to_string()));
            if let Err(also) = lease.release(record).await {
                session.output.message(&format!("warning: the lock could not be given back: {also}"));
            }
            return Err(error);
        }
    };
    let _ = (result, plan);
    let report = report.unwrap_or_default();
    let record = record(session, &lease, verb, started, Some(&report), None);
    lease.release(record).await?;
    end(session, &work, &report)
}

fn verb(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Apply => "apply",
        Purpose::Destroy => "destroy",
    }
}
