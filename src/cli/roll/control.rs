//! `windlass roll pause | resume | abort`: from another terminal or job, through the state branch.

use clap::{Args, Subcommand};

use super::start::{self, Paused, Wanted};
use crate::cli::failure::Stopped;
use crate::cli::options::{Global, RunOptions, Which};
use crate::cli::run::{self, actor};
use crate::cli::session::{FEW_CALLS, Session};
use crate::exit::Exit;
use crate::roll::{Record, State};
use crate::state::{self, Asked, RequestRecord};
use crate::ui::output::Output;

/// What a roll is told.
#[derive(Debug, Subcommand)]
pub enum Control {
    Pause(Pause),
    Resume(Resume),
    Abort(Abort),
}

/// Begin nothing new: nodes in work are finished, then the run ends with code 17. Nobody can go on before `resume`.
#[derive(Debug, Args)]
pub struct Pause {
    #[command(flatten)]
    which: Which,
}

/// Go on with a paused roll: replaces what is left.
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    selection: super::Selection,
    #[command(flatten)]
    options: RunOptions,
}

/// Give a roll up: cordoned nodes that still have pods are uncordoned, processes and sizes are put back. What was replaced
/// stays replaced.
#[derive(Debug, Args)]
pub struct Abort {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    options: RunOptions,
}

impl Control {
    /// Tells it.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match self {
            Self::Pause(pause) => pause.run(global, output).await,
            Self::Resume(resume) => resume.run(global, output).await,
            Self::Abort(abort) => abort.run(global, output).await,
        }
    }
}

impl Pause {
    async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, FEW_CALLS).await?;
        let lock = start::no_limits();
        if ask(&session, Asked::Pause).await? {
            return Ok(Exit::Done);
        }
        // Nobody is at it: what is written down keeps the next one from going on.
        run::recorded(&session, "roll pause", lock, async |lease| {
            let mut record = begun(&session, lease.records().roll.clone())?;
            record.state = State::Paused { by: actor(), at: session.clock.now() };
            Ok(lease.stage_roll(Some(record))?)
        })
        .await?;
        output.message(&format!("paused; to go on: windlass roll resume {}", session.cluster()));
        Ok(Exit::Done)
    }
}

impl Resume {
    async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let (cluster, selection, options) = (&self.which.cluster, &self.selection, &self.options);
        start::begin(global, output, Wanted { cluster, selection, options, paused: Paused::GoesOn }).await
    }
}

impl Abort {
    async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        run::needs_somebody_to_ask(&self.options, "roll abort")?;
        let session = Session::open(global, output, &self.which.cluster, self.options.parallelism).await?;
        begun(&session, session.store.read().await?.roll)?;
        if self.options.dry_run {
            output.message("the roll would be given up: cordons, processes and sizes would be put back");
            return Ok(Exit::Done);
        }
        run::confirm(&session, &self.options, &run::Question { word: String::from("yes"), needed: true })?;
        if ask(&session, Asked::Abort).await? {
            return Ok(Exit::Done);
        }
        start::abort(session, &self.options).await
    }
}

/// The roll that there is.
fn begun(session: &Session, roll: Option<Record>) -> anyhow::Result<Record> {
    roll.ok_or_else(|| {
        let message = format!("no roll of {} has begun, or it is at its end", session.cluster());
        Stopped::new(Exit::Refused, message).into()
    })
}

/// Asks the run that is at it; false: there is none.
async fn ask(session: &Session, what: Asked) -> anyhow::Result<bool> {
    let request = RequestRecord { what, by: actor(), at: session.clock.now() };
    let records = session.store.read().await?;
    match &records.lock {
        Some(lock) if lock.operation.starts_with("roll") => {}
        Some(lock) => {
            let message =
                format!("{} is locked by {} of {}, which is no roll", session.cluster(), lock.operation, lock.holder);
            return Err(Stopped::new(Exit::Locked, message).into());
        }
        None => return Ok(false),
    }
    match session.store.request(request).await {
        Ok(lock) => {
            session.output.message(&format!("{} was asked, and does it within seconds", lock.holder));
            Ok(true)
        }
        // It ended in the meantime.
        Err(state::Error::NotHeld) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
