//! Manifests with every default written out: what `render --defaults` prints.

use serde::Serialize;
use serde_json::Value;

use super::{Cluster, Kubelet, NodeGroup, Rolling, Specification};

/// The manifests of a cluster with every default filled in, as YAML documents: the cluster first, then the groups. What
/// has no value (a `fallback` that is not there) is left out.
#[must_use]
pub fn with_defaults(specification: &Specification) -> String {
    let mut text = document(&filled(&specification.cluster));
    for group in &specification.node_groups {
        text.push_str("---\n");
        text.push_str(&document(&filled_group(specification, group)));
    }
    text
}

fn filled(cluster: &Cluster) -> Cluster {
    let mut cluster = cluster.clone();
    let spec = &mut cluster.spec;
    spec.network.nat = Some(spec.network.nat());
    spec.kubernetes.kubelet = spec.kubernetes.kubelet.over(&Kubelet::production());
    spec.rolling = spec.rolling.over(&Rolling::production());
    cluster
}

fn filled_group(specification: &Specification, group: &NodeGroup) -> NodeGroup {
    let cluster = &specification.cluster.spec;
    let mut filled = group.clone();
    let spec = &mut filled.spec;
    spec.image = Some(specification.image(group).clone());
    spec.associate_public_ip = Some(spec.public_address());
    spec.kubelet = spec.kubelet.over(&cluster.kubernetes.kubelet).over(&Kubelet::production());
    spec.rolling = spec.rolling.over(&cluster.rolling).over(&Rolling::production());
    filled
}

fn document(manifest: &impl Serialize) -> String {
    // Manifests are structs with text keys, so both steps succeed; a failure shows as an empty document.
    let mut value = serde_json::to_value(manifest).unwrap_or_default();
    prune(&mut value);
    serde_saphyr::to_string(&value).unwrap_or_default()
}

/// Takes out what has no value.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// The smallest manifests that are complete: a cluster with one member per zone, and one group. What `init` writes and
/// what shows the defaults when there is no cluster yet.
#[must_use]
pub const fn minimal() -> &'static str {
    include_str!("minimal.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::read::tests::{messages, read_texts};

    #[test]
    fn the_minimal_manifests_are_good() {
        assert_eq!(messages(read_texts(&[minimal()])), Vec::<String>::new());
    }

    #[test]
    fn manifests_with_defaults_read_back_as_the_same_settings() {
        let specification = read_texts(&[minimal()]).expect("good manifests");
        let text = with_defaults(&specification);
        for expected in [
            "nat: perZone",
            "podCIDR: 100.64.0.0/13",
            "drainTimeout: 15m",
            "horizontalPodAutoscalerDownscaleStabilization: 5m",
            "maxPods: 110",
            "authority: 10y",
            "- AZRebalance",
            "volumeType: gp3",
        ] {
            let expected = expected.replace("volumeType", "type");
            assert!(text.contains(&expected), "{expected} is not in\n{text}");
        }
        assert!(!text.contains("null"), "{text}");
        let again = read_texts(&[&text]).expect("the defaults are good manifests");
        assert_eq!(with_defaults(&again), text);
        assert_eq!(again.kubelet(&again.node_groups[0]), specification.kubelet(&specification.node_groups[0]));
    }
}
