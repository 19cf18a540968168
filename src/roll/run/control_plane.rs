//! How etcd's members are, asked on one of them through Systems Manager: it works when the API is down, and from
//! anywhere. Snapshots, and handing the leadership over, go the same way.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::act::ActError;
use super::observe::Cluster;
use crate::aws::{self, Script};
use crate::health::{ControlPlane, Group, GroupRole, Member, read_etcd};

/// The member's own command.
const ETCD: &str = "/usr/local/lib/windlass/etcd-members.sh";
/// The member's own script, which its timer runs too.
const SNAPSHOT: &str = "/usr/local/lib/windlass/snapshot.sh";
/// How long etcd's members may take to answer: etcdctl waits five seconds for each that is down.
const STATUS_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a snapshot may take: etcd's 8 GiB at most, through a network of some hundred Mbit/s.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Where snapshots are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// Ends with a slash.
    pub prefix: String,
}

/// How the members are, and etcd's id of each. Whoever cannot be asked is missing in it; that nobody answered is told by
/// an empty one.
pub async fn look(cluster: &Cluster, groups: &BTreeMap<String, Group>) -> (ControlPlane, BTreeMap<String, String>) {
    let instances = instances(groups);
    let (ready, snapshot, status) =
        tokio::join!(cluster.kubernetes.readyz(), newest_snapshot(cluster), status(cluster, &instances));
    let mut seen = ControlPlane { ready_from_outside: ready.is_ok(), snapshot, ..ControlPlane::default() };
    let mut ids = BTreeMap::new();
    for (name, member) in status.members {
        ids.insert(name.clone(), member.hexadecimal());
        let Some(instance) = instances.get(&name) else { continue };
        let trouble = member.trouble;
        seen.members.insert(
            name,
            Member {
                instance: instance.clone(),
                healthy: trouble.is_none(),
                leader: member.leader,
                term: member.term,
                trouble,
            },
        );
    }
    (seen, ids)
}

/// Member → the instance that is in service.
fn instances(groups: &BTreeMap<String, Group>) -> BTreeMap<String, String> {
    let member = |group: &Group| match &group.role {
        GroupRole::Member(name) => Some((name.clone(), group.in_service().next()?.id.clone())),
        GroupRole::Nodes | GroupRole::Bastion => None,
    };
    groups.values().filter_map(member).collect()
}

/// Asks the members one after the other until one answers.
async fn status(cluster: &Cluster, instances: &BTreeMap<String, String>) -> crate::health::EtcdStatus {
    for (name, instance) in instances {
        match run(cluster, instance, &format!("{ETCD} status"), STATUS_TIMEOUT).await {
            Ok(output) => match read_etcd(&output) {
                Ok(status) => return status,
                Err(why) => tracing::warn!(member = name, why, "etcd's status"),
            },
            Err(error) => tracing::info!(member = name, %error, "etcd's status"),
        }
    }
    crate::health::EtcdStatus::default()
}

async fn newest_snapshot(cluster: &Cluster) -> Option<Timestamp> {
    let place = cluster.names.snapshots.as_ref()?;
    match aws::snapshots(&cluster.aws, &place.bucket, &place.prefix).await {
        Ok(all) => all.iter().filter(|it| it.size > 0).map(|it| it.stored).max(),
        Err(error) => {
            tracing::warn!(%error, "the snapshots cannot be listed");
            None
        }
    }
}

/// Takes a snapshot on a member, and sees that it is in the bucket.
///
/// # Errors
/// It was not taken, or it is not there.
pub async fn snapshot(cluster: &Cluster, instance: &str) -> Result<(), ActError> {
    let output = run(cluster, instance, SNAPSHOT, SNAPSHOT_TIMEOUT).await?;
    let address = output.lines().last().unwrap_or_default().trim().to_owned();
    let place = cluster.names.snapshots.as_ref();
    let key = place.and_then(|place| address.strip_prefix(&format!("s3://{}/", place.bucket)));
    let (Some(place), Some(key)) = (place, key) else {
        return Err(ActError::Member(format!(
            "{instance} says that it stored {address:?}, which is no snapshot of this cluster"
        )));
    };
    match aws::snapshot(&cluster.aws, &place.bucket, key).await? {
        Some(stored) if stored.size > 0 => Ok(()),
        _ => Err(ActError::Member(format!("{instance} says that it stored {address}, and it is not there"))),
    }
}

/// Hands etcd's leadership from the member on this instance to the member with this id.
///
/// # Errors
/// etcd refuses.
pub async fn move_leader(cluster: &Cluster, instance: &str, to: &str) -> Result<(), ActError> {
    run(cluster, instance, &format!("{ETCD} move-leader {to}"), STATUS_TIMEOUT).await.map(drop)
}

async fn run(cluster: &Cluster, instance: &str, line: &str, timeout: Duration) -> Result<String, ActError> {
    let script = Script {
        instances: vec![instance.to_owned()],
        lines: vec![line.to_owned()],
        timeout,
        comment: format!("windlass roll {}", cluster.names.cluster),
    };
    let runs = aws::run_command(&cluster.aws, &script).await?;
    match runs.get(instance) {
        Some(run) if run.succeeded() => Ok(run.output.clone()),
        Some(run) => Err(ActError::Member(format!("{instance}: {}", run.complaint()))),
        None => Err(ActError::Member(format!("{instance} gave no answer"))),
    }
}
