//! `windlass state fsck`: says everything that is wrong with a state branch.

use clap::Args;

use crate::cli::options::{Format, Global, Which};
use crate::cli::session::{project, store};
use crate::exit::Exit;
use crate::ui::output::Output;

/// Check every commit and every file of the state branch; ends with 11 when something is wrong.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How to show the findings.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Arguments {
    /// Checks.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
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
