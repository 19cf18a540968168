//! Puts a plan together: decisions per address, what follows from replacements, operations, waves.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::decide::{Decision, decide};
use super::world::World;
use super::{
    Act, Action, AddOns, Basis, Change, Inputs, Operation, Plan, Purpose, Refusal, cascade, digest, lent, order, ours,
    rolls, saved, shared,
};
use crate::resource::{Address, Found, Kind, Reference, Resource};

/// Makes the plan. Pure and deterministic: the order of what was observed does not matter.
///
/// # Errors
/// Refuses when records and inputs are of different clusters, when something in the way is not ours, and when the
/// operations cannot be ordered. [`super::Guards`] are asked afterwards, so that a plan can be shown before it is refused.
pub fn plan(inputs: &Inputs<'_>) -> Result<Plan, Refusal> {
    same_cluster(inputs)?;
    complete(inputs.desired)?;
    let observed = match inputs.purpose {
        Purpose::Apply => lent::without_lent(shared::without_theirs(inputs.observed), inputs.records.roll.as_ref()),
        Purpose::Destroy => Cow::Borrowed(inputs.observed),
    };
    make(&Inputs { observed: &observed, ..*inputs })
}

fn make(inputs: &Inputs<'_>) -> Result<Plan, Refusal> {
    let world = World::new(inputs);
    let mut foreign = inputs.observed.clashes.clone();
    foreign.retain(|clash| inputs.desired.contains_key(&clash.address));
    let mut decisions: BTreeMap<&Address, Decision<'_>> = BTreeMap::new();
    for address in world.addresses() {
        let group = match address.kind() {
            Kind::SecurityGroupRules => kept_group(&decisions, address),
            _ => None,
        };
        let mut standing = ours::stand(&world, address, group);
        foreign.append(&mut standing.foreign);
        decisions.insert(address, decide(&world, address, standing));
    }
    if !foreign.is_empty() {
        foreign.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
        foreign.dedup();
        return Err(Refusal::NotOurs(foreign));
    }
    cascade::follow(&mut decisions);
    let observed = decisions.iter().filter_map(|(address, it)| it.kept.map(|found| (*address, &found.resource)));
    let waves = order::waves(operations(&world, &decisions), inputs.desired.iter().collect(), observed.collect())?;
    let mut drift = Vec::new();
    let mut changes = Vec::new();
    for (address, mut decision) in decisions {
        drift.extend(decision.drift.take());
        changes.extend(list(address, decision));
    }
    changes.sort_by(|one, other| {
        (one.action, &one.address, &one.reason).cmp(&(other.action, &other.address, &other.reason))
    });
    let rolls = match inputs.purpose {
        Purpose::Apply => rolls::outdated(inputs, &changes),
        Purpose::Destroy => Vec::new(),
    };
    Ok(Plan {
        version: saved::VERSION,
        cluster: inputs.cluster.clone(),
        account: inputs.account.to_owned(),
        region: inputs.region.to_owned(),
        uid: inputs.uid.map(str::to_owned),
        purpose: inputs.purpose,
        basis: Basis {
            config: inputs.config.map(str::to_owned),
            desired: digest::digest(inputs.desired),
            observed: digest::observed(inputs.observed),
            state: inputs.records.tip.clone(),
        },
        changes,
        waves,
        drift,
        rolls,
        add_ons: AddOns::default(),
    })
}

/// The id of the group that stays, whose rules are the ones that count. Groups sort before their rules.
fn kept_group<'a>(decisions: &BTreeMap<&Address, Decision<'a>>, rules: &Address) -> Option<&'a str> {
    let group = Address::new(Kind::SecurityGroup, rules.name());
    decisions.get(&group).and_then(|decision| decision.kept).map(|found| found.id.as_str())
}

fn same_cluster(inputs: &Inputs<'_>) -> Result<(), Refusal> {
    let Some(record) = &inputs.records.cluster else { return Ok(()) };
    if record.account != inputs.account {
        return Err(Refusal::WrongAccount { expected: record.account.clone(), actual: inputs.account.to_owned() });
    }
    if record.region != inputs.region {
        return Err(Refusal::WrongRegion { expected: record.region.clone(), actual: inputs.region.to_owned() });
    }
    match inputs.uid {
        Some(uid) if uid != record.uid => {
            Err(Refusal::WrongUid { recorded: record.uid.clone(), actual: uid.to_owned() })
        }
        _ => Ok(()),
    }
}

fn complete(desired: &BTreeMap<Address, Resource>) -> Result<(), Refusal> {
    for (from, resource) in desired {
        let missing = |reference: &&Reference| reference.address().is_some_and(|to| !desired.contains_key(to));
        if let Some(Reference::Address(to)) = resource.references().into_iter().find(missing) {
            return Err(Refusal::Dangling { from: from.clone(), to: to.clone() });
        }
    }
    Ok(())
}

/// What to do, sorted by address; deletes of an address before its create.
fn operations(world: &World<'_>, decisions: &BTreeMap<&Address, Decision<'_>>) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (address, decision) in decisions {
        let mut push = |act: Act| operations.push(Operation { address: (*address).clone(), act });
        for (found, _) in &decision.discarded {
            push(Act::Discard { found: boxed(found) });
        }
        let create = |resource: &Resource| Act::Create {
            resource: Box::new(resource.clone()),
            generation: world.next_generation(address),
        };
        match (decision.action, decision.desired, decision.kept) {
            (Some(Action::Create), Some(desired), _) => push(create(desired)),
            (Some(Action::Replace), Some(desired), Some(found)) => {
                push(Act::Delete { found: boxed(found) });
                push(create(desired));
            }
            (Some(Action::Update), Some(desired), Some(found)) => {
                let found = lent::marked(found, world.records.roll.as_ref());
                push(Act::Update { found: Box::new(found), resource: Box::new(desired.clone()) });
            }
            (Some(Action::Adopt), Some(desired), Some(found)) => {
                push(Act::Adopt { found: boxed(found), resource: Box::new(desired.clone()) });
            }
            (Some(Action::Delete), _, Some(found)) => push(Act::Delete { found: boxed(found) }),
            (Some(Action::Forget), ..) => push(Act::Forget),
            _ => {}
        }
    }
    operations
}

fn boxed(found: &Found) -> Box<Found> {
    Box::new(found.clone())
}

/// The changes of one address, to be shown.
fn list(address: &Address, decision: Decision<'_>) -> impl Iterator<Item = Change> {
    let discarded = decision.discarded.into_iter().map(|(_, why)| Change {
        address: address.clone(),
        action: Action::Delete,
        fields: Vec::new(),
        reason: Some(why),
    });
    let own = decision.action.map(|action| Change {
        address: address.clone(),
        action,
        fields: decision.fields,
        reason: decision.reason,
    });
    discarded.collect::<Vec<_>>().into_iter().chain(own)
}
