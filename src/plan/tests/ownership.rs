//! What is ours, what is not, and which of two is kept.

use super::shown;
use super::small::{self, record};
use super::world::{UID, World};
use crate::plan::Refusal;
use crate::resource::{Clash, Found, Resource};
use crate::state::IntentKind;

#[test]
fn what_bears_our_tags_without_a_record_is_adopted() {
    let mut world = World::applied(small::cluster());
    for address in ["volume/etcd-a", "auto-scaling-group/spot"] {
        world.forget(address);
    }
    if let Resource::AutoScalingGroup(group) = world.want("auto-scaling-group/spot") {
        group.max_size = 20;
    }
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}

#[test]
fn of_duplicates_the_recorded_one_stays() {
    let mut world = World::applied(small::cluster());
    let twin = Found { id: String::from("a-vpc-of-a-lost-answer"), ..world.found("vpc/main").clone() };
    world.observed.found.push(twin);
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}

#[test]
fn of_duplicates_without_a_record_the_first_stays() {
    let mut world = World::applied(small::cluster());
    world.forget("elastic-ip/nat-a");
    let twin = Found { id: String::from("a-first-one"), ..world.found("elastic-ip/nat-a").clone() };
    world.observed.found.push(twin);
    let plan = world.plan().expect("a plan");
    let reasons: Vec<&str> = plan.changes.iter().filter_map(|change| change.reason.as_deref()).collect();
    assert!(reasons.iter().any(|reason| reason.ends_with("is a duplicate of a-first-one")), "{reasons:?}");
}

#[test]
fn an_older_generation_is_left_over_and_goes_first() {
    let mut world = World::applied(small::cluster());
    world.found("volume/etcd-a").id = String::from("old");
    let address = "volume/etcd-a".parse().expect("an address");
    let record = world.records.resources.get_mut(&address).expect("a record");
    record.generation = 2;
    insta::assert_snapshot!(shown(&world.plan().expect("a plan")));
}

#[test]
fn a_create_of_a_dead_run_keeps_its_generation() {
    let mut world = World::applied(small::cluster());
    // It had deleted generation 1, and may have sent the create of generation 2.
    world.vanish("volume/etcd-a");
    world.begin("volume/etcd-a", IntentKind::Delete, 1, None);
    world.begin("volume/etcd-a", IntentKind::Create, 2, None);
    let plan = world.plan().expect("a plan");
    assert!(plan.drift.is_empty(), "what we deleted ourselves is no drift");
    assert!(shown(&plan).contains("volume/etcd-a: create, generation 2"), "{}", shown(&plan));

    // It was sent: the object with the journalled generation is found and adopted.
    let mut sent = World::applied(small::cluster());
    sent.found("volume/etcd-a").id = String::from("new");
    sent.found("volume/etcd-a").generation = 2;
    sent.begin("volume/etcd-a", IntentKind::Delete, 1, None);
    sent.begin("volume/etcd-a", IntentKind::Create, 2, None);
    let plan = sent.plan().expect("a plan");
    assert!(shown(&plan).contains("volume/etcd-a: adopt new"), "{}", shown(&plan));
}

#[test]
fn a_generation_is_never_used_twice() {
    let mut world = World::applied(small::cluster());
    let group: Vec<_> = ["auto-scaling-group/spot", "launch-template/spot", "scheduled-action/spot/night"]
        .into_iter()
        .map(|address| (address.parse().expect("an address"), world.want(address).clone()))
        .collect();
    for (address, _) in &group {
        world.desired.remove(address);
    }
    world.apply(&world.plan().expect("a plan"));
    world.desired.extend(group);
    let plan = world.plan().expect("a plan");
    assert!(shown(&plan).contains("launch-template/spot: create, generation 2"), "{}", shown(&plan));
}

#[test]
fn what_is_in_the_way_and_not_ours_is_refused() {
    let mut world = World::new(small::cluster());
    let address = "role/nodes".parse().expect("an address");
    world.observed.clashes.push(Clash {
        address,
        id: String::from("nodes.one.k8s.foo.bar"),
        why: String::from("has no windlass.dev/uid tag"),
    });
    let refusal = world.plan().expect_err("a refusal");
    assert_eq!(
        refusal.to_string(),
        "role/nodes exists and is not ours: nodes.one.k8s.foo.bar has no windlass.dev/uid tag"
    );
}

#[test]
fn another_clusters_uid_is_not_ours() {
    let mut world = World::applied(small::cluster());
    world.found("vpc/main").uid = Some(UID.replace('0', "f"));
    assert!(matches!(world.plan(), Err(Refusal::NotOurs(clashes)) if clashes.len() == 1));
    // A destroy leaves it alone.
    let plan = world.destroy().expect("a plan");
    assert!(!shown(&plan).contains("vpc/main: delete"), "{}", shown(&plan));
}

#[test]
fn a_record_set_is_ours_by_record_by_journal_or_by_being_the_same() {
    let address = "record-set/api.one.k8s.foo.bar/a";
    let mut world = World::applied(small::cluster());
    world.forget(address);
    assert!(shown(&world.plan().expect("a plan")).contains("adopt"), "the same as desired");

    let mut other = record("api");
    other.ttl = Some(5);
    other.values = vec![String::from("192.0.2.1")];
    world.found(address).resource = other.into();
    assert!(matches!(world.plan(), Err(Refusal::NotOurs(_))), "somebody else's");
    assert!(!shown(&world.destroy().expect("a plan")).contains(address), "a destroy leaves it alone");

    let desired = world.want(address).clone();
    world.begin(address, IntentKind::Create, 1, Some(desired));
    assert_eq!(world.plan().expect("a plan").counts().update, 1, "a dead run of ours wrote it");
}
