//! Capacity lint: what is allowed, and has taken clusters down.

use std::collections::BTreeMap;

use super::super::read::{Located, steps};
use super::super::{NodeGroup, Role};
use super::Rules;

/// Spot pools run dry together: below this many types it happens every few weeks.
const FEWEST_SPOT_TYPES: usize = 12;
/// More groups of one application than that fragment its capacity.
const MOST_GROUPS: usize = 4;

pub(super) fn check(rules: &mut Rules<'_>) {
    for group in rules.groups {
        spot(rules, group);
        equal_cpus(rules, group);
        zones(rules, group);
    }
    applications(rules);
}

fn spot(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let spec = &group.manifest.spec;
    if !spec.buys_spot() {
        return;
    }
    let name = &group.manifest.metadata.name;
    let at_mixed = steps!["spec", "mixedInstances"];
    if spec.role != Role::Node {
        let finding = rules
            .warning(format!("{name} has role {} and buys spot instances", spec.role.as_str()))
            .at(&group.document, &at_mixed, "buys spot")
            .hint("what brings the cluster back must not be reclaimed with it: buy it on demand");
        rules.push(finding);
    }
    let types = spec.machine_types.len();
    if types < FEWEST_SPOT_TYPES {
        let finding = rules
            .warning(format!("{name} buys spot instances of {types} types: at least {FEWEST_SPOT_TYPES} are wise"))
            .at(&group.document, &steps!["spec", "machineTypes"], "")
            .hint("few pools run dry together: add types with the same CPUs, older generations too");
        rules.push(finding);
    }
    if spec.fallback.is_none() && spec.role == Role::Node {
        let finding = rules
            .warning(format!("{name} buys spot instances and has no fallback"))
            .at(&group.document, &at_mixed, "")
            .hint("name an on-demand group in fallback: it takes over when spot capacity is gone");
        rules.push(finding);
    }
}

/// The autoscaler reckons with the first type: others with fewer CPUs leave pods pending.
fn equal_cpus(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let types = &group.manifest.spec.machine_types;
    let Some((first, cpus)) = types.iter().find_map(|it| Some((it, it.virtual_cpus()?))) else { return };
    let other = types.iter().enumerate().find(|(_, it)| it.virtual_cpus().is_some_and(|other| other != cpus));
    let Some((index, other)) = other else { return };
    let finding = rules
        .warning(format!(
            "{} mixes types of unequal CPUs: {first} has {cpus}, {other} has {}",
            group.manifest.metadata.name,
            other.virtual_cpus().unwrap_or_default()
        ))
        .at(&group.document, &steps!["spec", "machineTypes", index], "")
        .hint("the autoscaler takes all for equal: make a group per size");
    rules.push(finding);
}

fn zones(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let spec = &group.manifest.spec;
    let network = &rules.spec().network;
    let mut zones: Vec<&str> =
        spec.subnets.iter().filter_map(|name| network.subnet(name)).map(|subnet| subnet.zone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    if let [only] = zones.as_slice()
        && spec.max_size > 1
        && spec.role != Role::Bastion
    {
        let finding = rules
            .warning(format!("{} is in one zone only, {only}", group.manifest.metadata.name))
            .at(&group.document, &steps!["spec", "subnets"], "")
            .hint("a zone that fails, or has no capacity, takes all of the group with it");
        rules.push(finding);
    }
}

fn applications(rules: &mut Rules<'_>) {
    let mut groups_of: BTreeMap<&str, Vec<&Located<NodeGroup>>> = BTreeMap::new();
    for group in rules.groups {
        if let Some(application) = &group.manifest.spec.application {
            groups_of.entry(application).or_default().push(group);
        }
    }
    for (application, groups) in groups_of {
        let Some(excess) = groups.get(MOST_GROUPS) else { continue };
        let finding = rules
            .warning(format!(
                "{application} has {} node groups: more than {MOST_GROUPS} split its capacity",
                groups.len()
            ))
            .at(&excess.document, &steps!["spec", "application"], "one too many")
            .hint("fewer groups with more machine types scale faster and leave less idle");
        rules.push(finding);
    }
}
