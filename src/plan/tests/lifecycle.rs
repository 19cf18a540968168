//! Create, nothing to do, changes in place, drift, removal, destruction.

use super::shown;
use super::small::{self, rule};
use super::world::World;
use crate::plan::Plan;
use crate::plan::{Action, Purpose, Staleness};
use crate::problem::Problem;
use crate::render::source::Source;
use crate::resource::{Peer, Readiness, Resource};
use crate::state::IntentKind;
use crate::ui::plan::{Detail, View, json, markdown, text};

#[test]
fn a_first_plan_creates_everything_in_waves() {
    let world = World::new(small::cluster());
    insta::assert_snapshot!(shown(&world.plan().expect("a plan")));
}

#[test]
fn the_summary_of_a_first_plan_fits_on_a_screen() {
    let plan = World::new(small::cluster()).plan().expect("a plan");
    let summary = text(&plan, View::default());
    assert!(summary.lines().count() < 40, "{summary}");
    insta::assert_snapshot!(summary);
}

#[test]
fn a_second_plan_has_nothing_to_do() {
    let plan = World::applied(small::cluster()).plan().expect("a plan");
    assert!(plan.is_empty() && plan.drift.is_empty() && plan.waves.is_empty(), "{}", shown(&plan));
}

#[test]
fn changes_in_git_are_pending_and_made_in_place() {
    let mut world = World::applied(small::cluster());
    if let Resource::AutoScalingGroup(group) = world.want("auto-scaling-group/spot") {
        group.max_size = 20;
        group.suspended_processes.clear();
    }
    if let Resource::LaunchTemplate(template) = world.want("launch-template/spot") {
        template.user_data = template.user_data.replace("five", "5");
        template.block_devices[0].size = 80;
    }
    if let Resource::Role(role) = world.want("role/nodes") {
        role.policies.get_mut("node").expect("the policy")["Statement"][0]["Action"] = "ssm:GetParameters".into();
    }
    if let Resource::SecurityGroupRules(rules) = world.want("security-group-rules/nodes") {
        rules.ingress.pop_first();
        rules.ingress.insert(rule(Peer::Cidr("10.9.0.0/16".parse().expect("a range")), 22, "SSH"));
    }
    let plan = world.plan().expect("a plan");
    assert!(plan.drift.is_empty());
    insta::assert_snapshot!(shown(&plan));
    insta::assert_snapshot!("changes_as_markdown", markdown(&plan));
    insta::assert_snapshot!("changes_as_json", json(&plan).expect("JSON"));
}

#[test]
fn drift_is_told_apart_from_pending_changes() {
    let mut world = World::applied(small::cluster());
    if let Resource::AutoScalingGroup(group) = &mut world.found("auto-scaling-group/spot").resource {
        group.max_size = 3;
        group.health_check_grace_period = 10;
    }
    if let Resource::AutoScalingGroup(group) = world.want("auto-scaling-group/spot") {
        group.max_size = 20;
        group.min_size = 2;
    }
    insta::assert_snapshot!(shown(&world.plan().expect("a plan")));
}

#[test]
fn what_git_and_a_hand_both_changed_alike_only_needs_a_record() {
    let mut world = World::applied(small::cluster());
    let mut changed = world.found("auto-scaling-group/spot").resource.clone();
    if let Resource::AutoScalingGroup(group) = &mut changed {
        group.max_size = 20;
    }
    world.found("auto-scaling-group/spot").resource = changed.clone();
    *world.want("auto-scaling-group/spot") = changed;
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}

#[test]
fn what_vanished_is_drift_and_made_anew_with_the_next_generation() {
    let mut world = World::applied(small::cluster());
    world.vanish("volume/etcd-a");
    world.vanish("scheduled-action/spot/night");
    let plan = world.plan().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.plan().expect("a plan").is_empty());
}

#[test]
fn what_is_neither_wanted_nor_there_is_forgotten() {
    let mut world = World::applied(small::cluster());
    world.vanish("scheduled-action/spot/night");
    world.unwant("scheduled-action/spot/night");
    insta::assert_snapshot!(shown(&world.plan().expect("a plan")));
}

#[test]
fn a_removed_group_is_deleted_before_its_template() {
    let mut world = World::applied(small::cluster());
    for address in ["auto-scaling-group/spot", "launch-template/spot", "scheduled-action/spot/night"] {
        world.unwant(address);
    }
    insta::assert_snapshot!(shown(&world.plan().expect("a plan")));
}

#[test]
fn a_destroy_deletes_everything_in_order() {
    let mut world = World::applied(small::cluster());
    let plan = world.destroy().expect("a plan");
    insta::assert_snapshot!(shown(&plan));
    world.apply(&plan);
    assert!(world.observed.found.is_empty() && world.records.resources.is_empty());
    assert!(world.destroy().expect("a plan").is_empty());
}

#[test]
fn a_group_without_rules_left_needs_no_call_to_empty_it() {
    let mut world = World::applied(small::cluster());
    if let Resource::SecurityGroupRules(rules) = &mut world.found("security-group-rules/nodes").resource {
        rules.ingress.clear();
    }
    let plan = world.destroy().expect("a plan");
    let change = plan.changes.iter().find(|change| change.address.to_string() == "security-group-rules/nodes");
    assert_eq!(change.map(|change| change.action), Some(Action::Forget));
}

#[test]
fn a_schedule_moves_sizes_without_being_drift() {
    let mut world = World::applied(small::cluster());
    if let Resource::AutoScalingGroup(group) = &mut world.found("auto-scaling-group/spot").resource {
        group.min_size = 0;
    }
    let plan = world.plan().expect("a plan");
    assert!(plan.is_empty() && plan.drift.is_empty(), "{}", shown(&plan));
}

#[test]
fn rules_that_kubernetes_adds_are_its_own() {
    let mut world = World::applied(small::cluster());
    if let Resource::SecurityGroupRules(rules) = &mut world.found("security-group-rules/nodes").resource {
        let peer = Peer::Cidr("10.0.0.0/8".parse().expect("a range"));
        rules.ingress.insert(rule(peer, 30080, "kubernetes.io/rule/nlb/health=a1b2"));
    }
    let plan = world.plan().expect("a plan");
    assert!(plan.is_empty() && plan.drift.is_empty(), "{}", shown(&plan));
}

#[test]
fn an_update_that_a_dead_run_had_begun_is_no_drift() {
    let mut world = World::applied(small::cluster());
    let mut begun = world.found("auto-scaling-group/spot").resource.clone();
    if let Resource::AutoScalingGroup(group) = &mut begun {
        group.max_size = 20;
    }
    world.begin("auto-scaling-group/spot", IntentKind::Update, 1, Some(begun.clone()));
    world.found("auto-scaling-group/spot").resource = begun;
    let plan = world.plan().expect("a plan");
    assert!(plan.drift.is_empty(), "{}", shown(&plan));
    assert_eq!(plan.counts().update, 1, "{}", shown(&plan));
}

#[test]
fn a_saved_plan_reads_back_and_is_stale_when_the_world_moves() {
    let mut world = World::applied(small::cluster());
    world.unwant("scheduled-action/spot/night");
    let plan = world.plan().expect("a plan");
    let read = read(&plan.to_file().expect("text")).expect("the same plan");
    assert_eq!(read, plan);
    assert_eq!(read.staleness(&world.plan().expect("a plan")), None);

    // Taking the lock moves the tip, readiness and instances move by themselves: none of that counts.
    world.records.tip = Some(String::from("abc"));
    world.found("nat-gateway/a").readiness = Readiness::Pending(String::from("pending"));
    assert_eq!(read.staleness(&world.plan().expect("a plan")), None);

    let mut moved = world.clone();
    moved.vanish("volume/etcd-a");
    assert_eq!(read.staleness(&moved.plan().expect("a plan")), Some(Staleness::World));
    let mut edited = world.clone();
    edited.unwant("record-set/api.one.k8s.foo.bar/a");
    assert_eq!(read.staleness(&edited.plan().expect("a plan")), Some(Staleness::Manifests));
    let mut lost = world.clone();
    lost.forget("volume/etcd-a");
    assert_eq!(read.staleness(&lost.plan().expect("a plan")), Some(Staleness::Records));
    assert_eq!(read.staleness(&world.destroy().expect("a plan")), Some(Staleness::OtherCluster));
    assert_eq!(world.destroy().expect("a plan").purpose, Purpose::Destroy);
}

#[test]
fn a_plan_of_another_version_is_refused_with_a_clear_message() {
    let newer = read("{\"version\": 2, \"surprise\": true}").expect_err("another version");
    assert!(newer.message.contains("format version 2"), "{newer:?}");
    assert!(newer.hint.as_ref().is_some_and(|hint| hint.contains("newer")), "{newer:?}");
    for (text, place, what) in [
        ("{}", (1, 2), "missing field `version`"),
        ("no", (1, 2), "expected ident"),
        ("{\"version\": 1,\n \"cluster\": 7}", (2, 13), "invalid type: integer `7`, expected a string"),
    ] {
        let problem = read(text).expect_err(what);
        assert!(problem.message.contains(what), "{problem:?}");
        assert_eq!((problem.places[0].line, problem.places[0].column), place, "{problem:?}");
    }
}

fn read(text: &str) -> Result<Plan, Problem> {
    Plan::from_file(&Source::new("plan.json", text))
}

#[test]
fn colours_change_nothing_but_the_escapes() {
    let plan = World::new(small::cluster()).plan().expect("a plan");
    let plain = text(&plan, View { detail: Detail::Full, color: false });
    let colored = text(&plan, View { detail: Detail::Full, color: true });
    assert!(colored.contains('\u{1b}') && !plain.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
}
