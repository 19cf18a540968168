//! API versions that a release no longer serves, or advises against.
//!
//! Source: Kubernetes documentation, "Deprecated API Migration Guide"; behind 1.32, which APIs the published OpenAPI
//! documents of the releases 1.33 to 1.37 have.

use crate::spec::value::KubernetesVersion;

/// An API version that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedApi {
    /// API group; empty: the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Resources, plural and lower case.
    pub resources: &'static [&'static str],
    /// The minor version of Kubernetes 1 that serves it no more.
    pub removed_in: u32,
    /// What to use.
    pub instead: &'static str,
}

/// From 1.16 on, oldest first.
const REMOVED: [RemovedApi; 29] = [
    row("apps", "v1beta1", &["deployments", "statefulsets"], 16, "v1"),
    row("apps", "v1beta2", &["daemonsets", "deployments", "replicasets", "statefulsets"], 16, "v1"),
    row("extensions", "v1beta1", &["daemonsets", "deployments", "replicasets"], 16, "apps/v1"),
    row("extensions", "v1beta1", &["networkpolicies"], 16, "networking.k8s.io/v1"),
    row(
        "admissionregistration.k8s.io",
        "v1beta1",
        &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
        22,
        "v1",
    ),
    row("apiextensions.k8s.io", "v1beta1", &["customresourcedefinitions"], 22, "v1"),
    row("apiregistration.k8s.io", "v1beta1", &["apiservices"], 22, "v1"),
    row("authentication.k8s.io", "v1beta1", &["tokenreviews"], 22, "v1"),
    row("certificates.k8s.io", "v1beta1", &["certificatesigningrequests"], 22, "v1"),
    row("coordination.k8s.io", "v1beta1", &["leases"], 22, "v1"),
    row("extensions", "v1beta1", &["ingresses"], 22, "networking.k8s.io/v1"),
    row("networking.k8s.io", "v1beta1", &["ingresses", "ingressclasses"], 22, "v1"),
    row(
        "rbac.authorization.k8s.io",
        "v1beta1",
        &["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
        22,
        "v1",
    ),
    row("scheduling.k8s.io", "v1beta1", &["priorityclasses"], 22, "v1"),
    row("storage.k8s.io", "v1beta1", &["csidrivers", "csinodes", "storageclasses", "volumeattachments"], 22, "v1"),
    row("batch", "v1beta1", &["cronjobs"], 25, "v1"),
    row("discovery.k8s.io", "v1beta1", &["endpointslices"], 25, "v1"),
    row("events.k8s.io", "v1beta1", &["events"], 25, "v1"),
    row("autoscaling", "v2beta1", &["horizontalpodautoscalers"], 25, "v2"),
    row("policy", "v1beta1", &["poddisruptionbudgets"], 25, "v1"),
    row("policy", "v1beta1", &["podsecuritypolicies"], 25, "Pod Security Admission"),
    row("node.k8s.io", "v1beta1", &["runtimeclasses"], 25, "v1"),
    row("flowcontrol.apiserver.k8s.io", "v1beta1", &["flowschemas", "prioritylevelconfigurations"], 26, "v1"),
    row("autoscaling", "v2beta2", &["horizontalpodautoscalers"], 26, "v2"),
    row("storage.k8s.io", "v1beta1", &["csistoragecapacities"], 27, "v1"),
    row("flowcontrol.apiserver.k8s.io", "v1beta2", &["flowschemas", "prioritylevelconfigurations"], 29, "v1"),
    row("flowcontrol.apiserver.k8s.io", "v1beta3", &["flowschemas", "prioritylevelconfigurations"], 32, "v1"),
    row(
        "admissionregistration.k8s.io",
        "v1beta1",
        &["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
        34,
        "v1",
    ),
    row("networking.k8s.io", "v1beta1", &["ipaddresses", "servicecidrs"], 37, "v1"),
];

/// What is served on, but advised against: group, version, resource, the first minor version that says so, and what to
/// use. Source: the API server's own warnings of 1.33 ("… is deprecated in v1.19+", "… in v1.33+").
const DEPRECATED: [(&str, &str, &str, u32, &str); 2] = [
    ("", "v1", "componentstatuses", 19, "the API server's /livez and /readyz"),
    ("", "v1", "endpoints", 33, "discovery.k8s.io/v1 EndpointSlice"),
];

/// What a version makes of an API that a manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Nothing is known against it.
    Yes,
    /// It is served, but a release after this one removes it.
    Until {
        /// The minor version of Kubernetes 1 that serves it no more.
        minor: u32,
        /// What to use.
        instead: &'static str,
    },
    /// It is served, but advised against.
    Deprecated {
        /// The minor version of Kubernetes 1 that advised against it first.
        minor: u32,
        /// What to use.
        instead: &'static str,
    },
    /// It is gone.
    Gone {
        /// The minor version of Kubernetes 1 that served it no more.
        minor: u32,
        /// What to use.
        instead: &'static str,
    },
}

/// What a version of Kubernetes makes of a resource (plural and lower case) of an API group and version.
#[must_use]
pub fn served(group: &str, version: &str, resource: &str, by: KubernetesVersion) -> Served {
    let same = |row: &&RemovedApi| row.group == group && row.version == version && row.resources.contains(&resource);
    if let Some(row) = REMOVED.iter().find(same) {
        let (minor, instead) = (row.removed_in, row.instead);
        return if minor <= by.minor { Served::Gone { minor, instead } } else { Served::Until { minor, instead } };
    }
    let advised =
        DEPRECATED.iter().find(|row| (row.0, row.1, row.2) == (group, version, resource) && row.3 <= by.minor);
    advised.map_or(Served::Yes, |row| Served::Deprecated { minor: row.3, instead: row.4 })
}

const fn row(
    group: &'static str,
    version: &'static str,
    resources: &'static [&'static str],
    removed_in: u32,
    instead: &'static str,
) -> RemovedApi {
    RemovedApi { group, version, resources, removed_in, instead }
}

/// An API version that clients still ask for (the API server's metric `apiserver_requested_deprecated_apis`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// API group; empty: the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Resource, plural and lower case.
    pub resource: String,
    /// The release that removes it, as the API server says it: `1.34`; empty when it does not.
    pub removed_release: String,
}

/// In which minor version of Kubernetes 1 an API is gone; `None`: nobody has said so.
///
/// The API server's own word comes first: it knows of removals that are newer than this table.
#[must_use]
pub fn removed_by(api: &InUse) -> Option<u32> {
    let said = api.removed_release.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    said.or_else(|| known(api).map(|row| row.removed_in))
}

/// What clients ask for that a version does not serve, in words.
#[must_use]
pub fn still_in_use(in_use: &[InUse], target: KubernetesVersion) -> Vec<String> {
    let gone = in_use.iter().filter(|api| removed_by(api).is_some_and(|minor| minor <= target.minor));
    gone.map(|api| {
        let group = if api.group.is_empty() { String::new() } else { format!("{}/", api.group) };
        let instead = known(api).map(|row| format!("; use {}", row.instead)).unwrap_or_default();
        let minor = removed_by(api).unwrap_or_default();
        format!("clients still ask for {} of {group}{}, which 1.{minor} removes{instead}", api.resource, api.version)
    })
    .collect()
}

fn known(api: &InUse) -> Option<&'static RemovedApi> {
    REMOVED.iter().find(|row| {
        row.group == api.group && row.version == api.version && row.resources.contains(&api.resource.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_use(group: &str, version: &str, resource: &str, removed_release: &str) -> InUse {
        InUse {
            group: group.into(),
            version: version.into(),
            resource: resource.into(),
            removed_release: removed_release.into(),
        }
    }

    #[test]
    fn what_the_target_no_longer_serves_is_named_with_what_to_use() {
        let used = [
            in_use("flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas", "1.32"),
            in_use("example.com", "v1", "things", ""),
            in_use("", "v1", "componentstatuses", ""),
        ];
        let at = |version: &str| still_in_use(&used, version.parse().expect("a version"));
        assert!(at("1.31.0").is_empty());
        assert_eq!(
            at("1.32.0"),
            ["clients still ask for flowschemas of flowcontrol.apiserver.k8s.io/v1beta3, which 1.32 removes; use v1"]
        );
        assert_eq!(at("1.36.0").len(), 1, "what was removed before is removed still");
    }

    #[test]
    fn the_api_server_knows_better_than_the_table() {
        assert_eq!(removed_by(&in_use("policy", "v1beta1", "poddisruptionbudgets", "")), Some(25));
        assert_eq!(removed_by(&in_use("new.k8s.io", "v1beta1", "things", "1.40")), Some(40));
        assert_eq!(removed_by(&in_use("policy", "v1", "poddisruptionbudgets", "")), None);
    }

    #[test]
    fn what_a_manifest_names_is_served_or_not() {
        let by = |text: &str| text.parse().expect("a version");
        let policy =
            |version| served("admissionregistration.k8s.io", "v1beta1", "validatingadmissionpolicies", by(version));
        assert_eq!(policy("1.33.9"), Served::Until { minor: 34, instead: "v1" });
        assert_eq!(policy("1.34.0"), Served::Gone { minor: 34, instead: "v1" });
        assert_eq!(served("", "v1", "endpoints", by("1.32.0")), Served::Yes);
        assert!(matches!(served("", "v1", "endpoints", by("1.33.0")), Served::Deprecated { minor: 33, .. }));
        assert_eq!(served("apps", "v1", "deployments", by("1.34.0")), Served::Yes);
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(REMOVED.is_sorted_by_key(|row| row.removed_in));
    }
}
