//! One look at everything of a cluster: its machines in AWS, its nodes, pods and budgets in Kubernetes, etcd's members.

use std::sync::Arc;
use std::time::Duration;

use super::api;
use super::failure::Stopped;
use super::session::Session;
use crate::aws::Fence;
use crate::capacity;
use crate::clock::Clock;
use crate::desired::member_group;
use crate::exit::Exit;
use crate::health::View;
use crate::kubernetes::{self, Kubernetes};
use crate::roll::{Cluster, Names, Observer, Place, scoped};
use crate::spec::Role;

/// How long the first look at Kubernetes may take.
const FIRST_LOOK: Duration = Duration::from_secs(60);
/// The same when it answers, and has too much to do: it is the right one, and gets to us.
const BUSY_LOOK: Duration = Duration::from_secs(5 * 60);

/// Whether etcd's members are asked how they are: by a command on one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// They are.
    Asked,
    /// They are not.
    Left,
}

/// What is called how in this cluster.
pub fn names(session: &Session, roll: &str) -> Names {
    let specification = session.specification();
    let spec = &specification.cluster.spec;
    let bastion = |group: &&crate::spec::NodeGroup| group.spec.role == Role::Bastion;
    Names {
        cluster: session.cluster().clone(),
        roll: roll.to_owned(),
        fallbacks: capacity::fallbacks(specification),
        members: spec
            .control_plane
            .members
            .iter()
            .map(|member| (member_group(member), member.name.to_string()))
            .collect(),
        bastions: specification.node_groups.iter().filter(bastion).map(|it| it.metadata.name.to_string()).collect(),
        snapshots: spec.backup.as_ref().map(|backup| Place {
            bucket: backup.bucket.clone(),
            prefix: format!("{}/", backup.folder(session.cluster().as_str())),
        }),
    }
}

/// Everything that is looked at.
pub fn cluster(session: &Session, kubernetes: Kubernetes, roll: &str) -> Cluster {
    Cluster {
        names: names(session, roll),
        aws: session.aws.clone(),
        kubernetes,
        dial: Arc::clone(&session.dial),
        gates: scoped(session.specification()),
    }
}

/// Everything once.
///
/// # Errors
/// Exit 15 when the API does not answer within a minute, or has too much to do for five.
pub async fn look(session: &Session, kubernetes: &Kubernetes, members: Members) -> anyhow::Result<View> {
    if members == Members::Asked {
        // Asking members is a command that is run, and changes nothing: it needs no lock, as a snapshot does not.
        session.aws.hold(Fence::open());
    }
    let mut observer = Observer::start(cluster(session, kubernetes.clone(), "look"), session.clock);
    observer.wants(members == Members::Asked);
    let silent = |why: &str| {
        let (host, port) = api::address(session);
        format!(
            "the API of {} does not answer at {host}:{port}: {why}\n  hint: from outside of its network use --kubeconfig; \
             docs/runbooks/stuck-roll.md",
            session.cluster()
        )
    };
    first_look(&mut observer, session.clock, silent).await
}

/// Looks until Kubernetes was seen. `silent` says that it was not, and why.
///
/// # Errors
/// As [`look`].
pub async fn first_look(
    observer: &mut Observer,
    clock: Clock,
    silent: impl FnOnce(&str) -> String,
) -> anyhow::Result<View> {
    let began = clock.since_boot();
    loop {
        if let Some(view) = observer.look().await? {
            return Ok(view);
        }
        let trouble = observer.trouble();
        let is_busy = matches!(trouble, Some(kubernetes::Error::TooManyRequests { .. }));
        if clock.since_boot() >= began + if is_busy { BUSY_LOOK } else { FIRST_LOOK } {
            let why = trouble.map_or_else(|| String::from("no answer"), |why| why.to_string());
            return Err(Stopped::new(Exit::Provider, silent(&why)).into());
        }
        observer.changed(Duration::from_secs(1)).await;
    }
}
