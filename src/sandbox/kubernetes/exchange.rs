//! The way of a request to the API server: through faults and the record of calls, to a member that serves, and back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::sync::mpsc;

use super::super::boot::{self, Health, Role, Stage};
use super::super::ec2::Phase;
use super::super::wire::WireRequest;
use super::super::world::World;
use super::super::{Sandbox, Shared, store};
use super::api::{self, Answer, Identity, Outcome, Problem, Watch};
use super::controllers;
use crate::fault::{Effect, Instead, Kind};

/// A watch without a time of its own lasts so long (kube-apiserver: from `--min-request-timeout`, 1800 s, on).
const WATCH: u64 = 1800;

/// How often a watch looks for what time has changed; what calls change wakes it at once.
const LOOK: Duration = Duration::from_secs(1);

/// Chunks of a watch that wait for a slow client.
const WAITING: usize = 64;

/// Which way a request comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// To any member of a cluster that serves.
    Cluster(String),
    /// To the member on an instance.
    Member(String),
}

/// A request that was made, for tests that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesCall {
    /// `kubernetes:PatchNode`.
    pub operation: String,
    /// Its path, without the query.
    pub path: String,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
}

/// What comes back: a whole answer, or the lines of a watch.
#[derive(Debug)]
pub enum Reply {
    /// An answer.
    Whole(Answer),
    /// A watch.
    Stream(mpsc::Receiver<Bytes>),
}

/// What a way ends at.
enum Reached {
    /// A member that serves this cluster.
    Serving(String),
    /// A member whose etcd has no majority.
    WithoutEtcd,
    /// Nothing listens.
    Nothing,
}

/// What an API server says when a fault refuses a request.
fn refusal(kind: Kind) -> Problem {
    match kind {
        Kind::Throttle(_) => {
            let message = "the server has received too many requests and has asked us to try again later";
            let mut problem = Problem::new(429, "TooManyRequests", message);
            problem.retry_after = Some(1);
            problem.details = Some(Box::new(serde_json::json!({"retryAfterSeconds": 1})));
            problem
        }
        Kind::AccessDenied => Problem::new(403, "Forbidden", "forbidden by an injected fault"),
        _ => Problem::unavailable("etcdserver: request timed out"),
    }
}

impl Sandbox {
    /// The requests to API servers since the start, in order.
    #[must_use]
    pub fn kubernetes_calls(&self) -> Vec<KubernetesCall> {
        self.lock().kubernetes_log.clone()
    }

    /// Carries a request to an API server, with the faults of the plan.
    ///
    /// # Errors
    /// When nothing listens there, or a fault breaks the connection.
    pub async fn ask_kubernetes(
        &self,
        access: &Access,
        identity: &Identity,
        request: WireRequest,
    ) -> io::Result<Reply> {
        let operation = api::operation(&request);
        let (latency, clock, faults) = {
            let shared = self.lock();
            (shared.world.behaviour.latency_milliseconds, shared.clock, shared.faults.clone())
        };
        if latency > 0 {
            clock.sleep(Duration::from_millis(u64::from(latency))).await;
        }
        let effect = if api::is_read(&operation) { Effect::Read(&operation) } else { Effect::Change(&operation) };
        let answer = || self.answer(access, identity, &request, &operation);
        // Certificates are checked when a connection is made, and everybody reads the same etcd: nothing is seen later.
        let fault = faults.meet(effect).filter(|fault| *fault != Kind::ExpiredCredentials);
        let Some(fault) = fault else { return answer() };
        if fault == Kind::Reset {
            self.lock().note_kubernetes(&operation, &request.path, None);
        }
        match faults.surround(fault, || self.keep(), async || answer()).await {
            Ok(answer) => answer,
            Err(Instead::Nothing) => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            Err(Instead::Refusal(kind)) => {
                let problem = refusal(kind);
                self.lock().note_kubernetes(&operation, &request.path, Some(problem.code));
                Ok(Reply::Whole(Answer::refused(&problem)))
            }
        }
    }

    /// Answers at once; a watch goes on by itself.
    fn answer(
        &self,
        access: &Access,
        identity: &Identity,
        request: &WireRequest,
        operation: &str,
    ) -> io::Result<Reply> {
        let outcome = {
            let mut shared = self.lock();
            let outcome = shared.kubernetes(access, identity, request);
            let status = match &outcome {
                Ok(Outcome::Answer(answer)) => Some(answer.status),
                Ok(Outcome::Watch(..)) => Some(200),
                Err(_) => None,
            };
            shared.note_kubernetes(operation, &request.path, status);
            outcome
        };
        self.store_later();
        if !api::is_read(operation) {
            self.changed.notify_waiters();
        }
        match outcome? {
            Outcome::Answer(answer) => Ok(Reply::Whole(answer)),
            Outcome::Watch(watch, first) => {
                let (sender, receiver) = mpsc::channel(WAITING);
                tokio::spawn(self.clone().watch(access.clone(), *watch, first, sender));
                Ok(Reply::Stream(receiver))
            }
        }
    }

    async fn watch(self, access: Access, mut watch: Watch, first: Vec<Value>, sender: mpsc::Sender<Bytes>) {
        let (clock, mut events) = (self.lock().clock, first);
        let until = clock.sleep(Duration::from_secs(watch.seconds.unwrap_or(WATCH)));
        let mut until = std::pin::pin!(until);
        let mut ended = false;
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Before looking, so that no change falls in between.
            changed.as_mut().enable();
            let Some((more, end)) = self.look(&access, &mut watch) else { return };
            events.extend(more);
            if !events.is_empty() {
                let now = self.lock().world.now;
                let lines: String =
                    events.drain(..).map(|event| api::as_table(&watch, event, now).to_string() + "\n").collect();
                if sender.send(Bytes::from(lines)).await.is_err() {
                    return;
                }
            }
            if end || ended {
                return;
            }
            tokio::select! {
                () = sender.closed() => return,
                () = &mut until => {
                    ended = true;
                    events.extend(watch.last());
                }
                () = &mut changed => {}
                () = clock.sleep(LOOK) => {}
            }
        }
    }

    /// What a watch has to tell; `None`: its server is gone. `true`: it ends with that.
    fn look(&self, access: &Access, watch: &mut Watch) -> Option<(Vec<Value>, bool)> {
        let mut shared = self.lock();
        let mut told = |shared: &mut Shared| {
            let Reached::Serving(name) = reach(&shared.world, access) else { return None };
            let cluster = shared.world.kubernetes.clusters.get(&name)?;
            Some(match watch.next(&cluster.objects) {
                Ok(events) => (events, false),
                Err((events, _)) => (events, true),
            })
        };
        shared.with_store(|shared| (told(shared), false)).ok()?
    }

    /// Stores what the API servers changed some time later, from a thread: the clock of a test may stand still.
    fn store_later(&self) {
        let mut shared = self.lock();
        if !shared.is_pending() || shared.storing || !shared.store.is_file() {
            return;
        }
        shared.storing = true;
        let there = Arc::downgrade(&self.shared);
        std::thread::spawn(move || {
            std::thread::sleep(store::DELAY);
            if let Some(shared) = there.upgrade() {
                let mut shared = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                shared.storing = false;
                if let Err(error) = shared.flush() {
                    tracing::warn!(%error, "the sandbox's Kubernetes is not stored");
                }
            }
        });
    }
}

impl Shared {
    fn note_kubernetes(&mut self, operation: &str, path: &str, status: Option<u16>) {
        let (operation, path) = (operation.to_owned(), path.to_owned());
        self.kubernetes_log.push(KubernetesCall { operation, path, status });
    }

    fn kubernetes(&mut self, access: &Access, identity: &Identity, request: &WireRequest) -> io::Result<Outcome> {
        let before = self.world.now;
        let answered = self.with_store(|shared| {
            let (outcome, changed) = shared.reached(access, identity, request);
            let stale = shared.world.now.duration_since(before) >= SignedDuration::from_secs(1);
            (outcome, changed || stale)
        });
        answered.map_err(io::Error::other)?
    }

    /// Asks the server that a way ends at. `true`: something changed.
    fn reached(&mut self, access: &Access, identity: &Identity, request: &WireRequest) -> (io::Result<Outcome>, bool) {
        let name = match reach(&self.world, access) {
            Reached::Serving(name) => name,
            Reached::WithoutEtcd => return (Ok(Outcome::Answer(api::without_etcd(request))), false),
            Reached::Nothing => return (Err(io::ErrorKind::ConnectionRefused.into()), false),
        };
        let (now, seed) = (self.world.now, self.world.seed);
        let state = &mut self.world.kubernetes;
        let is_new = !state.clusters.contains_key(&name);
        let cluster = state
            .clusters
            .entry(name.clone())
            .or_insert_with(|| controllers::new_cluster(&name, super::VERSION, seed, now));
        let revision = cluster.objects.revision();
        let requested = state.requested.entry(name).or_default();
        let known = requested.len();
        let outcome = api::handle(cluster, requested, (request, identity), now);
        let changed = is_new || cluster.objects.revision() != revision || requested.len() != known;
        (Ok(outcome), changed)
    }
}

/// Follows a way to its end.
fn reach(world: &World, access: &Access) -> Reached {
    match access {
        Access::Member(instance) => {
            let machine = world.boot.machines.get(instance);
            let facts = machine.and_then(|machine| machine.facts.as_ref());
            match (facts, machine.map(|machine| &machine.stage)) {
                (Some(facts), Some(Stage::Serving(_) | Stage::Waiting(_)))
                    if is_running(world, instance) && !controllers::is_down(world, &facts.cluster) =>
                {
                    match boot::health(world, instance) {
                        Health::Ready(_) => Reached::Serving(facts.cluster.clone()),
                        _ => Reached::WithoutEtcd,
                    }
                }
                _ => Reached::Nothing,
            }
        }
        Access::Cluster(name) => {
            let members = world.boot.machines.iter().filter(|(_, machine)| {
                machine.facts.as_ref().is_some_and(|facts| facts.role == Role::Member && facts.cluster == *name)
            });
            let members: Vec<&String> = members.map(|(instance, _)| instance).collect();
            let reached: Vec<Reached> =
                members.iter().map(|instance| reach(world, &Access::Member((*instance).clone()))).collect();
            if reached.iter().any(|it| matches!(it, Reached::Serving(_))) {
                return Reached::Serving(name.clone());
            }
            if reached.iter().any(|it| matches!(it, Reached::WithoutEtcd)) {
                return Reached::WithoutEtcd;
            }
            // A cluster that a test put there has neither members nor their disks.
            let disks = world.boot.disks.values().any(|disk| disk.owner.split('/').next() == Some(name.as_str()));
            if members.is_empty() && !disks && world.kubernetes.clusters.contains_key(name) {
                return Reached::Serving(name.clone());
            }
            Reached::Nothing
        }
    }
}

fn is_running(world: &World, instance: &str) -> bool {
    world.ec2.instances.get(instance).is_some_and(|it| it.phase == Phase::Running)
}
