//! The lease that every change needs: asked by the gate right before a call that changes something.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;

/// The lease ended, or would end before the call does: nothing more may be changed. Carries why, as a lowercase
/// sentence fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease on the cluster does not allow another change: {0}")]
pub struct LeaseEnded(pub String);

/// Why a change may not start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// It never may.
    Ended(LeaseEnded),
    /// Nobody knows yet whether the lease still holds; it is being found out.
    Unclear(LeaseEnded),
}

impl From<LeaseEnded> for NotNow {
    fn from(ended: LeaseEnded) -> Self {
        Self::Ended(ended)
    }
}

/// How long it is waited for somebody to find out: a look at the state branch is due every ten seconds, and may take as
/// long again.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is asked again meanwhile.
const PAUSE: Duration = Duration::from_millis(200);

/// Asked with the longest time that the call can take; says whether it may start.
type Permit = dyn Fn(Duration) -> Result<(), NotNow> + Send + Sync;

/// Allows or refuses changes. Cheap to clone.
#[derive(Clone)]
pub struct Fence {
    permit: Arc<Permit>,
}

impl Fence {
    /// A fence that asks `permit` before every change.
    #[must_use]
    pub fn new<E: Into<NotNow>>(permit: impl Fn(Duration) -> Result<(), E> + Send + Sync + 'static) -> Self {
        Self { permit: Arc::new(move |timeout| permit(timeout).map_err(Into::into)) }
    }

    /// Refuses every change: what a handle has until a lease is held.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(|_| Err(LeaseEnded(String::from("none is held"))))
    }

    /// Allows every change: for tests, and for worlds that nobody else can reach.
    #[must_use]
    pub fn open() -> Self {
        Self::new(|_| Ok::<_, LeaseEnded>(()))
    }

    /// Returns when a change that takes at most `call_timeout` may start at this moment.
    ///
    /// # Errors
    /// [`LeaseEnded`]: it may not.
    pub async fn permit(&self, clock: Clock, call_timeout: Duration) -> Result<(), LeaseEnded> {
        let begin = clock.since_boot();
        loop {
            match (self.permit)(call_timeout) {
                Ok(()) => return Ok(()),
                Err(NotNow::Unclear(_)) if clock.since_boot().saturating_sub(begin) < PATIENCE => {
                    clock.sleep(PAUSE).await;
                }
                Err(NotNow::Ended(ended) | NotNow::Unclear(ended)) => return Err(ended),
            }
        }
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fence")
    }
}
