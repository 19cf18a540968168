//! `windlass plan`: shows what `apply` or `destroy` would do.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::add_ons;
use super::certs;
use super::keys;
use super::options::{Global, Which};
use super::picture::{guards, look};
use super::session::Session;
use super::upgrade;
use crate::exit::Exit;
use crate::plan::{Action, AddOnChange, Cause, Change, Plan, Purpose};
use crate::private::{self, Lasting};
use crate::ui::output::Output;
use crate::ui::plan::{Detail, View};

/// Show what would be created, changed, replaced and destroyed. Changes nothing.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Plan the end of the cluster instead.
    #[arg(long)]
    destroy: bool,
    /// Show every field of every change.
    #[arg(long)]
    details: bool,
    /// Save the plan, for `windlass apply --plan FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 if changes are pending, 3 on drift, 4 on both.
    #[arg(long)]
    detailed_exitcode: bool,
    /// How many resources may be deleted or replaced without a warning.
    #[arg(long, value_name = "N")]
    allow: Option<usize>,
    /// How many AWS calls may be under way at the same time.
    #[arg(long, value_name = "N", default_value = "16")]
    parallelism: NonZeroUsize,
    #[command(flatten)]
    add_ons: add_ons::Options,
    /// How to show the plan.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    Markdown,
}

impl Arguments {
    /// Looks, plans, shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, self.parallelism).await?;
        let purpose = if self.destroy { Purpose::Destroy } else { Purpose::Apply };
        let records = session.store.read().await?;
        let picture = look(&session, purpose, records).await?;
        let mut plan = picture.plan(&session, purpose)?;
        if purpose == Purpose::Apply {
            let list = add_ons::wanted(&session)?;
            plan.add_ons = add_ons::look(&session, &list, &picture.records, &self.add_ons).await?;
        }
        let detail = if self.details { Detail::Full } else { Detail::Summary };
        output.data(&match self.output {
            Format::Text => crate::ui::plan::text(&plan, View { detail, color: output.data_has_color() }),
            Format::Json => crate::ui::plan::json(&plan)?,
            Format::Markdown => crate::ui::plan::markdown(&plan),
        })?;
        if let Some(path) = &self.out {
            private::replace(path, plan.to_file()?.as_bytes(), Lasting::PowerCut)
                .with_context(|| format!("cannot write {}", path.display()))?;
            output.message(&format!("saved: windlass apply {} --plan {}", session.cluster(), path.display()));
        }
        if let Err(refusal) = guards(&session, self.allow).check(&plan) {
            output.message(&format!("warning: this plan would be refused: {refusal}\n  hint: {}", refusal.hint()));
        }
        if purpose == Purpose::Apply
            && let Err(refusal) = upgrade::guard(&session, &picture.records).await
        {
            output.message(&format!("warning: this plan would be refused: {refusal}"));
        }
        certs::warn(&session, &picture.records);
        let certificates = certs::refuse(&session, &plan, &picture.records);
        if let Err(refusal) = certificates.and_then(|()| keys::check_recipients(&session, &picture.records, purpose)) {
            output.message(&format!(
                "warning: this plan would be refused: {}",
                refusal.to_string().replace('\n', "\n  ")
            ));
        }
        Ok(if self.detailed_exitcode { detailed(&plan) } else { Exit::Done })
    }
}

/// Pending changes and drift have codes of their own.
fn detailed(plan: &Plan) -> Exit {
    let objects = &plan.add_ons.changes;
    let is_pending =
        plan.changes.iter().any(|change| is_pending(plan, change)) || objects.iter().any(|it| !it.is_drift());
    match (is_pending, !plan.drift.is_empty() || objects.iter().any(AddOnChange::is_drift)) {
        (true, true) => Exit::ChangesAndDrift,
        (true, false) => Exit::ChangesPending,
        (false, true) => Exit::Drift,
        (false, false) => Exit::Done,
    }
}

/// Whether git asks for the change; what only undoes somebody's hand is drift.
fn is_pending(plan: &Plan, change: &Change) -> bool {
    match change.action {
        Action::Adopt | Action::Forget => false,
        Action::Create => !plan.drift.iter().any(|drift| drift.vanished && drift.address == change.address),
        Action::Update | Action::Replace if !change.fields.is_empty() => {
            change.fields.iter().any(|field| field.cause != Cause::Drift)
        }
        Action::Update | Action::Replace | Action::Delete => true,
    }
}
