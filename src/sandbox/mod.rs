//! An AWS in this process, underneath the real SDK.
//!
//! Requests are serialized, signed and parsed by the SDK; [`connector`] hands them to [`Sandbox::handle`], which
//! decodes them ([`wire`]), moves the [`World`] on to now, runs one small handler out of a service's table, and stores
//! the world again. It never makes a network connection; [`serve`] listens on a loopback port for other clients.

pub mod autoscaling;
pub mod boot;
pub mod connector;
pub mod ec2;
pub mod elbv2;
mod endpoints;
mod exchange;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod iam;
pub mod journal;
mod kept;
pub mod kubernetes;
pub mod route53;
pub mod s3;
pub mod scenario;
pub mod seed;
mod seeding;
pub mod serve;
pub mod ssm;
mod store;
pub mod sts;
#[cfg(test)]
pub(crate) mod tests;
mod throttle;
pub mod wire;
pub mod world;

use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::fault::Faults;

pub use exchange::Lost;
pub use kubernetes::KubernetesCall;
use store::Store;
pub use store::StoreError;
use wire::{Call, Decoded, Handler, Parameters, Refusal, Service, WireRequest, WireResponse};
pub use world::World;

/// Where a world is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this process only.
    Memory,
    /// In a file that several processes share.
    File(PathBuf),
}

/// A call that was made, for tests that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// The service.
    pub service: Service,
    /// The operation.
    pub operation: String,
    /// The error code of the answer; `None` if it was done.
    pub error: Option<String>,
}

/// An imitated account; clones share it.
#[derive(Clone, Debug)]
pub struct Sandbox {
    shared: Arc<Mutex<Shared>>,
    /// Connections that were made: load balancers take turns by it.
    rounds: Arc<AtomicUsize>,
    /// Wakes the watches of API servers.
    changed: Arc<tokio::sync::Notify>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    world: World,
    clock: Clock,
    /// The clock when `base` was the date in the account.
    started: Timestamp,
    base: Timestamp,
    speed: i32,
    log: Vec<CallRecord>,
    kubernetes_log: Vec<KubernetesCall>,
    /// Held while something is not stored yet that the API servers changed: nobody else's world can come in between.
    pending: Option<store::Lock>,
    /// Whether a thread is under way that stores it.
    storing: bool,
    faults: Faults,
    buckets: throttle::Buckets,
    journal: journal::Journal,
}

impl Sandbox {
    /// Opens the world at a place; `new` makes one where there is none. The date in the account goes on from where
    /// the last process left it, at the pace of the clock.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is of another version.
    pub fn open(place: Place, clock: Clock, new: impl FnOnce() -> World) -> Result<Self, StoreError> {
        let mut store = Store::new(place);
        let world = {
            let _lock = store.lock()?;
            match store.load()? {
                Some(world) => world,
                None => {
                    let world = new();
                    store.save(&world)?;
                    world
                }
            }
        };
        let mut shared = Shared::new(store, world, clock);
        shared.journal = journal::Journal::from_environment()?;
        Ok(Self::of(shared))
    }

    /// A world in memory.
    #[must_use]
    pub fn in_memory(clock: Clock, world: World) -> Self {
        Self::of(Shared::new(Store::new(Place::Memory), world, clock))
    }

    fn of(shared: Shared) -> Self {
        Self { shared: Arc::new(Mutex::new(shared)), rounds: Arc::default(), changed: Arc::default() }
    }

    /// From the next call on these faults are met.
    #[must_use]
    pub fn with_faults(self, faults: impl Into<Faults>) -> Self {
        self.lock().faults = faults.into();
        self
    }

    /// Ready when a fault has stopped the process, see [`Faults::stopped`].
    pub async fn stopped(&self) {
        let faults = self.lock().faults.clone();
        faults.stopped().await;
    }

    /// The date in the account of a world file, for a clock that starts there; `None` without a file.
    ///
    /// # Errors
    /// As [`Sandbox::open`].
    pub fn date_in(path: &std::path::Path) -> Result<Option<Timestamp>, StoreError> {
        let mut store = Store::new(Place::File(path.to_owned()));
        let _lock = store.lock()?;
        Ok(store.load()?.map(|world| world.now))
    }

    /// Makes the account's time pass that many times as fast as the clock.
    #[must_use]
    pub fn with_speed(self, speed: i32) -> Self {
        {
            let mut shared = self.lock();
            shared.base = shared.date();
            shared.started = shared.clock.now();
            shared.speed = speed.max(1);
        }
        self
    }

    /// Answers one request at once.
    #[must_use]
    pub fn handle(&self, request: &WireRequest) -> WireResponse {
        self.lock().handle(request)
    }

    /// Looks at the account, or changes it behind everybody's back (a reclaimed instance, a deleted object). The
    /// change is stored like that of a call.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn with_world<R>(&self, act: impl FnOnce(&mut World) -> R) -> Result<R, StoreError> {
        let mut shared = self.lock();
        shared.flush()?;
        let lock = shared.store.lock()?;
        shared.refresh()?;
        let result = act(&mut shared.world);
        let Shared { store, world, .. } = &mut *shared;
        store.save(world)?;
        drop(lock);
        Ok(result)
    }

    /// The calls since the start, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.lock().log.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A handler that panicked has not been stored; the next request reloads or goes on with what there is.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!(%error, "the sandbox's Kubernetes is not stored");
        }
    }
}

impl Shared {
    fn new(store: Store, world: World, clock: Clock) -> Self {
        let (started, base) = (clock.now(), world.now);
        let (log, buckets) = (Vec::new(), throttle::Buckets::default());
        let (kubernetes_log, pending, storing, faults) = (Vec::new(), None, false, Faults::default());
        let journal = journal::Journal::default();
        Self {
            store,
            world,
            clock,
            started,
            base,
            speed: 1,
            log,
            kubernetes_log,
            pending,
            storing,
            faults,
            buckets,
            journal,
        }
    }

    /// The date in the account.
    fn date(&self) -> Timestamp {
        let passed = self.clock.now().duration_since(self.started);
        self.base.saturating_add(passed.saturating_mul(self.speed)).unwrap_or(Timestamp::MAX)
    }

    /// Acts on the world of now; if that changed it (`true`), it is stored soon.
    ///
    /// Clusters see hundreds of changes in a second, and the world is stored as a whole. So they are stored together:
    /// after [`store::DELAY`], before the next call to AWS, before an injected kill, and when the sandbox is dropped.
    /// That is enough: a process that is killed in between loses changes that nobody else has seen, since others wait
    /// for the lock, which is held until then; and what windlass writes down of its own work goes through AWS, and so
    /// is never ahead of the clusters.
    fn with_store<R>(&mut self, act: impl FnOnce(&mut Self) -> (R, bool)) -> Result<R, StoreError> {
        let lock = if self.is_pending() { None } else { Some(self.store.lock()?) };
        self.refresh()?;
        let (result, changed) = act(self);
        if changed && self.pending.is_none() {
            self.pending = lock;
        }
        Ok(result)
    }

    const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Stores what is not stored yet.
    fn flush(&mut self) -> Result<(), StoreError> {
        let Some(lock) = self.pending.take() else { return Ok(()) };
        self.store.save(&self.world)?;
        drop(lock);
        Ok(())
    }

    /// Takes in what another process did, and moves on to now.
    fn refresh(&mut self) -> Result<(), StoreError> {
        if let Some(world) = self.store.reload()? {
            self.world = world;
        }
        let date = self.date();
        if self.world.now > date {
            // Another process is ahead: go on from there.
            self.clock.catch_up(self.world.now);
            self.base = self.world.now;
            self.started = self.clock.now();
        } else {
            self.world.advance_to(date);
        }
        Ok(())
    }

    fn handle(&mut self, request: &WireRequest) -> WireResponse {
        self.answer(request, wire::decode(request, route53::ROUTES))
    }

    /// Answers a request that was decoded.
    fn answer(&mut self, request: &WireRequest, decoded: Result<Decoded, (Service, Refusal)>) -> WireResponse {
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err((service, refusal)) => {
                self.note(service, "?", Some(&refusal));
                return refusal.write(service, "00000000-0000-0000-0000-000000000000");
            }
        };
        let service = decoded.service;
        let outcome = self.carry_out(&decoded);
        let request_id = self.request_id();
        self.note(service, &decoded.operation, outcome.as_ref().err());
        let mut response = match outcome {
            Ok(answer) => answer.write(service, &decoded.operation, &request_id),
            Err(refusal) => refusal.write(service, &request_id),
        };
        // A client on the machine's own time would take its date for wrong if it saw that of an account in a hurry.
        let date = if self.speed == 1 { self.world.now } else { self.clock.now() };
        response.headers.push(("date".to_owned(), date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        if request.method == "HEAD" {
            // An answer to HEAD never has a body (RFC 9110, section 9.3.2).
            response.body.clear();
        }
        response
    }

    fn carry_out(&mut self, decoded: &Decoded) -> Result<wire::Answer, Refusal> {
        let internal = |error: StoreError| Refusal::new("InternalError", error.to_string()).with_status(500);
        let handler = handler(decoded.service, &decoded.operation).ok_or_else(|| {
            let message = format!("The action {} is not valid for this web service.", decoded.operation);
            Refusal::new("InvalidAction", message)
        })?;
        self.flush().map_err(internal)?;
        let lock = self.store.lock().map_err(internal)?;
        let saved_at = self.world.now;
        self.refresh().map_err(internal)?;
        let call = Call {
            service: decoded.service,
            operation: &decoded.operation,
            parameters: Parameters::new(&decoded.parameters),
        };
        let selective = !call.names().is_empty();
        if self.world.behaviour.throttling
            && !self.buckets.take(self.world.now, decoded.service, &decoded.operation, selective)
        {
            return Err(Refusal::throttled(decoded.service));
        }
        iam::authorize(&self.world, decoded)?;
        self.world.sts.denied = self.faults.denied();
        let outcome = run(&mut self.world, &call, handler, &decoded.parameters);
        let reads = is_read(&decoded.operation);
        let stale = self.world.now.duration_since(saved_at) >= SignedDuration::from_secs(1);
        if !reads || stale {
            self.store.save(&self.world).map_err(internal)?;
        }
        // Before another process can have its turn: the lines are in the order of the effects.
        self.journal.note(decoded, outcome.as_ref().err()).map_err(internal)?;
        drop(lock);
        outcome
    }

    fn request_id(&mut self) -> String {
        let count = self.log.len();
        format!("{:08x}-5a4d-4b1e-9c00-{:012x}", self.world.seed & 0xffff_ffff, count)
    }

    fn note(&mut self, service: Service, operation: &str, refusal: Option<&Refusal>) {
        let error = refusal.map(|refusal| refusal.code.clone().into_owned());
        self.log.push(CallRecord { service, operation: operation.to_owned(), error });
    }
}

/// Runs a handler; a dry run, a refusal and a call with parameters that nobody read leave the world as it was.
fn run(world: &mut World, call: &Call<'_>, handler: Handler, node: &wire::Node) -> Result<wire::Answer, Refusal> {
    if call.service == Service::Ec2 && call.flag("DryRun")? == Some(true) {
        handler(&mut world.clone(), call)?;
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::new("DryRunOperation", message).with_status(412));
    }
    let before = (!is_read(call.operation)).then(|| world.clone());
    let outcome = handler(world, call).and_then(|answer| {
        let unread = node.unread();
        if unread.is_empty() {
            return Ok(answer);
        }
        // The sandbox lacks something that the caller uses: loud, and never an answer that looks like success.
        let message = format!("The parameter {} is not recognized by the sandbox", unread.join(", "));
        Err(Refusal::new("UnknownParameter", message))
    });
    if let (Err(_), Some(before)) = (&outcome, before) {
        *world = before;
    }
    outcome
}

/// A call that something within the world makes, such as a controller in a cluster: no limits of rates, no faults.
///
/// # Errors
/// As the operation's.
pub(crate) fn call(
    world: &mut World,
    service: Service,
    operation: &str,
    parameters: &[(String, String)],
) -> Result<(), Refusal> {
    let handler = handler(service, operation)
        .ok_or_else(|| Refusal::new("InvalidAction", format!("The action {operation} is not valid")))?;
    let mut node = wire::Node::default();
    for (path, value) in parameters {
        node.set(path, value.as_str());
    }
    let call = Call { service, operation, parameters: Parameters::new(&node) };
    run(world, &call, handler, &node).map(|_| ())
}

/// Whether an operation only reads, by its name.
pub(crate) fn is_read(operation: &str) -> bool {
    ["Describe", "Get", "Head", "List", "Simulate"].iter().any(|verb| operation.starts_with(verb))
}

fn handler(service: Service, operation: &str) -> Option<Handler> {
    let tables: &[&[wire::Operation]] = match service {
        Service::Ec2 => ec2::OPERATIONS,
        Service::AutoScaling => &[autoscaling::OPERATIONS],
        Service::ElasticLoadBalancing => &[elbv2::OPERATIONS],
        Service::Route53 => &[route53::OPERATIONS],
        Service::Iam => &[iam::OPERATIONS],
        Service::Ssm => &[ssm::OPERATIONS],
        Service::S3 => &[s3::OPERATIONS],
        Service::Sts => &[sts::OPERATIONS],
    };
    tables.iter().flat_map(|table| table.iter()).find(|(name, _)| *name == operation).map(|(_, handler)| *handler)
}
