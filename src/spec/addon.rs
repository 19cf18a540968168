//! What is installed into the cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something installed into the cluster: exactly one of `manifests` and `helm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Addon {
    /// Unique: a DNS label.
    pub name: String,
    /// Namespace of what names none. Default: `kube-system`.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Where it comes from.
    pub source: AddonSource,
}

/// Where an add-on comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AddonSource {
    /// Templates of the project, rendered like the cluster's own: paths beneath its root.
    Manifests(Vec<String>),
    /// A Helm chart.
    Helm(HelmChart),
}

/// A Helm chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmChart {
    /// URL of the repository: `https://…` or `oci://…`.
    pub repository: String,
    /// Name of the chart.
    pub chart: String,
    /// Exact version.
    pub version: String,
    /// Values as `--set` takes them: path → value.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

fn default_namespace() -> String {
    String::from("kube-system")
}
