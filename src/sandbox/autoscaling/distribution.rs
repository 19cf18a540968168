//! How many instances are on demand, and in what order types are tried. Pure.
//!
//! Source: user guide, "Mixed instances groups": the base is filled first; of what is above it, the on-demand share is
//! rounded up, "in favor of On-Demand".

use serde::{Deserialize, Serialize};

/// The instances distribution, with AWS' defaults (InstancesDistribution).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distribution {
    /// `prioritized` or `lowest-price`.
    pub on_demand_strategy: String,
    /// On-demand instances in any case.
    pub on_demand_base: u32,
    /// 0 to 100.
    pub on_demand_percentage: u32,
    /// `lowest-price`, `capacity-optimized`, `capacity-optimized-prioritized` or `price-capacity-optimized`.
    pub spot_strategy: String,
    /// For `lowest-price`.
    pub spot_pools: Option<u32>,
    /// Dollars an hour.
    pub spot_max_price: Option<String>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            on_demand_strategy: "prioritized".to_owned(),
            on_demand_base: 0,
            on_demand_percentage: 100,
            spot_strategy: "lowest-price".to_owned(),
            spot_pools: None,
            spot_max_price: None,
        }
    }
}

impl Distribution {
    /// How many of `total` instances are on demand.
    #[must_use]
    pub fn on_demand(&self, total: u32) -> u32 {
        let base = self.on_demand_base.min(total);
        base + ((total - base) * self.on_demand_percentage.min(100)).div_ceil(100)
    }

    /// The types in the order in which a zone's pools are tried. The optimized strategies look at capacity that nobody
    /// outside knows: the order then depends on the zone and the type alone.
    #[must_use]
    pub fn order(&self, types: &[String], zone: &str, spot: bool) -> Vec<String> {
        let mut order = types.to_vec();
        if spot && matches!(self.spot_strategy.as_str(), "capacity-optimized" | "price-capacity-optimized") {
            order.sort_by_key(|it| spread(&format!("{zone}/{it}")));
        }
        order
    }
}

/// FNV-1a: any fixed order that is not the alphabet's.
fn spread(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The first of `zones` with the fewest instances.
#[must_use]
pub fn emptiest<'a>(zones: &'a [String], instances: &[&str]) -> Option<&'a String> {
    let count = |zone: &str| instances.iter().filter(|it| **it == zone).count();
    zones.iter().enumerate().min_by_key(|(position, zone)| (count(zone), *position)).map(|(_, zone)| zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(base: u32, percentage: u32) -> Distribution {
        Distribution { on_demand_base: base, on_demand_percentage: percentage, ..Distribution::default() }
    }

    #[test]
    fn the_on_demand_share_is_rounded_up_and_everything_is_launched() {
        assert_eq!(distribution(0, 50).on_demand(3), 2);
        assert_eq!(distribution(1, 33).on_demand(5), 3);
        assert_eq!(distribution(0, 30).on_demand(1), 1);
        assert_eq!(distribution(0, 0).on_demand(7), 0);
        assert_eq!(distribution(10, 0).on_demand(4), 4);
        assert_eq!(distribution(2, 100).on_demand(9), 9);
    }

    #[test]
    fn declared_order_counts_for_on_demand_and_prioritized_spot() {
        let types: Vec<String> = ["m5.xlarge", "m6i.xlarge", "r5.large"].map(str::to_owned).to_vec();
        let mut it = distribution(0, 0);
        it.spot_strategy = "capacity-optimized-prioritized".to_owned();
        assert_eq!(it.order(&types, "a", true), types);
        it.spot_strategy = "capacity-optimized".to_owned();
        assert_eq!(it.order(&types, "a", false), types);
        let orders: std::collections::BTreeSet<_> =
            ["a", "b", "c", "d"].iter().map(|zone| it.order(&types, zone, true)).collect();
        assert!(orders.len() > 1, "the zones prefer different pools");
    }

    #[test]
    fn the_emptiest_zone_comes_first_and_ties_go_by_order() {
        let zones: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(emptiest(&zones, &[]), Some(&zones[0]));
        assert_eq!(emptiest(&zones, &["a", "b"]), Some(&zones[2]));
        assert_eq!(emptiest(&zones, &["a", "c", "c"]), Some(&zones[1]));
    }
}
