//! `windlass destroy`: tears a cluster down, also what Kubernetes made, and proves that nothing is left.

use std::path::PathBuf;

use clap::Args;

use super::add_ons;
use super::options::{Global, RunOptions, Which};
use super::picture::{guards, look};
use super::run;
use super::session::Session;
use super::work::{AddOnWork, Work};
use crate::exit::Exit;
use crate::plan::Purpose;
use crate::ui::output::Output;

/// Delete everything of a cluster, also what Kubernetes made for it. What is shared (a VPC, subnets, a DNS zone) stays.
///
/// Ends with 18 and a list when something is left, naming what holds it.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Reach the API with this kubeconfig, instead of a certificate for this run at api.CLUSTER.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    options: RunOptions,
}

impl Arguments {
    /// Plans, shows, asks, does, proves.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        run::needs_somebody_to_ask(&self.options, "destroy")?;
        let session = Session::open(global, output, &self.which.cluster, self.options.parallelism).await?;
        let records = session.store.read().await?;
        let picture = look(&session, Purpose::Destroy, records).await?;
        let plan = picture.plan(&session, Purpose::Destroy)?;
        run::show(&session, &plan, self.options.output)?;
        guards(&session, self.options.allow).check(&plan)?;
        if self.options.dry_run {
            return Ok(Exit::Done);
        }
        let question = run::Question { word: session.cluster().to_string(), needed: true };
        run::confirm(&session, &self.options, &question)?;
        let options = add_ons::Options { kubeconfig: self.kubeconfig.clone(), ..add_ons::Options::default() };
        let add_ons = Some(AddOnWork { list: Vec::new(), options });
        let work = Work { add_ons, ..Work::whole(&session, Purpose::Destroy, plan, !self.options.yes) };
        run::run(&session, &self.options, work).await
    }
}
