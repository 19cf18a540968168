//! Tags on AWS objects (EC2 user guide, "Tag restrictions").

use std::collections::BTreeMap;

use super::super::read::{Document, Step, steps};
use super::Rules;

/// Tags of one object.
const MOST_TAGS: usize = 50;
/// windlass' own on a group: four `windlass.dev/…`, `Name`, `kubernetes.io/cluster/…`, two of the autoscaler's.
const OWN_TAGS: usize = 8;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;
/// Prefixes that AWS, windlass and Kubernetes keep for themselves.
const RESERVED: [&str; 4] = ["aws:", "windlass.dev/", "kubernetes.io/cluster/", "k8s.io/cluster-autoscaler/"];

pub(super) fn check(rules: &mut Rules<'_>) {
    let spec = rules.spec();
    let document = rules.document();
    each(rules, document, &steps!["spec", "tags"], &spec.tags);
    each(rules, document, &steps!["spec", "controlPlane", "tags"], &spec.control_plane.tags);
    let shared: Vec<&String> = spec.tags.keys().collect();
    count(rules, document, &steps!["spec", "tags"], &shared, 0, "control plane");
    for group in rules.groups {
        let own = &group.manifest.spec;
        each(rules, &group.document, &steps!["spec", "tags"], &own.tags);
        let keys: Vec<&String> = shared.iter().copied().chain(own.tags.keys()).collect();
        // Labels and taints are tags too, so that the autoscaler knows them before there is a node.
        let templates = own.node_labels.len() + own.taints.len();
        let name = format!("node group {}", group.manifest.metadata.name);
        count(rules, &group.document, &steps!["spec", "tags"], &keys, templates, &name);
    }
}

fn each(rules: &mut Rules<'_>, document: &Document, path: &[Step], tags: &BTreeMap<String, String>) {
    for (key, text) in tags {
        let message = if let Some(prefix) = RESERVED.iter().find(|prefix| key.starts_with(**prefix)) {
            format!("the tag {key:?} is reserved: keys that begin with {prefix} are not yours")
        } else if key == "Name" {
            String::from("windlass names its objects itself: the tag Name cannot be set")
        } else if key.is_empty() || key.chars().count() > LONGEST_KEY {
            format!("a tag's key has 1 to {LONGEST_KEY} characters, and not {}", key.chars().count())
        } else if text.chars().count() > LONGEST_VALUE {
            format!("the value of tag {key:?} has {} characters, and not at most {LONGEST_VALUE}", text.chars().count())
        } else if let Some(wrong) = key.chars().chain(text.chars()).find(|&letter| !allowed(letter)) {
            format!("the tag {key:?} has {wrong:?}, but only letters, digits, spaces and _.:/=+-@ are allowed")
        } else {
            continue;
        };
        let path: Vec<Step> = path.iter().cloned().chain([Step::from(key)]).collect();
        let finding = rules.error(message).at(document, &path, "");
        rules.push(finding);
    }
}

fn allowed(letter: char) -> bool {
    letter.is_alphanumeric() || letter == ' ' || "_.:/=+-@".contains(letter)
}

fn count(rules: &mut Rules<'_>, document: &Document, path: &[Step], keys: &[&String], templates: usize, what: &str) {
    let mut distinct = keys.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let all = distinct.len() + templates + OWN_TAGS;
    if all > MOST_TAGS {
        let finding = rules
            .error(format!("{what}: {all} tags, and AWS takes {MOST_TAGS}"))
            .at(document, path, "")
            .hint(format!("{} given, {templates} for labels and taints, {OWN_TAGS} of windlass' own", distinct.len()));
        rules.push(finding);
    }
}
