//! Settings of the kubelet.

use std::collections::BTreeMap;

use super::overlay::overlay;
use super::value::{Duration, Quantity};

overlay! {
    /// Settings of the kubelet (names of KubeletConfiguration, `kubelet.config.k8s.io/v1beta1`). A node group's field
    /// wins over the cluster's, the cluster's over the default.
    Kubelet resolved by ResolvedKubelet {
        /// Most pods on a node. Default: 110 (the limit that Kubernetes is tested with).
        max_pods: u32 = 110,
        /// Most processes of a pod. Default: 4096.
        pod_pids_limit: u32 = 4096,
        /// Kept for the kubelet and the container runtime: `cpu`, `memory`, `ephemeral-storage` → amount.
        /// Default: cpu 100m, memory 512Mi, ephemeral-storage 1Gi.
        kube_reserved: BTreeMap<String, Quantity> = reserved("100m", "512Mi"),
        /// Kept for the operating system, in the same way. Default: cpu 100m, memory 256Mi, ephemeral-storage 1Gi.
        system_reserved: BTreeMap<String, Quantity> = reserved("100m", "256Mi"),
        /// Signals at which pods are evicted at once: signal → threshold.
        /// Default: memory.available 200Mi, nodefs.available 10%, imagefs.available 15%.
        eviction_hard: BTreeMap<String, Quantity> =
            quantities(&[("memory.available", "200Mi"), ("nodefs.available", "10%"), ("imagefs.available", "15%")]),
        /// Signals at which pods are evicted after a grace period. Default: none.
        eviction_soft: BTreeMap<String, Quantity> = BTreeMap::new(),
        /// Grace period of each soft signal. Default: none.
        eviction_soft_grace_period: BTreeMap<String, Duration> = BTreeMap::new(),
        /// Disk use in percent at which old images are deleted. Default: 80.
        #[serde(rename = "imageGCHighThresholdPercent")]
        image_gc_high_threshold_percent: u32 = 80,
        /// Disk use in percent at which that stops. Default: 70.
        #[serde(rename = "imageGCLowThresholdPercent")]
        image_gc_low_threshold_percent: u32 = 70,
        /// Whether images are pulled one after another. Default: false.
        serialize_image_pulls: bool = false,
        /// Images pulled at the same time. Default: 5.
        max_parallel_image_pulls: u32 = 5,
        /// Size at which a container's log is rotated. Default: `50Mi`.
        container_log_max_size: Quantity = quantity("50Mi"),
        /// Logs kept for a container. Default: 5.
        container_log_max_files: u32 = 5,
        /// How long a node that shuts down waits for its pods. Default: `60s`, half of a spot reclaim's notice.
        shutdown_grace_period: Duration = Duration::seconds(60),
        /// The part of it that is for critical pods. Default: `15s`.
        shutdown_grace_period_critical_pods: Duration = Duration::seconds(15),
        /// `none` or `static`. Default: `none`.
        cpu_manager_policy: CpuManagerPolicy = CpuManagerPolicy::None,
        /// Whether CPU limits are enforced by quota. Default: true.
        #[serde(rename = "cpuCFSQuota")]
        cpu_cfs_quota: bool = true,
        /// Whether its serving certificate is one of the cluster's, so that others can trust it, such as metrics-server.
        /// Something must approve its requests, such as the add-on kubelet-csr-approver: until then `kubectl logs` and
        /// `exec` fail on the node. Default: false.
        #[serde(rename = "serverTLSBootstrap")]
        server_tls_bootstrap: bool = false,
        /// Sysctls outside the safe set that pods may use, such as `net.core.somaxconn`. Default: none.
        allowed_unsafe_sysctls: Vec<String> = Vec::new(),
        /// Feature gates: name → on or off. Default: Kubernetes' own.
        feature_gates: BTreeMap<String, bool> = BTreeMap::new(),
        /// Flags that have no field here: name without dashes → value. Default: none.
        extra_args: BTreeMap<String, String> = BTreeMap::new(),
    }
}

/// Whether containers may own CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CpuManagerPolicy {
    /// All share all.
    None,
    /// Guaranteed pods with whole CPUs own them.
    Static,
}

fn quantity(text: &str) -> Quantity {
    text.parse().expect("a constant quantity, read by a test")
}

fn quantities(pairs: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    pairs.iter().map(|&(key, text)| (key.to_owned(), quantity(text))).collect()
}

fn reserved(cpu: &str, memory: &str) -> BTreeMap<String, Quantity> {
    quantities(&[("cpu", cpu), ("memory", memory), ("ephemeral-storage", "1Gi")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_field_wins_over_the_clusters_and_that_over_the_default() {
        let cluster = Kubelet { max_pods: Some(60), pod_pids_limit: Some(1024), ..Kubelet::default() };
        let group = Kubelet { max_pods: Some(30), ..Kubelet::default() };
        let resolved = group.over(&cluster).resolve();
        assert_eq!((resolved.max_pods, resolved.pod_pids_limit), (30, 1024));
        assert_eq!(resolved.container_log_max_size.as_str(), "50Mi");
        assert_eq!(Kubelet::default().resolve(), Kubelet::production().resolve());
    }
}
