//! Version and settings of Kubernetes' components. Names are those of the components' own flags.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kubelet::Kubelet;
use super::value::{Duration, KubernetesVersion};

/// Version and settings of Kubernetes' components.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubernetes {
    /// Three numbers, such as `1.34.2`.
    pub version: KubernetesVersion,
    /// kube-apiserver.
    #[serde(default)]
    pub api_server: ApiServer,
    /// kube-controller-manager.
    #[serde(default)]
    pub controller_manager: ControllerManager,
    /// kube-scheduler.
    #[serde(default)]
    pub scheduler: Scheduler,
    /// The kubelet of every node; node groups may differ field by field.
    #[serde(default)]
    pub kubelet: Kubelet,
    /// kube-proxy.
    #[serde(default)]
    pub kube_proxy: KubeProxy,
}

/// Settings of kube-apiserver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiServer {
    /// Reads in flight at once. Default: 800.
    pub max_requests_inflight: u32,
    /// Writes in flight at once. Default: 400.
    pub max_mutating_requests_inflight: u32,
    /// How long events are kept. Default: `1h`.
    #[serde(rename = "eventTTL")]
    pub event_ttl: Duration,
    /// How long a request may take. Default: `1m`.
    pub request_timeout: Duration,
    /// Admission plug-ins on top of Kubernetes' default ones. Default: `NodeRestriction`.
    pub enable_admission_plugins: Vec<String>,
    /// Default admission plug-ins that are switched off. Default: none.
    pub disable_admission_plugins: Vec<String>,
    /// The audit log. Default: who did what, without contents; `defaultLevel: none` writes nothing.
    pub audit: Audit,
    /// Sign-in of people through OpenID Connect. Default: none.
    pub oidc: Option<Oidc>,
    /// Feature gates: name → on or off.
    pub feature_gates: BTreeMap<String, bool>,
    /// Flags that have no field here: name without dashes → value.
    pub extra_args: BTreeMap<String, String>,
}

impl Default for ApiServer {
    fn default() -> Self {
        Self {
            max_requests_inflight: 800,
            max_mutating_requests_inflight: 400,
            event_ttl: Duration::hours(1),
            request_timeout: Duration::minutes(1),
            enable_admission_plugins: vec![String::from("NodeRestriction")],
            disable_admission_plugins: Vec::new(),
            audit: Audit::default(),
            oidc: None,
            feature_gates: BTreeMap::new(),
            extra_args: BTreeMap::new(),
        }
    }
}

/// The audit log of kube-apiserver, as files on the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Audit {
    /// What is written of requests that no rule of `levels` names. Default: `metadata`.
    pub default_level: AuditLevel,
    /// What is written for some resources: `secrets`, `deployments.apps`, … → level. Default: none.
    pub levels: BTreeMap<String, AuditLevel>,
    /// Days that files are kept. Default: 30.
    pub log_max_age: u32,
    /// Files that are kept. Default: 10.
    pub log_max_backups: u32,
    /// MB of a file. Default: 100.
    pub log_max_size: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            default_level: AuditLevel::Metadata,
            levels: BTreeMap::new(),
            log_max_age: 30,
            log_max_backups: 10,
            log_max_size: 100,
        }
    }
}

/// How much of a request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AuditLevel {
    /// Nothing.
    None,
    /// Who, what, when.
    #[default]
    Metadata,
    /// And the request's body.
    Request,
    /// And the answer's.
    RequestResponse,
}

/// Sign-in of people through OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Oidc {
    /// `https://…`.
    #[serde(rename = "issuerURL")]
    pub issuer_url: String,
    /// Client id.
    #[serde(rename = "clientID")]
    pub client_id: String,
    /// The claim that is the user's name. Default: `email`.
    #[serde(default = "email")]
    pub username_claim: String,
    /// The claim that lists the user's groups. Default: `groups`.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// Put before every group's name. Default: `oidc:`.
    #[serde(default = "oidc")]
    pub groups_prefix: String,
}

/// Settings of kube-controller-manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControllerManager {
    /// How long the autoscaler of pods looks back before it scales down. Default: `5m`.
    pub horizontal_pod_autoscaler_downscale_stabilization: Duration,
    /// How often the autoscaler of pods decides. Default: `15s`.
    pub horizontal_pod_autoscaler_sync_period: Duration,
    /// How long a node may be silent before it counts as not ready. Default: `50s`.
    pub node_monitor_grace_period: Duration,
    /// Finished pods that are kept. Default: 1000.
    #[serde(rename = "terminatedPodGCThreshold")]
    pub terminated_pod_gc_threshold: u32,
    /// Prefix length of each node's pod range. Default: 24.
    #[serde(rename = "nodeCIDRMaskSize")]
    pub node_cidr_mask_size: u8,
    /// Requests a second to the API. Default: 50.
    #[serde(rename = "kubeAPIQPS")]
    pub kube_api_qps: u32,
    /// Requests at once to the API. Default: 100.
    #[serde(rename = "kubeAPIBurst")]
    pub kube_api_burst: u32,
    /// Feature gates: name → on or off.
    pub feature_gates: BTreeMap<String, bool>,
    /// Flags that have no field here: name without dashes → value.
    pub extra_args: BTreeMap<String, String>,
}

impl Default for ControllerManager {
    fn default() -> Self {
        Self {
            horizontal_pod_autoscaler_downscale_stabilization: Duration::minutes(5),
            horizontal_pod_autoscaler_sync_period: Duration::seconds(15),
            node_monitor_grace_period: Duration::seconds(50),
            terminated_pod_gc_threshold: 1000,
            node_cidr_mask_size: 24,
            kube_api_qps: 50,
            kube_api_burst: 100,
            feature_gates: BTreeMap::new(),
            extra_args: BTreeMap::new(),
        }
    }
}

/// Settings of kube-scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Scheduler {
    /// Requests a second to the API. Default: 100.
    #[serde(rename = "kubeAPIQPS")]
    pub kube_api_qps: u32,
    /// Requests at once to the API. Default: 200.
    #[serde(rename = "kubeAPIBurst")]
    pub kube_api_burst: u32,
    /// Feature gates: name → on or off.
    pub feature_gates: BTreeMap<String, bool>,
    /// Flags that have no field here: name without dashes → value.
    pub extra_args: BTreeMap<String, String>,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self { kube_api_qps: 100, kube_api_burst: 200, feature_gates: BTreeMap::new(), extra_args: BTreeMap::new() }
    }
}

/// Settings of kube-proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubeProxy {
    /// Whether it runs; off where the network plug-in does its work. Default: true.
    pub enabled: bool,
    /// Default: `nftables`.
    pub mode: ProxyMode,
    /// Feature gates: name → on or off.
    pub feature_gates: BTreeMap<String, bool>,
    /// Flags that have no field here: name without dashes → value.
    pub extra_args: BTreeMap<String, String>,
}

impl Default for KubeProxy {
    fn default() -> Self {
        Self { enabled: true, mode: ProxyMode::default(), feature_gates: BTreeMap::new(), extra_args: BTreeMap::new() }
    }
}

/// How kube-proxy sends packets to services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProxyMode {
    /// nftables rules.
    #[default]
    Nftables,
    /// iptables rules.
    Iptables,
    /// The kernel's virtual servers.
    Ipvs,
}

fn email() -> String {
    String::from("email")
}

fn groups() -> String {
    String::from("groups")
}

fn oidc() -> String {
    String::from("oidc:")
}
