//! Parameters: renewals, keys that rotate, what a hand wrote, interfaces that move.

use std::collections::{BTreeMap, BTreeSet};

use super::shown;
use super::small;
use super::world::World;
use crate::pki::{AuthorityName, LeafName, Usage};
use crate::plan::{Action, Plan};
use crate::resource::{Address, CertificateRequest, Content, Kind, Parameter, Reference, Resource, Tags, attribute};
use crate::spec::KeyAlgorithm;

const TRUST: &str = "parameter/pki/etcd.crt";
const LEAF: &str = "parameter/members/a/etcd-peer.pem";
const INTERFACE: &str = "network-interface/control-plane-a";

fn parameter(address: &str, content: Content) -> (Address, Resource) {
    let address: Address = address.parse().expect("an address");
    let name = format!("/windlass/one.k8s.foo.bar/{}", address.name());
    (address, Parameter { name, content, kms_key: None, tags: Tags::new() }.into())
}

fn cluster() -> BTreeMap<Address, Resource> {
    let trust = Content::Trust { authority: AuthorityName::Etcd, revisions: vec![1] };
    let leaf = CertificateRequest {
        leaf: LeafName::EtcdPeer,
        authority: AuthorityName::Etcd,
        revision: 1,
        common_name: String::from("a"),
        organizations: BTreeSet::new(),
        usages: BTreeSet::from([Usage::Server, Usage::Client]),
        names: BTreeSet::from([String::from("localhost")]),
        addresses: BTreeSet::new(),
        interface: Some(Reference::to(Kind::NetworkInterface, "control-plane-a")),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime: 31_536_000,
        issue: 1,
    };
    let mut all = small::cluster();
    all.extend([parameter(TRUST, trust), parameter(LEAF, Content::Certificate(leaf))]);
    all
}

/// Everything is there, and the certificate is for the address that the interface has.
fn world() -> World {
    let mut world = World::applied(cluster());
    let address = world.found(INTERFACE).attributes[attribute::PRIVATE_ADDRESS].clone();
    let record = world.records.resources.get_mut(&LEAF.parse().expect("an address")).expect("a record");
    record.attributes.insert(attribute::PRIVATE_ADDRESS.to_owned(), address);
    assert!(world.plan().expect("a plan").is_empty());
    world
}

fn change<'a>(plan: &'a Plan, address: &str) -> Option<(Action, Option<&'a str>)> {
    let found = plan.changes.iter().find(|change| change.address.to_string() == address)?;
    Some((found.action, found.reason.as_deref()))
}

#[test]
fn keys_are_there_before_the_member_that_fetches_them() {
    let plan = World::new(cluster()).plan().expect("a plan");
    let wave = |address: &str| {
        let address: Address = address.parse().expect("an address");
        plan.waves.iter().position(|wave| wave.iter().any(|it| it.address == address)).expect("it is planned")
    };
    assert!(wave(INTERFACE) < wave(LEAF));
    assert!(wave(LEAF) < wave("auto-scaling-group/control-plane-a"));
    assert!(wave(TRUST) < wave("auto-scaling-group/control-plane-a"));
    let plan = world().destroy().expect("a plan");
    let wave = |address: &str| {
        let address: Address = address.parse().expect("an address");
        plan.waves.iter().position(|wave| wave.iter().any(|it| it.address == address)).expect("it is planned")
    };
    assert!(wave("auto-scaling-group/control-plane-a") < wave(TRUST));
}

#[test]
fn a_renewal_and_a_rotation_are_pending_changes() {
    let mut world = world();
    for address in [LEAF, TRUST] {
        match world.want(address) {
            Resource::Parameter(Parameter { content: Content::Certificate(request), .. }) => request.issue = 2,
            Resource::Parameter(Parameter { content: Content::Trust { revisions, .. }, .. }) => revisions.push(2),
            _ => panic!("{address} is a parameter"),
        }
    }
    let plan = world.plan().expect("a plan");
    assert!(plan.drift.is_empty());
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn what_a_hand_wrote_is_drift() {
    let mut world = world();
    let Resource::Parameter(it) = &mut world.found(LEAF).resource else { panic!("a parameter") };
    it.content = Content::Unknown { version: 7 };
    let plan = world.plan().expect("a plan");
    assert_eq!(plan.drift.len(), 1);
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn a_certificate_follows_the_address_of_its_interface() {
    let mut moved = world();
    let attributes = &mut moved.found(INTERFACE).attributes;
    attributes.insert(attribute::PRIVATE_ADDRESS.to_owned(), String::from("10.0.0.200"));
    let plan = moved.plan().expect("a plan");
    let why = "network-interface/control-plane-a has the address 10.0.0.200 now";
    assert_eq!(change(&plan, LEAF), Some((Action::Update, Some(why))));
    assert_eq!(change(&plan, TRUST), None);

    let mut vanished = world();
    vanished.vanish(INTERFACE);
    let plan = vanished.plan().expect("a plan");
    assert_eq!(change(&plan, LEAF), Some((Action::Update, Some("network-interface/control-plane-a is made anew"))));

    let mut replaced = world();
    let Resource::NetworkInterface(it) = replaced.want(INTERFACE) else { panic!("an interface") };
    it.private_address = Some(std::net::Ipv4Addr::new(10, 0, 1, 9));
    let plan = replaced.plan().expect("a plan");
    assert_eq!(change(&plan, INTERFACE).map(|(action, _)| action), Some(Action::Replace));
    assert_eq!(change(&plan, LEAF), Some((Action::Update, Some("network-interface/control-plane-a is replaced"))));
}
