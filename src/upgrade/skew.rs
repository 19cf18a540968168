//! Which versions may follow each other, and run beside each other.
//!
//! Source: Kubernetes documentation, "Version Skew Policy": the control plane goes one minor version at a time; a kubelet is
//! never newer than the API server, and at most three minor versions older.

use crate::resource::Resource;
use crate::spec::value::KubernetesVersion;
use crate::state::Records;

/// How many minor versions a kubelet may be behind the API server (Version Skew Policy, "kubelet", since 1.28).
const KUBELET_BEHIND: u32 = 3;

/// Versions that must not follow each other, or not run together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skew {
    /// The control plane would skip a minor version.
    #[error(
        "Kubernetes {from} cannot become {to} in one step: the control plane goes one minor version at a time\nhint: set spec.kubernetes.version to the newest {}.{}.x, apply and roll, then go on to {to}",
        from.major,
        from.minor + 1
    )]
    Jump {
        /// What runs.
        from: KubernetesVersion,
        /// What is wanted.
        to: KubernetesVersion,
    },
    /// The control plane would go back by a minor version.
    #[error(
        "Kubernetes {from} cannot go back to {to}: what {from} has written into etcd may be unreadable for it\nhint: keep {}.{}.x, or restore a snapshot from before the upgrade",
        from.major,
        from.minor
    )]
    Back {
        /// What runs.
        from: KubernetesVersion,
        /// What is wanted.
        to: KubernetesVersion,
    },
    /// A kubelet newer than the API server.
    #[error(
        "the kubelet of {node} is {kubelet}, newer than the API server's {server}\nhint: roll the control plane first"
    )]
    KubeletAhead {
        /// The node.
        node: String,
        /// Its version.
        kubelet: KubernetesVersion,
        /// The API server's.
        server: KubernetesVersion,
    },
    /// A kubelet too far behind.
    #[error(
        "the kubelet of {node} is {kubelet}, more than {KUBELET_BEHIND} minor versions behind {server}\nhint: roll the nodes before the control plane goes on"
    )]
    KubeletBehind {
        /// The node.
        node: String,
        /// Its version.
        kubelet: KubernetesVersion,
        /// The API server's.
        server: KubernetesVersion,
    },
}

/// Whether a control plane of version `from` may become one of version `to`. Patch versions go both ways.
///
/// # Errors
/// [`Skew::Jump`] and [`Skew::Back`].
pub fn step(from: KubernetesVersion, to: KubernetesVersion) -> Result<(), Skew> {
    let (before, after) = ((from.major, from.minor), (to.major, to.minor));
    if after < before {
        return Err(Skew::Back { from, to });
    }
    match before == after || after == (from.major, from.minor + 1) {
        true => Ok(()),
        false => Err(Skew::Jump { from, to }),
    }
}

/// Whether the kubelet of a node may run beside an API server.
///
/// # Errors
/// [`Skew::KubeletAhead`] and [`Skew::KubeletBehind`].
pub fn kubelet_skew(node: &str, kubelet: KubernetesVersion, server: KubernetesVersion) -> Result<(), Skew> {
    let ahead = (kubelet.major, kubelet.minor) > (server.major, server.minor);
    if ahead {
        return Err(Skew::KubeletAhead { node: node.to_owned(), kubelet, server });
    }
    match kubelet.major == server.major && server.minor - kubelet.minor <= KUBELET_BEHIND {
        true => Ok(()),
        false => Err(Skew::KubeletBehind { node: node.to_owned(), kubelet, server }),
    }
}

/// The oldest version among the launch templates of control-plane members that were applied last: what a machine that
/// starts now runs. `None`: nothing was applied, or by a windlass that wrote something else.
#[must_use]
pub fn recorded_version(records: &Records) -> Option<KubernetesVersion> {
    let templates = records.resources.iter().filter_map(|(address, record)| match &record.applied {
        Resource::LaunchTemplate(template) if address.name().starts_with("control-plane") => Some(template),
        _ => None,
    });
    templates.filter_map(|template| version_in(&template.user_data)).min_by_key(|it| (it.major, it.minor, it.patch))
}

/// The version in user data: the value of the first `kubernetesVersion`, which is that of the facts: they come first.
fn version_in(user_data: &str) -> Option<KubernetesVersion> {
    let (_, after) = user_data.split_once("kubernetesVersion")?;
    let digits = |character: char| !(character.is_ascii_digit() || character == '.');
    let text = after.trim_start_matches(digits);
    text.split(digits).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> KubernetesVersion {
        text.parse().expect("a version")
    }

    #[test]
    fn the_control_plane_goes_one_minor_version_at_a_time() {
        for to in ["1.34.0", "1.34.9", "1.35.0"] {
            assert_eq!(step(version("1.34.2"), version(to)), Ok(()), "{to}");
        }
        assert!(matches!(step(version("1.34.2"), version("1.36.0")), Err(Skew::Jump { .. })));
        assert!(matches!(step(version("1.34.2"), version("2.0.0")), Err(Skew::Jump { .. })));
        assert!(matches!(step(version("1.34.2"), version("1.33.9")), Err(Skew::Back { .. })));
    }

    #[test]
    fn a_jump_names_the_next_step() {
        let text = step(version("1.33.4"), version("1.35.1")).expect_err("a jump").to_string();
        assert!(text.contains("hint: set spec.kubernetes.version to the newest 1.34.x"), "{text}");
    }

    #[test]
    fn a_kubelet_is_never_newer_and_at_most_three_behind() {
        let server = version("1.34.2");
        for good in ["1.34.9", "1.34.0", "1.31.0"] {
            assert_eq!(kubelet_skew("n", version(good), server), Ok(()), "{good}");
        }
        assert!(matches!(kubelet_skew("n", version("1.35.0"), server), Err(Skew::KubeletAhead { .. })));
        assert!(matches!(kubelet_skew("n", version("1.30.9"), server), Err(Skew::KubeletBehind { .. })));
    }

    #[test]
    fn the_version_is_found_in_user_data() {
        assert_eq!(version_in(r#"{"kubernetesVersion":"1.34.2"}"#), Some(version("1.34.2")));
        assert_eq!(version_in("kind: ClusterConfiguration\nkubernetesVersion: v1.33.1\n"), Some(version("1.33.1")));
        assert_eq!(version_in("#!/bin/sh\n"), None);
        assert_eq!(recorded_version(&Records::default()), None);
    }
}
