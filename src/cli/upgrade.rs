//! What stands between a cluster and another version of Kubernetes, asked before anything is changed.

use super::api;
use super::failure::{Stopped, first_line};
use super::session::Session;
use super::view::{self, Members};
use crate::exit::Exit;
use crate::health::View;
use crate::spec::value::KubernetesVersion;
use crate::state::Records;
use crate::upgrade::{self, InUse, Skew, Verdict};

/// Refuses a change of the version that Kubernetes does not support, or that takes away what is still used. Asks the API
/// only when the minor version changes; an API that does not answer is told, and stops nothing: it may be what the change
/// is to mend.
///
/// # Errors
/// Exit 11, with what to do first.
pub async fn guard(session: &Session, records: &Records) -> anyhow::Result<()> {
    let Some(applied) = upgrade::recorded_version(records) else { return Ok(()) };
    let wanted = session.specification().cluster.spec.kubernetes.version;
    upgrade::step(applied, wanted).map_err(refused)?;
    if (applied.major, applied.minor) == (wanted.major, wanted.minor) {
        return Ok(());
    }
    match ask(session, records).await {
        Ok((view, in_use)) => {
            check_nodes(&view, wanted).map_err(refused)?;
            check_addons(session, &view, wanted)?;
            warn_of_budgets(session, &view);
            let gone = upgrade::still_in_use(&in_use, wanted);
            if gone.is_empty() {
                return Ok(());
            }
            let message = format!(
                "Kubernetes {wanted} does not serve what clients of {} still ask for:\n  {}\n  hint: change those clients first; \
                 kubectl get --raw /metrics | grep requested_deprecated shows them",
                session.cluster(),
                gone.join("\n  ")
            );
            Err(Stopped::new(Exit::Refused, message).into())
        }
        Err(error) => {
            let why = first_line(&error);
            session.output.message(&format!(
                "warning: whether the nodes and the APIs in use go with Kubernetes {wanted} could not be asked: {why}"
            ));
            Ok(())
        }
    }
}

async fn ask(session: &Session, records: &Records) -> anyhow::Result<(View, Vec<InUse>)> {
    let kubernetes = api::connect(session, records, None)?;
    let view = view::look(session, &kubernetes, Members::Left).await?;
    let in_use = kubernetes.deprecated_apis().await?.into_iter().map(|api| InUse {
        group: api.group,
        version: api.version,
        resource: api.resource,
        removed_release: api.removed_release,
    });
    Ok((view, in_use.collect()))
}

/// What runs counts, not what was applied: a member that was not rolled yet is still of the version before.
fn check_nodes(view: &View, wanted: KubernetesVersion) -> Result<(), Skew> {
    for node in view.nodes.values() {
        // A kubelet that says something else is judged by nobody.
        let Ok(version) = node.kubelet_version.trim_start_matches('v').parse::<KubernetesVersion>() else { continue };
        if node.control_plane {
            upgrade::step(version, wanted)?;
        } else {
            upgrade::kubelet_skew(&node.name, version, wanted)?;
        }
    }
    Ok(())
}

/// Refuses what the new API server does not support beside it; what should follow is told.
fn check_addons(session: &Session, view: &View, wanted: KubernetesVersion) -> anyhow::Result<()> {
    let images = view.pods.iter().flat_map(|pod| &pod.images).map(String::as_str);
    let mut obstacles = Vec::new();
    for verdict in upgrade::judge(images, wanted) {
        match verdict {
            Verdict::Refused(why) => obstacles.push(why),
            Verdict::Warning(what) => session.output.message(&format!("warning: {what}")),
        }
    }
    if obstacles.is_empty() {
        return Ok(());
    }
    let message = format!("{} cannot become Kubernetes {wanted}:\n  {}", session.cluster(), obstacles.join("\n  "));
    Err(Stopped::new(Exit::Refused, message).into())
}

/// The roll that follows an upgrade would block on them: better told before the first member is of the new version.
fn warn_of_budgets(session: &Session, view: &View) {
    for budget in view.budgets.iter().filter(|budget| budget.is_impossible()) {
        session.output.message(&format!(
            "warning: budget {} ({}) can never allow an eviction: the roll that follows will block on it",
            budget.full_name(),
            budget.rule
        ));
    }
}

fn refused(skew: Skew) -> anyhow::Error {
    Stopped::new(Exit::Refused, skew.to_string()).into()
}
