//! Installations that are killed at every change, whose answers are lost, and whose server refuses; with add-ons that ship,
//! through the real client.

use std::path::Path;
use std::sync::Mutex;

use tokio_util::sync::CancellationToken;

use super::{Conflicts, Event, Means, Report, Seen, install, look};
use crate::addon::{self, Addon, ChartCall, Charts};
use crate::clock::Clock;
use crate::fault::{At, FaultPlan, Kind};
use crate::kubernetes::{Applied, Applying, Kubernetes};
use crate::problem::Problem;
use crate::render::{self, Project};
use crate::sandbox::Sandbox;
use crate::sandbox::scenario::Scenario;

const WORLD: &str = "\
controlPlane: { members: 1 }
groups:
  - { name: web, size: 2, max: 2 }
";

/// Definitions of a priority, a configuration, rights, and agents of all nodes; the second needs the first.
const SHIPPED: [&str; 4] = ["flannel", "node-local-dns", "priority-classes", "prometheus-rules"];

struct NoCharts;

impl Charts for NoCharts {
    fn template(&self, _call: &ChartCall<'_>) -> Result<String, Problem> {
        Err(Problem::error("no chart here"))
    }
}

/// Add-ons of the example fleet.
fn shipped(names: &[&str]) -> Vec<Addon> {
    let project = Project::open(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("a project");
    let cluster = "prod-customer.k8s.foo.bar".parse().expect("a name");
    let rendered = render::render(&project, &cluster).expect("it renders");
    let specification = crate::spec::read(&rendered).expect("it is valid");
    let mut list = addon::render(&project, &rendered, &specification, &NoCharts).expect("they are valid").list;
    list.retain(|it| names.contains(&it.name.as_str()));
    assert_eq!(list.len(), names.len());
    list
}

struct Stage {
    clock: Clock,
    sandbox: Sandbox,
    cluster: String,
    events: Mutex<Vec<Event>>,
}

impl Stage {
    fn new(plan: FaultPlan) -> Self {
        let clock = Clock::starting_at("2026-11-20T10:00:00Z".parse().expect("a date"));
        let scenario = Scenario::read(WORLD).expect("a scenario");
        let sandbox = Sandbox::in_memory(clock, scenario.world(clock.now())).with_faults(plan);
        Self { clock, sandbox, cluster: scenario.cluster, events: Mutex::default() }
    }

    fn again(self) -> Self {
        Self { sandbox: self.sandbox.with_faults(FaultPlan::default()), ..self }
    }

    fn kubernetes(&self) -> Kubernetes {
        Kubernetes::of_service(self.sandbox.kubernetes(&self.cluster), self.clock)
    }

    async fn look(&self, add_ons: &[Addon]) -> Seen {
        // Looks change nothing, so they may be repeated by whoever looks.
        loop {
            match look(&self.kubernetes(), add_ons, &std::collections::BTreeMap::new()).await {
                Ok(seen) => return seen,
                Err(super::Error::Kubernetes(error)) if error.is_transient() => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn install(&self, add_ons: &[Addon], conflicts: Conflicts) -> Report {
        let seen = self.look(add_ons).await;
        let means = Means {
            kubernetes: self.kubernetes(),
            clock: self.clock,
            stop: CancellationToken::new(),
            tell: Box::new(|event| self.events.lock().expect("one thread").push(event)),
            permit: Box::new(|| Box::pin(std::future::ready(Ok(())))),
            conflicts,
            cluster: self.cluster.clone(),
        };
        install(&means, add_ons, &seen).await
    }

    /// Everything is there once, as it should be and healthy, and nothing else bears our mark.
    async fn check(&self, add_ons: &[Addon], what: &str) {
        let seen = self.look(add_ons).await;
        assert_eq!(seen.changes().count(), 0, "{what}: {:?}", seen.changes().collect::<Vec<_>>());
        assert!(seen.unwanted.is_empty(), "{what}");
        for it in &seen.wanted {
            assert!(it.unhealthy.is_empty() && it.inventory.is_some(), "{what}: {it:?}");
        }
    }
}

async fn killed_at_each(kind: Kind) {
    let add_ons = shipped(&SHIPPED);
    for index in 0_u64.. {
        let stage = Stage::new(FaultPlan::one(At::Change(index), kind));
        let sandbox = stage.sandbox.clone();
        let ended = tokio::select! {
            biased;
            () = sandbox.stopped() => None,
            report = stage.install(&add_ons, Conflicts::Told) => Some(report),
        };
        if let Some(report) = ended {
            assert_eq!(report.failures.len(), 0, "{:?}", report.failures);
            assert!(index > 15, "an installation has more changes than {index}");
            return;
        }
        let stage = stage.again();
        let report = stage.install(&add_ons, Conflicts::Told).await;
        assert!(report.failures.is_empty(), "killed at {index}: {:?}", report.failures);
        stage.check(&add_ons, &format!("killed at {index}")).await;
        // What a dead run began is taken away as well, when it is not wanted any more.
        let report = stage.install(&[], Conflicts::Told).await;
        assert!(report.failures.is_empty(), "killed at {index}: {:?}", report.failures);
        stage.check(&[], &format!("removed after {index}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_before_any_change_the_next_run_finishes() {
    killed_at_each(Kind::StopBefore).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_change_the_next_run_finishes() {
    killed_at_each(Kind::StopAfter).await;
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_servers_that_refuse_are_sat_out() {
    let add_ons = shipped(&SHIPPED);
    let kinds = [Kind::LostResponse, Kind::ServerError, Kind::ServerErrorAfter, Kind::Throttle(1), Kind::Reset];
    for (seed, kind) in (0_u64..).zip(kinds) {
        let at = At::Probability { probability: 0.3, only_changes: true };
        let stage = Stage::new(FaultPlan { seed, ..FaultPlan::one(at, kind) });
        let report = stage.install(&add_ons, Conflicts::Told).await;
        assert!(report.failures.is_empty(), "{kind:?}: {:?}", report.failures);
        stage.again().check(&add_ons, &format!("{kind:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_told_once_and_what_needs_it_is_not_begun() {
    let add_ons = shipped(&SHIPPED);
    let stage = Stage::new(FaultPlan::one(At::Operation("kubernetes:PatchDaemonSet".into()), Kind::AccessDenied));
    let report = stage.install(&add_ons, Conflicts::Told).await;
    let told: Vec<String> = report.failures.iter().map(|(name, error)| format!("{name}: {error}")).collect();
    assert!(told.iter().any(|it| it.starts_with("flannel: DaemonSet kube-system/flannel: ")), "{told:?}");
    assert!(told.contains(&String::from("node-local-dns: not begun: it needs flannel, which failed")), "{told:?}");
    assert_eq!(told.len(), 2, "what needs neither is there: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn fields_of_others_are_taken_over_when_somebody_says_so() {
    let stage = Stage::new(FaultPlan::default());
    let mut add_ons = shipped(&["prometheus-rules"]);
    assert!(stage.install(&add_ons, Conflicts::Told).await.failures.is_empty());
    let before = add_ons[0].objects[0].value["data"].clone();
    add_ons[0].objects[0].value["data"]["windlass.yaml"] = serde_json::json!("groups: []\n");
    // Somebody else applies the old text by its own name.
    let kubernetes = stage.kubernetes();
    let kind = super::look::config_maps();
    let object = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "windlass-prometheus-rules", "namespace": "kube-system"}, "data": before});
    let applied = kubernetes.apply_as("somebody", &kind, Some("kube-system"), &object, Applying::ByForce).await;
    assert!(matches!(applied, Ok(Applied::Object(_))), "{applied:?}");
    let report = stage.install(&add_ons, Conflicts::Told).await;
    let error = report.failures["prometheus-rules"].to_string();
    assert!(error.contains("was changed by others") && error.contains("somebody"), "{error}");
    assert!(stage.install(&add_ons, Conflicts::Overruled).await.failures.is_empty());
    stage.check(&add_ons, "overruled").await;
}
