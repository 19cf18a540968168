//! What a plan of faults says: at which effects what happens.

use std::env::VarError;

use serde::{Deserialize, Serialize};

/// The environment variable with a plan for processes that open a world file.
pub const VARIABLE: &str = "WINDLASS_SANDBOX_FAULT";

/// What goes wrong and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultPlan {
    /// For the rules with a probability: the same seed, the same calls.
    #[serde(default)]
    pub seed: u64,
    /// The first rule that applies to a call counts.
    pub rules: Vec<Rule>,
}

/// One kind of fault at some calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// At which calls.
    pub at: At,
    /// What happens.
    pub kind: Kind,
}

/// At which calls (of AWS and of API servers) or git commands of this process a rule applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum At {
    /// The call of that index, from 0.
    Call(u64),
    /// From the call of that index on, and for that many calls.
    Calls {
        /// The first index.
        from: u64,
        /// How many.
        count: u64,
    },
    /// The call of that index among those that change something, from 0.
    Change(u64),
    /// The git command of that index, from 0. Git commands are no calls.
    Git(u64),
    /// Every effect of that operation, such as `CreateVpc`, of an API server `kubernetes:PatchNode`, or `git:push`.
    Operation(String),
    /// Only one call of an operation.
    Occurrence {
        /// The operation.
        operation: String,
        /// Which one, from 0.
        index: u64,
    },
    /// Calls that only read, or that change something, or all; each with a probability of 0 to 1.
    Probability {
        /// Of 0 to 1.
        probability: f64,
        /// Only calls that change something.
        #[serde(default)]
        only_changes: bool,
    },
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Kind {
    /// The process kills itself before the call has an effect.
    KillBefore,
    /// The process kills itself after the effect.
    KillAfter,
    /// The process stands still after the effect, until somebody wakes it (SIGCONT).
    SuspendAfter,
    /// As `KillBefore` for a test in the same process: the call never returns, and [`super::Faults::stopped`] does.
    StopBefore,
    /// As `KillAfter` for a test in the same process.
    StopAfter,
    /// The same, and what the call has made is seen by others only after so many seconds.
    StopLate(u32),
    /// The effect happens, the answer is lost.
    LostResponse,
    /// The connection is reset before the effect.
    Reset,
    /// 5xx without effect.
    ServerError,
    /// 5xx although the effect happened.
    ServerErrorAfter,
    /// Refused as too fast, without effect; this call of an operation and as many after it as it says.
    Throttle(u32),
    /// Refused for lack of permission.
    AccessDenied,
    /// What the call makes is seen by others only after so many seconds.
    Lag(u32),
    /// Refused, because the session of the credentials is over.
    ExpiredCredentials,
    /// The process stands still for so many seconds before the effect, as one that is stopped by a signal or whose
    /// machine sleeps.
    Pause(u32),
    /// The machine's date jumps by so many seconds, forwards or back; how much time has passed does not.
    ClockJump(i64),
    /// There is no space left on the disk that a git command writes to.
    DiskFull,
}

/// An effect that is about to happen, by the name of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// A call that reads.
    Read(&'a str),
    /// A call that changes something.
    Change(&'a str),
    /// A git command, such as `git:push`.
    Git(&'a str),
}

/// A plan cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{VARIABLE} is no plan of faults: {0}")]
pub struct InvalidFaultPlan(String);

impl FaultPlan {
    /// The plan in [`VARIABLE`], if it is set.
    ///
    /// # Errors
    /// When it is not such a plan.
    pub fn from_environment() -> Result<Option<Self>, InvalidFaultPlan> {
        match std::env::var(VARIABLE) {
            Ok(text) => Self::read(&text).map(Some),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(InvalidFaultPlan(String::from("it is not UTF-8"))),
        }
    }

    /// Reads a plan from JSON.
    ///
    /// # Errors
    /// What is wrong first, with its line and column; a probability that is none.
    pub fn read(text: &str) -> Result<Self, InvalidFaultPlan> {
        let plan: Self = serde_json::from_str(text).map_err(|error| InvalidFaultPlan(error.to_string()))?;
        for (number, rule) in (1..).zip(&plan.rules) {
            if let At::Probability { probability, .. } = rule.at
                && !(0.0..=1.0).contains(&probability)
            {
                return Err(InvalidFaultPlan(format!("rule {number}: {probability} is no probability of 0 to 1")));
            }
        }
        Ok(plan)
    }

    /// One rule.
    #[must_use]
    pub fn one(at: At, kind: Kind) -> Self {
        Self { seed: 0, rules: vec![Rule { at, kind }] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_design_is_a_plan() {
        let page = include_str!("../../docs/design/sandbox.md");
        let start = page.find("{\"seed\"").expect("an example");
        let (text, _) = page[start..].split_once("```").expect("its end");
        let plan = FaultPlan::read(text).expect("a plan");
        assert_eq!((plan.seed, plan.rules.len()), (7, 3));
        let by_chance = At::Probability { probability: 0.1, only_changes: true };
        assert_eq!(plan.rules[2], Rule { at: by_chance, kind: Kind::Throttle(2) });
        let written = serde_json::to_string(&plan).expect("a plan is JSON");
        assert_eq!(FaultPlan::read(&written).expect("what is written can be read"), plan);
    }
}
