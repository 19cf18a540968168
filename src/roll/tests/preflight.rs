//! What is found before a roll begins: one small world for each finding.

use super::world::World;
use crate::health::{Finding, GroupRole, Severity};
use crate::kubernetes::{Budget, Ready};
use crate::roll::{Amount, Policy, preflight};

fn world() -> World {
    World::new(3).members().group("nodes", GroupRole::Nodes, 10).application("frontend", 20, Some(2))
}

/// The findings about something, most severe first.
fn about(world: &World, policy: &Policy, name: &str) -> Vec<(Severity, String)> {
    let findings = preflight(&world.view, policy).into_iter();
    findings.filter(|finding| finding.about == name).map(|Finding { severity, what, .. }| (severity, what)).collect()
}

#[test]
fn a_cluster_that_is_well_has_no_obstacle() {
    let world = world();
    let findings = preflight(&world.view, &world.policy());
    assert!(findings.iter().all(|it| it.severity == Severity::Notice), "{findings:?}");
    let notices = about(&world, &world.policy(), "nodes");
    assert_eq!(
        notices,
        [(Severity::Notice, "its maximum is raised from 10 to 11 for the time of the roll".to_owned())]
    );
}

#[test]
fn a_budget_that_never_allows_anything_is_an_obstacle() {
    let world = World::new(3).group("nodes", GroupRole::Nodes, 4).application("frontend", 3, Some(0));
    let found = about(&world, &world.policy(), "default/frontend");
    assert!(matches!(&found[..], [(Severity::Bad, what)] if what.contains("can never allow an eviction")), "{found:?}");
}

#[test]
fn two_budgets_on_one_pod_are_an_obstacle_and_are_both_named() {
    let mut world = world();
    let second = Budget { name: "also-frontend".to_owned(), ..world.view.budgets[0].clone() };
    world.view.budgets.push(second);
    let pod = world.view.pods[0].full_name();
    let found = about(&world, &world.policy(), &pod);
    let (severity, what) = &found[0];
    assert_eq!(*severity, Severity::Bad);
    assert!(what.contains("default/frontend and default/also-frontend"), "{what}");
}

#[test]
fn what_an_eviction_loses_is_told() {
    let mut world = world();
    let pod = world.view.pods.iter_mut().find(|pod| pod.node.is_some()).expect("a placed pod");
    pod.controller = None;
    pod.local_volumes = vec!["cache".to_owned()];
    pod.host_ports = vec![8080];
    let name = pod.full_name();
    let found = about(&world, &world.policy(), &name);
    let all: Vec<&str> = found.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().any(|what| what.starts_with("a bare pod")));
    assert!(all.contains(&"local volumes whose content is lost: cache"));
    assert!(all.iter().any(|what| what.starts_with("host ports 8080")));
}

#[test]
fn pods_that_stay_where_they_are_are_not_spoken_of() {
    let mut world = world();
    world.view.pods[0].controller = None;
    let mut policy = world.policy();
    policy.groups.remove("nodes");
    let name = world.view.pods[0].full_name();
    assert_eq!(about(&world, &policy, &name), []);
}

#[test]
fn nodes_that_are_not_ready_and_members_that_are_sick_are_told() {
    let mut world = world();
    let name = world.view.nodes.values().find(|node| !node.control_plane).expect("a node").name.clone();
    world.view.nodes.get_mut(&name).expect("it is there").ready = Ready::Unknown;
    assert!(matches!(about(&world, &world.policy(), &name)[..], [(Severity::Warning, _)]));

    let control_plane = world.view.control_plane.as_mut().expect("members");
    control_plane.ready_from_outside = false;
    control_plane.members.get_mut("b").expect("member b").healthy = false;
    control_plane.members.remove("c");
    let policy = world.policy();
    assert!(matches!(about(&world, &policy, "b")[..], [(Severity::Bad, _)]));
    let found = about(&world, &policy, "control plane");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&(Severity::Bad, "2 of 3 members answer".to_owned())));
}

#[test]
fn a_control_plane_without_a_spare_is_warned_of() {
    for (members, what) in [(1, "one member"), (2, "two members")] {
        let names = ["a", "b"].into_iter().take(members);
        let world = names.fold(World::new(3), |world, name| {
            world.group(&format!("control-plane-{name}"), GroupRole::Member(name.to_owned()), 1)
        });
        let found = about(&world, &world.policy(), "control plane");
        assert!(found.iter().any(|(severity, it)| *severity == Severity::Warning && it.starts_with(what)), "{found:?}");
    }
}

#[test]
fn a_group_that_cannot_launch_is_an_obstacle() {
    let mut world = world();
    world.edit("nodes").suspended.insert("Launch".to_owned());
    let found = about(&world, &world.policy(), "nodes");
    assert!(found.iter().any(|(severity, what)| *severity == Severity::Bad && what.contains("suspended")), "{found:?}");
}

#[test]
fn a_group_without_surge_needs_room_elsewhere() {
    let mut world = World::new(3).group("nodes", GroupRole::Nodes, 2).application("frontend", 4, Some(2));
    let mut policy = world.policy();
    let nodes = policy.groups.get_mut("nodes").expect("a policy");
    (nodes.max_surge, nodes.max_unavailable) = (Amount::Number(0), Amount::Number(1));
    assert_eq!(about(&world, &policy, "nodes"), []);
    for pod in &mut world.view.pods {
        pod.memory = 7 << 30;
    }
    let found = about(&world, &policy, "nodes");
    assert!(found.iter().any(|(_, what)| what.starts_with("no other node has room")), "{found:?}");
}
