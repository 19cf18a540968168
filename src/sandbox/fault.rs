//! Faults: the one place where calls to the sandbox go wrong on purpose.
//!
//! A [`FaultPlan`] says at which calls what happens. Tests set it with [`super::Sandbox::with_faults`]; other
//! processes read it as JSON from the environment variable [`VARIABLE`].

use std::env::VarError;

use serde::{Deserialize, Serialize};

use super::wire::{Refusal, Service};

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

/// At which calls of this process a rule applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// Every call of that operation, such as `CreateVpc` or, of an API server, `kubernetes:PatchNode`.
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
    /// As `KillBefore` for a test in the same process: the call never returns, and [`super::Sandbox::stopped`] does.
    StopBefore,
    /// As `KillAfter` for a test in the same process.
    StopAfter,
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

/// Follows a plan through the calls of a process.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    plan: FaultPlan,
    calls: u64,
    changes: u64,
    operations: std::collections::BTreeMap<String, u64>,
    /// Operation and how many more calls of it are refused as too fast.
    throttled: Option<(String, u32)>,
}

impl Faults {
    /// Starts at call 0.
    #[must_use]
    pub const fn new(plan: FaultPlan) -> Self {
        Self { plan, calls: 0, changes: 0, operations: std::collections::BTreeMap::new(), throttled: None }
    }

    /// Whether anything can happen at all.
    #[must_use]
    pub const fn has_rules(&self) -> bool {
        !self.plan.rules.is_empty()
    }

    /// What happens to the next call.
    pub fn next(&mut self, operation: &str) -> Option<Kind> {
        let index = self.calls;
        self.calls += 1;
        let reads = super::is_read(operation) || super::kubernetes::api::is_read(operation);
        let change = (!reads).then_some(self.changes);
        self.changes += u64::from(!reads);
        let counter = self.operations.entry(operation.to_owned()).or_default();
        let occurrence = *counter;
        *counter += 1;
        if let Some((throttled, left)) = &mut self.throttled
            && throttled == operation
            && *left > 0
        {
            *left -= 1;
            return Some(Kind::Throttle(0));
        }
        let applies = |at: &At| match at {
            At::Call(wanted) => index == *wanted,
            At::Calls { from, count } => index >= *from && index - from < *count,
            At::Change(wanted) => change == Some(*wanted),
            At::Operation(name) => name == operation,
            At::Occurrence { operation: name, index } => name == operation && occurrence == *index,
            At::Probability { probability, only_changes } => {
                !(*only_changes && reads) && chance(self.plan.seed, index) < *probability
            }
        };
        let kind = self.plan.rules.iter().find(|rule| applies(&rule.at))?.kind;
        if let Kind::Throttle(more) = kind {
            self.throttled = Some((operation.to_owned(), more));
        }
        Some(kind)
    }
}

/// An even number of 0 to 1 for a call, always the same one.
fn chance(seed: u64, index: u64) -> f64 {
    let bits = super::world::mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ super::world::mix(index));
    // 32 bits fit into a double exactly.
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / 4_294_967_296.0
}

impl Kind {
    /// The refusal instead of the call, if the kind is one.
    #[must_use]
    pub fn refusal(self, service: Service, operation: &str, principal: &str) -> Option<Refusal> {
        match self {
            Self::ServerError | Self::ServerErrorAfter => Some(Refusal::unavailable(service)),
            Self::Throttle(_) => Some(Refusal::throttled(service)),
            Self::AccessDenied => Some(Refusal::denied(service, operation, principal)),
            _ => None,
        }
    }
}

/// Ends this process as a power cut would: no destructor runs.
pub fn kill_this_process() {
    // Cannot fail for the own process, see kill(2); if it did, the call would go on and the test would notice.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}
