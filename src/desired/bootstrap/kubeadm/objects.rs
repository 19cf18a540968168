//! What a cluster needs before nodes can join, as Kubernetes' own objects. Names and rights are those of kubeadm's phase
//! `bootstrap-token`, which is not run: it would make a token of its own, and show the cluster's address to anyone who
//! asks without a name. Nodes have both from Systems Manager.

use serde_json::{Value, json};

/// The group that a bootstrap token of kubeadm is of.
const JOINING: &str = "system:bootstrappers:kubeadm:default-node-token";

/// The objects as one list.
pub(super) fn list() -> Value {
    let approver = "system:certificates.k8s.io:certificatesigningrequests";
    let get_nodes = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "kubeadm:get-nodes"},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}],
    });
    let items = [
        // Without it the administrators' certificates name a group that may nothing.
        binding("kubeadm:cluster-admins", "cluster-admin", "kubeadm:cluster-admins"),
        get_nodes,
        binding("kubeadm:get-nodes", "kubeadm:get-nodes", JOINING),
        binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", JOINING),
        binding("kubeadm:node-autoapprove-bootstrap", &format!("{approver}:nodeclient"), JOINING),
        binding("kubeadm:node-autoapprove-certificate-rotation", &format!("{approver}:selfnodeclient"), "system:nodes"),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn binding(name: &str, role: &str, group: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    })
}
