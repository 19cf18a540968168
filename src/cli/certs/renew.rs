//! `windlass certs renew`: certificates anew, and nothing else.

use std::collections::BTreeSet;

use clap::Args;

use super::refresh;
use super::rows::member;
use crate::aws::Instances;
use crate::cli::certs;
use crate::cli::failure::Stopped;
use crate::cli::keys::{self, Renewal};
use crate::cli::options::{Global, RunOptions, Which};
use crate::cli::picture::{look_renewing, renewal};
use crate::cli::run;
use crate::cli::session::Session;
use crate::cli::work::{Reach, Step, Work};
use crate::exit::Exit;
use crate::plan::Purpose;
use crate::resource::{Address, Kind};
use crate::state::Records;
use crate::ui::output::Output;

/// Issue certificates anew and publish them, without touching anything else: those whose time has come, those named, or
/// all.
///
/// Members fetch them within half an hour, or at once with --refresh.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Which ones whatever their age: a certificate (etcd-peer), a member (a), or one of one member (a/etcd-peer).
    #[arg(value_name = "NAME", conflicts_with = "all")]
    names: Vec<String>,
    /// All of them, whatever their age.
    #[arg(long)]
    all: bool,
    /// Have the members fetch them at once, through Systems Manager.
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    options: RunOptions,
}

impl Arguments {
    /// Plans, shows, asks, issues.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        run::needs_somebody_to_ask(&self.options, "certs renew")?;
        let session = Session::open(global, output, &self.which.cluster, self.options.parallelism).await?;
        let records = session.store.read().await?;
        let mut renewal = renewal(&session);
        if self.all {
            renewal.at_percent = 0;
        }
        renewal.also = chosen(&records, &self.names)?;
        let exit = parameters(&session, &self.options, "certs renew", records, renewal, None).await?;
        if exit == Exit::Done && self.refresh && !self.options.dry_run {
            return refresh::members(&session, self.options.lock()).await;
        }
        Ok(exit)
    }
}

/// Plans, shows, asks and applies what concerns parameters alone.
pub async fn parameters(
    session: &Session,
    options: &RunOptions,
    command: &'static str,
    mut records: Records,
    renewal: Renewal,
    step: Option<Step>,
) -> anyhow::Result<Exit> {
    if records.cluster.is_none() {
        let message = format!("{} is not there yet\n  hint: windlass apply {0}", session.cluster());
        return Err(Stopped::new(Exit::Refused, message).into());
    }
    let decided_on = records.clone();
    if let Some(step) = &step {
        records.change_keys(&step.change);
    }
    let picture = look_renewing(session, Purpose::Apply, records, Instances::Ignored, &renewal).await?;
    let plan = Reach::Parameters.of(picture.plan(session, Purpose::Apply)?, &decided_on)?;
    run::show(session, &plan, options.output)?;
    certs::refuse(session, &plan, &picture.records)?;
    if options.dry_run || (plan.is_empty() && step.is_none()) {
        return Ok(Exit::Done);
    }
    match &step {
        Some(step) => keys::preflight_with(session, &picture.records, &plan, &step.made)?,
        None => keys::preflight(session, &picture.records, &plan)?,
    }
    let question = run::Question { word: String::from("yes"), needed: true };
    run::confirm(session, options, &question)?;
    let exactly = !options.yes;
    let (purpose, reach) = (Purpose::Apply, Reach::Parameters);
    run::run(session, options, Work { purpose, command, shown: plan, exactly, reach, renewal, add_ons: None, step })
        .await
}

/// The certificates that are meant by names.
fn chosen(records: &Records, names: &[String]) -> anyhow::Result<BTreeSet<Address>> {
    let of_members = |address: &&Address| address.kind() == Kind::Parameter && member(address.name()).is_some();
    let known: Vec<&Address> = records.resources.keys().filter(of_members).collect();
    let mut chosen = BTreeSet::new();
    for name in names {
        let is_meant = |address: &&&Address| {
            let path = address.name().trim_start_matches("members/").trim_end_matches(".pem");
            let (member, leaf) = path.split_once('/').unwrap_or((path, ""));
            [path, member, leaf, &address.to_string()].contains(&name.as_str())
        };
        let before = chosen.len();
        chosen.extend(known.iter().filter(is_meant).map(|address| (*address).clone()));
        if chosen.len() == before {
            let message = format!(
                "there is no certificate {name:?}\n  hint: etcd-peer means that of every member, a all of member a, and \
                 a/etcd-peer one; windlass certs list shows them"
            );
            return Err(Stopped::new(Exit::Config, message).into());
        }
    }
    Ok(chosen)
}
