//! Nodes without a network, and the pods that bring it.

use serde_json::{Value, json};

use super::super::nodes;
use super::{CLUSTER, Lab, condition, holds, workload};
use crate::sandbox::ec2::{self, End};
use crate::sandbox::world::NetworkPlugin;

const PLUGIN: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/a";

fn plugin() -> Value {
    let mut set = workload("DaemonSet", "flannel:1", &json!({}));
    set["metadata"]["namespace"] = json!("kube-system");
    let spec = &mut set["spec"]["template"]["spec"];
    spec["hostNetwork"] = json!(true);
    spec["tolerations"] = json!([{"operator": "Exists", "effect": "NoSchedule"}]);
    spec["volumes"] = json!([{"name": "cni", "hostPath": {"path": "/etc/cni/net.d"}}]);
    set
}

/// A cluster one of whose machines is replaced; the name of the new node.
fn with_a_new_node() -> (Lab, String) {
    let mut lab = Lab::new();
    lab.world.behaviour.network_plugin = NetworkPlugin::AddOn;
    let group = &lab.world.autoscaling.groups[&format!("web.{CLUSTER}")];
    let id = group.members.keys().next().expect("a member").clone();
    let old = lab.world.kubernetes.controllers.kubelets[&id].node.clone();
    ec2::terminate(&mut lab.world, &id, End::UserInitiated);
    // A rollout would wait for the pods there.
    lab.delete(&format!("/api/v1/nodes/{old}"), &Value::Null);
    let known: Vec<String> = lab.world.kubernetes.controllers.kubelets.keys().cloned().collect();
    let mut name = String::new();
    lab.until(400, |lab| {
        let kubelets = lab.world.kubernetes.controllers.kubelets.iter();
        let new =
            kubelets.filter(|(id, _)| !known.contains(id)).find(|(_, it)| it.stage == nodes::Stage::WithoutNetwork);
        name = new.map(|(_, it)| it.node.clone()).unwrap_or_default();
        !name.is_empty()
    });
    (lab, name)
}

#[test]
fn a_node_without_a_network_says_so_and_keeps_pods_away() {
    let (mut lab, name) = with_a_new_node();
    lab.pass(600);
    let node = lab.get(&format!("/api/v1/nodes/{name}"));
    assert_eq!(condition(&node, "Ready"), ("False".into(), "KubeletNotReady".into()));
    let conditions = node["status"]["conditions"].as_array().expect("conditions");
    let message = conditions.iter().find(|it| it["type"] == "Ready").expect("Ready")["message"].clone();
    let expected = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network \
                    plugin returns error: cni plugin not initialized";
    assert_eq!(message, expected);
    let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
    assert!(node["spec"]["taints"].as_array().expect("taints").contains(&taint));
    // A pod that bears anything comes there, but has no network to start with; one of the host's network starts.
    let everywhere = json!([{"operator": "Exists"}]);
    for (name_of, host) in [("pod", false), ("host", true)] {
        let pod = json!({"metadata": {"name": name_of, "labels": {"app": name_of}}, "spec": {
            "hostNetwork": host, "tolerations": everywhere, "nodeSelector": {"kubernetes.io/hostname": name},
            "containers": [{"name": "c", "image": "i:1"}]}});
        lab.ask("POST", "/api/v1/namespaces/default/pods", ("application/json", &pod));
    }
    lab.pass(60);
    let pod = lab.pods("pod").remove(0).1;
    assert_eq!((&pod["spec"]["nodeName"], &pod["status"]["phase"]), (&json!(name), &json!("Pending")));
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "ContainerCreating");
    assert!(holds(&lab.pods("host").remove(0).1, "Ready"));
}

#[test]
fn the_pod_of_a_network_plugin_makes_its_node_ready() {
    let (mut lab, name) = with_a_new_node();
    let pod = json!({"metadata": {"name": "pod", "labels": {"app": "pod"}}, "spec": {
        "nodeSelector": {"kubernetes.io/hostname": name}, "containers": [{"name": "c", "image": "i:1"}]}});
    lab.ask("POST", "/api/v1/namespaces/default/pods", ("application/json", &pod));
    lab.pass(30);
    assert!(lab.pods("pod").remove(0).1["spec"]["nodeName"].is_null(), "the taint keeps it away");
    let mut other = plugin();
    other["spec"]["template"]["spec"]["volumes"][0]["hostPath"]["path"] = json!("/var/log");
    lab.apply(PLUGIN, &other);
    lab.pass(120);
    assert!(!holds(&lab.get(&format!("/api/v1/nodes/{name}")), "Ready"), "not every DaemonSet brings a network");
    lab.apply(PLUGIN, &plugin());
    lab.until(300, |lab| holds(&lab.get(&format!("/api/v1/nodes/{name}")), "Ready"));
    let node = lab.get(&format!("/api/v1/nodes/{name}"));
    assert!(node["spec"]["taints"].as_array().is_none_or(Vec::is_empty), "{node}");
    lab.until(60, |lab| holds(&lab.pods("pod").remove(0).1, "Ready"));
    lab.delete(PLUGIN, &Value::Null);
    lab.pass(120);
    assert!(holds(&lab.get(&format!("/api/v1/nodes/{name}")), "Ready"), "what it wrote stays on the machine");
}
