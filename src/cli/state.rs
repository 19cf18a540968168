//! `windlass state`: looks after the state branch.

use clap::{Args, Subcommand};

use super::options::{Format, Global, Which};
use super::run::actor;
use super::session::{project, store};
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
    Fsck(Fsck),
    Recover(Recover),
}

/// Check every commit and every file of the state branch; ends with 11 when something is wrong.
#[derive(Debug, Args)]
struct Fsck {
    #[command(flatten)]
    which: Which,
    /// How to show the findings.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Put the last good version of damaged files of the state branch back, in a commit of its own.
///
/// A file that never had a good version is removed. Also goes on from a commit that somebody made by hand. The damage stays
/// in the history, where git log shows it.
#[derive(Debug, Args)]
struct Recover {
    #[command(flatten)]
    which: Which,
    /// The files, as `state fsck` names them; none: all damaged ones.
    #[arg(value_name = "FILE")]
    files: Vec<String>,
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

impl Fsck {
    async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let project = project(global)?;
        let findings = store(global, &project, &self.which.cluster).await?.fsck().await?;
        match self.output {
            Format::Json => output.data(&(serde_json::to_string_pretty(&findings)? + "\n"))?,
            Format::Text if findings.is_empty() => output.message("the state branch is sound"),
            Format::Text => {
                for finding in &findings {
                    output.data(&format!("{finding}\n  repair: {}\n", finding.repair))?;
                }
            }
        }
        Ok(if findings.is_empty() { Exit::Done } else { Exit::Refused })
    }
}

impl Recover {
    async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let project = project(global)?;
        let store = store(global, &project, &self.which.cluster).await?;
        let recovered = store.recover(&self.files, &actor()).await?;
        let Some(commit) = recovered.commit else {
            output.message("nothing is damaged");
            return Ok(Exit::Done);
        };
        for (path, from) in &recovered.restored {
            match from {
                Some(from) => output.message(&format!("{path}: as in commit {from}")),
                None => output.message(&format!("{path}: no version was good")),
            }
        }
        output.message(&format!("repaired in commit {commit}"));
        Ok(Exit::Done)
    }
}
