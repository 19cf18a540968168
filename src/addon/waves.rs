//! Which add-ons wait for which.

use std::collections::BTreeMap;

use crate::spec::Addon;

/// The enabled add-ons with the number of their wave, from 0: one more than the last wave of what they need. Sorted by
/// wave, within one in the order of the manifest. The manifest's rules have refused circles.
pub(super) fn waves(addons: &[Addon]) -> Vec<(usize, &Addon)> {
    let enabled: Vec<&Addon> = addons.iter().filter(|addon| addon.enabled).collect();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    // Each pass settles at least one add-on, unless they wait for each other.
    for _ in 0..enabled.len() {
        for addon in &enabled {
            let needed: Option<Vec<usize>> = addon.needs.iter().map(|name| known.get(name.as_str()).copied()).collect();
            if let Some(needed) = needed {
                known.insert(&addon.name, needed.into_iter().max().map_or(0, |last| last + 1));
            }
        }
    }
    let mut sorted: Vec<(usize, &Addon)> =
        enabled.into_iter().filter_map(|addon| Some((*known.get(addon.name.as_str())?, addon))).collect();
    sorted.sort_by_key(|(wave, _)| *wave);
    sorted
}
