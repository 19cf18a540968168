//! `windlass secrets`: what is sealed on a cluster's state branch, and for whom.

mod keygen;
mod list;
mod reveal;
mod rotate;

use clap::{Args, Subcommand};

use super::options::Global;
use crate::exit::Exit;
use crate::ui::output::Output;

/// Look after what is sealed on the state branch of a cluster: the keys of its authorities, of tokens and of etcd.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Reveal(reveal::Arguments),
    Rotate(rotate::Arguments),
    Keygen(keygen::Arguments),
}

impl Arguments {
    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::List(list) => list.run(global, output).await,
            Command::Reveal(reveal) => reveal.run(global, output).await,
            Command::Rotate(rotate) => rotate.run(global, output).await,
            Command::Keygen(keygen) => keygen.run(output),
        }
    }
}
