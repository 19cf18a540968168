//! What a replacement drags along: whatever refers to the replaced object is replaced as well, or, where AWS lets the
//! referrer live on, pointed at the new one.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use super::decide::Decision;
use crate::resource::{Address, LaunchNetwork, LaunchTemplate, Placement, Reference, Resource};

/// How firmly a resource holds on to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// It names the other, which can be deleted and made anew meanwhile; afterwards it must be pointed at the new one.
    Loose,
    /// The other cannot be deleted while it exists.
    Firm,
}

/// Adds what follows from replacements, until nothing more does.
pub(super) fn follow(decisions: &mut BTreeMap<&Address, Decision<'_>>) {
    let mut replaced: BTreeSet<Address> = BTreeSet::new();
    loop {
        let fresh: Vec<Address> = decisions
            .iter()
            .filter(|(address, decision)| decision.action == Some(Action::Replace) && !replaced.contains(**address))
            .map(|(address, _)| (*address).clone())
            .collect();
        if fresh.is_empty() {
            return;
        }
        for target in fresh {
            for (address, hold) in holders(decisions, &target) {
                if let Some(decision) = decisions.get_mut(&address) {
                    drag(decision, hold, &target);
                }
            }
            replaced.insert(target);
        }
    }
}

fn drag(decision: &mut Decision<'_>, hold: Hold, target: &Address) {
    let action = match (hold, decision.action) {
        (_, Some(Action::Replace)) => return,
        (Hold::Firm, _) => Action::Replace,
        (Hold::Loose, None | Some(Action::Adopt)) => Action::Update,
        (Hold::Loose, _) => return,
    };
    decision.action = Some(action);
    decision.reason = Some(format!("{target} is replaced"));
}

/// Who holds on to `target`, before and after.
fn holders(decisions: &BTreeMap<&Address, Decision<'_>>, target: &Address) -> Vec<(Address, Hold)> {
    let mut holders = Vec::new();
    for (address, decision) in decisions {
        let (Some(found), Some(desired)) = (decision.kept, decision.desired) else { continue };
        let through_template = |group: &Resource| match group {
            Resource::AutoScalingGroup(group) => group
                .launch_template
                .address()
                .and_then(|template| decisions.get(template))
                .and_then(|template| template.kept)
                .is_some_and(|template| instances_hold(&template.resource, target)),
            _ => false,
        };
        let now = if through_template(&found.resource) { Some(Hold::Firm) } else { hold(&found.resource, target) };
        // What it lets go of by its own change does not drag it along.
        let later = if through_template(desired) { Some(Hold::Firm) } else { hold(desired, target) };
        match (now, later) {
            (Some(now), Some(_)) => holders.push(((*address).clone(), now)),
            // A record of addresses, which does not show whose they are.
            (None, Some(_)) => holders.push(((*address).clone(), Hold::Loose)),
            (_, None) => {}
        }
    }
    holders
}

/// Whether instances of a template keep `target` in use: their interface, or the groups on it.
fn instances_hold(template: &Resource, target: &Address) -> bool {
    match template {
        Resource::LaunchTemplate(template) => names(&network(template), target),
        _ => false,
    }
}

/// What the network interface of a template's instances is, or is made of.
pub(super) fn network(template: &LaunchTemplate) -> Vec<&Reference> {
    match &template.network {
        LaunchNetwork::Interface(interface) => vec![interface],
        LaunchNetwork::New { security_groups, .. } => security_groups.iter().collect(),
    }
}

fn hold(resource: &Resource, target: &Address) -> Option<Hold> {
    if !names(&resource.references(), target) {
        return None;
    }
    let loose = match resource {
        // A template is data; a deleted one only keeps its groups from launching.
        Resource::LaunchTemplate(_) => true,
        Resource::AutoScalingGroup(group) => match &group.placement {
            Placement::Subnets(subnets) => !names(&subnets.iter().collect::<Vec<_>>(), target),
            Placement::Zones(_) => true,
        },
        // A route to something deleted becomes a blackhole; an association ends with its subnet.
        Resource::RouteTable(table) => table.vpc.address() != Some(target),
        // A certificate is for the address of an interface.
        Resource::RecordSet(_) | Resource::Parameter(_) => true,
        _ => false,
    };
    Some(if loose { Hold::Loose } else { Hold::Firm })
}

fn names(references: &[&Reference], target: &Address) -> bool {
    references.iter().any(|reference| reference.address() == Some(target))
}
