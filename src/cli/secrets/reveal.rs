//! `windlass secrets reveal`: a secret in the clear, for the day on which nothing else helps.

use std::io::IsTerminal;

use anyhow::Context;
use clap::Args;

use crate::cli::failure::Stopped;
use crate::cli::keys;
use crate::cli::options::{Global, Which};
use crate::cli::session::{age, project, store};
use crate::exit::Exit;
use crate::ui::output::Output;

/// Print a secret in the clear on stdout, for a pipe or a file. On a terminal, where it would stay in the scrollback,
/// only with --yes.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The secret, as `secrets list` names it.
    #[arg(value_name = "NAME")]
    name: String,
    /// On a terminal too.
    #[arg(short, long)]
    yes: bool,
}

impl Arguments {
    /// Opens and prints.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        if std::io::stdout().is_terminal() && !self.yes {
            let message = format!(
                "{} would stand in the clear on this terminal\n  hint: pipe it to where it is needed, or add --yes",
                self.name
            );
            return Err(Stopped::new(Exit::Refused, message).into());
        }
        let project = project(global)?;
        let records = store(global, &project, &self.which.cluster).await?.read().await?;
        let secret = keys::open_secret(&age(global, &project), &records, &self.name)?;
        output.message(&format!(
            "warning: {} leaves its seal: whoever reads it can act as {}",
            self.name, self.which.cluster
        ));
        output.verbatim(secret.expose_text().context("the secret is no text")?)?;
        Ok(Exit::Done)
    }
}
