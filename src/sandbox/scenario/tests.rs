use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::autoscaling::{self, Lifecycle};
use super::super::ec2::{self, End};
use super::super::kubernetes::Key;
use super::super::kubernetes::controllers::delete_pod;
use super::*;

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a date")
}

fn world(text: &str) -> World {
    Scenario::read(text).expect("a sound scenario").world(now())
}

fn pass(world: &mut World, seconds: i64) {
    let to = world.now + jiff::SignedDuration::from_secs(seconds);
    world.advance_to(to);
}

fn all<'w>(world: &'w World, resource: &'w str) -> impl Iterator<Item = (&'w Key, &'w Value)> {
    world.kubernetes.clusters["scenario.example.com"].objects.list(resource)
}

fn is(object: &Value, condition: &str, status: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|it| it["type"] == condition && it["status"] == status)
}

fn ready_pods(world: &World, app: &str) -> usize {
    let own = all(world, "pods").filter(|(_, pod)| pod["metadata"]["labels"]["app"] == app);
    own.filter(|(_, pod)| is(pod, "Ready", "True") && pod["metadata"]["deletionTimestamp"].is_null()).count()
}

fn budget<'w>(world: &'w World, name: &str) -> &'w Value {
    let key = Key::new("poddisruptionbudgets.policy", "default", name);
    &world.kubernetes.clusters["scenario.example.com"].objects.get(&key).expect("a budget")["status"]
}

const SMALL: &str = "
groups:
  - { name: web, size: 6, stale: all }
workloads:
  - { name: shop, replicas: 9, cpu: 500m, budget: { maxUnavailable: 1 }, spread: zone }
  - { name: store, kind: StatefulSet, replicas: 3, antiAffinity: hostname, budget: { minAvailable: 2 } }
  - { name: agent, kind: DaemonSet, tolerations: [{ operator: Exists }] }
";

#[test]
fn a_scenario_begins_with_everything_in_place() {
    let world = world(SMALL);
    assert_eq!(all(&world, "nodes").filter(|(_, node)| is(node, "Ready", "True")).count(), 9);
    assert_eq!(ready_pods(&world, "shop"), 9);
    assert_eq!(ready_pods(&world, "store"), 3);
    assert_eq!(ready_pods(&world, "agent"), 9);
    assert_eq!(budget(&world, "shop")["disruptionsAllowed"], 1);
    assert_eq!(budget(&world, "store")["disruptionsAllowed"], 1);
    assert_eq!(budget(&world, "shop")["observedGeneration"], 1);
    let mirrors = all(&world, "pods").filter(|(key, _)| key.name.starts_with("etcd-")).count();
    assert_eq!(mirrors, 3);
    let stale = world.ec2.instances.values().filter(|it| it.tags["aws:ec2launchtemplate:version"] == "1").count();
    assert_eq!(stale, 6);
}

#[test]
fn nothing_happens_in_a_world_at_rest() {
    let mut world = world(SMALL);
    let before = world.kubernetes.clusters["scenario.example.com"].objects.revision();
    pass(&mut world, 3600);
    assert_eq!(world.kubernetes.clusters["scenario.example.com"].objects.revision(), before);
}

#[test]
fn a_deleted_pod_comes_back_and_its_budget_follows() {
    let mut world = world(SMALL);
    let key = all(&world, "pods").find(|(key, _)| key.name.starts_with("shop-")).map(|(key, _)| key.clone());
    let at = world.now;
    let objects = &mut world.kubernetes.clusters.get_mut("scenario.example.com").expect("it is there").objects;
    delete_pod(objects, &key.expect("a pod"), at);
    pass(&mut world, 3);
    assert_eq!(budget(&world, "shop")["currentHealthy"], 8);
    assert_eq!(budget(&world, "shop")["disruptionsAllowed"], 0);
    pass(&mut world, 60);
    assert_eq!(ready_pods(&world, "shop"), 9);
    assert_eq!(budget(&world, "shop")["disruptionsAllowed"], 1);
}

#[test]
fn a_terminated_machine_is_given_up_after_40_seconds_and_replaced() {
    let mut world = world(SMALL);
    let group = &world.autoscaling.groups["web.scenario.example.com"];
    let id = group.members.keys().next().expect("a member").clone();
    ec2::terminate(&mut world, &id, End::UserInitiated);
    let status = |world: &World| {
        let node = all(world, "nodes")
            .find(|(_, node)| node["spec"]["providerID"].as_str().is_some_and(|it| it.ends_with(&id)));
        let node = node.expect("the node stays").1;
        ["True", "Unknown"].into_iter().find(|status| is(node, "Ready", status))
    };
    pass(&mut world, 38);
    assert_eq!(status(&world), Some("True"));
    pass(&mut world, 4);
    assert_eq!(status(&world), Some("Unknown"));
    pass(&mut world, 200);
    let ready = all(&world, "nodes").filter(|(_, node)| is(node, "Ready", "True")).count();
    assert_eq!(ready, 9, "another machine came, and its node is Ready");
    pass(&mut world, 200);
    assert_eq!(ready_pods(&world, "shop"), 9, "its pods were given up after five minutes, and made anew");
    // The node goes: so do the pods that nobody could stop.
    let node = all(&world, "nodes").find(|(_, node)| is(node, "Ready", "Unknown")).map(|(key, _)| key.clone());
    let node = node.expect("the node stays");
    world.kubernetes.clusters.get_mut("scenario.example.com").expect("it is there").objects.remove(&node);
    pass(&mut world, 60);
    assert_eq!(all(&world, "pods").filter(|(_, pod)| pod["spec"]["nodeName"] == node.name.as_str()).count(), 0);
    assert_eq!(ready_pods(&world, "store"), 3);
}

#[test]
fn a_member_comes_back_under_its_name_as_another_node() {
    let mut world = world(SMALL);
    let group = &world.autoscaling.groups["control-plane-a.scenario.example.com"];
    let id = group.members.keys().next().expect("a member").clone();
    let uid = |world: &World| {
        let member = all(world, "nodes")
            .filter(|(_, node)| !node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"].is_null());
        member.map(|(key, node)| (key.name.clone(), node["metadata"]["uid"].to_string())).collect::<BTreeMap<_, _>>()
    };
    let before = uid(&world);
    ec2::terminate(&mut world, &id, End::UserInitiated);
    pass(&mut world, 400);
    let after = uid(&world);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert_eq!(before.iter().filter(|(name, uid)| after[*name] != **uid).count(), 1);
    assert_eq!(all(&world, "nodes").filter(|(_, node)| is(node, "Ready", "True")).count(), 9);
}

#[test]
fn no_capacity_is_told_in_activities_and_ends() {
    let text = "
groups: [{ name: spot, size: 3, spot: true }]
faults:
  - { at: 0s, capacity: { spot: true, for: 10m } }
  - { at: 1s, reclaim: { group: spot, count: 1 } }
";
    let mut world = world(text);
    pass(&mut world, 300);
    let failed = world.autoscaling.activities.iter().filter_map(|it| it.message.as_ref());
    assert!(failed.into_iter().any(|it| it.contains("Could not launch Spot Instances")));
    let serving = |world: &World| {
        let members = world.autoscaling.groups["spot.scenario.example.com"].members.values();
        members.filter(|it| it.lifecycle == Lifecycle::InService).count()
    };
    assert_eq!(serving(&world), 2);
    pass(&mut world, 900);
    assert_eq!(serving(&world), 3);
}

#[test]
fn the_autoscaler_follows_its_priorities() {
    let text = "
groups:
  - { name: spot, size: 1, max: 9, spot: true }
  - { name: demand, size: 1, max: 9 }
workloads:
  - { name: shop, replicas: 12, cpu: 1500m }
autoscaler: { priorities: ['demand', '*'], scaleDown: false }
";
    let mut world = world(text);
    assert!(ready_pods(&world, "shop") < 12);
    pass(&mut world, 400);
    assert_eq!(ready_pods(&world, "shop"), 12);
    assert_eq!(world.autoscaling.groups["spot.scenario.example.com"].desired, 1);
    assert!(world.autoscaling.groups["demand.scenario.example.com"].desired > 1);
}

#[test]
fn important_pods_take_the_place_of_pauses() {
    let text = "
groups: [{ name: web, size: 1 }]
workloads:
  - { name: pause, replicas: 1, cpu: '3', priority: -10 }
";
    let mut world = world(text);
    assert_eq!(ready_pods(&world, "pause"), 1);
    let workload: Workload = serde_json::from_value(json!({"name": "shop", "cpu": "3"})).expect("a workload");
    let at = world.now;
    let objects = &mut world.kubernetes.clusters.get_mut("scenario.example.com").expect("it is there").objects;
    deploy(objects, &workload, at);
    pass(&mut world, 90);
    assert_eq!(ready_pods(&world, "shop"), 1);
    assert_eq!(ready_pods(&world, "pause"), 0);
    let pause = all(&world, "pods").find(|(key, _)| key.name.starts_with("pause-")).expect("it waits").1;
    assert!(is(pause, "PodScheduled", "False"));
}

#[test]
fn an_api_that_is_down_stands_still() {
    let text = "
groups: [{ name: web, size: 3 }]
workloads: [{ name: shop, replicas: 3 }]
faults:
  - { at: 5s, apiDown: { for: 2m } }
  - { at: 10s, terminate: { group: web, count: 1 } }
";
    let mut world = world(text);
    pass(&mut world, 100);
    assert_eq!(all(&world, "nodes").filter(|(_, node)| is(node, "Ready", "Unknown")).count(), 0);
    pass(&mut world, 60);
    assert_eq!(all(&world, "nodes").filter(|(_, node)| is(node, "Ready", "Unknown")).count(), 1);
}

#[test]
fn a_finalizer_holds_its_pod_and_a_machine_may_never_be_ready() {
    let text = "
groups: [{ name: web, size: 2 }]
workloads: [{ name: stuck, replicas: 1, finalizer: example.com/hold }]
faults:
  - { at: 0s, nodeNeverReady: { group: web, count: 1 } }
  - { at: 1s, terminate: { group: web, count: 1 } }
";
    let mut world = world(text);
    let key = all(&world, "pods").find(|(key, _)| key.name.starts_with("stuck-")).map(|(key, _)| key.clone());
    let key = key.expect("a pod");
    let at = world.now;
    let objects = &mut world.kubernetes.clusters.get_mut("scenario.example.com").expect("it is there").objects;
    delete_pod(objects, &key, at);
    pass(&mut world, 600);
    let objects = &world.kubernetes.clusters["scenario.example.com"].objects;
    assert!(objects.get(&key).is_some(), "the finalizer holds it");
    assert_eq!(all(&world, "nodes").filter(|(_, node)| is(node, "Ready", "False")).count(), 1);
}

#[test]
fn one_seed_is_one_run_also_over_a_file() {
    let text = "
groups: [{ name: spot, size: 6, spot: true }]
workloads: [{ name: shop, replicas: 12, budget: { minAvailable: 80% } }]
faults: [{ at: 30s, reclaim: { group: spot, count: 2 } }]
";
    let mut one = world(text);
    let mut other = world(text);
    assert_eq!(one, other);
    pass(&mut one, 900);
    // The other is written to a file and read again at odd moments.
    for _ in 0..30 {
        let stored = serde_json::to_string(&other).expect("it is stored");
        other = serde_json::from_str(&stored).expect("it is read");
        pass(&mut other, 30);
    }
    assert_eq!(one, other);
}

#[test]
fn what_is_no_scenario_is_refused() {
    let wrong = [
        ("groups: [{ name: a, size: 1 }, { name: a, size: 1 }]", "group a is there twice"),
        ("groups: [{ name: a, size: 1, machineTypes: [m6i.huge] }]", "m6i.huge is no instance type"),
        ("faults: [{ at: 5m, reclaim: { group: b, count: 1 } }]", "a fault is about group b"),
        ("groups: [{ name: a, size: 1, sise: 2 }]", "unknown field"),
        ("faults: [{ at: soon, apiDown: { for: 1m } }]", "is no duration"),
    ];
    for (text, why) in wrong {
        let refused = Scenario::read(text).expect_err(text).to_string();
        assert!(refused.contains(why), "{text}: {refused}");
    }
}

#[test]
fn every_named_scenario_stands_and_runs_for_ten_minutes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("it is read");
        let scenario = Scenario::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let begun = Instant::now();
        let mut world = scenario.world(now());
        let built = begun.elapsed();
        let pods = all(&world, "pods").count();
        let pending = all(&world, "pods").filter(|(_, pod)| pod["spec"]["nodeName"].is_null()).count();
        assert_eq!(pending, 0, "{}", path.display());
        pass(&mut world, 600);
        let nodes = all(&world, "nodes").count();
        let took = begun.elapsed() - built;
        println_to_test_log(&format!(
            "{}: {nodes} nodes, {pods} pods: built in {built:?}, ten minutes in {took:?}",
            path.display()
        ));
        count += 1;
    }
    assert!(count >= 10);
}

/// Numbers for people: `--nocapture` shows them.
fn println_to_test_log(line: &str) {
    use std::io::Write as _;
    // A log that cannot be written loses a number, not a test.
    let _lost = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn auto_scaling_is_the_one_that_replaces() {
    let mut world = world(SMALL);
    let name = "web.scenario.example.com";
    let id = world.autoscaling.groups[name].members.keys().next().expect("a member").clone();
    ec2::terminate(&mut world, &id, End::HardwareFailure);
    pass(&mut world, 60);
    let members: &BTreeMap<String, autoscaling::Member> = &world.autoscaling.groups[name].members;
    let launched = members.values().find(|it| it.joined > now()).expect("another one");
    assert_eq!(launched.template.version, "2", "it comes from the default version");
}
