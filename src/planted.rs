//! Mistakes on purpose: what the tests must notice. They are in the library's own test program only, and one of them at a
//! time: the one that `WINDLASS_PLANTED_BUG` names. `scripts/planted-bugs` makes each of them and runs the tests that
//! docs/design/planted-bugs.md promises to fail.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Each repeat of a create has a token of its own.
    OtherToken,
    /// A create whose answer was lost is made again without a look.
    BlindRepeat,
    /// A call that a repeat would do twice is repeated as any other.
    RepeatedUnrepeatable,
    /// A missing permission is tried again.
    RetriedDenial,
    /// A throttle is taken for a refusal.
    ImpatientThrottle,
    /// Calls start after the lease has ended.
    OpenFence,
    /// A lock is taken over without waiting for its lease.
    EarlySteal,
    /// A run of this machine is taken for dead although its process lives.
    BuriedAlive,
    /// A push that nobody confirmed is believed.
    BelievedPush,
    /// Taking the lock does not raise the epoch.
    SameEpoch,
    /// What a dead run had begun is dated to its announcement.
    EarlyIntent,
    /// Results are not written to the state branch.
    LostOutcome,
    /// Certificates live for a year, whatever was asked for.
    IgnoredLifetime,
    /// Certificates may outlive their authority.
    PastAuthority,
    /// Certificates are never due for renewal.
    NeverDue,
    /// A rotation goes on before the members have what the step before gave them.
    HastyRotation,
    /// Certificates are dated by a clock that is wrong.
    TrustedDate,
    /// Secrets go into git as they are.
    PlainSecret,
    /// Pods are evicted whatever their budgets allow.
    IgnoredBudget,
    /// A member is replaced while another one is sick.
    IgnoredQuorum,
    /// What somebody deleted is no drift.
    UnseenDrift,
    /// What is another cluster's is taken for ours.
    AdoptedStranger,
    /// What Kubernetes made is not looked for at the end.
    NoSweep,
    /// What is shared is taken for ours.
    TakenShared,
    /// Deletion protection is ignored.
    NoProtection,
    /// Any account will do.
    AnyAccount,
    /// A replacement has the generation of what it replaces.
    SameGeneration,
    /// Fields that others own in a cluster are taken from them.
    ForcedConflict,
    /// What a dead run made is not waited for.
    HastyEnd,
}

/// Whether this mistake is made now: never, outside of the tests.
#[must_use]
pub fn is(bug: Bug) -> bool {
    chosen().is_some_and(|chosen| chosen == format!("{bug:?}"))
}

/// The mistake that is made, by its name.
#[cfg(test)]
pub fn chosen() -> Option<&'static str> {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("WINDLASS_PLANTED_BUG").ok()).as_deref()
}

/// None: this build makes no mistakes on purpose.
#[cfg(not(test))]
const fn chosen() -> Option<&'static str> {
    None
}
