//! What holds for every world: a plan that was applied leaves nothing to do, waves respect all dependencies, and the
//! order of what was observed does not matter. The apply of [`super::world`] panics where AWS would refuse.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::small;
use super::world::World;
use crate::plan::Refusal;
use crate::resource::{Address, Found, Reference, Resource};

/// One thing that happens between two plans.
#[derive(Clone, Debug)]
enum Event {
    /// The manifests lose something, and what refers to it.
    Unwant(Index),
    /// The manifests want everything again.
    WantAll,
    /// The manifests change a field.
    Change(Index, u32),
    /// Somebody deletes something by hand.
    Vanish(Index),
    /// Somebody changes something by hand.
    Drift(Index, u32),
    /// A record is lost.
    Forget(Index),
    /// An answer was lost, and a second one was made.
    Duplicate(Index),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any::<Index>().prop_map(Event::Unwant),
        Just(Event::WantAll),
        (any::<Index>(), 0..4_u32).prop_map(|(which, how)| Event::Change(which, how)),
        any::<Index>().prop_map(Event::Vanish),
        (any::<Index>(), 0..4_u32).prop_map(|(which, how)| Event::Drift(which, how)),
        any::<Index>().prop_map(Event::Forget),
        any::<Index>().prop_map(Event::Duplicate),
    ]
}

fn happen(world: &mut World, event: &Event) {
    match event {
        Event::Unwant(which) if !world.desired.is_empty() => {
            let keys: Vec<Address> = world.desired.keys().cloned().collect();
            unwant(&mut world.desired, which.get(&keys));
        }
        Event::Unwant(_) => {}
        Event::WantAll => world.desired = small::cluster(),
        Event::Change(which, how) if !world.desired.is_empty() => {
            let index = which.index(world.desired.len());
            if let Some(resource) = world.desired.values_mut().nth(index) {
                change(resource, *how);
            }
        }
        Event::Change(..) => {}
        Event::Vanish(which) if !world.observed.found.is_empty() => {
            // AWS lets nobody delete what is in use.
            let found = which.get(&world.observed.found).address.clone();
            let refers = |it: &Found| it.resource.references().contains(&&Reference::Address(found.clone()));
            if !world.observed.found.iter().any(refers) {
                world.vanish(&found.to_string());
            }
        }
        Event::Vanish(_) => {}
        Event::Drift(which, how) if !world.observed.found.is_empty() => {
            let index = which.index(world.observed.found.len());
            // Nobody can change by hand what forces a replacement, in a world where that is all AWS lets change.
            let found = &mut world.observed.found[index];
            let before = found.resource.clone();
            change(&mut found.resource, *how);
            let keys = before.replaced_by();
            let (old, new) = (before.fields(), found.resource.fields());
            if keys.iter().any(|key| old.get(*key) != new.get(*key)) {
                found.resource = before;
            }
        }
        Event::Drift(..) => {}
        Event::Forget(which) if !world.records.resources.is_empty() => {
            let keys: Vec<Address> = world.records.resources.keys().cloned().collect();
            let address = which.get(&keys);
            // Record sets bear no tags: without their record they are somebody else's as soon as they differ.
            if address.kind() != crate::resource::Kind::RecordSet {
                world.forget(&address.to_string());
            }
        }
        Event::Forget(_) => {}
        Event::Duplicate(which) if !world.observed.found.is_empty() => {
            let found = which.get(&world.observed.found).clone();
            // Only these calls make a second one (the table "How each create repeats").
            if matches!(found.resource, Resource::Vpc(_) | Resource::InternetGateway(_) | Resource::ElasticIp(_)) {
                let id = format!("{}-twin", found.id);
                if !world.observed.found.iter().any(|it| it.id == id) {
                    world.observed.found.push(Found { id, ..found });
                }
            }
        }
        Event::Duplicate(_) => {}
    }
}

/// Removes an address, and all that refers to it.
fn unwant(desired: &mut BTreeMap<Address, Resource>, address: &Address) {
    desired.remove(address);
    let refers = |resource: &Resource| resource.references().contains(&&Reference::Address(address.clone()));
    let followers: Vec<Address> =
        desired.iter().filter(|(_, resource)| refers(resource)).map(|(address, _)| address.clone()).collect();
    for follower in followers {
        unwant(desired, &follower);
    }
}

fn change(resource: &mut Resource, how: u32) {
    let text = format!("x{how}");
    match resource {
        Resource::Vpc(it) if how == 0 => it.dns_hostnames = !it.dns_hostnames,
        Resource::Subnet(it) if how == 0 => it.zone = String::from("eu-west-3b"),
        Resource::SecurityGroup(it) if how == 0 => it.description = text,
        Resource::SecurityGroupRules(it) => {
            it.ingress.pop_last();
        }
        Resource::Role(it) if how == 0 => it.name = text,
        Resource::Volume(it) => it.size = 20 + how,
        Resource::TargetGroup(it) if how == 0 => it.port = 443,
        Resource::LoadBalancer(it) if how == 0 => it.scheme = crate::resource::Scheme::Internal,
        Resource::LaunchTemplate(it) => it.image = text,
        Resource::AutoScalingGroup(it) => it.max_size = 10 + how,
        Resource::ScheduledAction(it) => it.recurrence = format!("{how} 1 * * *"),
        Resource::RecordSet(it) => it.ttl = Some(60 + how),
        Resource::Vpc(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::Subnet(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::InternetGateway(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::ElasticIp(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::NatGateway(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::RouteTable(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::SecurityGroup(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::Role(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::InstanceProfile(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::NetworkInterface(it) => it.description = text,
        Resource::LoadBalancer(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::TargetGroup(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::Parameter(it) => drop(it.tags.insert(String::from("x"), text)),
        Resource::Listener(it) => it.port = 7000 + u16::try_from(how).unwrap_or(0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_was_applied_leaves_nothing_to_do(events in prop::collection::vec(prop::collection::vec(event(), 0..4), 1..5)) {
        let mut world = World::applied(small::cluster());
        for round in &events {
            for event in round {
                happen(&mut world, event);
            }
            let plan = match world.plan() {
                Ok(plan) => plan,
                Err(Refusal::NotOurs(_)) => return Ok(()),
                Err(refusal) => panic!("{refusal}"),
            };
            world.apply(&plan);
            let again = world.plan().expect("a plan");
            prop_assert!(again.is_empty() && again.drift.is_empty(), "{}", super::shown(&again));
        }
        let plan = world.destroy().expect("a plan");
        world.apply(&plan);
        prop_assert!(world.observed.found.is_empty() && world.records.resources.is_empty());
    }

    #[test]
    fn the_order_of_what_was_observed_does_not_matter(
        events in prop::collection::vec(event(), 0..6), order in Just(()).prop_perturb(|(), mut random| random.next_u64()),
    ) {
        let mut world = World::applied(small::cluster());
        for event in &events {
            happen(&mut world, event);
        }
        world.observed.found.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
        let plan = world.plan();
        let mut shuffled = world.clone();
        shuffled.observed.found.sort_by_key(|found| {
            found.id.bytes().chain(found.address.to_string().bytes()).fold(order, |hash, byte| {
                hash.rotate_left(5).wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
            })
        });
        let again = shuffled.plan();
        prop_assert_eq!(plan.map(|plan| (plan.changes, plan.waves, plan.drift)), again.map(|plan| (plan.changes, plan.waves, plan.drift)));
    }
}
