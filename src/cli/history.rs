//! `windlass history`: who did what to a cluster, when, from which commit.

use clap::Args;

use super::options::{Format, Global, Which};
use super::session::{project, store};
use crate::duration;
use crate::exit::Exit;
use crate::state::{History, PastRun, RunResult};
use crate::ui::output::Output;
use crate::ui::table::Table;

/// Show the runs of a cluster, newest first. Reads the state branch only.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How to show them.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Arguments {
    /// Reads and shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let project = project(global)?;
        let store = store(global, &project, &self.which.cluster).await?;
        let history = store.history().await?;
        match self.output {
            Format::Json => output.data(&(serde_json::to_string_pretty(&history)? + "\n"))?,
            Format::Text if history.runs.is_empty() => output.message("no run yet"),
            Format::Text => output.data(&table(&history).to_text())?,
        }
        Ok(Exit::Done)
    }
}

fn table(history: &History) -> Table {
    let mut table = Table::new(["STARTED", "RUN", "WHAT", "RESULT", "TOOK", "CHANGES", "CONFIG", "BY"]);
    for PastRun { record, .. } in &history.runs {
        let took = record.ended.duration_since(record.started).as_secs().max(0);
        let counts: Vec<String> = record.counts.iter().map(|(act, count)| format!("{count} {act}")).collect();
        table.row([
            record.started.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            record.run.clone(),
            record.operation.clone(),
            result(record.result).to_owned(),
            duration::seconds(took.unsigned_abs()),
            if counts.is_empty() { String::from("none") } else { counts.join(", ") },
            record.config.as_deref().map_or_else(|| String::from("-"), short),
            record.actor.clone(),
        ]);
    }
    table
}

const fn result(result: RunResult) -> &'static str {
    match result {
        RunResult::Done => "done",
        RunResult::Failed => "failed",
        RunResult::Interrupted => "interrupted",
        RunResult::Abandoned => "died",
    }
}

/// A commit as people quote it: 12 characters, with `-dirty` if it was.
fn short(commit: &str) -> String {
    match commit.strip_suffix("-dirty") {
        Some(clean) => format!("{}-dirty", clean.get(..12).unwrap_or(clean)),
        None => commit.get(..12).unwrap_or(commit).to_owned(),
    }
}
