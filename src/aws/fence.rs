//! The lease that every change needs: asked by the gate right before a call that changes something.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The lease ended, or would end before the call does: nothing more may be changed. Carries why, as a lowercase
/// sentence fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease on the cluster does not allow another change: {0}")]
pub struct LeaseEnded(pub String);

/// Asked with the longest time that the call can take; says whether it may start.
type Permit = dyn Fn(Duration) -> Result<(), LeaseEnded> + Send + Sync;

/// Allows or refuses changes. Cheap to clone.
#[derive(Clone)]
pub struct Fence {
    permit: Arc<Permit>,
}

impl Fence {
    /// A fence that asks `permit` before every change.
    #[must_use]
    pub fn new(permit: impl Fn(Duration) -> Result<(), LeaseEnded> + Send + Sync + 'static) -> Self {
        Self { permit: Arc::new(permit) }
    }

    /// Refuses every change: what a handle has until a lease is held.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(|_| Err(LeaseEnded(String::from("none is held"))))
    }

    /// Allows every change: for tests, and for worlds that nobody else can reach.
    #[must_use]
    pub fn open() -> Self {
        Self::new(|_| Ok(()))
    }

    /// Whether a change that takes at most `call_timeout` may start now.
    ///
    /// # Errors
    /// [`LeaseEnded`]: it may not.
    pub fn permit(&self, call_timeout: Duration) -> Result<(), LeaseEnded> {
        (self.permit)(call_timeout)
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fence")
    }
}
