//! `windlass etcd list`: the snapshots in the bucket.

use clap::Args;
use serde::Serialize;

use super::members;
use super::store::{Place, Row};
use crate::aws;
use crate::cli::options::{Format, Global, Which};
use crate::exit::Exit;
use crate::ui::output::Output;
use crate::ui::table::Table;

/// List a cluster's snapshots of etcd, newest first. Needs the bucket only, not the cluster.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How to show them.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    /// Version of this format.
    version: u32,
    bucket: String,
    prefix: String,
    snapshots: Vec<Row>,
}

impl Arguments {
    /// Looks and shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = members::session(global, output, &self.which).await?;
        let place = Place::of(&session)?;
        let now = session.clock.now();
        let found = aws::snapshots(&session.aws, &place.bucket, &place.prefix).await?;
        let mut rows: Vec<Row> = found.iter().map(|snapshot| Row::read(snapshot, now)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.taken));
        if rows.is_empty() {
            let cluster = session.cluster();
            output.message(&format!(
                "there is no snapshot beneath {}\n  hint: windlass etcd snapshot {cluster}",
                place.address(&place.prefix)
            ));
        }
        output.data(&match self.output {
            Format::Json => {
                let (bucket, prefix) = (place.bucket, place.prefix);
                serde_json::to_string_pretty(&Listed { version: 1, bucket, prefix, snapshots: rows })? + "\n"
            }
            Format::Text => text(&rows),
        })?;
        Ok(Exit::Done)
    }
}

fn text(rows: &[Row]) -> String {
    let mut table = Table::new(["TAKEN", "AGE", "MEMBER", "SIZE", "KEY"]);
    for row in rows {
        table.row([
            row.taken.strftime("%F %T").to_string(),
            row.age_text(),
            row.member.clone().unwrap_or_else(|| String::from("-")),
            row.size_text(),
            row.key.clone(),
        ]);
    }
    if table.is_empty() { String::new() } else { table.to_text() + "\n" }
}
