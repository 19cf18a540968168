//! `windlass etcd`: snapshots of etcd, and the way back to one.

mod list;
mod members;
mod restore;
mod snapshot;
mod store;

use clap::{Args, Subcommand};

use super::options::Global;
use crate::exit::Exit;
use crate::ui::output::Output;

/// Take, list and restore snapshots of a cluster's etcd.
///
/// Members store snapshots by themselves, as often as spec.backup.interval says; these commands are for the moment
/// before something risky, and for the worst day.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Snapshot(snapshot::Arguments),
    List(list::Arguments),
    Restore(restore::Arguments),
}

impl Arguments {
    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::Snapshot(arguments) => arguments.run(global, output).await,
            Command::List(arguments) => arguments.run(global, output).await,
            Command::Restore(arguments) => arguments.run(global, output).await,
        }
    }
}
