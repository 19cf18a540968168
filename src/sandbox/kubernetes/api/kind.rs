//! The resources that the API server serves: a table of the built-in ones, and what CRDs define.
//!
//! Groups, names, scopes and versions are those of the Kubernetes API reference; the versions that go away are those of
//! its "Deprecated API Migration Guide".

use serde_json::Value;

use super::super::Cluster;
use super::super::objects::Key;
use super::path::Target;

/// A resource in one of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Empty for the core group.
    pub group: String,
    /// The version that was asked for.
    pub version: String,
    /// `pods`.
    pub plural: String,
    /// `Pod`.
    pub kind: String,
    /// Short names.
    pub short: Vec<String>,
    /// Where its objects live.
    pub scope: Scope,
    /// Who defined it.
    pub origin: Origin,
    /// `/status` and `/scale`.
    pub subresources: Vec<String>,
    /// The minor version in which this version was deprecated.
    pub deprecated: Option<Deprecated>,
}

/// Where objects live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster.
    Cluster,
}

/// Who defined a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Kubernetes.
    BuiltIn,
    /// A CRD.
    Custom,
}

/// That a version goes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// The release that does not serve it any more, `1.32`; empty if none is known.
    pub removed: String,
}

impl Kind {
    /// As the objects are stored, and as messages name it: `deployments.apps`.
    #[must_use]
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// What a path names that is not served.
    #[must_use]
    pub fn unknown(target: &Target) -> Self {
        Self {
            group: target.group.clone(),
            version: target.version.clone(),
            plural: target.plural.clone(),
            kind: String::new(),
            short: Vec::new(),
            scope: if target.namespace.is_some() { Scope::Namespaced } else { Scope::Cluster },
            origin: Origin::BuiltIn,
            subresources: Vec::new(),
            deprecated: None,
        }
    }

    /// `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether `/status` is apart from the rest.
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.subresources.iter().any(|name| name == "status")
    }

    /// Whether `metadata.generation` counts changes of the specification. The oldest kinds of the core group do not.
    #[must_use]
    pub fn has_generation(&self) -> bool {
        let core = matches!(self.plural.as_str(), "pods" | "replicationcontrollers");
        let without = [
            "events",
            "leases",
            "roles",
            "rolebindings",
            "clusterroles",
            "clusterrolebindings",
            "apiservices",
            "storageclasses",
            "csinodes",
            "controllerrevisions",
            "horizontalpodautoscalers",
            "endpointslices",
            "certificatesigningrequests",
        ];
        if self.group.is_empty() { core } else { !without.contains(&self.plural.as_str()) }
    }
}

/// The resource of CRDs.
pub const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// group, version, plural, kind, short names (comma-separated), `n`amespaced and/or `s`tatus and/or s`c`ale.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// Built-in resources.
const TABLE: &[Row] = &[
    ("", "v1", "nodes", "Node", "no", "s"),
    ("", "v1", "pods", "Pod", "po", "ns"),
    ("", "v1", "namespaces", "Namespace", "ns", "s"),
    ("", "v1", "configmaps", "ConfigMap", "cm", "n"),
    ("", "v1", "secrets", "Secret", "", "n"),
    ("", "v1", "services", "Service", "svc", "ns"),
    ("", "v1", "endpoints", "Endpoints", "ep", "n"),
    ("", "v1", "serviceaccounts", "ServiceAccount", "sa", "n"),
    ("", "v1", "persistentvolumes", "PersistentVolume", "pv", "s"),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", "ns"),
    ("", "v1", "events", "Event", "ev", "n"),
    ("", "v1", "replicationcontrollers", "ReplicationController", "rc", "nsc"),
    ("", "v1", "limitranges", "LimitRange", "limits", "n"),
    ("", "v1", "resourcequotas", "ResourceQuota", "quota", "ns"),
    ("", "v1", "podtemplates", "PodTemplate", "", "n"),
    ("apps", "v1", "deployments", "Deployment", "deploy", "nsc"),
    ("apps", "v1", "replicasets", "ReplicaSet", "rs", "nsc"),
    ("apps", "v1", "statefulsets", "StatefulSet", "sts", "nsc"),
    ("apps", "v1", "daemonsets", "DaemonSet", "ds", "ns"),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", "", "n"),
    ("batch", "v1", "jobs", "Job", "", "ns"),
    ("batch", "v1", "cronjobs", "CronJob", "cj", "ns"),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", "ns"),
    ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", "ns"),
    ("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", "ns"),
    ("coordination.k8s.io", "v1", "leases", "Lease", "", "n"),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "pc", ""),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", "", "n"),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "", "n"),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "", ""),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", "", ""),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", "crd,crds", "s"),
    ("apiregistration.k8s.io", "v1", "apiservices", "APIService", "", "s"),
    ("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "", ""),
    ("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "", ""),
    ("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", "", "s"),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        "",
        "",
    ),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", "sc", ""),
    ("storage.k8s.io", "v1", "csidrivers", "CSIDriver", "", ""),
    ("storage.k8s.io", "v1", "csinodes", "CSINode", "", ""),
    ("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", "", "s"),
    ("storage.k8s.io", "v1", "csistoragecapacities", "CSIStorageCapacity", "", "n"),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", "ing", "ns"),
    ("networking.k8s.io", "v1", "ingressclasses", "IngressClass", "", ""),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "netpol", "n"),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "", "n"),
    ("events.k8s.io", "v1", "events", "Event", "ev", "n"),
    ("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", "", ""),
    ("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", "csr", "s"),
    ("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema", "", "s"),
    ("flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations", "PriorityLevelConfiguration", "", "s"),
    ("flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas", "FlowSchema", "", "s"),
    ("flowcontrol.apiserver.k8s.io", "v1beta3", "prioritylevelconfigurations", "PriorityLevelConfiguration", "", "s"),
    ("policy", "v1beta1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", "ns"),
    ("batch", "v1beta1", "cronjobs", "CronJob", "cj", "ns"),
    ("autoscaling", "v2beta2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", "ns"),
];

/// Group, version, plural (or `*`): deprecated in and removed in these minor versions of Kubernetes 1 (0: not known yet).
const DEPRECATED: &[(&str, &str, &str, u32, u32)] = &[
    ("flowcontrol.apiserver.k8s.io", "v1beta3", "*", 29, 32),
    ("policy", "v1beta1", "*", 21, 25),
    ("batch", "v1beta1", "*", 21, 25),
    ("autoscaling", "v2beta2", "*", 23, 26),
    // Release notes of 1.33: EndpointSlices instead.
    ("", "v1", "endpoints", 33, 0),
];

/// The minor version of a cluster's control plane; newer than everything if it cannot be read.
#[must_use]
pub fn minor(version: &str) -> u32 {
    version.trim_start_matches('v').split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(u32::MAX)
}

/// The kind of a built-in resource.
#[must_use]
pub fn name(group: &str, plural: &str) -> Option<&'static str> {
    TABLE.iter().find(|row| row.0 == group && row.2 == plural).map(|row| row.3)
}

/// The version in which the server's own controllers write a built-in resource: the first of the table.
#[must_use]
pub fn api_version(resource: &str) -> String {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let row = TABLE.iter().find(|row| row.0 == group && row.2 == plural);
    let version = row.map_or("v1", |row| row.1);
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// All resources of a cluster, built-in ones first.
#[must_use]
pub fn all(cluster: &Cluster) -> Vec<Kind> {
    let minor = minor(&cluster.version);
    let mut all: Vec<Kind> = TABLE.iter().filter_map(|row| built_in(row, minor)).collect();
    for (_, definition) in cluster.objects.list(CRDS) {
        custom(definition, &mut all);
    }
    all
}

/// One resource.
#[must_use]
pub fn find(cluster: &Cluster, group: &str, version: &str, plural: &str) -> Option<Kind> {
    let minor = minor(&cluster.version);
    let mut rows = TABLE.iter().filter(|row| row.0 == group && row.1 == version && row.2 == plural);
    if let Some(found) = rows.find_map(|row| built_in(row, minor)) {
        return Some(found);
    }
    let mut custom_ones = Vec::new();
    if let Some(definition) = cluster.objects.get(&Key::new(CRDS, "", &format!("{plural}.{group}"))) {
        custom(definition, &mut custom_ones);
    }
    custom_ones.into_iter().find(|kind| kind.version == version)
}

fn built_in(row: &Row, minor: u32) -> Option<Kind> {
    let (group, version, plural, kind, short, flags) = *row;
    let going = DEPRECATED.iter().find(|it| it.0 == group && it.1 == version && (it.2 == plural || it.2 == "*"));
    if going.is_some_and(|it| it.4 != 0 && minor >= it.4) {
        return None;
    }
    let mut subresources = Vec::new();
    if flags.contains('s') {
        subresources.push("status".to_owned());
    }
    if flags.contains('c') {
        subresources.push("scale".to_owned());
    }
    if plural == "pods" {
        subresources.extend(["eviction".to_owned(), "binding".to_owned()]);
    }
    Some(Kind {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        kind: kind.to_owned(),
        short: short.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        scope: if flags.contains('n') { Scope::Namespaced } else { Scope::Cluster },
        origin: Origin::BuiltIn,
        subresources,
        deprecated: going
            .filter(|it| minor >= it.3)
            .map(|it| Deprecated { removed: if it.4 == 0 { String::new() } else { format!("1.{}", it.4) } }),
    })
}

/// What a CRD defines: nothing before it is established.
fn custom(definition: &Value, all: &mut Vec<Kind>) {
    let conditions = definition["status"]["conditions"].as_array().into_iter().flatten();
    if !conditions.into_iter().any(|it| it["type"] == "Established" && it["status"] == "True") {
        return;
    }
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for version in spec["versions"].as_array().into_iter().flatten() {
        if version["served"] == Value::Bool(false) {
            continue;
        }
        let short = spec["names"]["shortNames"].as_array().into_iter().flatten().map(text).collect();
        let known = ["status", "scale"].into_iter();
        let subresources = known.filter(|name| version["subresources"][*name].is_object()).map(str::to_owned);
        all.push(Kind {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&spec["names"]["plural"]),
            kind: text(&spec["names"]["kind"]),
            short,
            scope: if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
            origin: Origin::Custom,
            subresources: subresources.collect(),
            deprecated: None,
        });
    }
}
