//! `windlass sandbox`: the imitated account itself.

use clap::{Args, Subcommand};

use super::options::Global;
use super::session::{OWN_FOLDER, project, sandbox};
use crate::exit::Exit;
use crate::sandbox::serve;
use crate::ui::output::Output;

/// The sandbox's account: serve it to other tools, or begin anew.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Reset(Reset),
}

/// Serve the account on a loopback port, for the AWS CLI, boto3 or anything that takes AWS_ENDPOINT_URL.
#[derive(Debug, Args)]
struct Serve {
    /// The port; 0 takes a free one.
    #[arg(long, default_value = "0")]
    port: u16,
    /// How many times as fast as the real clock the account's time passes.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(i32).range(1..=100_000))]
    speed: i32,
}

/// Forget the account and the sandbox's state; the next command begins anew from the seed.
#[derive(Debug, Args)]
struct Reset {}

impl Arguments {
    /// Whether the command serves others, so that time must pass as it does for them.
    pub const fn needs_real_time(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }

    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::Serve(serve) => serve.run(global, output).await,
            Command::Reset(_) => reset(global, output),
        }
    }
}
