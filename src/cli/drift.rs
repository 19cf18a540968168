//! `windlass drift`: what somebody changed by hand, in AWS and in the cluster.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::add_ons;
use super::options::{Format, Global, Which};
use super::picture::look;
use super::session::Session;
use crate::exit::Exit;
use crate::plan::{AddOnChange, Purpose};
use crate::ui::output::Output;
use crate::ui::plan::{Detail, View};

/// Show what somebody changed by hand since the last apply, in AWS and in the cluster. Changes nothing.
///
/// What git asks for meanwhile is not shown: `windlass plan` shows both.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Exit with 3 if there is drift.
    #[arg(long)]
    detailed_exitcode: bool,
    /// How many AWS calls may be under way at the same time.
    #[arg(long, value_name = "N", default_value = "16")]
    parallelism: NonZeroUsize,
    /// Reach the API with this kubeconfig, instead of a certificate for this run at api.CLUSTER.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How to show it: JSON is that of a plan, with nothing but drift in it.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Arguments {
    /// Looks and shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, self.parallelism).await?;
        let picture = look(&session, Purpose::Apply, session.store.read().await?).await?;
        let mut plan = picture.plan(&session, Purpose::Apply)?;
        let list = add_ons::wanted(&session)?;
        let options = add_ons::Options { kubeconfig: self.kubeconfig.clone(), ..add_ons::Options::default() };
        plan.add_ons = add_ons::look(&session, &list, &picture.records, &options).await?;
        // What an apply would do is another question.
        plan.changes.clear();
        plan.waves.clear();
        plan.rolls.clear();
        plan.add_ons.unhealthy.clear();
        plan.add_ons.changes.retain(AddOnChange::is_drift);
        let drifted = !plan.drift.is_empty() || !plan.add_ons.changes.is_empty();
        output.data(&match self.output {
            Format::Text => {
                crate::ui::plan::drift(&plan, View { detail: Detail::Summary, color: output.data_has_color() })
            }
            Format::Json => crate::ui::plan::json(&plan)?,
        })?;
        Ok(if drifted && self.detailed_exitcode { Exit::Drift } else { Exit::Done })
    }
}
