//! Which add-on versions go with a minor version of Kubernetes.

use crate::spec::value::KubernetesVersion;

/// What goes with one minor version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddonVersions {
    /// CoreDNS that kubeadm installs (Kubernetes source, `cmd/kubeadm/app/constants`: CoreDNSVersion); `None`: not known here.
    pub coredns: Option<&'static str>,
    /// kube-proxy: the version of the cluster (Version Skew Policy, "kube-proxy": not newer than the API server).
    pub kube_proxy: KubernetesVersion,
    /// Minor version of the cluster-autoscaler, which simulates the scheduler of the same one (its documentation,
    /// "Releases").
    pub cluster_autoscaler: String,
}

/// CoreDNS by minor version.
const COREDNS: [(u32, &str); 4] = [(31, "1.11.3"), (32, "1.11.3"), (33, "1.12.0"), (34, "1.12.1")];

/// The add-on versions of a release.
#[must_use]
pub fn addon_versions(version: KubernetesVersion) -> AddonVersions {
    let coredns = COREDNS.iter().find(|(minor, _)| version.major == 1 && *minor == version.minor);
    AddonVersions {
        coredns: coredns.map(|(_, it)| *it),
        kube_proxy: version,
        cluster_autoscaler: format!("{}.{}", version.major, version.minor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_autoscaler_follows_the_minor_version_and_an_unknown_release_has_no_invented_coredns() {
        let of = |text: &str| addon_versions(text.parse().expect("a version"));
        assert_eq!((of("1.34.2").coredns, of("1.34.2").cluster_autoscaler.as_str()), (Some("1.12.1"), "1.34"));
        assert_eq!(of("1.99.0").coredns, None);
        assert_eq!(of("1.33.4").kube_proxy.to_string(), "1.33.4");
    }
}
