//! Virtual years of a cluster: leafs are renewed, authorities rotate, members are replaced and stay away, and at every
//! moment everybody who talks to somebody is believed.

mod operator;
mod peers;
mod world;

use world::{DAY, World};

use super::*;

#[test]
fn two_and_a_half_years_with_a_rotation_of_each_authority() {
    let mut world = World::new();
    world.rotate(AuthorityName::Etcd, 200);
    world.rotate(AuthorityName::Cluster, 430);
    world.rotate(AuthorityName::FrontProxy, 640);
    // Absent in the middle of the first two rotations, and replaced at some other times.
    world.absent.extend([("c", 201, 204), ("b", 431, 433)]);
    world.replaced.extend([("a", 202), ("b", 432), ("c", 435), ("a", 700)]);
    world.run(913);
    for name in AuthorityName::ALL {
        assert_eq!(world.signing(name), 2, "{name}");
    }
    assert!(world.renewals > 100, "{}", world.renewals);
}

#[test]
fn four_years_with_rotations_that_are_taken_back() {
    let mut world = World::new();
    // Once before the switch and once after it; then one that goes through.
    world.rotate(AuthorityName::Cluster, 100);
    world.withdrawn.insert((AuthorityName::Cluster, 2));
    world.rotate(AuthorityName::Cluster, 500);
    world.returned.insert((AuthorityName::Cluster, 3));
    world.rotate(AuthorityName::Cluster, 900);
    world.rotate(AuthorityName::Etcd, 120);
    world.returned.insert((AuthorityName::Etcd, 2));
    world.rotate(AuthorityName::Etcd, 1200);
    world.replaced.extend([("a", 503), ("c", 902), ("b", 1300)]);
    world.run(1461);
    assert_eq!(world.signing(AuthorityName::Cluster), 4);
    assert_eq!(world.signing(AuthorityName::Etcd), 3);
    assert_eq!(world.signing(AuthorityName::FrontProxy), 1);
}

#[test]
fn the_soak_sees_a_step_that_comes_too_early() {
    for (step, why) in [(world::Haste::Switch, "not trusted"), (world::Haste::Drop, "not trusted")] {
        let mut world = World::new();
        world.rotate(AuthorityName::Cluster, 10);
        world.haste = Some(step);
        let seen = world.first_distrust(60).expect("distrust");
        assert!(seen.contains(why), "{seen}");
    }
    let mut world = World::new();
    world.renew_percent = 100;
    let seen = world.first_distrust(500).expect("an expired certificate");
    assert!(seen.contains("expired at"), "{seen}");
    assert!(world.now.as_second() > now().as_second() + 300 * DAY);
}
