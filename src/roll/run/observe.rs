//! Looks at a cluster for a roll: Kubernetes by watches, AWS by a few calls every ten seconds, etcd's members when a
//! decision needs them. What was just done counts as seen until the next look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::act::{self, ActError, Done};
use super::{control_plane, probe};
use crate::aws::{self, Aws};
use crate::clock::Clock;
use crate::health::{CapacityFailure, ControlPlane, Group, Lifecycle, Probe, View};
use crate::kubernetes::{Eviction, Kubernetes, Watching};
use crate::live::Dial;
use crate::name::ClusterName;
use crate::roll::{Action, Replace};
use crate::spec::Gate;

/// How often AWS is looked at.
const AWS: Duration = Duration::from_secs(10);
/// How long what etcd's members said holds.
const MEMBERS: Duration = Duration::from_secs(10);
/// How often the probes are asked.
const PROBES: Duration = Duration::from_secs(30);
/// Failed launches of this time are of interest.
const FAILURES: SignedDuration = SignedDuration::from_hours(1);
/// Evictions and other calls under way at the same time: client-go's default burst is of the same order, and the API
/// server's priority levels allow a workload many more.
const AT_ONCE: usize = 32;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Names.
    pub names: Names,
    /// The way to AWS, fenced by the lease.
    pub aws: Aws,
    /// The way to Kubernetes.
    pub kubernetes: Kubernetes,
    /// The way to endpoints that probes ask.
    pub dial: Arc<dyn Dial>,
    /// Probes of the manifests.
    pub gates: Vec<Gate>,
}

/// What is called how.
#[derive(Clone, Debug)]
pub struct Names {
    /// The cluster.
    pub cluster: ClusterName,
    /// Id of the roll, for annotations.
    pub roll: String,
    /// Group → its declared fallback, by the names of their manifests.
    pub fallbacks: BTreeMap<String, String>,
    /// Group of a member → the member's name.
    pub members: BTreeMap<String, String>,
    /// Groups whose machines are no nodes.
    pub bastions: BTreeSet<String>,
    /// Where snapshots of etcd are; `None`: there are none.
    pub snapshots: Option<control_plane::Place>,
}

/// Looks.
pub struct Observer {
    cluster: Cluster,
    clock: Clock,
    watching: Watching,
    groups: Kept<BTreeMap<String, Group>>,
    capacity: Vec<CapacityFailure>,
    members: Kept<(ControlPlane, BTreeMap<String, String>)>,
    needs_members: bool,
    probes: Kept<Vec<Probe>>,
    /// Why the last eviction of a pod was refused, by its uid.
    refusals: BTreeMap<String, String>,
}

/// Something that was looked at, and when.
struct Kept<T> {
    value: Option<T>,
    at: Duration,
}

impl<T> Kept<T> {
    const fn none() -> Self {
        Self { value: None, at: Duration::ZERO }
    }

    fn is_older_than(&self, age: Duration, now: Duration) -> bool {
        self.value.is_none() || now >= self.at + age
    }
}

impl Observer {
    /// Begins to watch.
    pub fn start(cluster: Cluster, clock: Clock) -> Self {
        Self {
            watching: Watching::start(cluster.kubernetes.clone()),
            cluster,
            clock,
            groups: Kept::none(),
            capacity: Vec::new(),
            members: Kept::none(),
            needs_members: false,
            probes: Kept::none(),
            refusals: BTreeMap::new(),
        }
    }

    /// The cluster's name.
    pub fn cluster_name(&self) -> &str {
        self.cluster.names.cluster.as_str()
    }

    /// Says whether the next view must tell how etcd's members are.
    pub fn wants(&mut self, members: bool) {
        self.needs_members = members;
    }

    /// Until Kubernetes tells of a change, or the time is over.
    pub async fn changed(&self, within: Duration) {
        self.watching.changed(within).await;
    }

    /// The cluster now; `None`: Kubernetes has not been seen yet.
    ///
    /// # Errors
    /// AWS refuses for good.
    pub async fn look(&mut self) -> Result<Option<View>, aws::Error> {
        let now = self.clock.since_boot();
        if self.groups.is_older_than(AWS, now) {
            self.look_at_aws(now).await?;
        }
        if self.needs_members && self.members.is_older_than(MEMBERS, now) {
            self.look_at_members(now).await;
        }
        if !self.cluster.gates.is_empty() && self.probes.is_older_than(PROBES, now) {
            let probes = probe::ask(&self.cluster.dial, &self.cluster.gates).await;
            self.probes = Kept { value: Some(probes), at: now };
        }
        let Some(seen) = self.watching.seen() else { return Ok(None) };
        let uids: BTreeSet<&String> = seen.pods.iter().map(|pod| &pod.uid).collect();
        self.refusals.retain(|uid, _| uids.contains(uid));
        Ok(Some(View {
            now: self.clock.now(),
            groups: self.groups.value.clone().unwrap_or_default(),
            nodes: seen.nodes.clone(),
            pods: seen.pods.clone(),
            budgets: seen.budgets.clone(),
            unreachable: self.watching.trouble(),
            control_plane: self.needs_members.then(|| self.members.value.clone()).flatten().map(|(members, _)| members),
            capacity: self.capacity.clone(),
            probes: self.probes.value.clone().unwrap_or_default(),
            refusals: self.refusals.clone(),
        }))
    }

    async fn look_at_aws(&mut self, now: Duration) -> Result<(), aws::Error> {
        let names = &self.cluster.names;
        let since = self.clock.now().saturating_sub(FAILURES).unwrap_or(Timestamp::MIN);
        let (groups, failures) = tokio::join!(
            aws::groups(&self.cluster.aws, names),
            aws::failed_launches(&self.cluster.aws, &names.cluster, since)
        );
        self.groups = Kept { value: Some(groups?), at: now };
        self.capacity = failures?;
        Ok(())
    }

    /// What nobody could find out is told by what is missing in it: the decision waits for it.
    async fn look_at_members(&mut self, now: Duration) {
        let groups = self.groups.value.clone().unwrap_or_default();
        let seen = control_plane::look(&self.cluster, &groups).await;
        self.members = Kept { value: Some(seen), at: now };
    }

    /// Does everything, a few at the same time, and gives what came of each.
    pub async fn perform(&mut self, actions: Vec<Action>) -> Vec<(Action, Result<Done, ActError>)> {
        let mut waiting = actions.into_iter();
        let mut running = JoinSet::new();
        let mut outcomes = Vec::new();
        loop {
            while running.len() < AT_ONCE
                && let Some(action) = waiting.next()
            {
                let performer = self.performer(&action);
                running.spawn(async move {
                    let outcome = performer.perform(&action).await;
                    (action, outcome)
                });
            }
            match running.join_next().await {
                Some(Ok((action, outcome))) => {
                    if let Ok(done) = &outcome {
                        self.saw(&action, done);
                    }
                    outcomes.push((action, outcome));
                }
                // Nothing aborts a single task, so it panicked: a mistake of ours that must not pass for success.
                Some(Err(broken)) => std::panic::resume_unwind(broken.into_panic()),
                None => return outcomes,
            }
        }
    }

    fn performer(&self, action: &Action) -> Performer {
        let group = |name: &String| {
            let groups = self.groups.value.as_ref()?;
            groups.get(name).map(|group| group.auto_scaling_group.clone())
        };
        let auto_scaling_group = match action {
            Action::Suspend { group: name, .. }
            | Action::Resume { group: name, .. }
            | Action::Resize { group: name, .. }
            | Action::Terminate { group: name, .. } => group(name),
            _ => None,
        };
        let members = match action {
            Action::MoveLeader { .. } => self.members.value.clone(),
            _ => None,
        };
        Performer { cluster: self.cluster.clone(), clock: self.clock, auto_scaling_group, members }
    }

    /// Until AWS is looked at again, what was done is what is there.
    fn saw(&mut self, action: &Action, done: &Done) {
        let groups = self.groups.value.get_or_insert_default();
        match action {
            Action::Suspend { group, processes } => {
                if let Some(group) = groups.get_mut(group) {
                    group.suspended.extend(processes.iter().cloned());
                }
            }
            Action::Resume { group, processes } => {
                if let Some(group) = groups.get_mut(group) {
                    group.suspended.retain(|process| !processes.contains(process));
                }
            }
            Action::Resize { group, desired, max } => {
                if let Some(group) = groups.get_mut(group) {
                    (group.desired, group.max) = (*desired, *max);
                }
            }
            Action::Terminate { group, instance, replace } => {
                let Some(group) = groups.get_mut(group) else { return };
                if let Some(machine) = group.machines.get_mut(instance)
                    && machine.lifecycle != Lifecycle::Leaving
                {
                    machine.lifecycle = Lifecycle::Leaving;
                    if *replace == Replace::Shrink && *done == Done::Yes {
                        group.desired = group.desired.saturating_sub(1);
                    }
                }
                // Members are asked anew when one of them goes.
                self.members = Kept::none();
            }
            Action::Evict { uid, .. } => {
                match done {
                    Done::Refused(cause) => self.refusals.insert(uid.clone(), cause.clone()),
                    Done::Yes | Done::Already => self.refusals.remove(uid),
                };
            }
            Action::Snapshot { .. } | Action::MoveLeader { .. } => self.members = Kept::none(),
            _ => {}
        }
    }
}

/// What one action needs.
struct Performer {
    cluster: Cluster,
    clock: Clock,
    auto_scaling_group: Option<String>,
    members: Option<(ControlPlane, BTreeMap<String, String>)>,
}

impl Performer {
    async fn perform(&self, action: &Action) -> Result<Done, ActError> {
        let Cluster { aws, kubernetes, names, .. } = &self.cluster;
        let group = self.auto_scaling_group.as_deref().unwrap_or_default();
        match action {
            Action::Suspend { processes, .. } => aws::suspend(aws, group, processes).await?,
            Action::Resume { processes, .. } => aws::resume(aws, group, processes).await?,
            Action::Resize { desired, max, .. } => aws::resize(aws, group, *desired, *max).await?,
            Action::Terminate { instance, replace, .. } => {
                let gone = !aws::terminate(aws, instance, *replace).await?;
                return Ok(if gone { Done::Already } else { Done::Yes });
            }
            Action::Protect { node, on } => kubernetes.protect(node, *on).await?,
            Action::Cordon { node, uid } => {
                kubernetes.cordon(node, uid, &act::annotations(&names.roll, self.clock.now())).await?;
            }
            Action::Uncordon { node, uid } => kubernetes.uncordon(node, uid, &[act::ROLL, act::CORDONED_AT]).await?,
            Action::Evict { namespace, pod, uid, .. } => {
                return Ok(match kubernetes.evict(namespace, pod, uid).await? {
                    Eviction::Accepted => Done::Yes,
                    Eviction::Gone => Done::Already,
                    Eviction::Refused { cause, .. } => Done::Refused(cause),
                    Eviction::Misconfigured { message } => Done::Refused(message),
                });
            }
            Action::DeletePod { namespace, pod, uid, .. } => kubernetes.delete_pod(namespace, pod, uid).await?,
            Action::DeleteNode { node, uid } => kubernetes.delete_node(node, uid).await?,
            Action::Snapshot { instance } => control_plane::snapshot(&self.cluster, instance).await?,
            Action::MoveLeader { from, to } => {
                let (members, ids) = self.members.clone().unwrap_or_default();
                let instance = members.members.get(from).map(|member| member.instance.clone());
                let (Some(instance), Some(id)) = (instance, ids.get(to)) else {
                    return Err(ActError::Member(format!("{from} or {to} is not known to etcd any more")));
                };
                control_plane::move_leader(&self.cluster, &instance, id).await?;
            }
        }
        Ok(Done::Yes)
    }
}
