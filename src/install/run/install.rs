//! One add-on after another, in the order of what they need.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::kinds::Kinds;
use super::look::{Seen, SeenAddOn, config_maps};
use super::told::Told;
use super::{Error, Event, LOOK};
use crate::addon::{Addon, Object, ObjectKey};
use crate::clock::Clock;
use crate::duration;
use crate::install::{Health, Inventory, NAMESPACE, health, marked};
use crate::kubernetes::{self, Applied, Applying, Kubernetes, ObjectKind};
use crate::plan::Action;

/// How long one call is tried again when the server cannot be reached or has too much to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// How long an add-on may take until all of it is healthy: ten minutes, which is also a Deployment's default deadline
/// (`progressDeadlineSeconds`, 600 s), after the machines that it needs have come up.
const HEALTHY: Duration = Duration::from_secs(15 * 60);
/// How long a definition may take until its objects are served: seconds on a real server.
const ESTABLISHED: Duration = Duration::from_secs(60);

/// What happens to fields that others have set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflicts {
    /// They are told, and the add-on fails.
    Told,
    /// They are taken over.
    Overruled,
}

/// What an installation works with.
pub struct Means<'a> {
    /// The way to the API.
    pub kubernetes: Kubernetes,
    /// Waiting.
    pub clock: Clock,
    /// Told when somebody wants it to end.
    pub stop: CancellationToken,
    /// Told what happens.
    pub tell: Box<dyn Fn(Event) + Send + Sync + 'a>,
    /// Comes when a call that changes something may begin; else says why it may not.
    pub permit: Box<dyn Fn() -> BoxFuture<'a, Result<(), String>> + Send + Sync + 'a>,
    /// What happens to fields that others have set.
    pub conflicts: Conflicts,
    /// The cluster's name, for the events.
    pub cluster: String,
}

impl Means<'_> {
    /// Before every change.
    pub(super) async fn permitted(&self) -> Result<(), Error> {
        (self.permit)().await.map_err(Error::LeaseEnded)
    }
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Objects made, changed or deleted.
    pub done: usize,
    /// Add-ons that failed, and why.
    pub failures: BTreeMap<String, Error>,
}

/// Waits until the API is ready to serve.
///
/// # Errors
/// [`Error::Kubernetes`] with what it said last when the time is over; [`Error::Interrupted`].
pub async fn wait_for_api(means: &Means<'_>, patience: Duration) -> Result<(), Error> {
    let clock = means.clock;
    let deadline = clock.since_boot() + patience;
    let mut told = Told::never();
    loop {
        let Err(error) = means.kubernetes.readyz().await else { return Ok(()) };
        // What will be the same for ever is told at once.
        let hopeless = matches!(error, kubernetes::Error::Unauthorized(_) | kubernetes::Error::Forbidden { .. });
        if hopeless || clock.since_boot() >= deadline {
            return Err(error.into());
        }
        told.tell(means, None, format!("the API: {}", error.to_string().lines().next().unwrap_or_default()));
        pause(means, LOOK).await?;
    }
}

pub(super) async fn pause(means: &Means<'_>, long: Duration) -> Result<(), Error> {
    tokio::select! {
        biased;
        () = means.stop.cancelled() => Err(Error::Interrupted),
        () = means.clock.sleep(long) => Ok(()),
    }
}

/// Makes the cluster's add-ons what they should be. `seen` is what a look just saw.
pub async fn install(means: &Means<'_>, add_ons: &[Addon], seen: &Seen) -> Report {
    let began = means.clock.since_boot();
    let changes = seen.changes().count();
    (means.tell)(Event::AddOnsStarted { cluster: means.cluster.clone(), changes });
    let worker = Worker { means, kinds: Kinds::default() };
    let mut report = Report::default();
    let mut left: Vec<&Addon> = add_ons.iter().collect();
    while !left.is_empty() {
        let waiting: BTreeSet<&str> = left.iter().map(|it| it.name.as_str()).collect();
        let (ready, rest): (Vec<&Addon>, Vec<&Addon>) =
            left.iter().partition(|it| it.needs.iter().all(|need| !waiting.contains(need.as_str())));
        // The rules have refused circles; should one come through, nothing hangs.
        let (ready, rest) = if ready.is_empty() { (rest, Vec::new()) } else { (ready, rest) };
        let works = ready.iter().map(|add_on| {
            let lacking = add_on.needs.iter().find(|need| report.failures.contains_key(*need)).cloned();
            worker.add_on(add_on, seen.wanted.iter().find(|it| it.name == add_on.name), lacking)
        });
        let ended = join_all(works).await;
        for (add_on, (done, result)) in ready.iter().zip(ended) {
            report.done += done;
            if let Err(error) = result {
                (means.tell)(Event::AddOnFailed { add_on: add_on.name.clone(), error: error.to_string() });
                report.failures.insert(add_on.name.clone(), error);
            }
        }
        left = rest;
    }
    // What is no longer wanted goes last: what takes its place is there by then.
    if report.failures.is_empty() {
        for unwanted in &seen.unwanted {
            let (done, result) = worker.remove(unwanted).await;
            report.done += done;
            if let Err(error) = result {
                (means.tell)(Event::AddOnFailed { add_on: unwanted.name.clone(), error: error.to_string() });
                report.failures.insert(unwanted.name.clone(), error);
            }
        }
    }
    let seconds = (means.clock.since_boot().saturating_sub(began)).as_secs();
    (means.tell)(Event::AddOnsFinished { done: report.done, failed: report.failures.len(), seconds });
    report
}

struct Worker<'a, 'm> {
    means: &'a Means<'m>,
    kinds: Kinds,
}

impl Worker<'_, '_> {
    /// How many objects were changed, and how it ended.
    async fn add_on(
        &self,
        add_on: &Addon,
        seen: Option<&SeenAddOn>,
        lacking: Option<String>,
    ) -> (usize, Result<(), Error>) {
        if let Some(lacking) = lacking {
            return (0, Err(Error::NotBegun(lacking)));
        }
        let mut done = 0;
        let result = self.all_of(add_on, seen, &mut done).await;
        (done, result)
    }

    async fn all_of(&self, add_on: &Addon, seen: Option<&SeenAddOn>, done: &mut usize) -> Result<(), Error> {
        let began = self.means.clock.since_boot();
        let unchanged = |name: &ObjectKey| seen.is_some_and(|seen| seen.unchanged.contains(name));
        let mut inventory = Inventory::new(&add_on.name);
        add_on.objects.iter().for_each(|object| inventory.add(&object.key()));
        let before = seen.and_then(|seen| seen.inventory.as_ref());
        if before != Some(&inventory) {
            // Whatever of the old and the new is there is found by the next run, should this one die.
            self.keep(&before.map_or_else(|| inventory.clone(), |before| inventory.clone().with(before))).await?;
        }
        self.namespaces(add_on, &inventory).await?;
        for object in &add_on.objects {
            let name = object.key();
            if unchanged(&name) {
                continue;
            }
            let existed = seen.is_some_and(|seen| {
                seen.changes.iter().any(|it| it.action == Action::Update && it.object == name.to_string())
            });
            self.apply(&name, &marked(&object.value, &inventory)).await?;
            *done += 1;
            self.did(&add_on.name, &name, if existed { Action::Update } else { Action::Create });
        }
        self.until_healthy(add_on).await?;
        for stale in seen.iter().flat_map(|seen| &seen.stale) {
            self.delete(&stale.kind, &stale.object, &stale.uid).await?;
            *done += 1;
            self.did(&add_on.name, &stale.object, Action::Delete);
        }
        if before.is_some_and(|before| *before != inventory) {
            self.keep(&inventory).await?;
        }
        if *done > 0 {
            let seconds = self.means.clock.since_boot().saturating_sub(began).as_secs();
            (self.means.tell)(Event::AddOnHealthy { add_on: add_on.name.clone(), seconds });
        }
        Ok(())
    }

    /// Makes the namespaces that an add-on uses and does not bring. They are no members of it: who else has put something
    /// there must not lose it with the add-on.
    async fn namespaces(&self, add_on: &Addon, inventory: &Inventory) -> Result<(), Error> {
        let own: BTreeSet<&str> =
            add_on.objects.iter().filter(|it| it.kind == "Namespace").map(|it| it.name.as_str()).collect();
        for namespace in inventory.namespaces.iter().filter(|it| !own.contains(it.as_str())) {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            let name = ObjectKey::of(&object);
            let kind = self.kind(&name, &object).await?;
            let read = || self.means.kubernetes.object(&kind, None, namespace);
            if self.patiently(&name, read).await?.is_none() {
                self.apply(&name, &object).await?;
                self.did(&add_on.name, &name, Action::Create);
            }
        }
        Ok(())
    }

    /// Deletes all of an add-on, its inventory last.
    async fn remove(&self, seen: &SeenAddOn) -> (usize, Result<(), Error>) {
        let mut done = 0;
        let result = async {
            for stale in &seen.stale {
                self.delete(&stale.kind, &stale.object, &stale.uid).await?;
                done += 1;
                self.did(&seen.name, &stale.object, Action::Delete);
            }
            let parent = ObjectKey::of(&Inventory::new(&seen.name).parent());
            let kind = config_maps();
            let live = self.patiently(&parent, || self.means.kubernetes.object(&kind, Some(NAMESPACE), &parent.name));
            if let Some(uid) = live.await?.as_ref().and_then(|it| it["metadata"]["uid"].as_str()) {
                self.delete(&kind, &parent, uid).await?;
            }
            Ok(())
        }
        .await;
        (done, result)
    }

    fn did(&self, add_on: &str, object: &ObjectKey, action: Action) {
        let event = Event::AddOnDid { add_on: add_on.to_owned(), object: object.to_string(), action };
        (self.means.tell)(event);
    }

    /// Writes an inventory.
    async fn keep(&self, inventory: &Inventory) -> Result<(), Error> {
        let parent = inventory.parent();
        let name = ObjectKey::of(&parent);
        let kind = config_maps();
        self.means.permitted().await?;
        let apply = || self.means.kubernetes.apply(&kind, Some(NAMESPACE), &parent, Applying::ByForce);
        self.patiently(&name, apply).await.map(drop)
    }

    async fn apply(&self, name: &ObjectKey, object: &Value) -> Result<(), Error> {
        let kind = self.kind(name, object).await?;
        let applying = match self.means.conflicts {
            Conflicts::Told => Applying::Politely,
            Conflicts::Overruled => Applying::ByForce,
        };
        self.means.permitted().await?;
        let apply = || self.means.kubernetes.apply(&kind, name.namespace.as_deref(), object, applying);
        match self.patiently(name, apply).await? {
            Applied::Object(_) => Ok(()),
            Applied::Conflict(conflicts) => Err(Error::Conflict {
                object: Box::new(name.clone()),
                fields: conflicts.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// The kind of an object, which a definition that was just applied may have to bring first.
    async fn kind(&self, name: &ObjectKey, object: &Value) -> Result<ObjectKind, Error> {
        let deadline = self.means.clock.since_boot() + ESTABLISHED;
        loop {
            let find = || self.kinds.of(&self.means.kubernetes, object);
            if let Some(kind) = self.patiently_any(name, find).await? {
                return match kind.namespaced && name.namespace.is_none() {
                    true => Err(Error::NoNamespace(Box::new(name.clone()))),
                    false => Ok(kind),
                };
            }
            if self.means.clock.since_boot() >= deadline {
                return Err(Error::NoSuchKind(Box::new(name.clone())));
            }
            self.kinds.ask_again(object["apiVersion"].as_str().unwrap_or_default());
            pause(self.means, LOOK).await?;
        }
    }

    async fn delete(&self, kind: &ObjectKind, name: &ObjectKey, uid: &str) -> Result<(), Error> {
        let namespace = name.namespace.as_deref();
        self.means.permitted().await?;
        let delete = || self.means.kubernetes.delete_object(kind, namespace, &name.name, uid);
        self.patiently(name, delete).await.map(drop)
    }

    /// Waits until every object is healthy.
    async fn until_healthy(&self, add_on: &Addon) -> Result<(), Error> {
        let clock = self.means.clock;
        let began = clock.since_boot();
        let mut told = Told::since(began);
        let mut waiting: Vec<&Object> = add_on.objects.iter().collect();
        loop {
            let mut why = Vec::new();
            let mut still = Vec::new();
            for object in waiting {
                let name = object.key();
                let kind = self.kind(&name, &object.value).await?;
                let read = || self.means.kubernetes.object(&kind, name.namespace.as_deref(), &name.name);
                match self.patiently(&name, read).await?.map(|live| health(&live)) {
                    Some(Health::Healthy) => {}
                    Some(Health::Failed(why)) => return Err(Error::Failed { object: Box::new(name), why }),
                    Some(Health::Waiting(reason)) => {
                        why.push(format!("{name}: {reason}"));
                        still.push(object);
                    }
                    None => {
                        why.push(format!("{name}: it is gone"));
                        still.push(object);
                    }
                }
            }
            if still.is_empty() {
                return Ok(());
            }
            let now = clock.since_boot();
            if now >= began + HEALTHY {
                return Err(Error::TimedOut { after: duration::seconds(HEALTHY.as_secs()), waiting: why });
            }
            told.tell(self.means, Some(&add_on.name), why.join("; "));
            waiting = still;
            pause(self.means, LOOK).await?;
        }
    }

    /// A call that is made again while its failure may pass.
    async fn patiently<T, F>(&self, name: &ObjectKey, call: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, kubernetes::Error>>,
    {
        self.patiently_any(name, || async { call().await.map_err(Error::from) }).await
    }

    async fn patiently_any<T, F>(&self, name: &ObjectKey, call: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let deadline = self.means.clock.since_boot() + PATIENCE;
        loop {
            let error = match call().await {
                Err(Error::Kubernetes(error)) => error,
                other => return other,
            };
            if !error.is_transient() || self.means.clock.since_boot() >= deadline {
                return Err(Error::Object { object: Box::new(name.clone()), error: Box::new(error) });
            }
            let asked = error.retry_after().unwrap_or(PAUSE).max(PAUSE);
            pause(self.means, asked).await?;
        }
    }
}
