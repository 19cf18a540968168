//! Rotating an authority without a moment of distrust: trust both, sign with the new one, trust only the new one.
//!
//! A pure decision over what is recorded of the keys and what the members report of themselves. There is no saved
//! progress: whoever asks again, after any interruption, gets the same answer from the same world. Until the last step
//! every step can be taken back.

mod decide;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::name::KeyPhase;
pub use decide::decide;
pub use report::{Missing, Report};

/// One revision of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// From 1.
    pub number: u32,
    /// Where it is in its life, as recorded.
    pub phase: KeyPhase,
    /// SHA-256 of its certificate, lowercase hexadecimal; `None` for a key that has no certificate, which no report
    /// names: a member has it when it has refreshed since it was published.
    pub fingerprint: Option<String>,
}

/// A leaf that is in use now: the newest certificate of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentLeaf {
    /// The member that it is for.
    pub member: String,
    /// Which: `etcd-peer`.
    pub leaf: String,
    /// Which revision signed it.
    pub revision: u32,
    /// Lowercase hexadecimal.
    pub serial: String,
}

/// Everything that the decision rests on, for one authority.
#[derive(Clone, Debug)]
pub struct Situation {
    /// All revisions that are recorded.
    pub revisions: Vec<Revision>,
    /// Leafs of this authority, one of each parameter.
    pub leafs: Vec<CurrentLeaf>,
    /// Every member that should be there, and what it last said.
    pub members: BTreeMap<String, Option<Report>>,
    /// Seconds since the bundle with exactly the revisions that are to be trusted now was written to its parameter;
    /// `None`: it is not written yet.
    pub published: Option<u64>,
    /// Seconds until everybody who reports nothing has the bundle: workers refresh at intervals, kubeconfigs of people
    /// end. 0 for an authority that only members know.
    pub silent_wait: u64,
    /// A report that is older than this many seconds says nothing about now.
    pub report_limit: u64,
    /// What else may have a certificate of the revision that retires: nodes whose kubelets got theirs before the last
    /// member had the new signing key (not before the switch: a member signs with what it has installed).
    pub holders: BTreeSet<String>,
}

/// Where a rotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// One revision signs and is trusted; nothing is under way.
    Steady,
    /// A new revision is to be trusted everywhere, and signs nothing yet.
    Trusting {
        /// The new one.
        new: u32,
    },
    /// The new revision signs, the old one is still trusted.
    Replacing {
        /// The one that retires.
        old: u32,
    },
}

/// A change of phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a new revision and trust it.
    Prepare {
        /// Its number.
        new: u32,
    },
    /// The prepared revision signs, the other one retires.
    Switch {
        /// The one that signs from now on.
        to: u32,
    },
    /// A revision is no longer trusted. There is no way back from here.
    Drop {
        /// The one that retires.
        old: u32,
    },
    /// Take back the preparation: nothing was signed with it.
    Withdraw {
        /// The prepared one.
        new: u32,
    },
    /// Take back the switch: the old revision signs again, and the new one retires in its turn.
    Return {
        /// The one that signs again.
        to: u32,
    },
}

/// Where a rotation is, what it waits for, and which ways lead on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Where it is.
    pub stage: Stage,
    /// What the next step waits for; with nothing missing it may be taken.
    pub missing: Vec<Missing>,
    /// The next step.
    pub next: Step,
    /// How the last step is taken back; `None` when there is nothing to take back.
    pub back: Option<Step>,
}

impl Position {
    /// Whether the next step may be taken now.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The recorded phases are none that windlass writes.
    #[error("the records of this authority contradict each other: {0}\nhint: `windlass state fsck` shows the records")]
    Phases(String),
    /// A step that does not fit the phases.
    #[error("{0} is not possible now")]
    Step(Step),
}

/// The revisions that are trusted, ascending, and the one that signs.
///
/// # Errors
/// When not exactly one revision signs, or more than two are trusted.
pub fn trusted(revisions: &[Revision]) -> Result<(Vec<u32>, u32), RotationError> {
    decide::phases(revisions).map(|phases| (phases.trusted(), phases.issuing))
}

/// The phases after a step. `Prepare` adds no revision: whoever makes the key records it as prepared.
///
/// # Errors
/// When the step does not fit the phases.
pub fn after(step: Step, revisions: &[Revision]) -> Result<BTreeMap<u32, KeyPhase>, RotationError> {
    let phases = decide::phases(revisions)?;
    let mut result: BTreeMap<u32, KeyPhase> = revisions.iter().map(|it| (it.number, it.phase)).collect();
    let mut set = |number, phase| {
        result.insert(number, phase);
    };
    match step {
        Step::Prepare { new } if phases.other.is_none() && !revisions.iter().any(|it| it.number >= new) => {
            set(new, KeyPhase::Prepared);
        }
        Step::Switch { to } if phases.prepared() == Some(to) => {
            set(to, KeyPhase::Issuing);
            set(phases.issuing, KeyPhase::Retiring);
        }
        Step::Drop { old } if phases.retiring() == Some(old) => set(old, KeyPhase::Dropped),
        Step::Withdraw { new } if phases.prepared() == Some(new) => set(new, KeyPhase::Dropped),
        Step::Return { to } if phases.retiring() == Some(to) => {
            set(to, KeyPhase::Issuing);
            set(phases.issuing, KeyPhase::Retiring);
        }
        _ => return Err(RotationError::Step(step)),
    }
    Ok(result)
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepare { new } => write!(formatter, "preparing revision {new}"),
            Self::Switch { to } => write!(formatter, "signing with revision {to}"),
            Self::Drop { old } => write!(formatter, "dropping revision {old}"),
            Self::Withdraw { new } => write!(formatter, "withdrawing revision {new}"),
            Self::Return { to } => write!(formatter, "going back to revision {to}"),
        }
    }
}
