//! Replacements: what forces them, what they drag along, in what order.

use super::shown;
use super::small;
use super::world::World;
use crate::plan::Refusal;
use crate::resource::{Kind, Readiness, Reference, Resource};

#[test]
fn a_new_range_of_the_vpc_replaces_all_that_stands_in_it() {
    let mut world = World::applied(small::cluster());
    *world.want("vpc/main") = small::vpc("10.1.0.0/16");
    *world.want("subnet/public-a") = small::subnet("10.1.0.0/24");
    *world.want("subnet/private-a") = small::subnet("10.1.1.0/24");
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}

#[test]
fn a_replaced_nat_gateway_only_turns_the_route() {
    let mut world = World::applied(small::cluster());
    world.found("nat-gateway/a").readiness = Readiness::Failed(String::from("NoPublicSubnet"));
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}

#[test]
fn a_replaced_interface_takes_its_instance_along_but_not_its_volume() {
    let mut world = World::applied(small::cluster());
    if let Resource::NetworkInterface(interface) = world.want("network-interface/control-plane-a") {
        interface.subnet = Reference::to(Kind::Subnet, "public-a");
    }
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}

#[test]
fn a_volume_never_shrinks_in_place() {
    let mut world = World::applied(small::cluster());
    if let Resource::Volume(volume) = world.want("volume/etcd-a") {
        volume.size = 30;
    }
    assert_eq!(world.plan().expect("a plan").counts().update, 1);
    if let Resource::Volume(volume) = world.want("volume/etcd-a") {
        volume.size = 10;
    }
    let plan = world.plan().expect("a plan");
    assert_eq!(plan.counts().replace, 1);
    assert!(shown(&plan).contains("size: 20 -> 10  # forces replacement"), "{}", shown(&plan));
}

#[test]
fn a_renamed_subnet_of_the_same_range_waits_for_the_old_one() {
    let mut world = World::applied(small::cluster());
    let subnet = world.want("subnet/private-a").clone();
    world.unwant("subnet/private-a");
    world.desired.insert("subnet/inner-a".parse().expect("an address"), subnet);
    // Everything in it moves: the interface is replaced, the group's instances leave first.
    let inner = || Reference::to(Kind::Subnet, "inner-a");
    if let Resource::RouteTable(table) = world.want("route-table/private-a") {
        table.subnets = vec![inner()];
    }
    if let Resource::NetworkInterface(interface) = world.want("network-interface/control-plane-a") {
        interface.subnet = inner();
    }
    if let Resource::AutoScalingGroup(group) = world.want("auto-scaling-group/spot") {
        group.placement = crate::resource::Placement::Subnets(vec![inner()]);
    }
    // The group must let go before the subnet goes, and can only once the new one, of the same range, is there.
    let Err(Refusal::Cycle(addresses)) = world.plan() else { panic!("it cannot be ordered") };
    assert!(addresses.iter().any(|address| address.to_string() == "subnet/inner-a"), "{addresses:?}");
}

#[test]
fn a_role_of_another_name_takes_its_profile_along_and_the_template_follows() {
    let mut world = World::applied(small::cluster());
    if let Resource::Role(role) = world.want("role/nodes") {
        role.name = String::from("workers.one.k8s.foo.bar");
    }
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}
