//! `windlass secrets list`: what is sealed, and for whom.

use clap::Args;
use serde::Serialize;

use crate::cli::options::{Format, Global, Which};
use crate::cli::session::{age, project, store};
use crate::exit::Exit;
use crate::state::Records;
use crate::ui::output::Output;
use crate::ui::table::Table;

/// List what is sealed on the state branch, for whom, and whether that is for whom windlass.yaml says. Opens nothing.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// One sealed secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    name: String,
    recipients: Vec<String>,
    /// Whether these are the recipients of windlass.yaml.
    current: bool,
}

impl Arguments {
    /// Reads and shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let project = project(global)?;
        let records = store(global, &project, &self.which.cluster).await?.read().await?;
        // A project without recipients can still be looked at.
        let wanted = age(global, &project).recipients().map(|recipients| recipients.names()).unwrap_or_default();
        let sealed = sealed(&records, &wanted);
        match self.output {
            Format::Json => output.data(&(serde_json::to_string_pretty(&sealed)? + "\n"))?,
            Format::Text if sealed.is_empty() => output.message("nothing is sealed yet: windlass apply makes the keys"),
            Format::Text => output.data(&table(&sealed).to_text())?,
        }
        let differ: Vec<&str> = sealed.iter().filter(|one| !one.current).map(|one| one.name.as_str()).collect();
        if !differ.is_empty() {
            output.message(&format!(
                "warning: {} of {} are sealed for others than windlass.yaml says\n  hint: windlass secrets rotate {}",
                differ.len(),
                sealed.len(),
                self.which.cluster
            ));
        }
        Ok(Exit::Done)
    }
}

fn sealed(records: &Records, wanted: &[String]) -> Vec<Sealed> {
    let one = |(name, recipients): (&String, &Vec<String>)| Sealed {
        name: name.clone(),
        recipients: recipients.clone(),
        current: recipients == wanted,
    };
    records.keys.sealed.iter().map(one).collect()
}

fn table(sealed: &[Sealed]) -> Table {
    let mut table = Table::new(["SECRET", "AS IN windlass.yaml", "SEALED FOR"]);
    for one in sealed {
        let current = if one.current { "yes" } else { "NO" };
        table.row([one.name.clone(), current.to_owned(), one.recipients.join(" ")]);
    }
    table
}
