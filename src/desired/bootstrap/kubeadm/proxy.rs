//! KubeProxyConfiguration (`kubeproxy.config.k8s.io/v1alpha1`).
//!
//! kube-proxy ignores flags where it has a configuration file, so the manifest's `extraArgs` become fields of it.

use serde_json::{Map, Value, json};

use crate::desired::builder::Builder;
use crate::spec::ProxyMode;

/// What a flag's text becomes.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Number,
    Switch,
    List,
}

/// Flags and their fields (Kubernetes documentation, "kube-proxy" and "kube-proxy Configuration (v1alpha1)"). Text that
/// does not fit its shape stays text, which kube-proxy then refuses by name.
const FIELDS: &[(&str, &str, Shape)] = &[
    ("bind-address", "/bindAddress", Shape::Text),
    ("bind-address-hard-fail", "/bindAddressHardFail", Shape::Switch),
    ("cluster-cidr", "/clusterCIDR", Shape::Text),
    ("config-sync-period", "/configSyncPeriod", Shape::Text),
    ("conntrack-max-per-core", "/conntrack/maxPerCore", Shape::Number),
    ("conntrack-min", "/conntrack/min", Shape::Number),
    ("conntrack-tcp-be-liberal", "/conntrack/tcpBeLiberal", Shape::Switch),
    ("conntrack-tcp-timeout-close-wait", "/conntrack/tcpCloseWaitTimeout", Shape::Text),
    ("conntrack-tcp-timeout-established", "/conntrack/tcpEstablishedTimeout", Shape::Text),
    ("conntrack-udp-timeout", "/conntrack/udpTimeout", Shape::Text),
    ("conntrack-udp-timeout-stream", "/conntrack/udpStreamTimeout", Shape::Text),
    ("detect-local-mode", "/detectLocalMode", Shape::Text),
    ("healthz-bind-address", "/healthzBindAddress", Shape::Text),
    ("iptables-localhost-nodeports", "/iptables/localhostNodePorts", Shape::Switch),
    ("iptables-masquerade-bit", "/iptables/masqueradeBit", Shape::Number),
    ("iptables-min-sync-period", "/iptables/minSyncPeriod", Shape::Text),
    ("iptables-sync-period", "/iptables/syncPeriod", Shape::Text),
    ("ipvs-exclude-cidrs", "/ipvs/excludeCIDRs", Shape::List),
    ("ipvs-min-sync-period", "/ipvs/minSyncPeriod", Shape::Text),
    ("ipvs-scheduler", "/ipvs/scheduler", Shape::Text),
    ("ipvs-strict-arp", "/ipvs/strictARP", Shape::Switch),
    ("ipvs-sync-period", "/ipvs/syncPeriod", Shape::Text),
    ("ipvs-tcp-timeout", "/ipvs/tcpTimeout", Shape::Text),
    ("ipvs-tcpfin-timeout", "/ipvs/tcpFinTimeout", Shape::Text),
    ("ipvs-udp-timeout", "/ipvs/udpTimeout", Shape::Text),
    ("kube-api-burst", "/clientConnection/burst", Shape::Number),
    ("kube-api-qps", "/clientConnection/qps", Shape::Number),
    ("masquerade-all", "/iptables/masqueradeAll", Shape::Switch),
    ("metrics-bind-address", "/metricsBindAddress", Shape::Text),
    ("nodeport-addresses", "/nodePortAddresses", Shape::List),
    ("oom-score-adj", "/oomScoreAdj", Shape::Number),
    ("pod-bridge-interface", "/detectLocal/bridgeInterface", Shape::Text),
    ("pod-interface-name-prefix", "/detectLocal/interfaceNamePrefix", Shape::Text),
    ("profiling", "/enableProfiling", Shape::Switch),
    ("proxy-mode", "/mode", Shape::Text),
    ("show-hidden-metrics-for-version", "/showHiddenMetricsForVersion", Shape::Text),
];

/// The flags that have a field.
#[cfg(test)]
pub(super) fn flags() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(flag, ..)| *flag)
}

/// Of all nodes.
pub(super) fn configuration(builder: &Builder<'_>) -> Value {
    let settings = &builder.spec().kubernetes.kube_proxy;
    let mode = match settings.mode {
        ProxyMode::Nftables => "nftables",
        ProxyMode::Iptables => "iptables",
        ProxyMode::Ipvs => "ipvs",
    };
    let mut document = Map::new();
    document.insert(String::from("apiVersion"), json!("kubeproxy.config.k8s.io/v1alpha1"));
    document.insert(String::from("kind"), json!("KubeProxyConfiguration"));
    document.insert(String::from("mode"), json!(mode));
    // CIS 4.3.1: metrics are for the node itself.
    document.insert(String::from("metricsBindAddress"), json!("127.0.0.1:10249"));
    if !settings.feature_gates.is_empty() {
        document.insert(String::from("featureGates"), json!(settings.feature_gates));
    }
    for (flag, text) in &settings.extra_args {
        if let Some((_, field, shape)) = FIELDS.iter().find(|(known, ..)| known == flag) {
            put(&mut document, field, value(text, *shape));
        }
    }
    Value::Object(document)
}

/// Sets a field at `/a/b`, making the object around it.
fn put(document: &mut Map<String, Value>, field: &str, value: Value) {
    match field.trim_start_matches('/').split_once('/') {
        None => {
            document.insert(field.trim_start_matches('/').to_owned(), value);
        }
        Some((outer, inner)) => {
            let within = document.entry(outer).or_insert_with(|| json!({}));
            if let Some(within) = within.as_object_mut() {
                put(within, inner, value);
            }
        }
    }
}

fn value(text: &str, shape: Shape) -> Value {
    let typed = match shape {
        Shape::Text => None,
        Shape::Number => text.parse::<i64>().ok().map(Value::from),
        Shape::Switch => text.parse::<bool>().ok().map(Value::from),
        Shape::List => Some(text.split(',').map(Value::from).collect()),
    };
    typed.unwrap_or_else(|| Value::from(text))
}
