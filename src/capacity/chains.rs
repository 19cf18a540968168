//! Which group takes over from which, and for how long pods may wait until the last one did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

/// A group and those that take over from it, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The names of the groups, the one that is tried first at the front.
    pub groups: Vec<String>,
}

/// Fallbacks that lead back to where they began: no group of them is the last one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fallbacks go round in a circle: {}\nhint: let the chain end in an on-demand group without a fallback", groups.join(" -> "))]
pub struct Cycle {
    /// The groups of the circle; the first one again at the end.
    pub groups: Vec<String>,
}

impl Chain {
    /// How long the autoscaler may try until the last group is tried: each before it takes the whole time (the
    /// cluster-autoscaler's `--max-node-provision-time`).
    #[must_use]
    pub fn worst_case(&self, provision_time: Duration) -> Duration {
        provision_time * u32::try_from(self.groups.len()).unwrap_or(u32::MAX)
    }
}

/// The chains of all groups that are nobody's fallback, from a map of group to fallback. A group without a fallback that
/// takes over from nobody is no chain.
///
/// # Errors
/// [`Cycle`], the first one by name.
pub fn chains(fallbacks: &BTreeMap<String, String>) -> Result<Vec<Chain>, Cycle> {
    for start in fallbacks.keys() {
        let mut seen = vec![start.clone()];
        let mut next = fallbacks.get(start);
        while let Some(group) = next {
            if let Some(position) = seen.iter().position(|it| it == group) {
                let mut groups = seen.split_off(position);
                groups.push(group.clone());
                return Err(Cycle { groups });
            }
            seen.push(group.clone());
            next = fallbacks.get(group);
        }
    }
    let targets: BTreeSet<&String> = fallbacks.values().collect();
    let firsts = fallbacks.keys().filter(|group| !targets.contains(group));
    let chain = |first: &String| Chain {
        groups: std::iter::successors(Some(first), |group| fallbacks.get(*group)).cloned().collect(),
    };
    Ok(firsts.map(chain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(group, fallback)| ((*group).to_owned(), (*fallback).to_owned())).collect()
    }

    #[test]
    fn a_chain_follows_every_fallback_and_its_worst_case_is_all_of_them() {
        let found = chains(&map(&[("spot-a", "spot-b"), ("spot-b", "on-demand"), ("x", "on-demand")])).expect("chains");
        let groups: Vec<Vec<String>> = found.iter().map(|chain| chain.groups.clone()).collect();
        assert_eq!(groups, [vec!["spot-a", "spot-b", "on-demand"], vec!["x", "on-demand"]]);
        assert_eq!(found[0].worst_case(Duration::from_secs(300)), Duration::from_secs(900));
    }

    #[test]
    fn a_circle_is_refused_and_named() {
        let cycle = chains(&map(&[("start", "b"), ("b", "c"), ("c", "b")])).expect_err("a circle");
        assert_eq!(cycle.groups, ["b", "c", "b"]);
        let own = chains(&map(&[("a", "a")])).expect_err("a circle");
        assert_eq!(own.groups, ["a", "a"]);
    }

    #[test]
    fn no_fallback_is_no_chain() {
        assert_eq!(chains(&BTreeMap::new()), Ok(Vec::new()));
    }
}
