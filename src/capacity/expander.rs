//! What the cluster-autoscaler is told: its flags, and the ConfigMap by which it prefers groups that have a fallback.
//!
//! Source: the cluster-autoscaler's documentation ("Priority based expander", "Auto-Discovery Setup" of the AWS provider).

use std::collections::BTreeMap;
use std::time::Duration;

use super::chains::{Cycle, chains};
use crate::desired::group_name;
use crate::spec::{Role, Specification};

/// How long a group may take to give a node before the autoscaler tries the next one. Its default of 15 minutes is what made
/// people wait; a launch is Ready after 41 to 90 seconds, so five minutes are no false alarm.
pub const MAX_NODE_PROVISION_TIME: Duration = Duration::from_secs(5 * 60);

/// The name that the autoscaler looks for in its namespace.
const CONFIG_MAP: &str = "cluster-autoscaler-priority-expander";
/// The namespace that the autoscaler runs in.
const NAMESPACE: &str = "kube-system";
/// Steps between priorities: room for whoever adds one by hand.
const STEP: usize = 10;

/// The ConfigMap of the priority expander, as Kubernetes takes it. The highest number is tried first: groups that have a
/// fallback stand above it. Group names are regular expressions that match the name of one Auto Scaling group each.
///
/// # Errors
/// [`Cycle`] when the fallbacks have no end.
pub fn priority_expander(specification: &Specification) -> Result<serde_json::Value, Cycle> {
    let fallbacks = fallbacks(specification);
    chains(&fallbacks)?;
    let mut priorities: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for group in specification.node_groups.iter().filter(|group| group.spec.role != Role::Bastion) {
        let name = group.metadata.name.as_str();
        let behind = std::iter::successors(fallbacks.get(name), |group| fallbacks.get(*group)).count();
        let exact = format!("^{}$", escaped(&group_name(specification, group)));
        priorities.entry((behind + 1) * STEP).or_default().push(exact);
    }
    let mut text = String::new();
    for (priority, groups) in priorities.iter().rev() {
        text.push_str(&format!("{priority}:\n"));
        for group in groups {
            // In single quotes nothing but the quote itself has a meaning in YAML, and no group name has one.
            text.push_str(&format!("  - '{group}'\n"));
        }
    }
    Ok(serde_json::json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": CONFIG_MAP, "namespace": NAMESPACE },
        "data": { "priorities": text },
    }))
}

/// The flags that the cluster-autoscaler of this cluster needs.
#[must_use]
pub fn autoscaler_flags(specification: &Specification) -> Vec<String> {
    let cluster = &specification.cluster.metadata.name;
    vec![
        String::from("--cloud-provider=aws"),
        String::from("--expander=priority"),
        format!(
            "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{cluster}"
        ),
        format!("--max-node-provision-time={}m", MAX_NODE_PROVISION_TIME.as_secs() / 60),
        String::from("--balance-similar-node-groups"),
        String::from("--skip-nodes-with-system-pods=false"),
    ]
}

/// Group → fallback, as the manifests say it.
#[must_use]
pub fn fallbacks(specification: &Specification) -> BTreeMap<String, String> {
    let groups = specification.node_groups.iter();
    groups
        .filter_map(|group| Some((group.metadata.name.to_string(), group.spec.fallback.as_ref()?.to_string())))
        .collect()
}

/// Group names are lowercase DNS names: dots alone have a meaning in a regular expression.
fn escaped(name: &str) -> String {
    name.replace('.', "\\.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::lint::tests::example;

    #[test]
    fn groups_with_a_fallback_stand_above_it() {
        let specification = example();
        let map = priority_expander(&specification).expect("no circle");
        assert_eq!(map["metadata"]["name"], CONFIG_MAP);
        let text = map["data"]["priorities"].as_str().expect("a text");
        let fallbacks = fallbacks(&specification);
        assert!(!fallbacks.is_empty(), "the example has fallbacks");
        let place = |group: &str| text.find(&format!("'^{group}\\.")).expect("the group is there");
        for (group, fallback) in &fallbacks {
            assert!(place(group) < place(fallback), "{group} above {fallback} in:\n{text}");
        }
    }

    #[test]
    fn a_circle_is_no_config_map() {
        let mut specification = example();
        let (group, fallback) = fallbacks(&specification).into_iter().next().expect("a fallback");
        for it in &mut specification.node_groups {
            if it.metadata.name.as_str() == fallback {
                it.spec.fallback = Some(group.parse().expect("a name"));
            }
        }
        assert!(priority_expander(&specification).is_err());
    }

    #[test]
    fn the_flags_find_the_groups_by_the_tags_that_they_bear() {
        let flags = autoscaler_flags(&example());
        assert!(
            flags.iter().any(|flag| flag.ends_with("k8s.io/cluster-autoscaler/prod-customer.k8s.foo.bar")),
            "{flags:?}"
        );
        assert!(flags.contains(&String::from("--max-node-provision-time=5m")));
    }
}
