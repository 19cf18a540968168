//! Which machines a roll has to replace, and why: those that run an old version of their template, and all of a group
//! whose template this plan changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Action, Change, Inputs};
use crate::resource::{Address, Kind, Resource, attribute};

/// Machines of a group that a roll has to replace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outdated {
    /// The Auto Scaling group.
    pub group: Address,
    /// Machines to replace.
    pub machines: usize,
    /// Machines that it has.
    pub of: usize,
    /// Why, as people say it: `image`, `user data`; empty when the old version of the template is gone.
    pub reasons: BTreeSet<String>,
    /// Whether they are only after this plan was applied.
    pub pending: bool,
}

/// The groups whose machines have to be replaced, sorted by address.
pub(super) fn outdated(inputs: &Inputs<'_>, changes: &[Change]) -> Vec<Outdated> {
    let mut rolls = Vec::new();
    for found in &inputs.observed.found {
        let Resource::AutoScalingGroup(group) = &found.resource else { continue };
        let Some(template) = group.launch_template.address() else { continue };
        let is_template = |kind: Kind| kind == Kind::LaunchTemplate;
        if !is_template(template.kind()) || !inputs.desired.contains_key(&found.address) {
            continue;
        }
        let machines: Vec<_> = inputs.observed.instances.iter().filter(|it| it.group == found.id).collect();
        let changed = changed_fields(changes, template);
        let default = inputs.observed.found.iter().find(|it| it.address == *template);
        let default = default.and_then(|it| it.attributes.get(attribute::VERSION));
        let stale: BTreeMap<&String, usize> = machines
            .iter()
            .filter_map(|it| it.template_version.as_ref())
            .filter(|version| default.is_some_and(|default| default != *version))
            .fold(BTreeMap::new(), |mut counts, version| {
                *counts.entry(version).or_default() += 1;
                counts
            });
        let count = if changed.is_some() { machines.len() } else { stale.values().sum() };
        if count == 0 {
            continue;
        }
        let known = inputs.observed.outdated.get(template);
        let older = stale.keys().filter_map(|version| known?.get(*version)).flatten();
        let reasons = older.chain(changed.iter().flatten()).map(|field| said(field)).collect();
        rolls.push(Outdated {
            group: found.address.clone(),
            machines: count,
            of: machines.len(),
            reasons,
            pending: changed.is_some(),
        });
    }
    rolls.sort_by(|one, other| one.group.cmp(&other.group));
    rolls
}

/// The fields of a template that this plan changes in place, if it does; those of the template itself launch nothing else.
fn changed_fields(changes: &[Change], template: &Address) -> Option<BTreeSet<String>> {
    let change = changes.iter().find(|it| it.address == *template && it.action == Action::Update)?;
    let field = |path: &str| path.split(['.', '[']).next().unwrap_or(path).to_owned();
    let fields: BTreeSet<String> =
        change.fields.iter().map(|it| field(&it.path)).filter(|field| field != "tags" && field != "name").collect();
    (!fields.is_empty()).then_some(fields)
}

/// `blockDevices` as people say it.
fn said(field: &str) -> String {
    match field {
        "blockDevices" => String::from("disks"),
        "machineType" => String::from("machine type"),
        "metadataOptions" => String::from("metadata options"),
        "instanceProfile" => String::from("instance profile"),
        "userData" => String::from("user data"),
        "detailedMonitoring" => String::from("detailed monitoring"),
        "instanceTags" | "volumeTags" => String::from("tags"),
        other => other.to_owned(),
    }
}

impl std::fmt::Display for Outdated {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.group.name();
        let machines = match (self.machines, self.of) {
            (1, 1) => format!("the machine of {name}"),
            (some, all) if some == all => format!("all {all} machines of {name}"),
            (some, all) => format!("{some} of {all} machines of {name}"),
        };
        let verb = if self.pending { "will have to be replaced" } else { "must be replaced" };
        let reasons: Vec<&str> = self.reasons.iter().map(String::as_str).collect();
        match reasons.as_slice() {
            [] => write!(formatter, "{machines} {verb} because their launch template changed"),
            [only] => write!(formatter, "{machines} {verb} because {only} changed"),
            [first @ .., last] => {
                write!(formatter, "{machines} {verb} because {} and {last} changed", first.join(", "))
            }
        }
    }
}
