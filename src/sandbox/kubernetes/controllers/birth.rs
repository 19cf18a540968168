//! A new cluster: what kubeadm leaves in it, and its add-ons.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::objects::{Key, Objects};
use super::super::{Cluster, bootstrap};

/// A cluster of a version such as `v1.34.2`, as it is when its first member serves.
#[must_use]
pub fn cluster(name: &str, version: &str, seed: u64, now: Timestamp) -> Cluster {
    let seed = seed ^ u64::try_from(super::kubelet::jitter(name, 5, (0, i64::from(u32::MAX)))).unwrap_or(0);
    let mut objects = Objects::new(seed);
    furnish(&mut objects, version, now);
    Cluster { objects, version: version.to_owned() }
}

/// Puts in what is missing of what every cluster has.
pub fn furnish(objects: &mut Objects, version: &str, now: Timestamp) {
    bootstrap(objects, now);
    let mut put = |resource: &str, namespace: &str, name: &str, object: Value| {
        let key = Key::new(resource, namespace, name);
        if objects.get(&key).is_none() {
            objects.create(&key, object, now);
        }
    };
    let everywhere = json!([{"operator": "Exists"}]);
    let proxy = json!({
        "metadata": {"labels": {"k8s-app": "kube-proxy"}},
        "spec": {
            "hostNetwork": true, "priorityClassName": "system-node-critical", "tolerations": everywhere,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "containers": [{"name": "kube-proxy", "image": format!("registry.k8s.io/kube-proxy:{version}")}],
        },
    });
    put("daemonsets.apps", "kube-system", "kube-proxy", workload(json!({"k8s-app": "kube-proxy"}), proxy, None));
    let dns = json!({
        "metadata": {"labels": {"k8s-app": "kube-dns"}},
        "spec": {
            "priorityClassName": "system-cluster-critical",
            "tolerations": [
                {"key": "CriticalAddonsOnly", "operator": "Exists"},
                {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
            ],
            "containers": [{
                "name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.12.1",
                "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
            }],
        },
    });
    put("deployments.apps", "kube-system", "coredns", workload(json!({"k8s-app": "kube-dns"}), dns, Some(2)));
}

/// A workload with one template.
#[must_use]
pub fn workload(labels: Value, template: Value, replicas: Option<u32>) -> Value {
    let mut workload = json!({
        "metadata": {"labels": labels, "generation": 1},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
        "status": {},
    });
    if let Some(replicas) = replicas {
        workload["spec"]["replicas"] = json!(replicas);
    }
    workload
}
