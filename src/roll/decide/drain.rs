//! Draining: which pods are asked to go now, and what holds a node for too long.

use std::collections::BTreeMap;

use super::draft::{Draft, Drain};
use super::look::Look;
use super::stop::Stop;
use crate::duration;
use crate::kubernetes::{Budget, Pod, PodPhase};
use crate::planted::{self, Bug};
use crate::roll::action::Action;

/// Why a pod cannot be evicted now.
struct Held<'a> {
    pod: &'a Pod,
    budget: Option<&'a Budget>,
    /// Whether deleting it would free the node.
    deletable: bool,
    cause: String,
    advice: String,
}

/// Evicts from all nodes in work at once, the lowest priority first, and never more than the budgets allow.
pub(super) fn evict<'a>(look: &Look<'a>, draft: &mut Draft<'a>) {
    let mut pods: Vec<(&Pod, Drain<'_>)> = Vec::new();
    for drain in &draft.drains {
        pods.extend(look.holding(&drain.node.name).map(|pod| (pod, *drain)));
    }
    pods.sort_by(|(a, _), (b, _)| (a.priority, &a.namespace, &a.name).cmp(&(b.priority, &b.namespace, &b.name)));
    let mut left: BTreeMap<usize, u32> = BTreeMap::new();
    let mut held: BTreeMap<&str, (Drain<'_>, Vec<Held<'_>>)> = BTreeMap::new();
    let mut moving: BTreeMap<&str, u32> = BTreeMap::new();
    for (pod, drain) in pods {
        match judge(look, pod, &mut left) {
            Ok(evicts) => {
                *moving.entry(&drain.node.name).or_default() += 1;
                if evicts {
                    draft.act(Action::Evict {
                        namespace: pod.namespace.clone(),
                        pod: pod.name.clone(),
                        uid: pod.uid.clone(),
                        node: drain.node.name.clone(),
                    });
                }
            }
            Err(why) => held.entry(&drain.node.name).or_insert_with(|| (drain, Vec::new())).1.push(why),
        }
    }
    for drain in draft.drains.clone() {
        let name = drain.node.name.as_str();
        let causes = held.remove(name).map(|(_, causes)| causes).unwrap_or_default();
        settle(look, draft, drain, &causes, moving.get(name).copied().unwrap_or(0));
    }
}

/// What becomes of a node that is not empty yet.
fn settle(look: &Look<'_>, draft: &mut Draft<'_>, drain: Drain<'_>, held: &[Held<'_>], moving: u32) {
    let timeout = look.policy_of(drain.group).map_or(0, |policy| policy.drain_timeout.as_secs());
    let over = look.age(drain.since) >= timeout;
    if !over || (moving > 0 && !held.is_empty()) {
        draft.progress = true;
    }
    let Some(first) = held.first() else {
        let stuck = look.holding(&drain.node.name).find(|pod| pod.is_terminating());
        if let Some(pod) = stuck.filter(|pod| over && stuck_for_ever(look, pod)) {
            block(look, draft, drain, &terminating(pod));
        } else {
            draft.progress = true;
        }
        draft.wait(drain.group, &drain.node.name, format!("{moving} pods that end"), Some(drain.since));
        return;
    };
    let what = format!("evicting {}: {}", first.pod.full_name(), first.cause);
    draft.wait(drain.group, &drain.node.name, what, Some(drain.since));
    if !over {
        return;
    }
    let free: Vec<&Held<'_>> = held.iter().filter(|it| it.deletable).collect();
    if (draft.record.ignore_budgets || look.policy.ignore_budgets) && !free.is_empty() {
        count(draft, drain);
        for it in free {
            draft.act(Action::DeletePod {
                namespace: it.pod.namespace.clone(),
                pod: it.pod.name.clone(),
                uid: it.pod.uid.clone(),
                node: drain.node.name.clone(),
            });
        }
        return;
    }
    block(look, draft, drain, first);
}

/// A pod whose grace is over by more than the time that a kubelet takes to remove it.
fn stuck_for_ever(look: &Look<'_>, pod: &Pod) -> bool {
    pod.deleted_at.is_some_and(|at| look.age(at) > 0)
}

fn terminating(pod: &Pod) -> Held<'_> {
    let advice = if pod.has_finalizers {
        "its finalizers hold it: look at who should remove them"
    } else {
        "its kubelet does not end it: look at the node"
    };
    Held { pod, budget: None, deletable: false, cause: "it does not end".to_owned(), advice: advice.to_owned() }
}

fn count(draft: &mut Draft<'_>, drain: Drain<'_>) {
    if draft.record.memory.blocked.insert(drain.instance.to_owned()) {
        draft.record.done.blocked += 1;
    }
}

fn block(look: &Look<'_>, draft: &mut Draft<'_>, drain: Drain<'_>, held: &Held<'_>) {
    count(draft, drain);
    let node = drain.node.name.clone();
    let age = duration::seconds(look.age(drain.since));
    draft.wait(drain.group, &node, format!("blocked for {age}: {}", held.advice), Some(drain.since));
    draft.blocked.push(Stop::Blocked {
        node,
        pod: held.pod.full_name(),
        budget: held.budget.map(Budget::full_name),
        owner: held.pod.controller.as_ref().map(ToString::to_string),
        advice: held.advice.clone(),
    });
}

/// Whether a pod can be asked to go now: `Ok(false)` when it is going already. The rules are those of the API server's
/// eviction (Kubernetes, "API-initiated eviction"; recorded answers).
fn judge<'a>(look: &Look<'a>, pod: &'a Pod, left: &mut BTreeMap<usize, u32>) -> Result<bool, Held<'a>> {
    if pod.is_terminating() {
        return Ok(false);
    }
    let budgets = look.budgets(pod);
    let (at, budget) = match budgets.as_slice() {
        [] => return Ok(true),
        [one] => *one,
        [(_, first), (_, second), ..] => {
            return Err(Held {
                pod,
                budget: Some(first),
                deletable: true,
                cause: format!("budgets {} and {} are both about it", first.full_name(), second.full_name()),
                advice: format!("change the selector of {} or {}", first.full_name(), second.full_name()),
            });
        }
    };
    if pod.phase == PodPhase::Pending {
        return Ok(true);
    }
    let allowed = left.entry(at).or_insert(if budget.observed { budget.allowed } else { 0 });
    if planted::is(Bug::IgnoredBudget) {
        return Ok(true);
    }
    if *allowed > 0 {
        *allowed -= 1;
        return Ok(true);
    }
    if !pod.ready && budget.observed && budget.healthy >= budget.desired && budget.desired > 0 {
        return Ok(true);
    }
    let name = budget.full_name();
    let cause = match (budget.observed, budget.allowed) {
        (false, _) => format!("budget {name} is still being processed"),
        (true, 0) => format!("budget {name} needs {} healthy pods and has {}", budget.desired, budget.healthy),
        (true, _) => format!("budget {name} allows {} at a time", budget.allowed),
    };
    let advice = if budget.expected == 0 {
        format!("budget {name} counts no pods: give it minAvailable, or its pods a controller")
    } else if budget.is_impossible() {
        format!("budget {name} ({}) never allows it: run more pods, or loosen it", budget.rule)
    } else {
        format!("make more of the pods of budget {name} healthy, or loosen it ({})", budget.rule)
    };
    Err(Held { pod, budget: Some(budget), deletable: true, cause, advice })
}
