//! When a fallback group is raised, and when it is lowered again. Pure: groups, failures and what was raised in, actions out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::health::{CapacityFailure, CapacityReason, Group, Lifecycle};

/// How old a failure may be to raise a fallback for it: Auto Scaling tries again within minutes, and says so by a new one.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// What one fallback group has taken over: kept as a tag on it, so that a crash loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Raised {
    /// The group that got no capacity.
    pub instead_of: String,
    /// By how many instances it was raised.
    pub count: u32,
}

/// What to do. Both say the capacity itself, not by how many to change it: doing it twice does no harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FallbackAction {
    /// Mark the fallback group, then set its desired capacity.
    #[serde(rename_all = "camelCase")]
    Raise {
        /// The fallback group's name.
        group: String,
        /// What its mark becomes.
        raised: Raised,
        /// Its new desired capacity.
        desired: u32,
    },
    /// Set its desired capacity, then take the mark off.
    #[serde(rename_all = "camelCase")]
    Lower {
        /// The fallback group's name.
        group: String,
        /// Its new desired capacity.
        desired: u32,
    },
    /// Nothing can be done: no fallback is left, or it has no room.
    #[serde(rename_all = "camelCase")]
    Exhausted {
        /// The group that lacks machines.
        group: String,
        /// How many.
        missing: u32,
    },
}

impl std::fmt::Display for Raised {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.instead_of, self.count)
    }
}

/// A mark that nobody here wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mark of a raised group: it is written group:count")]
pub struct InvalidMark(String);

impl std::str::FromStr for Raised {
    type Err = InvalidMark;

    fn from_str(text: &str) -> Result<Self, InvalidMark> {
        let (group, count) = text.rsplit_once(':').ok_or_else(|| InvalidMark(text.to_owned()))?;
        let count = count.parse().map_err(|_| InvalidMark(text.to_owned()))?;
        match group.is_empty() {
            true => Err(InvalidMark(text.to_owned())),
            false => Ok(Self { instead_of: group.to_owned(), count }),
        }
    }
}

/// What to do about groups that get no capacity. `raised` is what the fallback groups' marks say, by fallback group.
///
/// A group that lacks machines and whose launches failed within ten minutes has its fallback raised by what it lacks. A
/// fallback that lacks machines itself, and failed, has its own raised: the chain of the manifests. A fallback is lowered
/// by what it was raised, once the group before it has all its machines in service; never below its minimum. Lowering only
/// says the wanted capacity: the scale-in itself is Auto Scaling's, so a caller lowers it only after the pods moved back.
#[must_use]
pub fn decide(
    groups: &BTreeMap<String, Group>,
    failures: &[CapacityFailure],
    raised: &BTreeMap<String, Raised>,
    now: Timestamp,
) -> Vec<FallbackAction> {
    let mut actions = Vec::new();
    // What was raised in this pass already: one fallback takes over from one group.
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (name, group) in groups {
        let missing = group.desired.saturating_sub(running(group));
        let failed = failures.iter().any(|failure| {
            failure.auto_scaling_group == group.auto_scaling_group
                && failure.reason != CapacityReason::Other
                && now.duration_since(failure.at) <= FRESH
        });
        if missing == 0 || !failed {
            continue;
        }
        match group.fallback.as_ref().and_then(|fallback| groups.get_key_value(fallback)) {
            Some((fallback, _)) if raised.get(fallback).is_some_and(|mark| mark.instead_of == *name) => {}
            Some((fallback, target))
                if target.desired < target.max
                    && !raised.contains_key(fallback)
                    && !taken.contains(fallback.as_str()) =>
            {
                let count = missing.min(target.max - target.desired);
                let mark = Raised { instead_of: name.clone(), count };
                let desired = target.desired + count;
                actions.push(FallbackAction::Raise { group: fallback.clone(), raised: mark, desired });
                taken.insert(fallback);
            }
            _ => actions.push(FallbackAction::Exhausted { group: name.clone(), missing }),
        }
    }
    for (fallback, mark) in raised {
        let Some(target) = groups.get(fallback) else { continue };
        let back = match groups.get(&mark.instead_of) {
            Some(group) => running(group) >= group.desired,
            // The group is gone: nothing is left to stand in for.
            None => true,
        };
        if back {
            let desired = target.desired.saturating_sub(mark.count).max(target.min);
            actions.push(FallbackAction::Lower { group: fallback.clone(), desired });
        }
    }
    actions
}

fn running(group: &Group) -> u32 {
    let count = group.machines.values().filter(|it| it.lifecycle == Lifecycle::InService && it.healthy).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::health::{GroupRole, Machine};

    /// A group without machines.
    pub fn group(min: u32, max: u32, desired: u32) -> Group {
        Group {
            auto_scaling_group: String::from("g"),
            role: GroupRole::Nodes,
            min,
            max,
            desired,
            suspended: std::collections::BTreeSet::new(),
            template_version: String::from("1"),
            machines: BTreeMap::new(),
            fallback: None,
            zones: std::collections::BTreeSet::new(),
        }
    }

    /// A machine in service.
    pub fn machine(id: &str, zone: &str) -> Machine {
        Machine {
            id: id.into(),
            zone: zone.into(),
            machine_type: String::from("m5.large"),
            spot: false,
            lifecycle: Lifecycle::InService,
            healthy: true,
            template_version: Some(String::from("1")),
            launched: None,
        }
    }

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().expect("a date")
    }

    fn failure(group: &str, reason: CapacityReason, minutes: i64) -> CapacityFailure {
        CapacityFailure {
            at: now() - SignedDuration::from_mins(minutes),
            auto_scaling_group: group.into(),
            activity: String::from("1"),
            reason,
            machine_type: None,
            zone: None,
            spot: None,
            message: String::new(),
        }
    }

    /// `spot` wants 3 and has one, and falls back on `demand`, which has room.
    fn world() -> BTreeMap<String, Group> {
        let mut spot = Group { auto_scaling_group: "spot".into(), fallback: Some("demand".into()), ..group(0, 5, 3) };
        spot.machines.insert("i-1".into(), machine("i-1", "a"));
        let demand = Group { auto_scaling_group: "demand".into(), ..group(1, 5, 1) };
        BTreeMap::from([("spot".into(), spot), ("demand".into(), demand)])
    }

    fn mark(count: u32) -> BTreeMap<String, Raised> {
        BTreeMap::from([("demand".into(), Raised { instead_of: "spot".into(), count })])
    }

    #[test]
    fn a_failure_raises_the_fallback_by_what_is_missing() {
        let failures = [failure("spot", CapacityReason::NoCapacity, 1)];
        let raise = FallbackAction::Raise {
            group: "demand".into(),
            raised: Raised { instead_of: "spot".into(), count: 2 },
            desired: 3,
        };
        assert_eq!(decide(&world(), &failures, &BTreeMap::new(), now()), [raise]);
    }

    #[test]
    fn what_is_raised_already_is_not_raised_again() {
        let failures = [failure("spot", CapacityReason::NoCapacity, 1)];
        assert_eq!(decide(&world(), &failures, &mark(2), now()), []);
    }

    #[test]
    fn old_failures_others_and_bad_templates_raise_nothing() {
        for failures in [
            vec![],
            vec![failure("spot", CapacityReason::NoCapacity, 11)],
            vec![failure("other", CapacityReason::NoCapacity, 1)],
            // A fallback with the same mistake would fail, too.
            vec![failure("spot", CapacityReason::Other, 1)],
        ] {
            assert_eq!(decide(&world(), &failures, &BTreeMap::new(), now()), [], "{failures:?}");
        }
    }

    #[test]
    fn a_full_fallback_gives_what_it_has_and_then_says_that_it_has_none() {
        let failures = [failure("spot", CapacityReason::Quota, 1)];
        let mut groups = world();
        groups.get_mut("demand").expect("it is there").max = 2;
        let actions = decide(&groups, &failures, &BTreeMap::new(), now());
        assert!(matches!(&actions[..], [FallbackAction::Raise { desired: 2, raised, .. }] if raised.count == 1));
        groups.get_mut("demand").expect("it is there").max = 1;
        let exhausted = FallbackAction::Exhausted { group: "spot".into(), missing: 2 };
        assert_eq!(decide(&groups, &failures, &BTreeMap::new(), now()), [exhausted.clone()]);
        groups.get_mut("spot").expect("it is there").fallback = None;
        assert_eq!(decide(&groups, &failures, &BTreeMap::new(), now()), [exhausted]);
    }

    #[test]
    fn the_fallback_is_lowered_when_the_first_group_has_all_it_wants() {
        let mut groups = world();
        groups.get_mut("demand").expect("it is there").desired = 3;
        assert_eq!(decide(&groups, &[], &mark(2), now()), [], "it still lacks machines");
        groups.get_mut("spot").expect("it is there").desired = 1;
        let lower = FallbackAction::Lower { group: "demand".into(), desired: 1 };
        assert_eq!(decide(&groups, &[], &mark(2), now()), [lower.clone()]);
        // The autoscaler lowered it in the meantime: never below the minimum.
        groups.get_mut("demand").expect("it is there").desired = 1;
        assert_eq!(decide(&groups, &[], &mark(2), now()), [lower]);
    }

    #[test]
    fn two_groups_with_one_fallback_do_not_both_take_it() {
        let mut groups = world();
        let second = Group { auto_scaling_group: "spot-2".into(), ..groups["spot"].clone() };
        groups.insert("spot-2".into(), second);
        let failures = ["spot", "spot-2"].map(|group| failure(group, CapacityReason::NoCapacity, 1));
        let actions = decide(&groups, &failures, &BTreeMap::new(), now());
        assert_eq!(actions.iter().filter(|it| matches!(it, FallbackAction::Raise { .. })).count(), 1, "{actions:?}");
        assert_eq!(actions.iter().filter(|it| matches!(it, FallbackAction::Exhausted { .. })).count(), 1);
    }

    #[test]
    fn a_mark_reads_as_it_is_written() {
        let mark = Raised { instead_of: "spot".into(), count: 3 };
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for wrong in ["", "spot", ":3", "spot:", "spot:-1", "spot:x"] {
            assert!(wrong.parse::<Raised>().is_err(), "{wrong:?}");
        }
    }
}
