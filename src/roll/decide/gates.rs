//! Whether anything new may begin. What is under way goes on in any case.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::draft::Draft;
use super::look::{Look, is_present};
use super::members;
use super::stop::Stop;
use super::{Decision, Outcome, Waiting};
use crate::health::{GroupRole, Probe, View};
use crate::kubernetes::{Node, Pod, PodPhase};
use crate::roll::RestartsSeen;
use crate::roll::policy::GroupPolicy;
use crate::state::roll::Baseline;

/// How long a pod may look for a place before it counts as pending. The scheduler places a pod within seconds where there
/// is room, and tries again at the latest a minute after it failed (kube-scheduler, flush of unschedulable pods and backoff).
const PENDING_GRACE: u64 = 60;
/// How long a pod of kube-system may take to become ready: pull, start and the first readiness probes of our add-ons.
const START_GRACE: u64 = 120;
/// How long after the last restart in kube-system nothing new begins: the longest back-off of a container that crashes
/// (kubelet, five minutes), after which a loop would have shown itself again.
const RESTART_SETTLES: u64 = 300;

/// What the gates say.
pub(super) struct Gates {
    /// What is red for all.
    pub(super) red: Vec<String>,
    /// Groups with something left to do in which nothing new may begin, whatever the others do.
    pub(super) held: BTreeMap<String, Held>,
    /// Groups with something left to do.
    left: usize,
}

/// What holds a group up.
pub(super) struct Held {
    /// Its own probes that are red.
    pub(super) red: Vec<String>,
    /// When none of its windows is open: when the next one opens.
    pub(super) closed: Option<Option<Timestamp>>,
}

impl Gates {
    /// Whether something new may begin in a group.
    pub(super) fn are_open(&self, group: &str) -> bool {
        self.red.is_empty() && !self.held.contains_key(group)
    }

    /// Whether a member of the control plane may be replaced.
    pub(super) fn are_open_for_members(&self, look: &Look<'_>) -> bool {
        let is_member =
            |name: &String| look.view.groups.get(name).is_some_and(|group| matches!(group.role, GroupRole::Member(_)));
        self.red.is_empty() && !self.held.keys().any(is_member)
    }

    /// Whether every group that is not at its end is held up.
    pub(super) fn hold_all(&self) -> bool {
        self.left > 0 && self.held.len() == self.left
    }
}

/// How a cluster is before a roll.
#[must_use]
pub fn baseline(view: &View) -> Baseline {
    Baseline {
        pending: u32::try_from(view.pods.iter().filter(|pod| is_pending(pod)).count()).unwrap_or(u32::MAX),
        not_ready: view.pods.iter().filter(|pod| pod.is_system() && pod.is_not_ready()).map(name).collect(),
        restarts: view.pods.iter().filter(|pod| pod.is_system()).map(|pod| pod.restarts).sum(),
    }
}

fn is_pending(pod: &Pod) -> bool {
    pod.phase == PodPhase::Pending && pod.node.is_none() && !pod.is_terminating()
}

/// A pod's controller, or its own name: a controller's next pod has another one. A `ReplicaSet` counts as itself.
fn name(pod: &Pod) -> String {
    pod.controller.as_ref().map_or_else(|| pod.name.clone(), ToString::to_string)
}

/// The decision while the API server does not answer: what it said last is no ground to act on.
pub(super) fn unreachable(look: &Look<'_>, mut draft: Draft<'_>, why: &str) -> Decision {
    let since = *draft.record.red_since.get_or_insert(look.now);
    let what = format!("the API server does not answer: {why}");
    let stopped = look.age(since) >= look.policy.gate_timeout.as_secs();
    let outcome = if stopped {
        draft.record.red_since = None;
        Outcome::Stopped(Stop::Gate { red: vec![what.clone()], since })
    } else {
        Outcome::Going
    };
    Decision {
        actions: Vec::new(),
        record: draft.record,
        waiting: vec![Waiting { about: "kubernetes".to_owned(), what, group: None, since: Some(since) }],
        needs_control_plane: true,
        outcome,
    }
}

/// Looks at all gates.
pub(super) fn judge(look: &Look<'_>, draft: &mut Draft<'_>) -> Gates {
    let mut red: Vec<String> = Vec::new();
    red.extend(pending(look));
    red.extend(system(look));
    red.extend(restarts(look, draft));
    red.extend(members::trouble(look));
    red.extend(look.view.probes.iter().filter(|probe| probe.groups.is_none()).filter_map(red_probe));
    if red.is_empty() {
        draft.record.red_since = None;
    } else {
        draft.record.red_since.get_or_insert(look.now);
    }
    for what in &red {
        let since = draft.record.red_since;
        draft.waiting.push(Waiting { about: "gate".to_owned(), what: what.clone(), group: None, since });
    }
    let left: Vec<(&String, &GroupPolicy)> =
        look.policy.groups.iter().filter(|(name, _)| has_stale(look, name)).collect();
    let held: BTreeMap<String, Held> =
        left.iter().filter_map(|(name, policy)| Some(((*name).clone(), held(look, name, policy)?))).collect();
    let before = std::mem::take(&mut draft.record.red_groups);
    let since = |name: &String| before.get(name).copied().unwrap_or(look.now);
    draft.record.red_groups =
        held.iter().filter(|(_, it)| !it.red.is_empty()).map(|(name, _)| (name.clone(), since(name))).collect();
    let gates = Gates { red, held, left: left.len() };
    tell(&gates, draft);
    gates
}

fn red_probe(probe: &Probe) -> Option<String> {
    Some(format!("probe {} is red: {}", probe.name, probe.red.as_ref()?))
}

fn has_stale(look: &Look<'_>, name: &str) -> bool {
    let Some(group) = look.view.groups.get(name) else { return false };
    group.machines.values().any(|machine| is_present(machine) && look.is_stale(group, machine))
}

/// What holds up a group beside what holds up all.
fn held(look: &Look<'_>, name: &str, policy: &GroupPolicy) -> Option<Held> {
    let concerns = |probe: &&Probe| probe.groups.as_ref().is_some_and(|groups| groups.contains(name));
    let red: Vec<String> = look.view.probes.iter().filter(concerns).filter_map(red_probe).collect();
    let closed = closed(look, policy);
    (!red.is_empty() || closed.is_some()).then_some(Held { red, closed })
}

/// Says what holds groups up: once, where it is the same for all of them.
fn tell(gates: &Gates, draft: &mut Draft<'_>) {
    let mut told: BTreeMap<(&str, String), Vec<&String>> = BTreeMap::new();
    for (name, held) in &gates.held {
        for what in &held.red {
            told.entry(("gate", what.clone())).or_default().push(name);
        }
        if let Some(opens) = held.closed {
            let what = opens.map_or_else(
                || "no maintenance window is open".to_owned(),
                |opens| format!("a maintenance window: the next one opens at {opens}"),
            );
            told.entry(("window", what)).or_default().push(name);
        }
    }
    for ((about, what), groups) in told {
        if groups.len() == gates.left {
            draft.waiting.push(Waiting { about: about.to_owned(), what, group: None, since: None });
            continue;
        }
        for group in groups {
            let since = draft.record.red_groups.get(group).copied().filter(|_| about == "gate");
            draft.wait(group, group, what.clone(), since);
        }
    }
}

fn pending(look: &Look<'_>) -> Option<String> {
    let pods = look.view.pods.iter().filter(|pod| is_pending(pod) && look.age(pod.created) >= PENDING_GRACE);
    let mut first = None;
    let mut count = 0;
    for pod in pods {
        first.get_or_insert(pod);
        count += 1;
    }
    let before = look.record.baseline.pending;
    let first = first.filter(|_| count > before)?;
    Some(format!("{count} pods have no place, {before} before the roll, among them {}", first.full_name()))
}

/// Whether a pod's node is in work or coming: what runs there is not ready for a reason.
fn is_excused(look: &Look<'_>, pod: &Pod) -> bool {
    let node = pod.node.as_ref().and_then(|name| look.view.nodes.get(name));
    node.is_some_and(|node| {
        let gone = node
            .instance
            .as_deref()
            .is_some_and(|id| look.record.memory.terminated.contains_key(id) || look.record.memory.gone.contains(id));
        node.unschedulable || !node.is_ready() || gone || young(look, node)
    })
}

fn young(look: &Look<'_>, node: &Node) -> bool {
    look.age(node.created) < START_GRACE
}

fn system(look: &Look<'_>) -> Option<String> {
    let bad = |pod: &&Pod| {
        pod.is_system()
            && pod.is_not_ready()
            && look.age(pod.created) >= START_GRACE
            && !is_excused(look, pod)
            && !look.record.baseline.not_ready.contains(&name(pod))
    };
    let names: BTreeSet<String> = look.view.pods.iter().filter(bad).map(Pod::full_name).collect();
    let first = names.first()?;
    Some(match names.len() {
        1 => format!("{first} is not ready"),
        many => format!("{many} pods of kube-system are not ready, among them {first}"),
    })
}

/// Only pods that are older than the roll count: what a new pod does while it starts shows in whether it is ready.
fn restarts(look: &Look<'_>, draft: &mut Draft<'_>) -> Option<String> {
    let counts = |pod: &&Pod| pod.is_system() && pod.created < look.record.started && !is_excused(look, pod);
    let count = look.view.pods.iter().filter(counts).map(|pod| pod.restarts).sum();
    let before = draft.record.memory.restarts;
    let rose = match before {
        Some(before) if count > before.count => Some(look.now),
        Some(before) => before.rose,
        None => (count > look.record.baseline.restarts).then_some(look.now),
    };
    draft.record.memory.restarts = Some(RestartsSeen { count, rose });
    let rose = rose.filter(|at| look.age(*at) < RESTART_SETTLES)?;
    Some(format!("containers in kube-system restarted at {rose}"))
}

/// `Some` when nothing may begin now because of the windows, with the opening of the next one.
fn closed(look: &Look<'_>, policy: &GroupPolicy) -> Option<Option<Timestamp>> {
    let windows = policy.windows.as_ref()?;
    // What begins must also end: a new machine may take its whole ready timeout.
    let needed = policy.ready_timeout.as_secs();
    let left = |closes: Timestamp| u64::try_from(closes.as_second().saturating_sub(look.now.as_second())).unwrap_or(0);
    if windows.iter().any(|window| window.opens <= look.now && left(window.closes) >= needed) {
        return None;
    }
    Some(windows.iter().map(|window| window.opens).filter(|opens| *opens > look.now).min())
}
