//! What is unwise about a cluster's capacity: the warnings of the manifests, and what only AWS can tell.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::chains::chains;
use super::expander::fallbacks;
use crate::spec::Specification;

/// The add-on that holds room in tainted groups.
const OVERPROVISIONING: &str = "overprovisioning";

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Launches will fail, or the fallbacks cannot work.
    Error,
    /// It has taken clusters down.
    Warning,
}

/// One row of the lint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// How bad it is.
    pub level: Level,
    /// The node group; `None`: the cluster.
    pub group: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// All rows, errors first. `offers` are the zones that offer each instance type; a type that is not in it was not asked
/// for.
///
/// A type that one zone lacks is a warning, because Auto Scaling takes another one there; a zone that offers none of a
/// group's types is an error.
#[must_use]
pub fn lint(specification: &Specification, offers: &BTreeMap<String, BTreeSet<String>>) -> Vec<Row> {
    let mut rows = Vec::new();
    let add_ons = &specification.cluster.spec.addons;
    let overprovisions = add_ons.iter().any(|it| it.enabled && it.name == OVERPROVISIONING);
    for group in &specification.node_groups {
        let name = Some(group.metadata.name.to_string());
        let spec = &group.spec;
        let network = &specification.cluster.spec.network;
        let zones: BTreeSet<&str> =
            spec.subnets.iter().filter_map(|subnet| Some(network.subnet(subnet)?.zone.as_str())).collect();
        for zone in zones {
            let asked: Vec<&str> =
                spec.machine_types.iter().map(|it| it.as_str()).filter(|it| offers.contains_key(*it)).collect();
            let lacking: Vec<&str> =
                asked.iter().copied().filter(|it| offers.get(*it).is_some_and(|it| !it.contains(zone))).collect();
            if lacking.is_empty() {
                continue;
            }
            let (level, message) = match lacking.len() == spec.machine_types.len() {
                true => (Level::Error, format!("{zone} offers none of its {} machine types", lacking.len())),
                false => (Level::Warning, format!("{zone} does not offer {}", lacking.join(", "))),
            };
            rows.push(Row { level, group: name.clone(), message });
        }
        if !spec.taints.is_empty() && spec.min_size == 0 && !overprovisions {
            let message = String::from(
                "it is tainted and can be empty: nothing holds room for its pods (the add-on overprovisioning does)",
            );
            rows.push(Row { level: Level::Warning, group: name, message });
        }
    }
    if let Err(cycle) = chains(&fallbacks(specification)) {
        let message = cycle.to_string().lines().next().unwrap_or_default().to_owned();
        rows.push(Row { level: Level::Error, group: None, message });
    }
    rows.sort();
    rows
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A cluster of the example fleet.
    pub fn example() -> Specification {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = crate::render::Project::open(root).expect("a project");
        let cluster = "prod-customer.k8s.foo.bar".parse().expect("a name");
        let rendered = crate::render::render(&project, &cluster).expect("it renders");
        crate::spec::read(&rendered).expect("it is valid")
    }

    /// All types of the example, offered in all of its zones.
    fn offers(specification: &Specification) -> BTreeMap<String, BTreeSet<String>> {
        let zones: BTreeSet<String> =
            specification.cluster.spec.network.subnets.iter().map(|subnet| subnet.zone.to_string()).collect();
        let types = specification.node_groups.iter().flat_map(|group| &group.spec.machine_types);
        types.map(|it| (it.to_string(), zones.clone())).collect()
    }

    #[test]
    fn the_example_has_no_error() {
        let specification = example();
        let rows = lint(&specification, &offers(&specification));
        assert!(rows.iter().all(|row| row.level == Level::Warning), "{rows:?}");
    }

    #[test]
    fn a_type_that_one_zone_lacks_is_a_warning_and_a_zone_without_any_is_an_error() {
        let specification = example();
        let spot = specification.node_groups.iter().find(|it| it.spec.machine_types.len() > 1).expect("a mixed group");
        let name = Some(spot.metadata.name.to_string());
        let of_group = |offers: &BTreeMap<String, BTreeSet<String>>, level: Level| {
            lint(&specification, offers).iter().any(|row| row.group == name && row.level == level)
        };
        let mut some = offers(&specification);
        let first = spot.spec.machine_types[0].as_str();
        some.get_mut(first).expect("it is offered").clear();
        assert!(of_group(&some, Level::Warning) && !of_group(&some, Level::Error));
        for zones in some.values_mut() {
            zones.clear();
        }
        assert!(of_group(&some, Level::Error));
    }

    #[test]
    fn a_tainted_group_that_can_be_empty_is_told() {
        let mut specification = example();
        let group = specification.node_groups.first_mut().expect("a group");
        group.spec.taints = vec!["team=video:NoSchedule".parse().expect("a taint")];
        group.spec.min_size = 0;
        let name = Some(group.metadata.name.to_string());
        let is_told = |specification: &Specification| {
            lint(specification, &BTreeMap::new()).iter().any(|row| row.group == name && row.message.contains("tainted"))
        };
        assert!(!is_told(&specification), "the example has the add-on that holds room");
        specification.cluster.spec.addons.retain(|add_on| add_on.name != OVERPROVISIONING);
        assert!(is_told(&specification));
    }
}
