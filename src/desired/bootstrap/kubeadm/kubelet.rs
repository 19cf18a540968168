//! KubeletConfiguration (`kubelet.config.k8s.io/v1beta1`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Value, json};

use super::{hardening, word};
use crate::desired::bootstrap::facts::Machine;
use crate::desired::builder::Builder;
use crate::desired::names::dns_address;
use crate::spec::CpuManagerPolicy;
use crate::spec::value::{Duration, Quantity};

/// The domain of services.
pub(super) const DOMAIN: &str = "cluster.local";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KubeletConfiguration {
    api_version: &'static str,
    kind: &'static str,
    /// CIS 4.2.1 and 4.2.3: nobody without a name; certificates of the cluster's authority, tokens by asking the API.
    authentication: Value,
    /// CIS 4.2.2.
    authorization: Value,
    /// CIS 4.2.4.
    read_only_port: u16,
    /// CIS 4.2.5.
    streaming_connection_idle_timeout: String,
    /// Fails, rather than changing the kernel's settings behind the operator's back.
    protect_kernel_defaults: bool,
    /// CIS 4.2.6.
    #[serde(rename = "makeIPTablesUtilChains")]
    make_iptables_util_chains: bool,
    /// CIS 4.2.8: events a second; not 0, which would be all that come.
    #[serde(rename = "eventRecordQPS")]
    event_record_qps: u32,
    /// CIS 4.2.10.
    rotate_certificates: bool,
    /// CIS 4.2.12.
    tls_cipher_suites: [&'static str; 6],
    tls_min_version: &'static str,
    /// CIS 4.2.14 (and 5.7.2): every container has the runtime's system call filter.
    seccomp_default: bool,
    cgroup_driver: &'static str,
    static_pod_path: &'static str,
    #[serde(rename = "clusterDNS")]
    cluster_dns: Vec<IpAddr>,
    cluster_domain: &'static str,
    max_pods: u32,
    /// CIS 4.2.13.
    pod_pids_limit: u32,
    kube_reserved: BTreeMap<String, Quantity>,
    system_reserved: BTreeMap<String, Quantity>,
    eviction_hard: BTreeMap<String, Quantity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    eviction_soft: BTreeMap<String, Quantity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    eviction_soft_grace_period: BTreeMap<String, String>,
    #[serde(rename = "imageGCHighThresholdPercent")]
    image_gc_high_threshold_percent: u32,
    #[serde(rename = "imageGCLowThresholdPercent")]
    image_gc_low_threshold_percent: u32,
    serialize_image_pulls: bool,
    /// The kubelet refuses any but 1 together with `serializeImagePulls`.
    max_parallel_image_pulls: u32,
    container_log_max_size: Quantity,
    container_log_max_files: u32,
    shutdown_grace_period: String,
    shutdown_grace_period_critical_pods: String,
    cpu_manager_policy: &'static str,
    #[serde(rename = "cpuCFSQuota")]
    cpu_cfs_quota: bool,
    #[serde(rename = "serverTLSBootstrap")]
    server_tls_bootstrap: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_unsafe_sysctls: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    feature_gates: BTreeMap<String, bool>,
}

/// Of a machine.
pub(super) fn configuration(builder: &Builder<'_>, machine: &Machine<'_>) -> KubeletConfiguration {
    let kubelet = crate::desired::bootstrap::kubelet(builder, machine).resolve();
    let soft = kubelet.eviction_soft_grace_period.iter();
    KubeletConfiguration {
        api_version: "kubelet.config.k8s.io/v1beta1",
        kind: "KubeletConfiguration",
        authentication: json!({
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"},
        }),
        authorization: json!({"mode": "Webhook"}),
        read_only_port: 0,
        streaming_connection_idle_timeout: Duration::hours(4).as_go(),
        protect_kernel_defaults: true,
        make_iptables_util_chains: true,
        event_record_qps: 50,
        rotate_certificates: true,
        tls_cipher_suites: hardening::CIPHERS,
        tls_min_version: hardening::TLS,
        seccomp_default: true,
        cgroup_driver: "systemd",
        static_pod_path: "/etc/kubernetes/manifests",
        cluster_dns: dns(builder),
        cluster_domain: DOMAIN,
        max_pods: kubelet.max_pods,
        pod_pids_limit: kubelet.pod_pids_limit,
        kube_reserved: kubelet.kube_reserved,
        system_reserved: kubelet.system_reserved,
        eviction_hard: kubelet.eviction_hard,
        eviction_soft: kubelet.eviction_soft,
        eviction_soft_grace_period: soft.map(|(signal, period)| (signal.clone(), period.as_go())).collect(),
        image_gc_high_threshold_percent: kubelet.image_gc_high_threshold_percent,
        image_gc_low_threshold_percent: kubelet.image_gc_low_threshold_percent,
        serialize_image_pulls: kubelet.serialize_image_pulls,
        max_parallel_image_pulls: if kubelet.serialize_image_pulls { 1 } else { kubelet.max_parallel_image_pulls },
        container_log_max_size: kubelet.container_log_max_size,
        container_log_max_files: kubelet.container_log_max_files,
        shutdown_grace_period: kubelet.shutdown_grace_period.as_go(),
        shutdown_grace_period_critical_pods: kubelet.shutdown_grace_period_critical_pods.as_go(),
        cpu_manager_policy: match kubelet.cpu_manager_policy {
            CpuManagerPolicy::None => "none",
            CpuManagerPolicy::Static => "static",
        },
        cpu_cfs_quota: kubelet.cpu_cfs_quota,
        server_tls_bootstrap: kubelet.server_tls_bootstrap,
        allowed_unsafe_sysctls: kubelet.allowed_unsafe_sysctls,
        feature_gates: kubelet.feature_gates,
    }
}

/// A member's own: its certificate is windlass' matter and not the kubelet's (CIS 4.2.10 excepts certificates that come
/// from elsewhere), and its instance is known from the start.
pub(super) fn member_patch() -> Value {
    json!({"providerID": word::PROVIDER_ID, "rotateCertificates": false})
}

/// A node's own: everything, because its group may differ from the cluster in any field.
pub(super) fn worker_patch(builder: &Builder<'_>, machine: &Machine<'_>) -> Value {
    let mut patch = serde_json::to_value(configuration(builder, machine)).unwrap_or_default();
    patch["providerID"] = json!(word::PROVIDER_ID);
    patch
}

fn dns(builder: &Builder<'_>) -> Vec<IpAddr> {
    vec![IpAddr::V4(dns_address(&builder.spec().network))]
}
