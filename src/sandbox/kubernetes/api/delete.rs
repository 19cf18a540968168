//! Deletions: grace periods of pods, finalizers, preconditions, and what goes with a namespace.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::objects::{Key, Objects, metadata, time};
use super::kind::{CRDS, Kind};
use super::problem::Problem;
use super::rules::GRACE;

/// `DeleteOptions`, as far as they are heeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Instead of the object's own.
    pub grace: Option<i64>,
    /// The uid that it must have.
    pub uid: Option<String>,
    /// The revision that it must have.
    pub resource_version: Option<String>,
    /// What becomes of what it owns; `None`: whatever is usual for its kind.
    pub propagation: Option<Propagation>,
}

/// The finalizer of a CRD that goes: its objects go first.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
/// The finalizer of what goes after the objects that it owns.
pub const FOREGROUND: &str = "foregroundDeletion";

/// What becomes of objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// The garbage collector deletes them some time later.
    Background,
    /// It deletes them first, and then their owner.
    Foreground,
    /// They stay, without their owner.
    Orphan,
}

impl Propagation {
    /// Reads a policy; what is none counts as background.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Some(match text {
            "Orphan" => Self::Orphan,
            "Foreground" => Self::Foreground,
            "Background" => Self::Background,
            _ => return None,
        })
    }
}

impl Options {
    /// Reads a `DeleteOptions` object.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let policy = object["propagationPolicy"].as_str().and_then(Propagation::read);
        let orphan = object["orphanDependents"].as_bool();
        let older = orphan.map(|orphan| if orphan { Propagation::Orphan } else { Propagation::Background });
        Self {
            grace: object["gracePeriodSeconds"].as_i64(),
            uid: text(&object["preconditions"]["uid"]),
            resource_version: text(&object["preconditions"]["resourceVersion"]),
            propagation: policy.or(older),
        }
    }
}

/// What became of the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Deleted {
    /// It is gone; its last form.
    Gone(Value),
    /// It waits for its grace period or its finalizers.
    Waiting(Value),
}

/// Deletes an object, or begins to.
///
/// # Errors
/// 404, and 409 when a precondition does not hold.
pub fn delete(
    objects: &mut Objects,
    (kind, key): (&Kind, &Key),
    options: &Options,
    now: Timestamp,
) -> Result<Deleted, Problem> {
    let object = objects.get(key).ok_or_else(|| Problem::not_found(kind, &key.name))?.clone();
    precondition(kind, &object, options)?;
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    // Jobs keep their pods unless somebody says otherwise, for the sake of old clients.
    let usual = if key.resource == "jobs.batch" { Propagation::Orphan } else { Propagation::Background };
    match options.propagation.unwrap_or(usual) {
        Propagation::Orphan => orphan(objects, uid),
        Propagation::Foreground if is_collected(key) && objects.all().any(|(_, it)| is_owned(it, uid)) => {
            objects.update(key, |object| finalize(object, FOREGROUND, now));
            return Ok(Deleted::Waiting(objects.get(key).cloned().unwrap_or_default()));
        }
        Propagation::Foreground | Propagation::Background => {}
    }
    if key.resource == "namespaces" {
        return Ok(namespace(objects, key, now));
    }
    if key.resource == CRDS {
        objects.update(key, |definition| terminate(definition, now));
        return Ok(Deleted::Waiting(objects.get(key).cloned().unwrap_or_default()));
    }
    let grace = if key.resource == "pods" { grace(&object, options) } else { 0 };
    let since = object["metadata"]["deletionGracePeriodSeconds"].as_i64();
    let deleting = !object["metadata"]["deletionTimestamp"].is_null();
    let has_finalizers = object["metadata"]["finalizers"].as_array().is_some_and(|it| !it.is_empty());
    // A deletion under way can only become shorter.
    if deleting
        && (since.is_some_and(|since| grace >= since && since > 0)
            || (has_finalizers && grace == 0 && since == Some(0)))
    {
        return Ok(Deleted::Waiting(object));
    }
    if key.resource == "pods" || has_finalizers {
        let end = now.saturating_add(SignedDuration::from_secs(grace)).unwrap_or(Timestamp::MAX);
        objects.update(key, |object| {
            let counts = kind.has_generation() && !deleting;
            let metadata = metadata(object);
            metadata.insert("deletionTimestamp".to_owned(), json!(time(end)));
            metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
            if counts {
                let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or(0) + 1;
                metadata.insert("generation".to_owned(), json!(generation));
            }
        });
        if grace > 0 || has_finalizers {
            return Ok(Deleted::Waiting(objects.get(key).cloned().unwrap_or_default()));
        }
    }
    let last = objects.remove(key).ok_or_else(|| Problem::not_found(kind, &key.name))?;
    Ok(Deleted::Gone(last.as_ref().clone()))
}

/// Whether a precondition holds.
///
/// # Errors
/// 409.
pub fn precondition(kind: &Kind, object: &Value, options: &Options) -> Result<(), Problem> {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != text("uid")) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            text("uid")
        );
        return Err(Problem::precondition(kind, text("name"), &why));
    }
    if let Some(version) = options.resource_version.as_deref().filter(|it| *it != text("resourceVersion")) {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). \
             The object might have been modified",
            text("resourceVersion")
        );
        return Err(Problem::precondition(kind, text("name"), &why));
    }
    Ok(())
}

/// Seconds that a pod gets: none before it has a node and after it ended.
fn grace(pod: &Value, options: &Options) -> i64 {
    let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let placed = pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    if ended || !placed {
        return 0;
    }
    options.grace.or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(GRACE).max(0)
}

/// Whether the garbage collector here can see that such an object waits for what it owns.
fn is_collected(key: &Key) -> bool {
    matches!(
        key.resource.as_str(),
        "deployments.apps" | "replicasets.apps" | "statefulsets.apps" | "daemonsets.apps" | "jobs.batch"
    )
}

fn is_owned(object: &Value, owner: &str) -> bool {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|it| it["uid"] == owner)
}

/// Begins a deletion that a finalizer holds.
fn finalize(object: &mut Value, finalizer: &str, now: Timestamp) {
    let metadata = metadata(object);
    metadata.entry("deletionTimestamp").or_insert_with(|| json!(time(now)));
    metadata.entry("deletionGracePeriodSeconds").or_insert_with(|| json!(0));
    let finalizers = metadata.entry("finalizers").or_insert_with(|| json!([]));
    if let Some(finalizers) = finalizers.as_array_mut()
        && !finalizers.iter().any(|it| it == finalizer)
    {
        finalizers.push(json!(finalizer));
    }
}

/// A CRD that goes serves no new objects; its controller deletes those that there are.
fn terminate(definition: &mut Value, now: Timestamp) {
    finalize(definition, CLEANUP, now);
    if !definition["status"]["conditions"].is_array() {
        definition["status"]["conditions"] = json!([]);
    }
    if let Some(conditions) = definition["status"]["conditions"].as_array_mut()
        && !conditions.iter().any(|it| it["type"] == "Terminating")
    {
        conditions.push(json!({"type": "Terminating", "status": "True", "lastTransitionTime": time(now),
            "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"}));
    }
}

fn orphan(objects: &mut Objects, owner: &str) {
    let owned = |object: &Value| is_owned(object, owner);
    let keys: Vec<Key> = objects.all().filter(|(_, object)| owned(object)).map(|(key, _)| key.clone()).collect();
    for key in keys {
        objects.update(&key, |object| {
            if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                owners.retain(|it| it["uid"] != owner);
            }
        });
    }
}

/// Everything in a namespace goes, then the namespace. What the namespace controller does in seconds happens at once;
/// objects with finalizers and pods on nodes keep it terminating.
fn namespace(objects: &mut Objects, key: &Key, now: Timestamp) -> Deleted {
    objects.update(key, |object| {
        let metadata = metadata(object);
        metadata.entry("deletionTimestamp").or_insert_with(|| json!(time(now)));
        object["status"]["phase"] = json!("Terminating");
    });
    let last = objects.get(key).cloned().unwrap_or_default();
    let within: Vec<Key> =
        objects.all().filter(|(it, _)| it.namespace == key.name).map(|(key, _)| key.clone()).collect();
    let mut left = false;
    for key in within {
        let object = objects.get(&key);
        let placed = key.resource == "pods"
            && object.is_some_and(|object| object["spec"]["nodeName"].as_str().is_some_and(|it| !it.is_empty()));
        let held =
            object.is_some_and(|object| object["metadata"]["finalizers"].as_array().is_some_and(|it| !it.is_empty()));
        if placed || held {
            left = true;
            let grace = if placed { GRACE } else { 0 };
            let end = now.saturating_add(SignedDuration::from_secs(grace)).unwrap_or(Timestamp::MAX);
            objects.update(&key, |object| {
                let metadata = metadata(object);
                metadata.entry("deletionTimestamp").or_insert_with(|| json!(time(end)));
                metadata.entry("deletionGracePeriodSeconds").or_insert_with(|| json!(grace));
            });
        } else {
            objects.remove(&key);
        }
    }
    if !left {
        objects.remove(key);
    }
    Deleted::Waiting(last)
}
