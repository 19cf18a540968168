//! `windlass state`: looks after the state branch.

mod fsck;
mod kept_keys;
mod lost;
mod rebuild;
mod recover;

use clap::{Args, Subcommand};

use super::options::Global;
use crate::exit::Exit;
use crate::ui::output::Output;

/// Look after the state branch of a cluster.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fsck(fsck::Arguments),
    Recover(recover::Arguments),
}

impl Arguments {
    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::Fsck(fsck) => fsck.run(global, output).await,
            Command::Recover(recover) => recover.run(global, output).await,
        }
    }
}
