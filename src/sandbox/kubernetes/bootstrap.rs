//! What is in a new cluster before anybody puts something there: the namespaces, priority classes and bindings that the
//! API server and kubeadm make.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::objects::{Key, Objects};

/// Priorities of the two classes of the system (API reference, `PriorityClass`).
const PRIORITIES: [(&str, i64); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// Puts what is missing into a cluster.
pub fn bootstrap(objects: &mut Objects, now: Timestamp) {
    let mut put = |resource: &str, (namespace, name): (&str, &str), object: Value| {
        let key = Key::new(resource, namespace, name);
        if objects.get(&key).is_none() {
            objects.create(&key, object, now);
        }
    };
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        let namespace = json!({
            "metadata": {"labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        });
        put("namespaces", ("", name), namespace);
        put("serviceaccounts", (name, "default"), json!({"metadata": {}}));
    }
    for (name, value) in PRIORITIES {
        put("priorityclasses.scheduling.k8s.io", ("", name), json!({"metadata": {}, "value": value}));
    }
    let all = json!({"metadata": {}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    put("clusterroles.rbac.authorization.k8s.io", ("", "cluster-admin"), all);
    for (name, group) in [("cluster-admin", "system:masters"), ("kubeadm:cluster-admins", "kubeadm:cluster-admins")] {
        let binding = json!({
            "metadata": {},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        });
        put("clusterrolebindings.rbac.authorization.k8s.io", ("", name), binding);
    }
    let service = json!({
        "metadata": {"labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"type": "ClusterIP", "ports": [{"name": "https", "port": 443, "targetPort": 6443, "protocol": "TCP"}]},
        "status": {"loadBalancer": {}},
    });
    put("services", ("default", "kubernetes"), service);
}
