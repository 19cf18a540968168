//! A cluster's add-ons: what an apply would change of them, and the apply itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::api;
use super::failure::{Stopped, first_line};
use super::helm::Helm;
use super::run::permission;
use super::session::{Session, show_warnings};
use super::view;
use crate::addon::{self, Addon, ObjectKey};
use crate::apply::{self, Reporter};
use crate::duration;
use crate::exit::Exit;
use crate::health::{GroupRole, Machine, View};
use crate::install::{self, Conflicts, Means, Report, Sides, differences};
use crate::kubernetes::{DEADLINE, Kubernetes, Ready};
use crate::plan::{Action, AddOnChange, AddOns};
use crate::problem::Problems;
use crate::state::{AddOnRecord, Lease, Records};
use crate::ui::stream;

/// How long the API of a new cluster may take: its members boot and form a cluster while the load balancer's target becomes
/// healthy (180–300 s, `aws.md`), and the name is resolved everywhere after its time to live.
const API: Duration = Duration::from_secs(20 * 60);
/// How long an API that should be there is waited for before a plan does without it.
const GLANCE: Duration = Duration::from_secs(15);

/// How long the nodes of a new cluster may take to be Ready once the network add-on runs: as a roll gives a new machine
/// (`readyTimeout`, 10 min), and half of that again for the last ones to be launched.
const NODES: Duration = Duration::from_secs(15 * 60);
/// How often they are looked at.
const AGAIN: Duration = Duration::from_secs(10);

/// How the cluster's API is reached, and how far an apply goes there.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// Reach the API with this kubeconfig, instead of a certificate for this run at api.CLUSTER.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Take over fields of add-ons that somebody else has set to other values.
    #[arg(long)]
    pub force_conflicts: bool,
    /// Leave add-ons as they are.
    #[arg(long)]
    pub skip_add_ons: bool,
}

/// The add-ons that the manifests ask for, rendered and checked; shows what is unwise about them.
///
/// # Errors
/// All mistakes in them.
pub fn wanted(session: &Session) -> anyhow::Result<Vec<Addon>> {
    let manifests = &session.manifests;
    let helm = Helm::new();
    let add_ons = addon::render(&manifests.project, &manifests.rendered, &manifests.specification, &helm)?;
    show_warnings(session.output, &Problems(add_ons.warnings));
    Ok(add_ons.list)
}

/// What an apply would change inside the cluster: asked of its API, or, where that does not answer, found in the records.
///
/// # Errors
/// Mistakes in the add-ons; an API that answers and refuses.
pub async fn look(
    session: &Session,
    add_ons: &[Addon],
    records: &Records,
    options: &Options,
) -> anyhow::Result<AddOns> {
    if options.skip_add_ons || (add_ons.is_empty() && records.add_ons.is_empty()) {
        return Ok(AddOns::default());
    }
    let kubernetes = match glance(session, records, options.kubeconfig.as_deref()).await {
        Ok(kubernetes) => kubernetes,
        Err(why) => return Ok(recorded(add_ons, records, why)),
    };
    let seen = install::look(&kubernetes, add_ons, &records.add_ons).await?;
    let unhealthy = seen.wanted.iter().flat_map(|seen| {
        let changing = |object: &str| seen.changes.iter().any(|change| change.object == object);
        let still = seen.unhealthy.iter().filter(move |(object, _)| !changing(&object.to_string()));
        still.map(|(object, why)| format!("{}: {object}: {why}", seen.name))
    });
    Ok(AddOns { changes: seen.changes().cloned().collect(), unhealthy: unhealthy.collect(), unasked: None })
}

/// The API, if it answers soon; else why not.
async fn glance(session: &Session, records: &Records, kubeconfig: Option<&Path>) -> Result<Kubernetes, String> {
    if records.resources.is_empty() {
        return Err(String::from("the cluster does not exist yet"));
    }
    let kubernetes = api::connect(session, records, kubeconfig).map_err(|error| first_line(&error))?;
    let asked = tokio::time::timeout(GLANCE, kubernetes.readyz()).await;
    match asked {
        Ok(Ok(())) => Ok(kubernetes),
        Ok(Err(error)) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
        Err(_) => Err(format!("its API did not answer within {} s", GLANCE.as_secs())),
    }
}

/// What is rendered against what was applied last.
fn recorded(add_ons: &[Addon], records: &Records, why: String) -> AddOns {
    let mut changes = Vec::new();
    let mut before: BTreeMap<_, _> = records
        .add_ons
        .values()
        .flat_map(|record| record.objects.iter().map(|object| (ObjectKey::of(object), (record.name.as_str(), object))))
        .collect();
    for add_on in add_ons {
        for object in &add_on.objects {
            let key = object.key();
            let applied = before.remove(&key).map(|(_, applied)| applied);
            let sides = Sides { applied: None, rendered: &object.value, live: applied, after: &object.value };
            let fields = differences(sides);
            if applied.is_some() && fields.is_empty() {
                continue;
            }
            let action = if applied.is_some() { Action::Update } else { Action::Create };
            let add_on = add_on.name.clone();
            changes.push(AddOnChange { add_on, object: key.to_string(), action, fields, conflicts: Vec::new() });
        }
    }
    changes.extend(before.into_iter().map(|(key, (add_on, _))| AddOnChange {
        add_on: add_on.to_owned(),
        object: key.to_string(),
        action: Action::Delete,
        fields: Vec::new(),
        conflicts: Vec::new(),
    }));
    AddOns { changes, unhealthy: Vec::new(), unasked: Some(why) }
}

/// What an installation of a command works with.
pub struct Work<'a> {
    /// The add-ons.
    pub add_ons: &'a [Addon],
    /// How far it goes.
    pub options: &'a Options,
    /// Told what happens.
    pub reporter: &'a Reporter,
    /// Told when it is to end.
    pub stop: &'a CancellationToken,
    /// Whether this run has made something in AWS, so that machines may just have been launched.
    pub made: bool,
}

/// What an installation needs of a run.
fn means<'a>(session: &Session, lease: &Lease, work: &Work<'a>, kubernetes: Kubernetes) -> Means<'a> {
    let (clock, reporter, fence) = (session.clock, work.reporter, permission(lease));
    Means {
        kubernetes,
        clock,
        stop: work.stop.clone(),
        tell: Box::new(move |event| reporter(clock.now(), apply::Event::AddOns { event })),
        permit: Box::new(move || {
            let fence = fence.clone();
            Box::pin(async move { fence.permit(clock, DEADLINE).await.map_err(|ended| ended.0) })
        }),
        conflicts: if work.options.force_conflicts { Conflicts::Overruled } else { Conflicts::Told },
        cluster: session.cluster().to_string(),
    }
}

/// Makes the add-ons what they should be, and records what was applied. The lease is kept alive meanwhile.
///
/// # Errors
/// The API does not come up, a look fails, or the lease was lost. What fails of single add-ons is in the report.
pub async fn apply(session: &Session, lease: &mut Lease, work: &Work<'_>) -> anyhow::Result<Report> {
    let records = lease.records().clone();
    let kubernetes = api::connect(session, &records, work.options.kubeconfig.as_deref())?;
    let means = means(session, lease, work, kubernetes.clone());
    let installed = async {
        install::wait_for_api(&means, API).await.map_err(|error| silent(session, error))?;
        let seen = install::look(&kubernetes, work.add_ons, &records.add_ons).await?;
        anyhow::Ok(install::install(&means, work.add_ons, &seen).await)
    };
    let report = lease.beating(installed).await??;
    // What failed keeps its record: it is not what was rendered, and the next plan says so.
    let applied = work.add_ons.iter().filter(|add_on| !report.failures.contains_key(&add_on.name));
    let mut now: BTreeMap<String, AddOnRecord> = applied.map(|add_on| (add_on.name.clone(), record(add_on))).collect();
    for (name, before) in &records.add_ons {
        if report.failures.contains_key(name) {
            now.insert(name.clone(), before.clone());
        }
    }
    lease.stage_add_ons(&now.into_values().collect::<Vec<_>>())?;
    if report.failures.is_empty() {
        lease.beating(nodes_ready(session, &kubernetes, &means, work.made)).await??;
    }
    Ok(report)
}

/// The end of an apply whose cluster does not answer.
fn silent(session: &Session, error: install::Error) -> anyhow::Error {
    let cluster = session.cluster();
    if error.is_resumable() {
        let message = format!(
            "apply of {cluster} was interrupted while it waited for the API\n  hint: run it again, it goes on where it was: \
             windlass apply {cluster}"
        );
        return Stopped::new(Exit::Resumable, message).into();
    }
    let (host, port) = api::address(session);
    let why = error.to_string().replace("\nhint: ", "\n  hint: ");
    let message = format!(
        "AWS is as the manifests say, but the API of {cluster} does not answer at {host}:{port}, so its add-ons are not \
         applied: {why}\n  hint: from outside of its network use --kubeconfig, or --skip-add-ons \
         (docs/runbooks/internal-api.md)"
    );
    Stopped::new(Exit::Provider, message).into()
}

/// Waits until every machine in service is a Ready node, where this run has launched machines, or where so few are Ready that
/// it is the network that was missing. A single machine that is broken in a cluster that works is no matter of an apply:
/// it is told.
///
/// # Errors
/// Exit 15 with the nodes that are not Ready when the time is over.
async fn nodes_ready(session: &Session, kubernetes: &Kubernetes, means: &Means<'_>, made: bool) -> anyhow::Result<()> {
    let deadline = means.clock.since_boot() + NODES;
    loop {
        let view = view::look(session, kubernetes, view::Members::Left).await?;
        let missing = not_ready(&view);
        if missing.is_empty() {
            return Ok(());
        }
        let (count, what) = (missing.len(), stream::shortened(&missing));
        if !made && count * 2 <= machines(&view).count() {
            session.output.message(&format!("warning: {count} machines are no Ready nodes: {what}"));
            return Ok(());
        }
        if means.clock.since_boot() >= deadline {
            let message = format!(
                "{count} machines are no Ready nodes after {}: {what}\n  hint: windlass status {}",
                duration::seconds(NODES.as_secs()),
                session.cluster()
            );
            return Err(Stopped::new(Exit::Provider, message).into());
        }
        (means.tell)(install::Event::AddOnWaiting { add_on: None, waits_for: format!("{count} nodes: {what}") });
        tokio::select! {
            biased;
            () = means.stop.cancelled() => return Err(install::Error::Interrupted.into()),
            () = means.clock.sleep(AGAIN) => {}
        }
    }
}

/// Machines in service that should be nodes.
fn machines(view: &View) -> impl Iterator<Item = &Machine> {
    let groups = view.groups.values().filter(|group| group.role != GroupRole::Bastion);
    groups.flat_map(|group| group.in_service())
}

/// Machines in service that are no Ready nodes, and why.
fn not_ready(view: &View) -> Vec<String> {
    machines(view)
        .filter_map(|machine| match view.node_of(&machine.id) {
            Some(node) => match &node.ready {
                Ready::Yes(_) => None,
                Ready::No(why) => Some(format!("{}: {why}", node.name)),
                Ready::Unknown => Some(format!("{}: its kubelet is silent", node.name)),
            },
            None => Some(format!("{}: no node yet", machine.id)),
        })
        .collect()
}

/// Has Kubernetes take away what it made in AWS, before the machines that do so go. An API that does not answer is told and
/// stops nothing: everything it made is found by its tags.
///
/// # Errors
/// The lease was lost.
pub async fn clear(session: &Session, lease: &mut Lease, work: &Work<'_>) -> anyhow::Result<()> {
    let records = lease.records().clone();
    let kubernetes = match glance(session, &records, work.options.kubeconfig.as_deref()).await {
        Ok(kubernetes) => kubernetes,
        Err(why) => {
            session.output.message(&format!(
                "what Kubernetes made in AWS is deleted by its tags, because the cluster cannot be asked: {why}"
            ));
            return Ok(());
        }
    };
    let means = means(session, lease, work, kubernetes);
    match lease.beating(install::clear(&means)).await? {
        Ok(left) if left.is_empty() => {}
        Ok(left) => {
            let left: Vec<String> = left.iter().map(ToString::to_string).collect();
            session.output.message(&format!(
                "Kubernetes has not deleted {}; what it made for them is deleted by its tags",
                stream::shortened(&left)
            ));
        }
        Err(error) => session
            .output
            .message(&format!("Kubernetes does not take away what it made: {error}; it is deleted by its tags")),
    }
    Ok(())
}

fn record(add_on: &Addon) -> AddOnRecord {
    let objects = add_on.objects.iter().map(|object| object.value.clone()).collect();
    AddOnRecord { name: add_on.name.clone(), objects }
}
