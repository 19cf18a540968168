//! `windlass certs list`: every certificate of a cluster, as git has it, as members report it, as endpoints show it.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::{reports, rows};
use crate::cli::options::{Global, Which};
use crate::cli::session::{FEW_CALLS, Session};
use crate::exit::Exit;
use crate::pki::Standing;
use crate::ui::certificates::{Row, Seen, calendar, openmetrics, text};
use crate::ui::output::Output;

/// List every certificate of a cluster: who signed it, where it is, when it ends, whether it is what was asked for and
/// what is in use.
///
/// What is recorded comes from the state branch, so that it works for a cluster that is dead or out of reach. Members'
/// reports and live endpoints are laid beside it where they can be had.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Look at the state branch only: no AWS, no endpoint.
    #[arg(long)]
    offline: bool,
    /// How to show them.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: View,
}

/// `-o` of certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum View {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// Metrics with the names of x509-certificate-exporter.
    Openmetrics,
    /// A calendar of ends, with alarms.
    Icalendar,
}

impl Arguments {
    /// Reads, asks, shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, FEW_CALLS).await?;
        let rows = gather(&session, self.offline).await?;
        let now = session.clock.now();
        output.data(&match self.output {
            View::Text => text::table(&rows, now),
            View::Json => serde_json::to_string_pretty(&document(&session, &rows))? + "\n",
            View::Openmetrics => openmetrics::metrics(&rows, now),
            View::Icalendar => calendar::calendar(&rows, now),
        })?;
        for row in rows.iter().filter(|row| row.is_mismatch()) {
            output.message(&format!("alert: {}", super::mismatch(row)));
        }
        Ok(Exit::Done)
    }
}

/// Everything that is known of the certificates; what cannot be asked is said in a line.
pub async fn gather(session: &Session, offline: bool) -> anyhow::Result<Vec<Row>> {
    let records = session.store.read().await?;
    let pki = &session.specification().cluster.spec.pki;
    let mut rows = rows::rows(session.cluster(), &records, pki, session.clock.now());
    if rows.is_empty() {
        session.output.message("there is no certificate yet: windlass apply makes them with the cluster");
    }
    if offline || rows.is_empty() {
        return Ok(rows);
    }
    match reports::reports(session).await {
        Ok(reports) => reports::compare(&mut rows, &reports, session.clock.now()),
        Err(error) => {
            session.output.message(&format!("AWS cannot be asked, so this is what git says alone: {error}"));
            return Ok(rows);
        }
    }
    if let Some(silent) = reports::probe(session, &records, &mut rows).await {
        session.output.message(&silent);
    }
    Ok(rows)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// Version of this format.
    version: u32,
    cluster: String,
    certificates: Vec<Shown>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    authority: String,
    place: String,
    path: String,
    serial: String,
    subject: String,
    issuer: String,
    not_before: Timestamp,
    not_after: Timestamp,
    requested_end: Option<Timestamp>,
    standing: &'static str,
    reported: Use,
    live: Use,
    mismatch: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Use {
    seen: &'static str,
    serial: Option<String>,
    why: Option<String>,
}

fn document(session: &Session, rows: &[Row]) -> Document {
    let shown = |row: &Row| Shown {
        name: row.name.clone(),
        authority: row.authority.to_string(),
        place: row.place.clone(),
        path: row.path.clone(),
        serial: row.serial.clone(),
        subject: row.subject.to_string(),
        issuer: row.issuer.to_string(),
        not_before: row.ends.not_before,
        not_after: row.ends.not_after,
        requested_end: row.requested_end,
        standing: match row.standing {
            Standing::Good => "good",
            Standing::Warn(_) => "warn",
            Standing::Expired => "expired",
        },
        reported: seen(&row.reported),
        live: seen(&row.live),
        mismatch: row.is_mismatch(),
    };
    Document { version: 1, cluster: session.cluster().to_string(), certificates: rows.iter().map(shown).collect() }
}

fn seen(seen: &Seen) -> Use {
    let (word, serial, why) = match seen {
        Seen::NotAsked => ("notAsked", None, None),
        Seen::Same => ("same", None, None),
        Seen::Other { serial, .. } => ("other", Some(serial.clone()), None),
        Seen::Missing => ("missing", None, None),
        Seen::Unreachable(why) => ("unreachable", None, Some(why.clone())),
    };
    Use { seen: word, serial, why }
}
