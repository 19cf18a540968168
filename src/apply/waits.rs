//! Waiting until resources can be used, or are gone: a pure predicate per resource and one loop for the whole run,
//! which asks about all resources of a kind in one call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::event::{Event, Reporter};
use crate::aws::{self, Aws};
use crate::clock::Clock;
use crate::resource::{Address, Kind, Readiness};

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It can be used.
    Ready,
    /// It is gone.
    Gone,
    /// It is not on its way out: what is there is somebody else's of the same name.
    Left,
}

impl Until {
    const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Gone | Self::Left => "gone",
        }
    }
}

/// Why a wait ended badly.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// It never will be.
    #[error("{address} failed: {why}")]
    Failed {
        /// Which.
        address: Address,
        /// AWS' word and reason.
        why: String,
    },
    /// It took too long.
    #[error("{address} was still not {until} after {minutes} minutes (last seen: {last}){console}")]
    TimedOut {
        /// Which.
        address: Address,
        /// `ready` or `gone`.
        until: &'static str,
        /// How long it was waited for.
        minutes: u64,
        /// What was seen last.
        last: String,
        /// What its machines printed, for those who do not come up; lines of their own, or nothing.
        console: String,
    },
    /// AWS could not be asked.
    #[error(transparent)]
    Aws(Arc<aws::Error>),
    /// The run ended before.
    #[error("the run ended while it waited for {0}")]
    Abandoned(Address),
}

/// Registers waits with the one loop; cheap to clone.
#[derive(Clone, Debug)]
pub struct Waits {
    requests: mpsc::UnboundedSender<Request>,
}

#[derive(Debug)]
struct Request {
    address: Address,
    id: String,
    until: Until,
    answer: oneshot::Sender<Result<(), WaitError>>,
}

/// What is waited for was made just now: so long it may be invisible, and that says nothing ("Eventual consistency" in the
/// EC2 API reference speaks of minutes; up to one was seen).
const YOUNG: Duration = Duration::from_secs(2 * 60);

/// Soon after the start, because most things take seconds; later seldom, because the slow ones take minutes and every
/// question counts against the account's rate limits.
const INTERVALS: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20)];

/// How long a kind may take before it counts as failed: three to four times what is typical (see the table in the
/// design, "Typical times": NAT gateway 85–125 s, network load balancer 140–160 s).
const fn patience(kind: Kind) -> Duration {
    match kind {
        Kind::NatGateway | Kind::LoadBalancer => Duration::from_secs(10 * 60),
        Kind::AutoScalingGroup => Duration::from_secs(20 * 60),
        _ => Duration::from_secs(5 * 60),
    }
}

impl Waits {
    /// Starts the loop; it ends when the last clone is dropped.
    #[must_use]
    pub fn start(aws: Aws, clock: Clock, reporter: Reporter) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        tokio::spawn(serve(aws, clock, reporter, receiver));
        Self { requests }
    }

    /// Waits until the resource with this id can be used or is gone.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub async fn wait(&self, address: &Address, id: &str, until: Until) -> Result<(), WaitError> {
        let (answer, answered) = oneshot::channel();
        let abandoned = || WaitError::Abandoned(address.clone());
        let request = Request { address: address.clone(), id: id.to_owned(), until, answer };
        self.requests.send(request).map_err(|_| abandoned())?;
        answered.await.map_err(|_| abandoned())?
    }
}

struct Pending {
    request: Request,
    since: Instant,
    last: String,
}

/// All waits of one kind, and when they are looked at next.
struct Queue {
    pending: Vec<Pending>,
    round: usize,
    due: Instant,
}

async fn serve(aws: Aws, clock: Clock, reporter: Reporter, mut requests: mpsc::UnboundedReceiver<Request>) {
    let mut queues: BTreeMap<Kind, Queue> = BTreeMap::new();
    loop {
        let due = queues.values().map(|queue| queue.due).min();
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => enqueue(&mut queues, request),
                None => return,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                for (kind, queue) in &mut queues {
                    if queue.due <= Instant::now() {
                        look(&aws, clock, &reporter, *kind, queue).await;
                    }
                }
                queues.retain(|_, queue| !queue.pending.is_empty());
            }
        }
    }
}

fn enqueue(queues: &mut BTreeMap<Kind, Queue>, request: Request) {
    let now = Instant::now();
    let queue = queues.entry(request.address.kind()).or_insert_with(|| Queue {
        pending: Vec::new(),
        round: 0,
        due: now + INTERVALS[0],
    });
    // A newcomer is looked at soon, and with it all others of its kind: the call is the same.
    queue.round = 0;
    queue.due = queue.due.min(now + INTERVALS[0]);
    queue.pending.push(Pending { request, since: now, last: String::from("nothing yet") });
}

/// Asks about all pending resources of one kind, and answers those that are through.
async fn look(aws: &Aws, clock: Clock, reporter: &Reporter, kind: Kind, queue: &mut Queue) {
    let ids: BTreeSet<&str> = queue.pending.iter().map(|pending| pending.request.id.as_str()).collect();
    let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
    let seen = match aws::readiness(aws, kind, &ids).await {
        Ok(seen) => seen,
        Err(error) => {
            let error = Arc::new(error);
            for pending in queue.pending.drain(..) {
                // The waiter may have gone already: nobody is left to be told.
                let _gone = pending.request.answer.send(Err(WaitError::Aws(Arc::clone(&error))));
            }
            return;
        }
    };
    let now = Instant::now();
    for mut pending in std::mem::take(&mut queue.pending) {
        match verdict(&pending.request, seen.get(&pending.request.id), now - pending.since, kind) {
            Verdict::Through => {
                let _gone = pending.request.answer.send(Ok(()));
            }
            Verdict::Failed(error) => {
                let error = with_console(aws, &pending.request, error).await;
                let _gone = pending.request.answer.send(Err(error));
            }
            Verdict::Wait(state) => {
                if state != pending.last {
                    let waits_for = format!("being {} ({state})", pending.request.until.word());
                    let address = pending.request.address.clone();
                    reporter(clock.now(), Event::Waiting { address, waits_for });
                    pending.last = state;
                }
                queue.pending.push(pending);
            }
        }
    }
    queue.round = (queue.round + 1).min(INTERVALS.len() - 1);
    queue.due = Instant::now() + INTERVALS[queue.round];
}

enum Verdict {
    Through,
    Wait(String),
    Failed(WaitError),
}

/// Whether a wait is over, from what was seen. Pure.
fn verdict(request: &Request, seen: Option<&Readiness>, waited: Duration, kind: Kind) -> Verdict {
    let state = match (request.until, seen) {
        (Until::Ready, Some(Readiness::Ready))
        | (Until::Gone | Until::Left, None | Some(Readiness::Gone))
        | (Until::Left, Some(Readiness::Ready | Readiness::Failed(_))) => return Verdict::Through,
        (Until::Ready, Some(Readiness::Failed(why))) => {
            return Verdict::Failed(WaitError::Failed { address: request.address.clone(), why: why.clone() });
        }
        (Until::Ready, Some(Readiness::Gone)) if waited >= YOUNG => {
            let why = String::from("it was deleted while windlass waited for it");
            return Verdict::Failed(WaitError::Failed { address: request.address.clone(), why });
        }
        (_, Some(Readiness::Pending(state) | Readiness::Failed(state))) => state.clone(),
        (Until::Gone, Some(Readiness::Ready)) => String::from("still there"),
        (Until::Ready, None | Some(Readiness::Gone)) => String::from("not visible yet"),
    };
    if waited < patience(kind) {
        return Verdict::Wait(state);
    }
    Verdict::Failed(WaitError::TimedOut {
        address: request.address.clone(),
        until: request.until.word(),
        minutes: waited.as_secs() / 60,
        last: state,
        console: String::new(),
    })
}

/// Adds what the machines of a group printed that never became ready: nobody sees why otherwise.
async fn with_console(aws: &Aws, request: &Request, error: WaitError) -> WaitError {
    let WaitError::TimedOut { address, until, minutes, last, .. } = error else { return error };
    // That the console cannot be read must not hide what failed.
    let lines = aws::machines(aws, request.address.kind(), &request.id).await.unwrap_or_default();
    let console = lines.iter().map(|line| format!("\n    {line}")).collect();
    WaitError::TimedOut { address, until, minutes, last, console }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(until: Until, seen: Option<Readiness>, seconds: u64) -> String {
        let (answer, _answered) = oneshot::channel();
        let address = Address::new(Kind::NatGateway, "a");
        let request = Request { address, id: String::from("nat-1"), until, answer };
        match verdict(&request, seen.as_ref(), Duration::from_secs(seconds), Kind::NatGateway) {
            Verdict::Through => String::from("through"),
            Verdict::Wait(state) => format!("wait: {state}"),
            Verdict::Failed(error) => error.to_string(),
        }
    }

    #[test]
    fn a_wait_for_ready_ends_with_ready_failure_or_patience() {
        let pending = || Some(Readiness::Pending(String::from("pending")));
        assert_eq!(judged(Until::Ready, Some(Readiness::Ready), 0), "through");
        assert_eq!(judged(Until::Ready, pending(), 10), "wait: pending");
        assert_eq!(judged(Until::Ready, None, 10), "wait: not visible yet");
        assert_eq!(
            judged(Until::Ready, pending(), 600),
            "nat-gateway/a was still not ready after 10 minutes (last seen: pending)"
        );
        assert_eq!(
            judged(Until::Ready, Some(Readiness::Failed(String::from("no free address"))), 1),
            "nat-gateway/a failed: no free address"
        );
    }

    #[test]
    fn what_nobody_sees_any_more_is_gone() {
        assert_eq!(judged(Until::Gone, None, 0), "through");
        assert_eq!(judged(Until::Gone, Some(Readiness::Gone), 0), "through");
        assert_eq!(judged(Until::Gone, Some(Readiness::Ready), 5), "wait: still there");
    }

    #[test]
    fn what_is_on_its_way_out_is_waited_for_and_what_is_there_in_its_place_is_not() {
        let deleting = || Some(Readiness::Pending(String::from("deleting")));
        assert_eq!(judged(Until::Left, deleting(), 10), "wait: deleting");
        for over in [None, Some(Readiness::Gone), Some(Readiness::Ready)] {
            assert_eq!(judged(Until::Left, over, 0), "through");
        }
        let late = judged(Until::Left, deleting(), 600);
        assert_eq!(late, "nat-gateway/a was still not gone after 10 minutes (last seen: deleting)");
    }
}
