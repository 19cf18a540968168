//! Flags that a manifest gives to Kubernetes' components beside the typed fields: `extraArgs`.

use std::collections::BTreeMap;

use super::super::read::{Document, Step, nearest};
use super::Rules;

/// A component with its documented flags. The lists are data in `flags/`; a flag that is not in them is still passed on,
/// because a newer version may have it.
#[derive(Clone, Copy)]
pub(super) struct Component {
    name: &'static str,
    flags: &'static str,
}

macro_rules! component {
    ($name:literal) => {
        Component { name: $name, flags: include_str!(concat!("flags/", $name, ".txt")) }
    };
}

pub(super) const API_SERVER: Component = component!("kube-apiserver");
pub(super) const CONTROLLER_MANAGER: Component = component!("kube-controller-manager");
pub(super) const SCHEDULER: Component = component!("kube-scheduler");
pub(super) const KUBELET: Component = component!("kubelet");
pub(super) const KUBE_PROXY: Component = component!("kube-proxy");
pub(super) const ETCD: Component = component!("etcd");

impl Component {
    fn known(self) -> impl Iterator<Item = &'static str> {
        self.flags.lines().filter(|line| !line.starts_with('#'))
    }

    /// What an unknown flag of it means.
    fn is_file_only(self) -> bool {
        self.name == KUBE_PROXY.name
    }
}

/// Names of flags are written without dashes in front, and are those that the component documents.
pub(super) fn check(
    rules: &mut Rules<'_>,
    document: &Document,
    path: &[Step],
    component: Component,
    given: &BTreeMap<String, String>,
) {
    for name in given.keys() {
        let path: Vec<Step> = path.iter().cloned().chain([Step::from(name)]).collect();
        let good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let finding = if name.starts_with('-') || name.is_empty() || !name.chars().all(good) {
            rules
                .error(format!("{name:?} is no name of a flag"))
                .hint("write it without dashes in front: audit-log-path")
        } else if component.known().any(|known| known == name) {
            continue;
        } else {
            let known: Vec<&str> = component.known().collect();
            let finding = if component.is_file_only() {
                rules.error(format!("kube-proxy's configuration file has no field for the flag {name:?}"))
            } else {
                rules.warning(format!("unknown flag {name:?} of {}", component.name))
            };
            match nearest(name, &known) {
                Some(near) => finding.hint(format!("did you mean {near:?}?")),
                None => finding,
            }
        };
        rules.push(finding.at(document, &path, ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_say_where_they_are_from() {
        for component in [API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KUBELET, KUBE_PROXY, ETCD] {
            assert!(component.flags.starts_with("# Flags of "), "{}", component.name);
            assert!(component.known().is_sorted() && component.known().count() > 30, "{}", component.name);
        }
    }
}
