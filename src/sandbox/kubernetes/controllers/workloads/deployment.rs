//! Deployments: a ReplicaSet for each template, the newest up and the others down within `maxSurge` and `maxUnavailable`.
//!
//! Source: kubernetes/pkg/controller/deployment; "Deployments" of the documentation, for conditions and their reasons.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::objects::{Key, Objects, time};
use super::super::index::{Index, Raw, condition};
use super::super::kubelet::set_condition;
use super::super::later;
use super::super::quantity::{Rounding, scaled};
use super::{Availability, Sets, count, owner, replicas, report, template_hash, uid};

/// Seconds without progress after which a rollout has failed, unless it says otherwise (API reference).
const DEADLINE: i64 = 600;
/// Old ReplicaSets that are kept, unless it says otherwise (API reference).
const HISTORY: u64 = 10;
/// Annotation of a Deployment and its ReplicaSets.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// How far a rollout is.
struct Rollout<'d> {
    set: &'d str,
    /// Whether the ReplicaSet was made just now.
    created: bool,
    wanted: u32,
    total: u32,
    updated: u32,
    ready: u32,
    available: u32,
    unavailable: u32,
}

pub fn step(
    objects: &mut Objects,
    (index, sets): (&Index, &Sets),
    (key, deployment): (&Key, &Value),
    now: Timestamp,
) -> Option<Timestamp> {
    let wanted = replicas(deployment);
    let template = &deployment["spec"]["template"];
    let name = format!("{}-{}", key.name, template_hash(template));
    let own = sets.owned(key, deployment);
    let counting = Availability::of(deployment, now);
    let available_of = |set: &Value| count(index.owned(uid(set)).filter(|(_, pod)| counting.has(pod)));
    let pods_of = |set: &Value| count(index.owned(uid(set)).filter(|(_, pod)| pod.counts()));
    let pods = || own.iter().flat_map(|(_, set)| index.owned(uid(set))).map(|(_, pod)| pod);
    let available: u32 = own.iter().map(|(_, set)| available_of(set)).sum();
    let total: u32 = own.iter().map(|(_, set)| replicas(set)).sum();
    let strategy = &deployment["spec"]["strategy"];
    let recreate = strategy["type"] == "Recreate";
    let amount = |name: &str, rounding: Rounding| {
        scaled(&strategy["rollingUpdate"][name], wanted, rounding)
            .unwrap_or_else(|| scaled(&json!("25%"), wanted, rounding).unwrap_or(0))
    };
    let (surge, mut unavailable) = (amount("maxSurge", Rounding::Up), amount("maxUnavailable", Rounding::Down));
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let newest = own.iter().find(|(set, _)| set.name == name);
    let old: Vec<&(Key, Raw)> = own.iter().filter(|(set, it)| set.name != name && replicas(it) > 0).collect();
    let current = newest.map_or(0, |(_, set)| replicas(set));
    let gone = !own.iter().any(|(set, it)| set.name != name && pods_of(it) > 0);
    let next = match (old.is_empty() && (gone || !recreate), recreate) {
        (true, _) => wanted,
        (false, true) => 0,
        (false, false) => wanted.min(current + (wanted + surge).saturating_sub(total)),
    };
    let paused = deployment["spec"]["paused"] == true;
    let highest = own.iter().map(|(_, set)| revision(set)).max().unwrap_or(0);
    let number = newest.map(|(_, set)| revision(set)).filter(|it| *it == highest).unwrap_or(highest + 1);
    match newest {
        _ if paused => {}
        Some((set, _)) => {
            objects.update(set, |set| {
                set["spec"]["replicas"] = json!(next);
                set["metadata"]["annotations"][REVISION] = json!(number.to_string());
            });
        }
        None => {
            let mut set = made(deployment, key, &name);
            set["spec"]["replicas"] = json!(next);
            set["metadata"]["annotations"][REVISION] = json!(number.to_string());
            objects.create(&Key::new("replicasets.apps", &key.namespace, &name), set, now);
        }
    }
    let mut spare = available.saturating_sub(wanted.saturating_sub(unavailable));
    for (set, it) in old.into_iter().filter(|_| !paused) {
        let have = replicas(it);
        let unready = have.saturating_sub(available_of(it));
        let taken = if recreate { have } else { have.min(unready + spare) };
        spare = spare.saturating_sub(taken.saturating_sub(unready));
        objects.update(set, |set| set["spec"]["replicas"] = json!(have - taken));
    }
    forget(objects, deployment, own.iter().filter(|(set, it)| set.name != name && replicas(it) + pods_of(it) == 0));
    let rollout = Rollout {
        set: &name,
        created: newest.is_none() && !paused,
        wanted,
        total: count(pods().filter(|pod| pod.counts())),
        updated: newest.map_or(0, |(_, set)| pods_of(set)),
        ready: count(pods().filter(|pod| pod.counts() && pod.ready)),
        available,
        unavailable,
    };
    let deadline = deployment["spec"]["progressDeadlineSeconds"].as_i64().unwrap_or(DEADLINE);
    let ends = (deadline < i64::from(i32::MAX) && !paused).then_some(deadline);
    let progressing =
        if paused { condition(deployment, "Progressing").cloned() } else { rollout.progress(deployment, ends, now) };
    let due = progressing.as_ref().filter(|it| it["status"] == "True" && it["reason"] != "NewReplicaSetAvailable");
    let due = due.and_then(|it| it["lastUpdateTime"].as_str()?.parse::<Timestamp>().ok());
    let due = due.zip(ends).map(|(since, seconds)| later(since, seconds));
    let later_available = counting.next(pods());
    report(objects, key, now, |deployment| rollout.report(deployment, progressing, (paused, number), now));
    [due, later_available].into_iter().flatten().min()
}

fn revision(set: &Value) -> u64 {
    set["metadata"]["annotations"][REVISION].as_str().and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn made(deployment: &Value, key: &Key, name: &str) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    let hash = name.rsplit('-').next().unwrap_or_default().to_owned();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    let mut set = json!({
        "metadata": {
            "labels": template["metadata"]["labels"], "generation": 1,
            "ownerReferences": [owner("apps/v1", "Deployment", key, deployment)],
        },
        "spec": {"selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    if let Some(seconds) = deployment["spec"]["minReadySeconds"].as_i64() {
        set["spec"]["minReadySeconds"] = json!(seconds);
    }
    set
}

/// Takes away the oldest of too many ReplicaSets without pods.
fn forget<'s>(objects: &mut Objects, deployment: &Value, empty: impl Iterator<Item = &'s (Key, Raw)>) {
    let kept = deployment["spec"]["revisionHistoryLimit"].as_u64().unwrap_or(HISTORY);
    let mut empty: Vec<&(Key, Raw)> = empty.collect();
    empty.sort_by_key(|(_, set)| std::cmp::Reverse(revision(set)));
    for (key, _) in empty.into_iter().skip(usize::try_from(kept).unwrap_or(usize::MAX)) {
        objects.remove(key);
    }
}

impl Rollout<'_> {
    /// The condition `Progressing` as it is now.
    fn progress(&self, deployment: &Value, deadline: Option<i64>, now: Timestamp) -> Option<Value> {
        let old = condition(deployment, "Progressing");
        let reason = old.and_then(|it| it["reason"].as_str()).unwrap_or_default();
        let before = |field: &str| u32::try_from(deployment["status"][field].as_u64().unwrap_or(0)).unwrap_or(0);
        let (total, updated) = (before("replicas"), before("updatedReplicas"));
        let complete = self.updated == self.wanted && self.total == self.wanted && self.available >= self.wanted;
        // Whoever was there once, is: pods that fail afterwards are no matter of the rollout.
        let settled = self.total == self.updated && reason == "NewReplicaSetAvailable";
        let advanced = self.updated > updated
            || self.total.saturating_sub(self.updated) < total.saturating_sub(updated)
            || self.ready > before("readyReplicas")
            || self.available > before("availableReplicas");
        let set = self.set;
        let told = |status: &str, reason: &str, message: String| {
            let mut told = json!({"type": "Progressing", "status": status, "lastUpdateTime": time(now),
                "lastTransitionTime": time(now), "reason": reason, "message": message});
            if let Some(old) = old.filter(|it| it["status"] == status) {
                told["lastTransitionTime"] = old["lastTransitionTime"].clone();
            }
            Some(told)
        };
        if self.created {
            return told("True", "NewReplicaSetCreated", format!("Created new replica set {set:?}"));
        }
        if settled || complete && reason == "NewReplicaSetAvailable" {
            return old.cloned();
        }
        if complete {
            let message = format!("ReplicaSet {set:?} has successfully progressed.");
            return told("True", "NewReplicaSetAvailable", message);
        }
        if advanced || old.is_none() {
            return told("True", "ReplicaSetUpdated", format!("ReplicaSet {set:?} is progressing."));
        }
        if reason == "NewReplicaSetAvailable" {
            return told("True", "FoundNewReplicaSet", format!("Found new replica set {set:?}"));
        }
        let since = old.and_then(|it| it["lastUpdateTime"].as_str()?.parse::<Timestamp>().ok());
        let over = since.zip(deadline).is_some_and(|(since, seconds)| later(since, seconds) <= now);
        if over && reason != "ProgressDeadlineExceeded" {
            let message = format!("ReplicaSet {set:?} has timed out progressing.");
            return told("False", "ProgressDeadlineExceeded", message);
        }
        old.cloned()
    }

    fn report(
        &self,
        deployment: &mut Value,
        progressing: Option<Value>,
        (paused, revision): (bool, u64),
        now: Timestamp,
    ) {
        let generation = deployment["metadata"]["generation"].clone();
        let status = json!({"observedGeneration": generation, "replicas": self.total, "updatedReplicas": self.updated,
                            "readyReplicas": self.ready, "availableReplicas": self.available,
                            "unavailableReplicas": self.total.max(self.wanted).saturating_sub(self.available)});
        let conditions = deployment["status"]["conditions"].take();
        deployment["status"] = status;
        deployment["status"]["conditions"] = conditions;
        if self.available + self.unavailable >= self.wanted {
            let message = "Deployment has minimum availability.";
            set_condition(deployment, "Available", "True", "MinimumReplicasAvailable", message, now);
        } else {
            let message = "Deployment does not have minimum availability.";
            set_condition(deployment, "Available", "False", "MinimumReplicasUnavailable", message, now);
        }
        if let Some(conditions) = deployment["status"]["conditions"].as_array_mut() {
            conditions.retain(|it| it["type"] != "Progressing");
            conditions.extend(progressing);
        }
        if paused {
            set_condition(deployment, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now);
        } else {
            deployment["metadata"]["annotations"][REVISION] = json!(revision.to_string());
        }
    }
}
