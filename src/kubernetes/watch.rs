//! Keeps what was seen of a cluster current: each kind is listed once and then watched, and listed anew when the server has
//! forgotten the revision, when a connection broke, and every few minutes in any case.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::call::{escaped, of_kube};
use super::connect::Kubernetes;
use super::error::Error;
use super::event::Event;
use super::seen::{Kind, Seen};

/// Seconds after which the server ends a watch; another one goes on from there.
const WATCH_SECONDS: u64 = 60;
/// How long a watch may be silent: a connection whose other end has gone away says nothing.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS + 30);
/// How often everything is listed anew: what a bug of anybody's has lost comes back.
const RESYNC: Duration = Duration::from_secs(5 * 60);
/// Pauses after failures, one after the other; the last one stays.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];
/// The longest pause, also when the server wants more (`Retry-After`): a roll that sees nothing for longer stands still.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a watch lasts at least: who ends each one at once, such as a proxy, is not asked as fast as it answers.
const SHORTEST: Duration = Duration::from_secs(1);
/// Bytes of one event: etcd takes objects of up to 1.5 MiB (its documentation, "Request size limit").
const LONGEST_EVENT: usize = 4 << 20;

/// A cluster that is being watched; the watches end when it is dropped.
#[derive(Debug)]
pub struct Watching {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    seen: Arc<Seen>,
    /// Counts changes.
    version: u64,
    /// The version that was handed out last.
    told: u64,
    /// Why each kind cannot be watched now.
    troubles: std::collections::BTreeMap<Kind, Error>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, kind: Kind, change: impl FnOnce(&mut Seen) -> bool) {
        let mut state = self.lock();
        let changed = change(Arc::make_mut(&mut state.seen));
        let was_troubled = state.troubles.remove(&kind).is_some();
        if changed || was_troubled {
            state.version += 1;
            drop(state);
            self.changed.notify_waiters();
        }
    }

    fn trouble(&self, kind: Kind, why: &Error) {
        let mut state = self.lock();
        if state.troubles.insert(kind, why.clone()).is_none() {
            state.version += 1;
            drop(state);
            self.changed.notify_waiters();
        }
    }
}

impl Watching {
    /// Begins to watch. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(kubernetes: &Kubernetes) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for kind in Kind::ALL {
            tasks.spawn(watch(kubernetes.clone(), kind, Arc::clone(&shared)));
        }
        Self { shared, _tasks: tasks }
    }

    /// What there is now; `None` until everything was listed once.
    #[must_use]
    pub fn seen(&self) -> Option<Arc<Seen>> {
        let mut state = self.shared.lock();
        state.told = state.version;
        state.seen.is_complete().then(|| Arc::clone(&state.seen))
    }

    /// Why something cannot be watched now: what [`Watching::seen`] gives is then as it was.
    #[must_use]
    pub fn trouble(&self) -> Option<Error> {
        self.shared.lock().troubles.values().next().cloned()
    }

    /// Until something is new since [`Watching::seen`], or the time is over.
    pub async fn changed(&self, within: Duration) {
        let waiting = async {
            loop {
                let notified = self.shared.changed.notified();
                {
                    let state = self.shared.lock();
                    if state.version != state.told {
                        return;
                    }
                }
                notified.await;
            }
        };
        // That nothing changed is an answer, too.
        let _over = timeout(within, waiting).await;
    }
}

async fn watch(kubernetes: Kubernetes, kind: Kind, shared: Arc<Shared>) {
    let clock = kubernetes.clock;
    // Since a watch has last told anything.
    let mut failures = 0;
    loop {
        match session(&kubernetes, kind, &shared, &mut failures).await {
            // The time has come.
            Ok(()) => {}
            // The server has forgotten, and the next list is newer. One that forgets at once again is asked more slowly.
            Err(Error::Gone(_)) if failures == 0 => failures = 1,
            Err(error) => {
                tracing::debug!(?kind, %error, "a watch broke");
                shared.trouble(kind, &error);
                clock.sleep(pause(failures, &error)).await;
                failures += 1;
            }
        }
    }
}

fn pause(failures: usize, error: &Error) -> Duration {
    let own = PAUSES[failures.min(PAUSES.len() - 1)];
    error.retry_after().map_or(own, |wanted| wanted.clamp(own, LONGEST_PAUSE))
}

/// Lists, then watches until it is time to list again.
async fn session(kubernetes: &Kubernetes, kind: Kind, shared: &Shared, failures: &mut usize) -> Result<(), Error> {
    let clock = kubernetes.clock;
    let listed = kubernetes.list(kind).await?;
    let mut revision = listed.revision.clone();
    shared.change(kind, |seen| seen.replace(kind, listed));
    let until = clock.since_boot() + RESYNC;
    while clock.since_boot() < until {
        let began = clock.since_boot();
        stream(kubernetes, kind, shared, &mut revision, failures).await?;
        let lasted = clock.since_boot().saturating_sub(began);
        if lasted < SHORTEST {
            clock.sleep(SHORTEST - lasted).await;
        } else {
            *failures = 0;
        }
    }
    Ok(())
}

/// One watch from a revision on, to its end.
async fn stream(
    kubernetes: &Kubernetes,
    kind: Kind,
    shared: &Shared,
    revision: &mut String,
    failures: &mut usize,
) -> Result<(), Error> {
    let path = format!(
        "{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
        kind.path(),
        escaped(revision)
    );
    let mut body = kubernetes.stream(&path).await?;
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let frame = match timeout(SILENCE, body.frame()).await {
            Err(_) => return Err(Error::Timeout(SILENCE)),
            Ok(None) => return Ok(()),
            Ok(Some(frame)) => frame.map_err(|error| of_kube(&error))?,
        };
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            if line.trim_ascii().is_empty() {
                continue;
            }
            let Some(event) = Event::parse(kind, &line)? else { continue };
            *failures = 0;
            if let Some(newer) = event.revision() {
                newer.clone_into(revision);
            }
            shared.change(kind, |seen| seen.apply(kind, event));
        }
        if pending.len() > LONGEST_EVENT {
            return Err(Error::Malformed(String::from("an event of a watch has no end")));
        }
    }
}
