//! Kubernetes' own settings.

use std::collections::BTreeMap;

use super::super::read::{Document, Step, steps};
use super::super::{Kubelet, ResolvedKubelet};
use super::{Rules, flags};

/// The first minor version whose kubeadm reads the configuration that windlass writes (`kubeadm.k8s.io/v1beta4`).
const FIRST_MINOR: u32 = 31;

/// Signals of eviction (Kubernetes documentation, "Node-pressure eviction").
const SIGNALS: [&str; 8] = [
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "containerfs.available",
    "containerfs.inodesFree",
    "pid.available",
];

/// What can be kept for the system (Kubernetes documentation, "Reserve compute resources for system daemons").
const RESERVABLE: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];

pub(super) fn check(rules: &mut Rules<'_>) {
    let kubernetes = &rules.spec().kubernetes;
    let version = kubernetes.version;
    if version.major != 1 || version.minor < FIRST_MINOR {
        let finding = rules
            .error(format!("Kubernetes {version} is too old for windlass: at least 1.{FIRST_MINOR}.0"))
            .at(rules.document(), &steps!["spec", "kubernetes", "version"], "");
        rules.push(finding);
    }
    if let Some(oidc) = &kubernetes.api_server.oidc
        && !oidc.issuer_url.starts_with("https://")
    {
        rules.wrong(
            &steps!["spec", "kubernetes", "apiServer", "oidc", "issuerURL"],
            format!("{:?} is no issuer: kube-apiserver takes https:// only", oidc.issuer_url),
        );
    }
    let document = rules.document();
    let path = |name: &str| steps!["spec", "kubernetes", name, "extraArgs"].to_vec();
    let etcd = &rules.spec().control_plane.etcd;
    let arguments = [
        (path("apiServer"), flags::API_SERVER, &kubernetes.api_server.extra_args),
        (path("controllerManager"), flags::CONTROLLER_MANAGER, &kubernetes.controller_manager.extra_args),
        (path("scheduler"), flags::SCHEDULER, &kubernetes.scheduler.extra_args),
        (path("kubeProxy"), flags::KUBE_PROXY, &kubernetes.kube_proxy.extra_args),
        (steps!["spec", "controlPlane", "etcd", "extraArgs"].to_vec(), flags::ETCD, &etcd.extra_args),
    ];
    for (path, component, given) in arguments {
        flags::check(rules, document, &path, component, given);
    }
    let path = steps!["spec", "kubernetes", "kubelet"];
    kubelet(rules, document, &path, &kubernetes.kubelet, &kubernetes.kubelet.resolve());
    for group in rules.groups {
        let own = &group.manifest.spec.kubelet;
        if *own != Kubelet::default() {
            let resolved = own.over(&kubernetes.kubelet).resolve();
            kubelet(rules, &group.document, &steps!["spec", "kubelet"], own, &resolved);
        }
    }
}

fn kubelet(rules: &mut Rules<'_>, document: &Document, path: &[Step], own: &Kubelet, resolved: &ResolvedKubelet) {
    let at = |fields: &[&str]| -> Vec<Step> {
        path.iter().cloned().chain(fields.iter().map(|field| Step::from(*field))).collect()
    };
    let mut wrong: Vec<(Vec<Step>, String)> = Vec::new();
    let (high, low) = (resolved.image_gc_high_threshold_percent, resolved.image_gc_low_threshold_percent);
    if high > 100 || low >= high {
        let field = if own.image_gc_low_threshold_percent.is_some() {
            "imageGCLowThresholdPercent"
        } else {
            "imageGCHighThresholdPercent"
        };
        wrong
            .push((at(&[field]), format!("images are deleted from {high} % down to {low} %: the second must be less")));
    }
    let (all, critical) = (resolved.shutdown_grace_period, resolved.shutdown_grace_period_critical_pods);
    if critical > all {
        let message = format!("critical pods get {critical} of a shutdown that takes {all} in all");
        wrong.push((at(&["shutdownGracePeriodCriticalPods"]), message));
    }
    if resolved.max_pods == 0 {
        wrong.push((at(&["maxPods"]), String::from("a node needs room for at least one pod")));
    }
    for (field, map) in [("kubeReserved", &own.kube_reserved), ("systemReserved", &own.system_reserved)] {
        for key in map.iter().flat_map(BTreeMap::keys).filter(|key| !RESERVABLE.contains(&key.as_str())) {
            let message = format!("{key:?} cannot be kept for the system: {} can", RESERVABLE.join(", "));
            wrong.push((at(&[field, key]), message));
        }
    }
    for (field, map) in [("evictionHard", &own.eviction_hard), ("evictionSoft", &own.eviction_soft)] {
        for key in map.iter().flat_map(BTreeMap::keys).filter(|key| !SIGNALS.contains(&key.as_str())) {
            wrong.push((at(&[field, key]), format!("{key:?} is no eviction signal: {} are", SIGNALS.join(", "))));
        }
    }
    for key in resolved.eviction_soft.keys() {
        if !resolved.eviction_soft_grace_period.contains_key(key) {
            let message = format!("the soft signal {key:?} has no grace period: the kubelet would not start");
            wrong.push((at(&["evictionSoft", key]), message));
        }
    }
    for (path, message) in wrong {
        let finding = rules.error(message).at(document, &path, "");
        rules.push(finding);
    }
    if let Some(given) = &own.extra_args {
        flags::check(rules, document, &at(&["extraArgs"]), flags::KUBELET, given);
    }
}
