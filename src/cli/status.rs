//! `windlass status`: how a cluster is, as AWS and the state branch tell it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::add_ons;
use super::api;
use super::certs;
use super::failure::{Stopped, first_line};
use super::health;
use super::options::{Format, Global, Which, parse_duration};
use super::picture::{Picture, look_at};
use super::session::Session;
use super::view;
use crate::addon::Addon;
use crate::aws::Instances;
use crate::exit::Exit;
use crate::health::{Expectation, Finding, Severity, findings};
use crate::plan::{AddOns, Counts, Plan, Purpose};
use crate::resource::{AutoScalingGroup, Instance, Readiness, Resource, attribute};
use crate::roll::State;
use crate::ui;
use crate::ui::output::Output;
use crate::ui::table::Table;

/// Show how a cluster is: its groups and machines, its load balancer, drift, pending changes, lock and last run.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How many AWS calls may be under way at the same time.
    #[arg(long, value_name = "N", default_value = "16")]
    parallelism: NonZeroUsize,
    /// Wait until everything is well, for so long at most; exit code 15 when it is not.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    wait: Option<Duration>,
    /// Reach the API with this kubeconfig, instead of a certificate for this run at api.CLUSTER.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// How often it is looked again while waiting.
const AGAIN: Duration = Duration::from_secs(10);

/// A cluster at one moment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Version of this format.
    version: u32,
    cluster: String,
    account: String,
    region: String,
    uid: Option<String>,
    /// Commit that was last applied.
    applied: Option<String>,
    lock: Option<String>,
    last_run: Option<String>,
    endpoint: Option<Endpoint>,
    groups: Vec<Group>,
    /// Certificates whose thresholds are passed, the most urgent first.
    certificates: Vec<String>,
    /// What waits for its time: address and AWS' word for its state.
    not_ready: BTreeMap<String, String>,
    /// What is wrong with machines, nodes, system pods and capacity; the worst first.
    findings: Vec<Finding>,
    /// Nodes that are Ready, of those that there are; absent when Kubernetes was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Nodes>,
    /// A roll that is not at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    roll: Option<String>,
    /// What an apply would change inside the cluster, and what is not healthy there; absent: there are no add-ons.
    #[serde(skip_serializing_if = "Option::is_none")]
    add_ons: Option<AddOns>,
    pending: Counts,
    drift: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    dns_name: String,
    state: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Nodes {
    ready: usize,
    all: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    min: u32,
    max: u32,
    instances: usize,
    in_service: usize,
    spot: usize,
    on_demand: usize,
    /// Zone → instances.
    zones: BTreeMap<String, usize>,
    /// Instance type → instances.
    machine_types: BTreeMap<String, usize>,
}

impl Arguments {
    /// Looks and shows.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, self.parallelism).await?;
        let deadline = session.clock.since_boot() + self.wait.unwrap_or_default();
        // Rendered once, however often it is looked; for a cluster that does not exist, not at all.
        let mut list = None;
        loop {
            let status = self.look(&session, &mut list).await?;
            let late = session.clock.since_boot() >= deadline;
            if !late && !status.is_well() {
                session.clock.sleep(AGAIN).await;
                continue;
            }
            output.data(&match self.output {
                Format::Json => serde_json::to_string_pretty(&status)? + "\n",
                Format::Text => text(&status),
            })?;
            if self.wait.is_none() || status.is_well() {
                return Ok(Exit::Done);
            }
            let message = format!("{} is still not well", session.cluster());
            return Err(Stopped::new(Exit::Provider, message).into());
        }
    }

    async fn look(&self, session: &Session, list: &mut Option<Vec<Addon>>) -> anyhow::Result<Status> {
        let history = session.store.history().await?;
        let picture = look_at(session, Purpose::Apply, session.store.read().await?, Instances::Listed).await?;
        let plan = picture.plan(session, Purpose::Apply)?;
        let last_run = history.runs.first().map(|run| {
            let record = &run.record;
            format!(
                "{} by {} at {}: {:?}",
                record.operation,
                record.actor,
                record.ended.strftime("%F %T"),
                record.result
            )
        });
        let mut status = status(session, &picture, &plan, last_run);
        status.not_ready.extend(health::unhealthy(session, &picture).await?);
        if picture.records.cluster.is_some() {
            judge(session, self.kubeconfig.as_deref(), &picture, &mut status).await;
            let list = match list {
                Some(list) => list,
                None => list.insert(add_ons::wanted(session)?),
            };
            if !list.is_empty() || !picture.records.add_ons.is_empty() {
                let options = add_ons::Options { kubeconfig: self.kubeconfig.clone(), ..add_ons::Options::default() };
                status.add_ons = Some(add_ons::look(session, list, &picture.records, &options).await?);
            }
        }
        Ok(status)
    }
}

/// What machines and Kubernetes say. That they cannot be asked is a finding as well: everything else is still shown.
async fn judge(session: &Session, kubeconfig: Option<&Path>, picture: &Picture, status: &mut Status) {
    let looked = match api::connect(session, &picture.records, kubeconfig) {
        Ok(kubernetes) => view::look(session, &kubernetes, view::Members::Left).await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(view) => {
            let expected = Expectation {
                kubelet_version: Some(format!("v{}", session.specification().cluster.spec.kubernetes.version)),
            };
            status.findings = findings(&view, &expected);
            let ready = view.nodes.values().filter(|node| node.is_ready()).count();
            status.nodes = Some(Nodes { ready, all: view.nodes.len() });
        }
        Err(error) => {
            let what = first_line(&error);
            status.findings = vec![Finding { severity: Severity::Warning, about: String::from("kubernetes"), what }];
        }
    }
}

impl Status {
    /// Whether nothing has to be waited for.
    fn is_well(&self) -> bool {
        self.not_ready.is_empty()
            && self.nodes.is_some()
            && self.findings.iter().all(|it| it.severity != Severity::Bad)
            && self.add_ons.as_ref().is_none_or(|it| it.unhealthy.is_empty())
    }
}

fn status(session: &Session, picture: &Picture, plan: &Plan, last_run: Option<String>) -> Status {
    let record = picture.records.cluster.as_ref();
    let mut endpoint = None;
    let mut groups = Vec::new();
    let mut not_ready = BTreeMap::new();
    for found in &picture.observed.found {
        match &found.resource {
            Resource::LoadBalancer(_) => {
                endpoint = found.attributes.get(attribute::DNS_NAME).map(|dns_name| Endpoint {
                    dns_name: dns_name.clone(),
                    state: word(&found.readiness).unwrap_or_else(|| String::from("active")),
                });
            }
            Resource::AutoScalingGroup(group) => groups.push(summarize(group, &picture.observed.instances)),
            _ => {}
        }
        if let Some(state) = word(&found.readiness) {
            not_ready.insert(found.address.to_string(), state);
        }
    }
    Status {
        version: 1,
        cluster: session.cluster().to_string(),
        account: picture.caller.account.clone(),
        region: session.aws.region().to_owned(),
        uid: record.map(|cluster| cluster.uid.clone()),
        applied: record.and_then(|cluster| cluster.config.clone()),
        lock: picture.records.lock.as_ref().map(|lock| format!("{} by {}", lock.operation, lock.holder)),
        last_run,
        endpoint,
        groups,
        certificates: certs::warnings(
            session.cluster(),
            &picture.records,
            &session.specification().cluster.spec.pki,
            session.clock.now(),
        ),
        not_ready,
        findings: Vec::new(),
        nodes: None,
        add_ons: None,
        roll: picture.records.roll.as_ref().map(|record| {
            let state = match &record.state {
                State::Running => String::from("not at its end"),
                State::Paused { by, at } => format!("paused by {by} at {}", at.strftime("%F %T")),
                State::Aborting { by, .. } => format!("given up by {by}, not everything is put back"),
            };
            format!("{}: {state}, {} machines replaced", record.id, record.done.replaced)
        }),
        pending: plan.counts(),
        drift: plan.drift.iter().map(|drift| drift.address.to_string()).collect(),
    }
}

/// AWS' word for a state that is not ready.
fn word(readiness: &Readiness) -> Option<String> {
    match readiness {
        Readiness::Ready => None,
        Readiness::Pending(state) | Readiness::Failed(state) => Some(state.clone()),
        Readiness::Gone => Some(String::from("gone")),
    }
}

fn summarize(group: &AutoScalingGroup, instances: &[Instance]) -> Group {
    let own: Vec<&Instance> = instances.iter().filter(|instance| instance.group == group.name).collect();
    let count = |test: fn(&Instance) -> bool| own.iter().filter(|instance| test(instance)).count();
    let by = |key: fn(&Instance) -> &String| {
        let mut counts = BTreeMap::new();
        for instance in &own {
            *counts.entry(key(instance).clone()).or_insert(0) += 1;
        }
        counts
    };
    Group {
        name: group.name.clone(),
        min: group.min_size,
        max: group.max_size,
        instances: own.len(),
        in_service: count(|instance| instance.state == "InService"),
        spot: count(|instance| instance.spot == Some(true)),
        on_demand: count(|instance| instance.spot == Some(false)),
        zones: by(|instance| &instance.zone),
        machine_types: by(|instance| &instance.machine_type),
    }
}

fn text(status: &Status) -> String {
    let mut lines = vec![format!("{}  account {}  region {}", status.cluster, status.account, status.region)];
    let mut say = |what: &str, value: Option<&String>| {
        if let Some(value) = value {
            lines.push(format!("{what:<10}{value}"));
        }
    };
    say("applied", status.applied.as_ref());
    say("last run", status.last_run.as_ref());
    say("locked", status.lock.as_ref());
    let endpoint = status.endpoint.as_ref().map(|endpoint| format!("{} ({})", endpoint.dns_name, endpoint.state));
    say("endpoint", endpoint.as_ref());
    say("nodes", status.nodes.map(|nodes| format!("{} of {} Ready", nodes.ready, nodes.all)).as_ref());
    say("roll", status.roll.as_ref());
    let mut table = Table::new(["GROUP", "MIN", "MAX", "IN SERVICE", "SPOT", "ON DEMAND", "ZONES"]);
    for group in &status.groups {
        let zones: Vec<String> = group.zones.iter().map(|(zone, count)| format!("{zone}: {count}")).collect();
        table.row([
            group.name.clone(),
            group.min.to_string(),
            group.max.to_string(),
            format!("{}/{}", group.in_service, group.instances),
            group.spot.to_string(),
            group.on_demand.to_string(),
            zones.join(", "),
        ]);
    }
    if !table.is_empty() {
        lines.push(String::new());
        lines.push(table.to_text());
    }
    for warning in &status.certificates {
        lines.push(warning.clone());
    }
    for finding in &status.findings {
        lines.push(ui::roll::said(finding));
    }
    for (address, state) in &status.not_ready {
        lines.push(format!("not ready: {address} ({state})"));
    }
    for address in &status.drift {
        lines.push(format!("drift: {address}"));
    }
    lines.extend(status.add_ons.iter().flat_map(|it| said_of_add_ons(it, &status.cluster)));
    let pending = &status.pending;
    lines.push(if pending.changes_aws() {
        format!(
            "pending: {} to create, {} to change, {} to replace, {} to destroy (windlass plan {})",
            pending.create, pending.update, pending.replace, pending.delete, status.cluster
        )
    } else {
        String::from("no pending change")
    });
    lines.join("\n") + "\n"
}

/// What is not as it should be inside the cluster.
fn said_of_add_ons(add_ons: &AddOns, cluster: &str) -> Vec<String> {
    let mut lines: Vec<String> = add_ons.unhealthy.iter().map(|it| format!("not healthy: {it}")).collect();
    let (drift, pending): (Vec<_>, Vec<_>) = add_ons.changes.iter().partition(|change| change.is_drift());
    lines.extend(drift.iter().map(|change| format!("drift: {}: {}", change.add_on, change.object)));
    if !pending.is_empty() {
        lines.push(format!("add-ons: {} objects to make, change or delete (windlass plan {cluster})", pending.len()));
    }
    lines.extend(add_ons.unasked.iter().map(|why| format!("add-ons were not looked at: {why}")));
    if lines.is_empty() {
        lines.push(String::from("add-ons are as they should be"));
    }
    lines
}
