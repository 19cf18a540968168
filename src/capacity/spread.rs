//! How machines are spread over zones, and how they were bought.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::health::{Group, Lifecycle, Machine};

/// How machines are spread over zones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Machines by zone; zones of the groups without a machine have 0.
    pub zones: BTreeMap<String, usize>,
}

/// How machines were bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycles {
    /// As spot.
    pub spot: usize,
    /// On demand.
    pub on_demand: usize,
    /// When the oldest was launched.
    pub oldest: Option<Timestamp>,
}

impl Spread {
    /// How many machines the fullest zone has more than the emptiest one.
    #[must_use]
    pub fn skew(&self) -> usize {
        let most = self.zones.values().max().copied().unwrap_or(0);
        most - self.zones.values().min().copied().unwrap_or(0)
    }
}

/// The zones of some groups together.
#[must_use]
pub fn spread<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Spread {
    let mut spread = Spread::default();
    for group in groups {
        for zone in &group.zones {
            spread.zones.entry(zone.clone()).or_default();
        }
        for machine in counted(group) {
            *spread.zones.entry(machine.zone.clone()).or_default() += 1;
        }
    }
    spread
}

/// How the machines of some groups were bought.
#[must_use]
pub fn lifecycles<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Lifecycles {
    let mut all = Lifecycles::default();
    for machine in groups.into_iter().flat_map(counted) {
        match machine.spot {
            true => all.spot += 1,
            false => all.on_demand += 1,
        }
        all.oldest = match (all.oldest, machine.launched) {
            (Some(oldest), Some(launched)) => Some(oldest.min(launched)),
            (oldest, launched) => oldest.or(launched),
        };
    }
    all
}

/// Machines that are here or coming: one in a warm pool or on its way out serves nobody.
fn counted(group: &Group) -> impl Iterator<Item = &Machine> {
    let here = |it: &&Machine| matches!(it.lifecycle, Lifecycle::Pending | Lifecycle::InService);
    group.machines.values().filter(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::health::GroupRole;

    fn group(min: u32, max: u32, desired: u32) -> Group {
        Group {
            auto_scaling_group: String::from("g"),
            role: GroupRole::Nodes,
            min,
            max,
            desired,
            suspended: BTreeSet::new(),
            template_version: String::from("1"),
            machines: BTreeMap::new(),
            fallback: None,
            zones: BTreeSet::new(),
        }
    }

    fn machine(id: &str, zone: &str) -> Machine {
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

    #[test]
    fn an_empty_zone_counts_and_a_leaving_machine_does_not() {
        let mut it = group(0, 9, 3);
        it.zones = ["a", "b", "c"].map(String::from).into();
        for (id, zone) in [("i-1", "a"), ("i-2", "a"), ("i-3", "b")] {
            it.machines.insert(id.into(), machine(id, zone));
        }
        it.machines.insert("i-4".into(), Machine { lifecycle: Lifecycle::Leaving, ..machine("i-4", "c") });
        let found = spread([&it]);
        assert_eq!(found.zones.values().copied().collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(found.skew(), 2);
        assert_eq!(Spread::default().skew(), 0);
    }

    #[test]
    fn the_oldest_machine_and_the_purchase_options_are_told() {
        let mut it = group(0, 9, 2);
        let at = |text: &str| Some(text.parse::<Timestamp>().expect("a date"));
        let old = Machine { spot: true, launched: at("2026-11-01T00:00:00Z"), ..machine("i-1", "a") };
        let new = Machine { launched: at("2026-11-02T00:00:00Z"), ..machine("i-2", "a") };
        it.machines = [old, new].into_iter().map(|it| (it.id.clone(), it)).collect();
        let found = lifecycles([&it]);
        assert_eq!((found.spot, found.on_demand, found.oldest), (1, 1, at("2026-11-01T00:00:00Z")));
    }
}
