//! What is installed into the cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something installed into the cluster once its API answers: the templates `addons/<name>.yaml.j2` or
/// `addons/<name>/*.yaml.j2` of the project, a Helm chart, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Addon {
    /// Unique: a DNS label. The name of its templates, too.
    pub name: String,
    /// Whether it is installed. What was installed before is removed when this is false. Default: true.
    #[serde(default = "yes")]
    #[schemars(default = "yes")]
    pub enabled: bool,
    /// Namespace of objects that name none. Default: `kube-system`.
    #[serde(default = "default_namespace")]
    #[schemars(default = "default_namespace")]
    pub namespace: String,
    /// Add-ons, by name, that have to be healthy before this one begins. Default: none.
    #[serde(default)]
    pub needs: Vec<String>,
    /// A Helm chart, rendered by `helm template`. Default: none.
    #[serde(default)]
    pub chart: Option<Chart>,
}

/// A Helm chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chart {
    /// URL of the repository, `https://…` or `oci://…`, without credentials.
    pub repository: String,
    /// Name of the chart.
    pub name: String,
    /// Exact version, such as `4.13.0`.
    pub version: String,
    /// Values of the chart: any YAML mapping. Default: the chart's own.
    #[serde(default)]
    pub values: Map<String, Value>,
}

const fn yes() -> bool {
    true
}

fn default_namespace() -> String {
    String::from("kube-system")
}
