//! What the manifests and the command line say about a roll, as the decision takes it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Selection;
use crate::cli::failure::Stopped;
use crate::cli::session::Session;
use crate::desired::member_group;
use crate::exit::Exit;
use crate::health::View;
use crate::render::pattern::Pattern;
use crate::roll::{GroupPolicy, Policy};
use crate::spec::Specification;

/// How old the newest snapshot may be before a member is replaced: losing the member then loses no more than that.
const SNAPSHOT_AGE: Duration = Duration::from_secs(10 * 60);
/// How long etcd's leader must have stayed the same after a member came back.
const LEADER_STABLE: Duration = Duration::from_secs(60);

/// Groups that are rolled, by name.
///
/// # Errors
/// A pattern that fits no group: exit 10, with the groups that there are.
pub fn chosen(specification: &Specification, selection: &Selection) -> anyhow::Result<BTreeSet<String>> {
    let members = specification.cluster.spec.control_plane.members.iter();
    let groups = specification.node_groups.iter().map(|group| group.metadata.name.to_string());
    let all: Vec<String> = members.map(member_group).chain(groups).collect();
    let patterns = |texts: &[String]| texts.iter().map(Pattern::new).collect::<Vec<_>>();
    let (only, except) = (patterns(&selection.only), patterns(&selection.except));
    if let Some(pattern) = only.iter().chain(&except).find(|pattern| !all.iter().any(|name| pattern.fits(name))) {
        let message = format!("no group fits {:?}\n  hint: there are {}", pattern.as_str(), all.join(", "));
        return Err(Stopped::new(Exit::Config, message).into());
    }
    let is_chosen = |name: &String| {
        (only.is_empty() || only.iter().any(|pattern| pattern.fits(name))) && !except.iter().any(|it| it.fits(name))
    };
    Ok(all.into_iter().filter(is_chosen).collect())
}

/// How the roll goes about it.
pub fn policy(session: &Session, groups: &BTreeSet<String>, forced: BTreeSet<String>, ignore_budgets: bool) -> Policy {
    let specification = session.specification();
    let whole = specification.cluster.spec.rolling.resolve();
    let now = session.clock.now();
    let mut policies: BTreeMap<String, GroupPolicy> = BTreeMap::new();
    for member in &specification.cluster.spec.control_plane.members {
        policies.insert(member_group(member), GroupPolicy::of(&whole, now));
    }
    for node_group in &specification.node_groups {
        let rolling = specification.rolling(node_group);
        policies.insert(node_group.metadata.name.to_string(), GroupPolicy::of(&rolling, now));
    }
    policies.retain(|name, _| groups.contains(name));
    Policy {
        groups: policies,
        forced,
        ignore_budgets,
        gate_timeout: Duration::from_secs(whole.gate_timeout.as_seconds()),
        snapshot_age: specification.cluster.spec.backup.as_ref().map(|_| SNAPSHOT_AGE),
        leader_stable: LEADER_STABLE,
    }
}

/// Every machine of the chosen groups: for `--force`.
pub fn every_machine(view: &View, groups: &BTreeSet<String>) -> BTreeSet<String> {
    let chosen = view.groups.iter().filter(|(name, _)| groups.contains(*name));
    chosen.flat_map(|(_, group)| group.machines.keys().cloned()).collect()
}
