//! What a roll would do, before it does anything: groups, machines to replace, how long, what stands in the way.

use serde::Serialize;

use crate::duration;
use crate::health::{Finding, GroupRole, Severity, View};
use crate::roll::{Estimate, GroupPolicy, Policy};
use crate::ui::table::Table;

/// A roll before it begins.
pub struct Outlook<'roll> {
    /// The cluster.
    pub cluster: &'roll str,
    /// How it is now.
    pub view: &'roll View,
    /// How it would be rolled.
    pub policy: &'roll Policy,
    /// What stands in the way, and what to know.
    pub findings: &'roll [Finding],
    /// How long it will take.
    pub estimate: &'roll Estimate,
}

/// A group in an outlook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    group: String,
    machines: usize,
    stale: usize,
    surge: u32,
    unavailable: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'outlook> {
    /// Version of this format.
    version: u32,
    cluster: &'outlook str,
    groups: Vec<Row>,
    machines: usize,
    findings: Vec<String>,
    estimate_seconds: u64,
}

/// For people.
#[must_use]
pub fn outlook(it: &Outlook<'_>) -> String {
    let rows = rows(it);
    let machines: usize = rows.iter().map(|row| row.stale).sum();
    let mut lines = Vec::new();
    let stale: Vec<&Row> = rows.iter().filter(|row| row.stale > 0).collect();
    if !stale.is_empty() {
        let mut table = Table::new(["GROUP", "MACHINES", "TO REPLACE", "MORE AT ONCE", "FEWER AT ONCE"]);
        for row in stale {
            table.row([
                row.group.clone(),
                row.machines.to_string(),
                row.stale.to_string(),
                row.surge.to_string(),
                row.unavailable.to_string(),
            ]);
        }
        lines.push(table.to_text());
    }
    for finding in it.findings {
        lines.push(said(finding));
    }
    lines.push(match machines {
        0 => format!("No machine of {} has to be replaced.", it.cluster),
        1 => format!("Roll: 1 machine to replace, about {}.", duration::seconds(it.estimate.duration.as_secs())),
        many => {
            format!("Roll: {many} machines to replace, about {}.", duration::seconds(it.estimate.duration.as_secs()))
        }
    });
    lines.join("\n") + "\n"
}

/// For machines.
///
/// # Errors
/// Never: it is made of strings and numbers.
pub fn outlook_json(it: &Outlook<'_>) -> serde_json::Result<String> {
    let groups = rows(it);
    let document = Document {
        version: 1,
        cluster: it.cluster,
        machines: groups.iter().map(|row| row.stale).sum(),
        groups,
        findings: it.findings.iter().map(said).collect(),
        estimate_seconds: it.estimate.duration.as_secs(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// `warning: shop/cart: a bare pod …`.
#[must_use]
pub fn said(finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Bad => "problem",
        Severity::Warning => "warning",
        Severity::Notice => "note",
    };
    format!("{word}: {}: {}", finding.about, finding.what)
}

fn rows(it: &Outlook<'_>) -> Vec<Row> {
    let row = |(name, policy): (&String, &GroupPolicy)| {
        let group = it.view.groups.get(name)?;
        // A member has no other beside it.
        let (surge, unavailable) = match group.role {
            GroupRole::Member(_) => (0, 1),
            GroupRole::Nodes | GroupRole::Bastion => {
                (policy.max_surge.of(group.desired), policy.unavailable(group.desired))
            }
        };
        Some(Row {
            group: name.clone(),
            machines: group.machines.len(),
            stale: group.machines.values().filter(|machine| it.policy.replaces(group, machine)).count(),
            surge,
            unavailable,
        })
    };
    it.policy.groups.iter().filter_map(row).collect()
}
