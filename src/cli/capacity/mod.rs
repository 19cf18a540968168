//! `windlass capacity`: where machines can be had, who takes over, and what the cluster-autoscaler is told.

mod check;
mod expander;
mod test_fallback;

use clap::{Args, Subcommand};

use super::options::Global;
use super::picture::guards;
use super::session::Session;
use super::view;
use crate::aws::GroupsWanted;
use crate::exit::Exit;
use crate::ui::output::Output;

/// Look after the capacity of a cluster: check it, try its fallbacks, print what the cluster-autoscaler
/// needs.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Expander(expander::Arguments),
    TestFallback(test_fallback::Arguments),
}

impl Arguments {
    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::Check(arguments) => arguments.run(global, output).await,
            Command::Expander(arguments) => arguments.run(global, output),
            Command::TestFallback(arguments) => arguments.run(global, output).await,
        }
    }
}

/// What the groups are looked for by, once it is sure that this is the right account.
async fn wanted(session: &Session) -> anyhow::Result<GroupsWanted> {
    let caller = session.aws.identity().await?;
    guards(session, None).identity(&caller.account, session.aws.region())?;
    let uid = session.store.read().await?.cluster.map(|cluster| cluster.uid);
    Ok(GroupsWanted { uid, ..view::names(session, "capacity").wanted() })
}
