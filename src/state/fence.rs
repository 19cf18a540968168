//! The fence: says before every mutating call whether the lease still covers it.
//!
//! It asks no server. A holder that cannot push finds its own clock past the end. A holder that was suspended may have
//! been robbed long before that, by a person who took it for dead: it starts nothing until it has looked at the branch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::settings::Timing;
use super::sign::Sign;
use crate::clock::Clock;
use crate::planted::{self, Bug};

/// Why no further mutating call may start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseEnded {
    /// The call could still be running when the lease ends.
    #[error("the lease ends in {} s, and the call may take {} s", .left.as_secs(), .call.as_secs())]
    TooShort {
        /// Until the holder must have stopped; zero if that is past.
        left: Duration,
        /// How long the call may take.
        call: Duration,
    },
    /// The process was suspended, and has not looked at the branch since.
    #[error("this process stood still, and somebody may have taken the lock meanwhile")]
    Suspended,
    /// Another run holds the lock now.
    #[error("the lock was taken by {by}")]
    Taken {
        /// Run and holder that took it, or the commit that moved the branch.
        by: String,
    },
    /// This run gave the lock back.
    #[error("the lock was released")]
    Released,
}

/// Asked before every mutating call; cheap to clone.
#[derive(Clone, Debug)]
pub struct Fence {
    clock: Clock,
    timing: Timing,
    state: Arc<Mutex<State>>,
    /// Seen by other processes for as long as anybody here can still ask, and so start a call.
    sign: Option<Arc<Sign>>,
}

#[derive(Debug)]
struct State {
    /// Start of the last push that arrived, since boot: whoever watches the branch saw it no earlier.
    pushed: Duration,
    /// The last sign of life of this process, since boot; `None`: nobody watches whether it lives.
    alive: Option<Duration>,
    /// Whether it stood still since the branch was last seen to be ours.
    suspended: bool,
    ended: Option<LeaseEnded>,
}

impl State {
    /// Notes whether there was too long a pause before `now`.
    fn wake(&mut self, now: Duration) {
        self.suspended |= self.alive.is_some_and(|alive| now.saturating_sub(alive) > LONGEST_PAUSE);
    }
}

/// How often a sign of life is given.
const PULSE: Duration = Duration::from_secs(1);

/// Without a sign of life for so long, the process was suspended: no load of a machine holds one up for five pulses. And
/// nobody finds a run silent, reads its epoch and breaks its lock in less.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Fence {
    /// A lease whose last push started at `pushed` ([`Clock::since_boot`]).
    #[must_use]
    pub fn new(clock: Clock, timing: Timing, pushed: Duration) -> Self {
        let state = State { pushed, alive: None, suspended: false, ended: None };
        Self { clock, timing, state: Arc::new(Mutex::new(state)), sign: None }
    }

    /// The same, which keeps the sign of the run alive.
    pub(super) fn showing(self, sign: Option<Arc<Sign>>) -> Self {
        Self { sign, ..self }
    }

    /// Gives signs of life from now on, until it is dropped.
    pub(super) fn watch(&self) -> Pulse {
        self.state().alive = Some(self.clock.since_boot());
        let fence = self.clone();
        Pulse(tokio::spawn(async move {
            loop {
                fence.clock.sleep(PULSE).await;
                let now = fence.clock.since_boot();
                let mut state = fence.state();
                state.wake(now);
                state.alive = Some(now);
                drop(state);
                fence.show();
            }
        }))
    }

    /// Shows other processes that this one lives.
    fn show(&self) {
        if let Some(Err(error)) = self.sign.as_ref().map(|sign| sign.pulse(self.clock.now())) {
            tracing::debug!(%error, "the sign of this run has an old date");
        }
    }

    /// Whether a call that takes at most `call_timeout` may start now: `now + call timeout < last push + TTL − margin`.
    ///
    /// # Errors
    /// Says why not; the caller starts nothing more and ends its run as resumable.
    pub fn permit(&self, call_timeout: Duration) -> Result<(), LeaseEnded> {
        if planted::is(Bug::OpenFence) {
            return Ok(());
        }
        if let Some(ended) = &self.state().ended {
            return Err(ended.clone());
        }
        let left = self.left();
        if call_timeout >= left {
            return Err(LeaseEnded::TooShort { left, call: call_timeout });
        }
        if self.is_suspended() { Err(LeaseEnded::Suspended) } else { Ok(()) }
    }

    /// Whether this process stood still since the branch was last seen to be ours.
    pub(super) fn is_suspended(&self) -> bool {
        let now = self.clock.since_boot();
        let mut state = self.state();
        state.wake(now);
        state.suspended
    }

    /// The branch was just seen to be ours.
    pub(super) fn confirm(&self) {
        let now = self.clock.since_boot();
        let mut state = self.state();
        state.suspended = false;
        state.alive = state.alive.map(|_| now);
    }

    /// How long calls may still start; zero when the lease has ended.
    #[must_use]
    pub fn left(&self) -> Duration {
        let state = self.state();
        if state.ended.is_some() {
            return Duration::ZERO;
        }
        (state.pushed + self.timing.ttl).saturating_sub(self.timing.margin).saturating_sub(self.clock.since_boot())
    }

    /// Start of the last push that arrived ([`Clock::since_boot`]).
    pub(super) fn pushed(&self) -> Duration {
        self.state().pushed
    }

    /// A push that started at `pushed` arrived.
    pub(super) fn extend(&self, pushed: Duration) {
        self.state().pushed = pushed;
        self.confirm();
    }

    /// Nothing may start any more. The first reason stays.
    pub(super) fn end(&self, why: LeaseEnded) {
        self.state().ended.get_or_insert(why);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is a time and a reason: a panic elsewhere cannot leave them half-written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The signs of life of a process.
#[derive(Debug)]
pub(super) struct Pulse(tokio::task::JoinHandle<()>);

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence() -> Fence {
        let clock = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH);
        Fence::new(clock, Timing::default(), clock.since_boot())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_may_start_only_if_it_ends_a_margin_before_the_lease() {
        let fence = fence();
        assert_eq!(fence.permit(Duration::from_secs(239)), Ok(()));
        let call = Duration::from_secs(240);
        assert_eq!(fence.permit(call), Err(LeaseEnded::TooShort { left: Duration::from_secs(240), call }));
        tokio::time::advance(Duration::from_secs(230)).await;
        assert_eq!(fence.permit(Duration::from_secs(9)), Ok(()));
        assert!(fence.permit(Duration::from_secs(10)).is_err());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(fence.left(), Duration::ZERO);
        assert!(fence.permit(Duration::ZERO).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_stood_still_starts_nothing_before_it_has_looked() {
        let fence = fence();
        let _pulse = fence.watch();
        // As long as it lives, nothing is asked of it.
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(fence.permit(Duration::ZERO), Ok(()));
        tokio::time::advance(LONGEST_PAUSE + PULSE).await;
        assert_eq!(fence.permit(Duration::ZERO), Err(LeaseEnded::Suspended));
        // A sign of life is no look at the branch.
        tokio::time::sleep(PULSE * 2).await;
        assert_eq!(fence.permit(Duration::ZERO), Err(LeaseEnded::Suspended));
        fence.confirm();
        assert_eq!(fence.permit(Duration::ZERO), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_push_extends_the_lease_but_never_one_that_ended() {
        let fence = fence();
        tokio::time::advance(Duration::from_secs(200)).await;
        fence.extend(fence.clock.since_boot());
        assert_eq!(fence.permit(Duration::from_secs(200)), Ok(()));
        fence.end(LeaseEnded::Released);
        fence.end(LeaseEnded::Taken { by: String::from("somebody") });
        fence.extend(fence.clock.since_boot());
        assert_eq!(fence.permit(Duration::ZERO), Err(LeaseEnded::Released));
        assert_eq!(fence.clone().left(), Duration::ZERO);
    }
}
