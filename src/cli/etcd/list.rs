//! `windlass etcd list`: the snapshots in the bucket.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::members;
use super::store::{Place, Row};
use crate::aws;
use crate::cli::options::{Global, Which};
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
    output: View,
}

/// `-o` of snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum View {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// Metrics, for Prometheus' textfile collector or a push gateway.
    Openmetrics,
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
            View::Json => {
                let (bucket, prefix) = (place.bucket, place.prefix);
                serde_json::to_string_pretty(&Listed { version: 1, bucket, prefix, snapshots: rows })? + "\n"
            }
            View::Text => text(&rows),
            View::Openmetrics => metrics(session.cluster().as_str(), &rows),
        })?;
        Ok(Exit::Done)
    }
}

/// How old the newest snapshot is follows from when it was taken; without one there is no such metric, and an alert on its
/// absence fires. OpenMetrics text, with its end.
fn metrics(cluster: &str, rows: &[Row]) -> String {
    let mut text =
        String::from("# TYPE windlass_etcd_snapshots gauge\n# HELP windlass_etcd_snapshots Snapshots in the bucket.\n");
    text.push_str(&format!("windlass_etcd_snapshots{{cluster=\"{cluster}\"}} {}\n", rows.len()));
    text.push_str(
        "# TYPE windlass_etcd_snapshot_taken_timestamp_seconds gauge\n# UNIT windlass_etcd_snapshot_taken_timestamp_seconds \
         seconds\n# HELP windlass_etcd_snapshot_taken_timestamp_seconds When the newest snapshot was taken.\n",
    );
    if let Some(newest) = rows.first() {
        let (taken, size) = (newest.taken.as_second(), newest.size);
        text.push_str(&format!("windlass_etcd_snapshot_taken_timestamp_seconds{{cluster=\"{cluster}\"}} {taken}\n"));
        text.push_str(
            "# TYPE windlass_etcd_snapshot_size_bytes gauge\n# UNIT windlass_etcd_snapshot_size_bytes bytes\n# HELP \
             windlass_etcd_snapshot_size_bytes Size of the newest snapshot.\n",
        );
        text.push_str(&format!("windlass_etcd_snapshot_size_bytes{{cluster=\"{cluster}\"}} {size}\n"));
    }
    text + "# EOF\n"
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
