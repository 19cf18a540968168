//! Looks at a cluster for a roll: Kubernetes by watches, AWS by a few calls every ten seconds, etcd's members when a
//! decision needs them. What was just done counts as seen until the next look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::act::{self, ActError, Done};
use super::probe::ScopedGate;
use super::{control_plane, probe};
use crate::aws::{self, Aws, Bounds, GroupsWanted, KnownMachines, Termination};
use crate::clock::Clock;
use crate::health::{CapacityFailure, ControlPlane, Group, GroupRole, Lifecycle, Probe, View};
use crate::kubernetes::{self, Changed, Eviction, Kubernetes, Watching};
use crate::live::Dial;
use crate::name::ClusterName;
use crate::roll::decide::{CORDONED_AT_ANNOTATION, ROLL_ANNOTATION};
use crate::roll::{Action, Replace};

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
    pub gates: Vec<ScopedGate>,
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

impl Names {
    /// What is asked of AWS: groups of this name, whichever their uid.
    #[must_use]
    pub fn wanted(&self) -> GroupsWanted {
        let members = self.members.iter().map(|(group, member)| (group.clone(), GroupRole::Member(member.clone())));
        let bastions = self.bastions.iter().map(|group| (group.clone(), GroupRole::Bastion));
        GroupsWanted {
            cluster: self.cluster.clone(),
            uid: None,
            roles: members.chain(bastions).collect(),
            fallbacks: self.fallbacks.clone(),
        }
    }
}

/// Looks.
pub struct Observer {
    cluster: Cluster,
    clock: Clock,
    watching: Watching,
    known: KnownMachines,
    groups: Kept<BTreeMap<String, Group>>,
    capacity: Vec<CapacityFailure>,
    members: Kept<(ControlPlane, BTreeMap<String, String>)>,
    needs_members: bool,
    probes: Kept<Vec<Probe>>,
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
            watching: Watching::start(&cluster.kubernetes),
            cluster,
            clock,
            known: KnownMachines::default(),
            groups: Kept::none(),
            capacity: Vec::new(),
            members: Kept::none(),
            needs_members: false,
            probes: Kept::none(),
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

    /// Why Kubernetes cannot be seen now.
    pub fn trouble(&self) -> Option<kubernetes::Error> {
        self.watching.trouble()
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
        if self.groups.value.is_some() && self.watching.seen().is_none() {
            // Without the nodes nothing is decided: AWS is not asked again and again meanwhile.
            return Ok(None);
        }
        // Nor while the API server does not answer: what is kept is old by the time it does, and asked for then.
        if self.groups.value.is_none() || self.watching.trouble().is_none() {
            self.look_beyond_kubernetes(now).await?;
        }
        let Some(seen) = self.watching.seen() else { return Ok(None) };
        Ok(Some(View {
            now: self.clock.now(),
            groups: self.groups.value.clone().unwrap_or_default(),
            nodes: seen.nodes.clone(),
            pods: seen.pods.values().cloned().collect(),
            budgets: seen.budgets.values().cloned().collect(),
            unreachable: self.watching.trouble().map(|why| why.to_string()),
            control_plane: self.needs_members.then(|| self.members.value.clone()).flatten().map(|(members, _)| members),
            capacity: self.capacity.clone(),
            probes: self.probes.value.clone().unwrap_or_default(),
        }))
    }

    /// AWS, the members where a decision needs them, and the probes: what is too old of them.
    async fn look_beyond_kubernetes(&mut self, now: Duration) -> Result<(), aws::Error> {
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
        Ok(())
    }

    async fn look_at_aws(&mut self, now: Duration) -> Result<(), aws::Error> {
        let wanted = self.cluster.names.wanted();
        let groups = aws::groups_view(&self.cluster.aws, &wanted, &mut self.known).await?;
        let own: BTreeSet<String> = groups.values().map(|group| group.auto_scaling_group.clone()).collect();
        let since = self.clock.now().saturating_sub(FAILURES).unwrap_or(Timestamp::MIN);
        self.capacity = aws::capacity_failures(&aws::activities(&self.cluster.aws, &own, since).await?);
        self.groups = Kept { value: Some(groups), at: now };
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
        let changed = match action {
            Action::Suspend { processes, .. } => {
                aws::suspend(aws, group, processes).await?;
                Changed::Yes
            }
            Action::Resume { processes, .. } => {
                aws::resume(aws, group, processes).await?;
                Changed::Yes
            }
            Action::Resize { desired, max, .. } => {
                aws::resize(aws, group, Bounds { desired: Some(*desired), max: Some(*max) }).await?;
                Changed::Yes
            }
            Action::Terminate { instance, replace, .. } => {
                let then = match replace {
                    Replace::Launch => Termination::Replace,
                    Replace::Shrink => Termination::Shrink,
                };
                if aws::terminate(aws, instance, then).await? { Changed::Yes } else { Changed::Gone }
            }
            Action::Protect { node, on } => kubernetes.protect(node, *on).await?,
            Action::Cordon { node, uid } => {
                kubernetes.cordon(node, uid, &act::annotations(&names.roll, self.clock.now())).await?
            }
            Action::Uncordon { node, uid } => {
                kubernetes.uncordon(node, uid, &[ROLL_ANNOTATION, CORDONED_AT_ANNOTATION]).await?
            }
            Action::Evict { namespace, pod, uid, .. } => match kubernetes.evict(namespace, pod, uid).await? {
                Eviction::Accepted => Changed::Yes,
                Eviction::Gone => Changed::Gone,
                Eviction::Refused { cause, .. } => return Ok(Done::Refused(cause)),
                Eviction::Misconfigured { message } => return Ok(Done::Refused(message)),
            },
            Action::DeletePod { namespace, pod, uid, .. } => kubernetes.delete_pod(namespace, pod, uid).await?,
            Action::DeleteNode { node, uid } => kubernetes.delete_node(node, uid).await?,
            Action::Snapshot { instance } => {
                control_plane::snapshot(&self.cluster, instance).await?;
                Changed::Yes
            }
            Action::MoveLeader { from, to } => {
                let (members, ids) = self.members.clone().unwrap_or_default();
                let instance = members.members.get(from).map(|member| member.instance.clone());
                let (Some(instance), Some(id)) = (instance, ids.get(to)) else {
                    return Err(ActError::Member(format!("{from} or {to} is not known to etcd any more")));
                };
                control_plane::move_leader(&self.cluster, &instance, id).await?;
                Changed::Yes
            }
        };
        Ok(match changed {
            Changed::Yes => Done::Yes,
            Changed::Gone => Done::Already,
        })
    }
}
