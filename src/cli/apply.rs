//! `windlass apply`: makes AWS what the manifests say.

use std::path::{Path, PathBuf};

use clap::Args;

use super::add_ons;
use super::certs;
use super::files;
use super::health;
use super::keys;
use super::options::{Global, RunOptions, Which};
use super::picture::{guards, look};
use super::run;
use super::session::Session;
use super::upgrade;
use super::work::{AddOnWork, Work};
use crate::exit::Exit;
use crate::file;
use crate::plan::{Plan, Purpose};
use crate::problem::Problems;
use crate::ui::output::Output;

/// Create or update a cluster: plan, show, ask, do. Run again after any interruption: it goes on where it was.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Apply this saved plan, and nothing else; refused when the world has changed since.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    add_ons: add_ons::Options,
    #[command(flatten)]
    options: RunOptions,
}

impl Arguments {
    /// Plans, shows, asks, does.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let saved = self.plan.as_deref().map(saved).transpose()?;
        run::needs_somebody_to_ask(&self.options, "apply")?;
        let session = Session::open(global, output, &self.which.cluster, self.options.parallelism).await?;
        let records = session.store.read().await?;
        let picture = look(&session, Purpose::Apply, records).await?;
        let list = add_ons::wanted(&session)?;
        let mut plan = picture.plan(&session, Purpose::Apply)?;
        plan.add_ons = add_ons::look(&session, &list, &picture.records, &self.add_ons).await?;
        if let Some(saved) = &saved {
            run::refuse_stale(saved, &plan)?;
        }
        run::show(&session, &plan, self.options.output)?;
        certs::warn(&session, &picture.records);
        guards(&session, self.options.allow).check(&plan)?;
        upgrade::guard(&session, &picture.records).await?;
        // With the lock in somebody's hands "nothing to do" says little: a dead run's is taken over, a live one's waited for.
        // And what a run left before it was ready is waited for.
        let records = &picture.records;
        let unfinished = !records.open_journals.is_empty() || records.lock.is_some() || !records.settling().is_empty();
        if self.options.dry_run {
            return Ok(Exit::Done);
        }
        if plan.is_empty() && !unfinished {
            return health::expect(&session, &picture).await.map(|()| Exit::Done);
        }
        certs::refuse(&session, &plan, &picture.records)?;
        keys::preflight(&session, &picture.records, &plan)?;
        let question = run::Question { word: String::from("yes"), needed: plan.changes_something() };
        run::confirm(&session, &self.options, &question)?;
        let exactly = saved.is_some() || !self.options.yes;
        let is_there = !list.is_empty() || !picture.records.add_ons.is_empty();
        let add_ons =
            (is_there && !self.add_ons.skip_add_ons).then(|| AddOnWork { list, options: self.add_ons.clone() });
        let work = Work { add_ons, ..Work::whole(&session, Purpose::Apply, plan, exactly) };
        run::run(&session, &self.options, work).await
    }
}

fn saved(path: &Path) -> anyhow::Result<Plan> {
    Ok(Plan::from_file(&files::source(path, file::LARGEST_MADE)?).map_err(Problems::from)?)
}
