//! Where a process stands in its plan: counts effects, and says which of them a rule meets.

use std::collections::BTreeMap;

use super::plan::{At, Effect, FaultPlan, Kind};
use crate::mix::{fraction, mix};

/// How far a plan has come.
#[derive(Debug, Default)]
pub(super) struct Following {
    pub(super) plan: FaultPlan,
    calls: u64,
    changes: u64,
    pub(super) git: u64,
    operations: BTreeMap<String, u64>,
    /// Operation and how many more calls of it are refused as too fast.
    throttled: Option<(String, u32)>,
    /// How many effects a rule has met.
    pub(super) strikes: u64,
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
    /// At the beginning of a plan.
    pub(super) fn of(plan: FaultPlan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// What happens to the next effect.
    pub(super) fn next(&mut self, effect: Effect<'_>) -> Option<Kind> {
        let place = self.place(effect);
        if let Some((throttled, left)) = &mut self.throttled
            && throttled == place.operation
            && *left > 0
        {
            *left -= 1;
            self.strikes += 1;
            return Some(Kind::Throttle(0));
        }
        let seed = self.plan.seed;
        let kind = self.plan.rules.iter().find(|rule| rule.at.applies(&place, seed))?.kind;
        self.strikes += 1;
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
    fraction(mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mix(index)))
}
