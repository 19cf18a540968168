//! `windlass capacity check`: whether machines can be had where the manifests want them.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use jiff::SignedDuration;
use serde::Serialize;

use super::super::options::{Format, Global, Which};
use super::super::session::{FEW_CALLS, Session};
use super::wanted;
use crate::aws::{self, KnownMachines};
use crate::capacity::{self, Level, Lifecycles, Row, Spread};
use crate::exit::Exit;
use crate::health::{CapacityFailure, Group};
use crate::ui::output::Output;
use crate::ui::table::Table;

/// How far back failures are shown.
const FAILURES: SignedDuration = SignedDuration::from_hours(1);

/// Check where machines can be had: offers per zone, fallbacks, failures of the last hour, balance and purchase options.
///
/// Exits with 11 when something cannot work.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Version of this format.
    version: u32,
    cluster: String,
    findings: Vec<Row>,
    /// Warnings of the manifests.
    warnings: Vec<String>,
    /// Instance type → zones that offer it.
    offers: BTreeMap<String, BTreeSet<String>>,
    fallbacks: Vec<Fallback>,
    failures: Vec<CapacityFailure>,
    spread: Spread,
    lifecycles: Lifecycles,
    groups: Vec<GroupReport>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fallback {
    groups: Vec<String>,
    /// Until the last of them is tried.
    worst_case_seconds: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupReport {
    name: String,
    desired: u32,
    spread: Spread,
    lifecycles: Lifecycles,
}

impl Arguments {
    /// Looks and shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, FEW_CALLS).await?;
        let report = report(&session).await?;
        output.data(&match self.output {
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
            Format::Text => text(&report),
        })?;
        let wrong = report.findings.iter().any(|row| row.level == Level::Error);
        Ok(if wrong { Exit::Refused } else { Exit::Done })
    }
}

async fn report(session: &Session) -> anyhow::Result<Report> {
    let wanted = wanted(session).await?;
    let specification = session.specification();
    let types = specification.node_groups.iter().flat_map(|group| &group.spec.machine_types);
    let types: BTreeSet<String> = types.map(ToString::to_string).collect();
    let mut known = KnownMachines::default();
    let (offers, groups) =
        tokio::try_join!(aws::offerings(&session.aws, &types), aws::groups_view(&session.aws, &wanted, &mut known))?;
    let names: BTreeSet<String> = groups.values().map(|group| group.auto_scaling_group.clone()).collect();
    let since = session.clock.now() - FAILURES;
    let activities = aws::activities(&session.aws, &names, since).await?;
    let chains = capacity::chains(&wanted.fallbacks).unwrap_or_default();
    let fallback = |chain: capacity::Chain| Fallback {
        worst_case_seconds: chain.worst_case(capacity::MAX_NODE_PROVISION_TIME).as_secs(),
        groups: chain.groups,
    };
    let group = |(name, group): (&String, &Group)| GroupReport {
        name: name.clone(),
        desired: group.desired,
        spread: capacity::spread([group]),
        lifecycles: capacity::lifecycles([group]),
    };
    Ok(Report {
        version: 1,
        cluster: session.cluster().to_string(),
        findings: capacity::lint(specification, &offers),
        warnings: specification.warnings.iter().map(|problem| problem.message.clone()).collect(),
        offers,
        fallbacks: chains.into_iter().map(fallback).collect(),
        failures: aws::capacity_failures(&activities),
        spread: capacity::spread(groups.values()),
        lifecycles: capacity::lifecycles(groups.values()),
        groups: groups.iter().map(group).collect(),
    })
}

fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    for row in &report.findings {
        let level = if row.level == Level::Error { "error" } else { "warning" };
        let group = row.group.as_ref().map(|group| format!("{group}: ")).unwrap_or_default();
        lines.push(format!("{level}: {group}{}", row.message));
    }
    let mut table = Table::new(["GROUP", "DESIRED", "SPOT", "ON DEMAND", "ZONES"]);
    for group in &report.groups {
        table.row([
            group.name.clone(),
            group.desired.to_string(),
            group.lifecycles.spot.to_string(),
            group.lifecycles.on_demand.to_string(),
            zones(&group.spread),
        ]);
    }
    if !table.is_empty() {
        lines.push(table.to_text());
    }
    lines.push(format!(
        "all groups: {} spot, {} on demand; {} (skew {})",
        report.lifecycles.spot,
        report.lifecycles.on_demand,
        zones(&report.spread),
        report.spread.skew()
    ));
    for fallback in &report.fallbacks {
        let minutes = fallback.worst_case_seconds / 60;
        lines.push(format!(
            "fallback: {} (at worst {minutes} min with the autoscaler alone)",
            fallback.groups.join(" -> ")
        ));
    }
    if report.failures.is_empty() {
        lines.push(String::from("no launch failed within the last hour"));
    }
    for failure in &report.failures {
        let zone = failure.zone.as_deref().unwrap_or("some zone");
        lines.push(format!(
            "{} {} in {zone}: {}",
            failure.at.strftime("%F %T"),
            failure.auto_scaling_group,
            failure.message
        ));
    }
    lines.join("\n") + "\n"
}

fn zones(spread: &Spread) -> String {
    let zones: Vec<String> = spread.zones.iter().map(|(zone, count)| format!("{zone} {count}")).collect();
    zones.join(", ")
}
