//! Helm charts: what is asked of helm. Asking it is somebody else's.

use crate::problem::Problem;
use crate::spec::Chart;
use crate::spec::value::KubernetesVersion;

/// One call of `helm template`.
#[derive(Clone, Copy, Debug)]
pub struct ChartCall<'a> {
    /// The name of the release: that of the add-on.
    pub release: &'a str,
    /// The namespace of what names none.
    pub namespace: &'a str,
    /// The chart.
    pub chart: &'a Chart,
    /// The version of the cluster.
    pub kubernetes: KubernetesVersion,
}

/// Who renders charts.
pub trait Charts {
    /// The YAML documents of a chart, its CustomResourceDefinitions among them.
    ///
    /// # Errors
    /// Why there are none, without a place.
    fn template(&self, call: &ChartCall<'_>) -> Result<String, Problem>;
}
