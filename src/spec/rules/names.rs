//! Names that must agree, be unique, or be free; labels.

use std::collections::BTreeMap;

use super::super::read::{Document, Step, steps};
use super::super::value;
use super::{Rules, repeats};

/// What a kubelet may say of itself under `kubernetes.io` and `k8s.io`: these prefixes and these labels (Kubernetes
/// documentation, "Admission control: NodeRestriction"); with any other one it does not start.
const OWN_PREFIXES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const OWN_LABELS: [&str; 6] = [
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "beta.kubernetes.io/instance-type",
];

pub(super) fn check(rules: &mut Rules<'_>) {
    cluster(rules);
    groups(rules);
    let cluster = rules.cluster;
    labels(rules, &cluster.document, &steps!["metadata", "labels"], &cluster.manifest.metadata.labels);
    let node_labels = &cluster.manifest.spec.control_plane.node_labels;
    own_labels(rules, &cluster.document, &steps!["spec", "controlPlane", "nodeLabels"], node_labels);
    for group in rules.groups {
        labels(rules, &group.document, &steps!["metadata", "labels"], &group.manifest.metadata.labels);
        own_labels(rules, &group.document, &steps!["spec", "nodeLabels"], &group.manifest.spec.node_labels);
    }
}

fn cluster(rules: &mut Rules<'_>) {
    let name = &rules.cluster.manifest.metadata.name;
    let expected = &rules.rendered.cluster;
    if name != expected {
        let finding = rules
            .error(format!("the cluster is called {name} here, but its vars file is {expected}.yaml"))
            .at(rules.document(), &steps!["metadata", "name"], "another name")
            .hint(format!("the name of the file in vars/ is the name of the cluster: {expected}"));
        rules.push(finding);
    }
    let zone = &rules.spec().dns.zone;
    if name.as_str() != zone.as_str() && !name.as_str().ends_with(&format!(".{zone}")) {
        let finding = rules
            .error(format!("the cluster's name {name} does not lie in the hosted zone {zone}"))
            .at(rules.document(), &steps!["spec", "dns", "zone"], "this zone")
            .at(rules.document(), &steps!["metadata", "name"], "this name")
            .hint("the API's records, api.<cluster> and api.internal.<cluster>, are made in that zone");
        rules.push(finding);
    }
}

fn groups(rules: &mut Rules<'_>) {
    let groups = rules.groups;
    let cluster = &rules.cluster.manifest.metadata.name;
    let names: Vec<&value::GroupName> = groups.iter().map(|group| &group.manifest.metadata.name).collect();
    for (first, second) in repeats(&names) {
        let finding = rules
            .error(format!("two node groups are called {:?}", names[second].as_str()))
            .at(&groups[second].document, &steps!["metadata", "name"], "again here")
            .at(&groups[first].document, &steps!["metadata", "name"], "first here");
        rules.push(finding);
    }
    for group in groups {
        if &group.manifest.spec.cluster != cluster {
            let finding = rules
                .error(format!("the group belongs to {}, and not to {cluster}", group.manifest.spec.cluster))
                .at(&group.document, &steps!["spec", "cluster"], "another cluster")
                .hint(format!("write {cluster}, or move the group to the other cluster's templates"));
            rules.push(finding);
        }
        let name = group.manifest.metadata.name.as_str();
        if name == "control-plane" || name.starts_with("control-plane-") {
            let finding = rules.error(format!("the name {name:?} is kept for the control plane's own groups")).at(
                &group.document,
                &steps!["metadata", "name"],
                "",
            );
            rules.push(finding);
        }
    }
}

/// Labels that only windlass and the API know.
fn labels(rules: &mut Rules<'_>, document: &Document, path: &[Step], labels: &BTreeMap<String, String>) {
    for (key, text) in labels {
        let path: Vec<Step> = path.iter().cloned().chain([Step::from(key)]).collect();
        for why in [value::label_key(key), value::label_value(text)].into_iter().filter_map(Result::err) {
            let finding = rules.error(why).at(document, &path, "");
            rules.push(finding);
        }
    }
}

/// Labels that the kubelet gives its node.
fn own_labels(rules: &mut Rules<'_>, document: &Document, path: &[Step], given: &BTreeMap<String, String>) {
    labels(rules, document, path, given);
    for key in given.keys() {
        let Some((prefix, _)) = key.split_once('/') else { continue };
        let of = |domain: &str| prefix == domain || prefix.ends_with(&format!(".{domain}"));
        let allowed = OWN_LABELS.contains(&key.as_str()) || OWN_PREFIXES.iter().any(|own| of(own));
        if (of("kubernetes.io") || of("k8s.io")) && !allowed {
            let path: Vec<Step> = path.iter().cloned().chain([Step::from(key)]).collect();
            let finding = rules
                .error(format!("a node may not give itself the label {key:?}: its kubelet would not start"))
                .at(document, &path, "")
                .hint("use a prefix of your own, such as example.com/, or node.kubernetes.io/");
            rules.push(finding);
        }
    }
}
