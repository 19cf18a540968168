//! The exit-code table: what a script can tell apart.

/// How a run ended. The numbers are part of the interface and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An unexpected error.
    Unexpected = 1,
    /// With `--detailed-exitcode`: changes are pending.
    ChangesPending = 2,
    /// With `--detailed-exitcode`: somebody changed AWS by hand.
    Drift = 3,
    /// With `--detailed-exitcode`: changes are pending, and there is drift.
    ChangesAndDrift = 4,
    /// A mistake in configuration, templates or vars.
    Config = 10,
    /// Refused by a guard, a policy or the lint.
    Refused = 11,
    /// A certificate is expired, expiring, or not what was requested.
    Certificate = 12,
    /// Another run holds the lock.
    Locked = 13,
    /// The saved plan no longer fits the world.
    StalePlan = 14,
    /// AWS or Kubernetes still refused after retries.
    Provider = 15,
    /// No capacity, and the declared fallback is exhausted.
    Capacity = 16,
    /// Interrupted or partly applied; the same command resumes.
    Resumable = 17,
    /// `destroy` left something behind.
    LeftBehind = 18,
    /// A gate was red; rolled back.
    RolledBack = 19,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
