//! Faults: the one place where effects go wrong on purpose.
//!
//! A [`FaultPlan`] says at which effects what happens. Every way out of the process asks [`Faults::meet`] first: the
//! sandbox's AWS and Kubernetes for each call, the state's git for each command; and the clock of a process shifts with
//! it. Tests hand a plan over; other processes in the sandbox read it as JSON from the environment variable
//! [`VARIABLE`]. Without the sandbox nothing ever goes wrong on purpose.

mod following;
mod plan;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Skew;
use following::Following;
pub use plan::{At, Effect, FaultPlan, InvalidFaultPlan, Kind, Rule, VARIABLE};

/// Follows a plan through the effects of a process. Clones share it: indices count over all ways out.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    following: Arc<Mutex<Following>>,
    stopped: CancellationToken,
    skew: Option<Skew>,
}

impl From<FaultPlan> for Faults {
    fn from(plan: FaultPlan) -> Self {
        Self { following: Arc::new(Mutex::new(Following::of(plan))), ..Self::default() }
    }
}

impl Faults {
    /// The same, with the clock's shift that [`Kind::ClockJump`] changes.
    #[must_use]
    pub fn shifting(self, skew: Skew) -> Self {
        Self { skew: Some(skew), ..self }
    }

    /// What goes wrong with the next effect, if anything does. The date has jumped when this returns.
    #[must_use]
    pub fn meet(&self, effect: Effect<'_>) -> Option<Kind> {
        if self.stopped.is_cancelled() {
            // Of a killed process nothing happens any more.
            return Some(Kind::StopBefore);
        }
        let kind = self.following().next(effect)?;
        tracing::debug!(?kind, ?effect, "injected fault");
        match kind {
            Kind::ClockJump(seconds) => {
                if let Some(skew) = &self.skew {
                    skew.add(seconds);
                }
                None
            }
            // Calls write to no disk.
            Kind::DiskFull if !matches!(effect, Effect::Git(_)) => None,
            other => Some(other),
        }
    }

    /// Lets an effect happen as a fault has it: with the process killed, stopped or standing still around it, or not at
    /// all. `keep` stores what others shall find, before the process ends or stands still.
    ///
    /// # Errors
    /// [`Instead`]: what the caller gets in the place of the effect's answer.
    pub async fn surround<T>(&self, kind: Kind, keep: impl Fn(), act: impl AsyncFnOnce() -> T) -> Result<T, Instead> {
        match kind {
            Kind::KillBefore => {
                keep();
                kill_this_process();
                Err(Instead::Nothing)
            }
            Kind::KillAfter => {
                act().await;
                keep();
                kill_this_process();
                Err(Instead::Nothing)
            }
            Kind::SuspendAfter => {
                let done = act().await;
                keep();
                suspend_this_process();
                Ok(done)
            }
            Kind::StopBefore => match self.stop().await {},
            Kind::StopAfter | Kind::StopLate(_) => {
                act().await;
                match self.stop().await {}
            }
            Kind::Pause(seconds) => {
                tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
                Ok(act().await)
            }
            Kind::LostResponse => {
                act().await;
                Err(Instead::Nothing)
            }
            Kind::Reset => Err(Instead::Nothing),
            Kind::ServerErrorAfter => {
                act().await;
                Err(Instead::Refusal(kind))
            }
            Kind::ServerError | Kind::Throttle(_) | Kind::AccessDenied | Kind::ExpiredCredentials | Kind::DiskFull => {
                Err(Instead::Refusal(kind))
            }
            // The clock has jumped already; what is seen later, the effect itself knows.
            Kind::ClockJump(_) | Kind::Lag(_) => Ok(act().await),
        }
    }

    /// The operations of which every call is refused for lack of permission: what a simulation must know as well.
    #[must_use]
    pub fn denied(&self) -> BTreeSet<String> {
        let following = self.following();
        let denied = following.plan.rules.iter().filter(|rule| rule.kind == Kind::AccessDenied);
        let operation = |rule: &Rule| match &rule.at {
            At::Operation(name) => Some(name.clone()),
            _ => None,
        };
        denied.filter_map(operation).collect()
    }

    /// How many git commands were met.
    #[must_use]
    pub fn git_commands(&self) -> u64 {
        self.following().git
    }

    /// How many effects a rule has met.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        self.following().strikes
    }

    /// Ready when the process was stopped by [`Kind::StopBefore`] and its like.
    pub async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// Stops the process as a kill would, as far as that goes within one: nothing of what waits for this goes on.
    async fn stop(&self) -> Infallible {
        self.stopped.cancel();
        std::future::pending().await
    }

    fn following(&self) -> MutexGuard<'_, Following> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes in the place of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Instead {
    /// No answer: the connection is broken.
    Nothing,
    /// A refusal, in the words of whoever is asked.
    Refusal(Kind),
}

/// Stops this process as a laptop's lid does: it goes on when it gets a SIGCONT.
fn suspend_this_process() {
    // As for `kill_this_process`.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// Ends this process as a power cut would: no destructor runs.
fn kill_this_process() {
    // Cannot fail for the own process, see kill(2); if it did, the call would go on and the test would notice.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}
