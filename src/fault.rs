//! Faults: the one place where effects go wrong on purpose.
//!
//! A [`FaultPlan`] says at which effects what happens. Every way out of the process asks [`Faults::meet`] first: the
//! sandbox's AWS and Kubernetes for each call, the state's git for each command; and the clock of a process shifts with
//! it. Tests hand a plan over; other processes in the sandbox read it as JSON from the environment variable
//! [`VARIABLE`]. Without the sandbox nothing ever goes wrong on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::env::VarError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::clock::Skew;

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
    /// As `KillBefore` for a test in the same process: the call never returns, and [`Faults::stopped`] does.
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

/// Follows a plan through the effects of a process. Clones share it: indices count over all ways out.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    following: Arc<Mutex<Following>>,
    stopped: CancellationToken,
    skew: Option<Skew>,
}

impl From<FaultPlan> for Faults {
    fn from(plan: FaultPlan) -> Self {
        let following = Following { plan, ..Following::default() };
        Self { following: Arc::new(Mutex::new(following)), ..Self::default() }
    }
}

impl Faults {
    /// The same, with the clock's shift that [`Kind::ClockJump`] changes.
    #[must_use]
    pub fn shifting(self, skew: Skew) -> Self {
        Self { skew: Some(skew), ..self }
    }

    /// What happens to the next effect. The date has jumped when this returns.
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
            other => Some(other),
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

    /// Whether a rule has applied yet.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.following().struck
    }

    /// Ready when the process was stopped by [`Kind::StopBefore`] or [`Kind::StopAfter`].
    pub async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// Stops the process as a kill would, as far as that goes within one: nothing of what waits for this goes on.
    pub async fn stop(&self) -> std::convert::Infallible {
        self.stopped.cancel();
        std::future::pending().await
    }

    fn following(&self) -> MutexGuard<'_, Following> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a plan has come.
#[derive(Debug, Default)]
struct Following {
    plan: FaultPlan,
    calls: u64,
    changes: u64,
    git: u64,
    operations: BTreeMap<String, u64>,
    /// Operation and how many more calls of it are refused as too fast.
    throttled: Option<(String, u32)>,
    struck: bool,
}

/// Where an effect stands in its process.
struct Place<'a> {
    operation: &'a str,
    call: Option<u64>,
    change: Option<u64>,
    git: Option<u64>,
    occurrence: u64,
}

impl Following {
    fn next(&mut self, effect: Effect<'_>) -> Option<Kind> {
        let place = self.place(effect);
        if let Some((throttled, left)) = &mut self.throttled
            && throttled == place.operation
            && *left > 0
        {
            *left -= 1;
            return Some(Kind::Throttle(0));
        }
        let seed = self.plan.seed;
        let kind = self.plan.rules.iter().find(|rule| rule.at.applies(&place, seed))?.kind;
        self.struck = true;
        if let Kind::Throttle(more) = kind {
            self.throttled = Some((place.operation.to_owned(), more));
        }
        Some(kind)
    }

    /// Counts the effect.
    fn place<'a>(&mut self, effect: Effect<'a>) -> Place<'a> {
        let mut count = |counter: fn(&mut Self) -> &mut u64, counts: bool| {
            let counter = counter(self);
            let index = *counter;
            *counter += u64::from(counts);
            counts.then_some(index)
        };
        let call = count(|it| &mut it.calls, !matches!(effect, Effect::Git(_)));
        let change = count(|it| &mut it.changes, matches!(effect, Effect::Change(_)));
        let git = count(|it| &mut it.git, matches!(effect, Effect::Git(_)));
        let (Effect::Read(operation) | Effect::Change(operation) | Effect::Git(operation)) = effect;
        let counter = self.operations.entry(operation.to_owned()).or_default();
        let occurrence = *counter;
        *counter += 1;
        Place { operation, call, change, git, occurrence }
    }
}

impl At {
    fn applies(&self, place: &Place<'_>, seed: u64) -> bool {
        match self {
            Self::Call(wanted) => place.call == Some(*wanted),
            Self::Calls { from, count } => place.call.is_some_and(|index| index >= *from && index - from < *count),
            Self::Change(wanted) => place.change == Some(*wanted),
            Self::Git(wanted) => place.git == Some(*wanted),
            Self::Operation(name) => name == place.operation,
            Self::Occurrence { operation, index } => operation == place.operation && place.occurrence == *index,
            Self::Probability { probability, only_changes } => {
                let is_meant = !only_changes || place.change.is_some();
                place.call.is_some_and(|index| is_meant && chance(seed, index) < *probability)
            }
        }
    }
}

/// An even number of 0 to 1 for a call, always the same one.
fn chance(seed: u64, index: u64) -> f64 {
    let bits = mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mix(index));
    // 32 bits fit into a double exactly.
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / 4_294_967_296.0
}

/// Stops this process as a laptop's lid does: it goes on when it gets a SIGCONT.
pub fn suspend_this_process() {
    // As for `kill_this_process`.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// Ends this process as a power cut would: no destructor runs.
pub fn kill_this_process() {
    // Cannot fail for the own process, see kill(2); if it did, the call would go on and the test would notice.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}

/// 64 bits that look random and are the same for the same input: the finalizer of SplitMix64 (Steele, Lea, Flood: Fast
/// Splittable Pseudorandom Number Generators, 2014).
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
