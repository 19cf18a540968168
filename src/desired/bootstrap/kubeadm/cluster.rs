//! ClusterConfiguration (`kubeadm.k8s.io/v1beta4`): the components of the control plane.

use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{Argument, Arguments};
use super::{CONFIG, authentication, hardening, word};
use crate::desired::bootstrap::facts;
use crate::desired::builder::Builder;
use crate::spec::{Cni, ControllerManager, Member, Scheduler};

/// etcd's data, a folder of the volume at `/var/lib/etcd`: what lies beside it (`lost+found`, kept data) is not etcd's.
const ETCD_DATA: &str = "/var/lib/etcd/data";
/// Bytes of a GiB.
const GIB: u64 = 1024 * 1024 * 1024;
/// Where audit logs go.
const AUDIT_LOG: &str = "/var/log/kubernetes/audit";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterConfiguration {
    api_version: &'static str,
    kind: &'static str,
    cluster_name: String,
    kubernetes_version: String,
    control_plane_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_repository: Option<String>,
    networking: Networking,
    etcd: Etcd,
    api_server: Component,
    controller_manager: Component,
    scheduler: Component,
    dns: Dns,
    proxy: Proxy,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Networking {
    service_subnet: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_subnet: Option<String>,
    dns_domain: &'static str,
}

#[derive(Serialize)]
struct Etcd {
    local: LocalEtcd,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalEtcd {
    data_dir: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tag: Option<String>,
    extra_args: Vec<Argument>,
}

/// kube-apiserver, kube-controller-manager or kube-scheduler.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    extra_args: Vec<Argument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_volumes: Vec<HostPathMount>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HostPathMount {
    name: &'static str,
    host_path: &'static str,
    mount_path: &'static str,
    read_only: bool,
    path_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dns {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tag: Option<String>,
}

#[derive(Serialize)]
struct Proxy {
    disabled: bool,
}

/// The cluster's configuration as a member uses it. What is the member's own in it (etcd's name) no other member reads.
pub(super) fn configuration(builder: &Builder<'_>, member: &Member) -> ClusterConfiguration {
    let spec = builder.spec();
    let api = facts::api(builder);
    let bootstrap = &spec.bootstrap;
    ClusterConfiguration {
        api_version: "kubeadm.k8s.io/v1beta4",
        kind: "ClusterConfiguration",
        cluster_name: builder.name().to_string(),
        kubernetes_version: format!("v{}", spec.kubernetes.version),
        control_plane_endpoint: format!("{}:{}", api.host, api.port),
        image_repository: bootstrap.image_repository.clone(),
        networking: Networking {
            service_subnet: spec.network.service_cidr.to_string(),
            // Pods of the Amazon VPC plug-in have addresses of subnets: no node gets a range.
            pod_subnet: (spec.network.cni != Cni::AmazonVpc).then(|| spec.network.pod_cidr.to_string()),
            dns_domain: super::kubelet::DOMAIN,
        },
        etcd: Etcd {
            local: LocalEtcd {
                data_dir: ETCD_DATA,
                image_tag: bootstrap.etcd_image_tag.clone(),
                extra_args: etcd(builder, member),
            },
        },
        api_server: api_server(builder),
        controller_manager: Component {
            extra_args: controller_manager(builder, &spec.kubernetes.controller_manager),
            extra_volumes: Vec::new(),
        },
        scheduler: scheduler(&spec.kubernetes.scheduler),
        dns: Dns { image_tag: bootstrap.dns_image_tag.clone() },
        proxy: Proxy { disabled: !spec.kubernetes.kube_proxy.enabled },
    }
}

fn etcd(builder: &Builder<'_>, member: &Member) -> Vec<Argument> {
    let etcd = &builder.spec().control_plane.etcd;
    Arguments::default()
        .all(&hardening::ETCD)
        .set("cipher-suites", hardening::CIPHERS.join(","))
        .set("name", member.name.as_str())
        // With data on the volume etcd reads its members from there and ignores these.
        .set("initial-cluster", word::INITIAL_CLUSTER)
        .set("initial-cluster-state", "new")
        .set("initial-cluster-token", builder.name().as_str())
        .set("heartbeat-interval", etcd.heartbeat_interval.to_string())
        .set("election-timeout", etcd.election_timeout.to_string())
        .set("quota-backend-bytes", (u64::from(etcd.quota_backend_gb) * GIB).to_string())
        .set("auto-compaction-mode", "periodic")
        .set("auto-compaction-retention", etcd.auto_compaction_retention.as_go())
        .finish(&etcd.extra_args)
}

fn api_server(builder: &Builder<'_>) -> Component {
    let spec = &builder.spec().kubernetes;
    let settings = &spec.api_server;
    let mut arguments = Arguments::default();
    arguments
        .all(&hardening::API_SERVER)
        .set("tls-cipher-suites", hardening::CIPHERS.join(","))
        .set("max-requests-inflight", settings.max_requests_inflight.to_string())
        .set("max-mutating-requests-inflight", settings.max_mutating_requests_inflight.to_string())
        .set("event-ttl", settings.event_ttl.as_go())
        // CIS 1.2.20.
        .set("request-timeout", settings.request_timeout.as_go())
        // CIS 1.2.14: NodeRestriction, the default of the field.
        .list("enable-admission-plugins", &settings.enable_admission_plugins)
        .list("disable-admission-plugins", &settings.disable_admission_plugins)
        .feature_gates(&settings.feature_gates)
        // CIS 1.2.16 to 1.2.19, 3.2.1.
        .set("audit-policy-file", format!("{CONFIG}/audit-policy.yaml"))
        .set("audit-log-path", format!("{AUDIT_LOG}/audit.log"))
        .set("audit-log-maxage", settings.audit.log_max_age.to_string())
        .set("audit-log-maxbackup", settings.audit.log_max_backups.to_string())
        .set("audit-log-maxsize", settings.audit.log_max_size.to_string());
    authentication::arguments(&mut arguments, spec);
    Component {
        extra_args: arguments.finish(&settings.extra_args),
        extra_volumes: vec![
            // A folder, because a file that is replaced would stay the old one in the pod.
            HostPathMount {
                name: "config",
                host_path: CONFIG,
                mount_path: CONFIG,
                read_only: true,
                path_type: "Directory",
            },
            HostPathMount {
                name: "audit-log",
                host_path: AUDIT_LOG,
                mount_path: AUDIT_LOG,
                read_only: false,
                path_type: "DirectoryOrCreate",
            },
        ],
    }
}

fn controller_manager(builder: &Builder<'_>, settings: &ControllerManager) -> Vec<Argument> {
    let spec = builder.spec();
    let mut arguments = Arguments::default();
    arguments
        .all(&hardening::CONTROLLER_MANAGER)
        .set("tls-cipher-suites", hardening::CIPHERS.join(","))
        .set(
            "horizontal-pod-autoscaler-downscale-stabilization",
            settings.horizontal_pod_autoscaler_downscale_stabilization.as_go(),
        )
        .set("horizontal-pod-autoscaler-sync-period", settings.horizontal_pod_autoscaler_sync_period.as_go())
        .set("node-monitor-grace-period", settings.node_monitor_grace_period.as_go())
        // CIS 1.3.1.
        .set("terminated-pod-gc-threshold", settings.terminated_pod_gc_threshold.to_string())
        .set("kube-api-qps", settings.kube_api_qps.to_string())
        .set("kube-api-burst", settings.kube_api_burst.to_string())
        // `ca.crt` may hold several authorities; the one that signs is the one of the key.
        .set("cluster-signing-cert-file", "/etc/kubernetes/pki/signing.crt")
        .set("cluster-signing-key-file", "/etc/kubernetes/pki/ca.key")
        .set("cluster-signing-duration", spec.pki.lifetimes.leaf.as_go())
        .feature_gates(&settings.feature_gates);
    if spec.network.cni != Cni::AmazonVpc {
        arguments.set("node-cidr-mask-size", settings.node_cidr_mask_size.to_string());
    }
    arguments.finish(&settings.extra_args)
}

fn scheduler(settings: &Scheduler) -> Component {
    let extra_args = Arguments::default()
        .all(&hardening::SCHEDULER)
        .set("tls-cipher-suites", hardening::CIPHERS.join(","))
        .set("kube-api-qps", settings.kube_api_qps.to_string())
        .set("kube-api-burst", settings.kube_api_burst.to_string())
        .feature_gates(&settings.feature_gates)
        .finish(&settings.extra_args);
    // kubeadm gives its pod the kubeconfig only, which refers to files here.
    let folder = "/etc/kubernetes/scheduler";
    let files =
        HostPathMount { name: "keys", host_path: folder, mount_path: folder, read_only: true, path_type: "Directory" };
    Component { extra_args, extra_volumes: vec![files] }
}

/// etcd's pod does not start where its folder is missing, which is so while the volume is not mounted: kubeadm's own
/// manifest would make the folder, and etcd an empty cluster in it.
pub(super) fn etcd_patch() -> Value {
    let path = json!({"path": ETCD_DATA, "type": "Directory"});
    json!({"spec": {"volumes": [{"name": "etcd-data", "hostPath": path}]}})
}
