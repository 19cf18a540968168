//! Why a roll stops, and what would let it go on.

use std::fmt;

use jiff::Timestamp;

use crate::exit::Exit;

/// Why a roll cannot go on by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A pod has held its node for the whole drain timeout.
    Blocked {
        /// The node.
        node: String,
        /// The pod, as `namespace/name`.
        pod: String,
        /// The budget that refuses, as `namespace/name`.
        budget: Option<String>,
        /// Who makes the pod anew.
        owner: Option<String>,
        /// What would free it.
        advice: String,
    },
    /// A gate was red for the whole gate timeout.
    Gate {
        /// What is red.
        red: Vec<String>,
        /// Since when.
        since: Timestamp,
    },
    /// No maintenance window is open, and the next one is too far away to wait for it.
    Window {
        /// When the next one opens, if there is one.
        opens: Option<Timestamp>,
    },
    /// Launches fail, and no fallback can stand in for more.
    Capacity {
        /// The group.
        group: String,
        /// How many machines it lacks.
        missing: u32,
        /// What AWS said last.
        message: String,
    },
    /// The node of a new machine did not become Ready in time.
    NeverReady {
        /// The group.
        group: String,
        /// The machine.
        instance: String,
        /// Why not, as far as known.
        reason: String,
    },
    /// A replaced member of the control plane did not come back in time.
    Member {
        /// The member.
        member: String,
        /// What is missing.
        reason: String,
    },
    /// Nothing was under way for the whole gate timeout, although something is left to do.
    Idle {
        /// What it waited for.
        waiting: Vec<String>,
    },
}

impl Stop {
    /// How a run ends that stops for this.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Gate { .. } => Exit::RolledBack,
            Self::Capacity { .. } => Exit::Capacity,
            Self::Blocked { .. }
            | Self::Window { .. }
            | Self::NeverReady { .. }
            | Self::Member { .. }
            | Self::Idle { .. } => Exit::Resumable,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked { node, pod, budget, owner, advice } => {
                write!(formatter, "node {node} cannot be drained: pod {pod}")?;
                if let Some(owner) = owner {
                    write!(formatter, " of {owner}")?;
                }
                if let Some(budget) = budget {
                    write!(formatter, " is held by budget {budget}")?;
                }
                write!(formatter, "\nhint: {advice}")
            }
            Self::Gate { red, since } => write!(formatter, "gates are red since {since}: {}", red.join("; ")),
            Self::Window { opens: Some(opens) } => {
                write!(formatter, "no maintenance window is open\nhint: the next one opens at {opens}")
            }
            Self::Window { opens: None } => write!(formatter, "no maintenance window is open"),
            Self::Capacity { group, missing, message } => write!(
                formatter,
                "group {group} lacks {missing} machines, and no fallback can stand in: {message}\n\
                 hint: add machine types, zones or a fallback to the group"
            ),
            Self::NeverReady { group, instance, reason } => write!(
                formatter,
                "machine {instance} of group {group} did not become a Ready node: {reason}\n\
                 hint: look at its console output and at its bootstrap log"
            ),
            Self::Member { member, reason } => write!(formatter, "member {member} did not come back: {reason}"),
            Self::Idle { waiting } => write!(formatter, "nothing goes on any more: {}", waiting.join("; ")),
        }
    }
}
