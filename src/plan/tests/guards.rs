//! Guards: who may do how much to which cluster.

use super::small;
use super::world::World;
use crate::exit::Exit;
use crate::plan::{Guards, Protection, Refusal};
use crate::resource::Resource;

fn plan_with_deletes() -> crate::plan::Plan {
    let mut world = World::applied(small::cluster());
    for address in ["auto-scaling-group/spot", "launch-template/spot", "scheduled-action/spot/night"] {
        world.unwant(address);
    }
    world.plan().expect("a plan")
}

#[test]
fn more_destroys_than_allowed_are_refused_and_the_hint_names_the_number() {
    let plan = plan_with_deletes();
    let guards = Guards { limit: Some(2), ..Guards::default() };
    let refusal = guards.check(&plan).expect_err("three are too many");
    assert_eq!(refusal.to_string(), "the plan deletes or replaces 3 resources, and at most 2 are allowed");
    assert!(refusal.hint().contains("--allow 3"), "{}", refusal.hint());
    assert_eq!(refusal.exit(), Exit::Refused);
    assert_eq!(Guards { allow: Some(3), ..guards.clone() }.check(&plan), Ok(()));
    assert_eq!(Guards { limit: None, ..guards.clone() }.check(&plan), Ok(()));
    assert_eq!(
        Guards { limit: Some(9), allow: Some(1), ..guards }.check(&plan).map_err(|it| it.exit()),
        Err(Exit::Refused)
    );
}

#[test]
fn a_destroy_is_not_counted_but_protection_refuses_it() {
    let plan = World::applied(small::cluster()).destroy().expect("a plan");
    assert_eq!(Guards { limit: Some(0), ..Guards::default() }.check(&plan), Ok(()));
    let guards = Guards { protection: Protection::On, ..Guards::default() };
    assert!(matches!(guards.check(&plan), Err(Refusal::Protected { .. })));
}

#[test]
fn protection_keeps_data_and_network_but_not_groups() {
    let guards = Guards { protection: Protection::On, ..Guards::default() };
    assert_eq!(guards.check(&plan_with_deletes()), Ok(()));
    let mut world = World::applied(small::cluster());
    if let Resource::Volume(volume) = world.want("volume/etcd-a") {
        volume.zone = String::from("eu-west-3b");
    }
    let refusal = guards.check(&world.plan().expect("a plan")).expect_err("data would be lost");
    assert_eq!(refusal.to_string(), "cluster one.k8s.foo.bar is protected: volume/etcd-a would be destroyed");
}

#[test]
fn the_wrong_account_or_region_is_refused() {
    let guards = Guards {
        account: Some(String::from("111111111111")),
        region: Some(String::from("eu-west-3")),
        ..Guards::default()
    };
    assert!(matches!(guards.identity("222222222222", "eu-west-3"), Err(Refusal::WrongAccount { .. })));
    assert!(matches!(guards.identity("111111111111", "eu-west-1"), Err(Refusal::WrongRegion { .. })));
    assert_eq!(guards.identity("111111111111", "eu-west-3"), Ok(()));
}

#[test]
fn records_of_another_account_or_uid_are_refused() {
    let mut world = World::applied(small::cluster());
    let record = world.records.cluster.as_mut().expect("the record");
    record.account = String::from("222222222222");
    assert!(matches!(world.plan(), Err(Refusal::WrongAccount { .. })));
    let record = world.records.cluster.as_mut().expect("the record");
    record.account = String::from("123456789012");
    record.uid = String::from("ff");
    assert!(matches!(world.plan(), Err(Refusal::WrongUid { .. })));
}

#[test]
fn a_reference_to_nothing_is_our_own_mistake() {
    let mut world = World::new(small::cluster());
    world.unwant("vpc/main");
    let refusal = world.plan().expect_err("a refusal");
    assert!(matches!(refusal, Refusal::Dangling { .. }));
    assert_eq!(refusal.exit(), Exit::Unexpected);
}
