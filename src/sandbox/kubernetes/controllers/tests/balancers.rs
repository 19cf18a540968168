//! Services of type LoadBalancer, and aggregated APIs behind services.

use serde_json::{Value, json};

use super::{CLUSTER, Lab, add_on, condition, told};
use crate::sandbox::ec2::{self, SecurityGroup};

const SERVICE: &str = "/api/v1/namespaces/default/services/web";

fn service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default", "annotations": {
            "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
            "service.beta.kubernetes.io/aws-load-balancer-internal": "true"}},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443, "targetPort": 8443}]}})
}

fn with_controller() -> Lab {
    let mut lab = Lab::new();
    let (path, object) = add_on("ccm", "registry.k8s.io/provider-aws/cloud-controller-manager:v1.34.0", &[]);
    lab.apply(&path, &object);
    lab.pass(60);
    lab
}

fn marks(lab: &Lab) -> Vec<String> {
    let groups = lab.world.ec2.security_groups.values();
    let rules = groups.flat_map(|group: &SecurityGroup| group.rules.values().filter_map(|it| it.description.clone()));
    rules.filter(|it| it.starts_with("kubernetes.io/rule/nlb/")).collect()
}

#[test]
fn without_a_controller_a_service_stays_pending() {
    let mut lab = Lab::new();
    lab.apply(SERVICE, &service());
    lab.pass(600);
    let pending = lab.get(SERVICE);
    assert_eq!(pending["status"]["loadBalancer"], json!({}));
    assert!(pending["metadata"]["finalizers"].is_null());
    assert!(lab.world.elbv2.load_balancers.is_empty());
}

#[test]
fn a_service_gets_a_network_load_balancer_and_gives_it_back() {
    let mut lab = with_controller();
    let before = lab.world.live();
    let made = lab.apply(SERVICE, &service());
    let took = lab.until(60, |lab| lab.get(SERVICE)["status"]["loadBalancer"]["ingress"].is_array());
    assert!(took > 3, "{took}");
    let served = lab.get(SERVICE);
    let host = served["status"]["loadBalancer"]["ingress"][0]["hostname"].clone();
    assert_eq!(served["metadata"]["finalizers"], json!(["service.kubernetes.io/load-balancer-cleanup"]));
    let balancer = lab.world.elbv2.load_balancers.values().next().expect("a load balancer").clone();
    assert_eq!((host.as_str(), balancer.kind.as_str()), (Some(balancer.dns_name.as_str()), "network"));
    assert_eq!(balancer.name, format!("a{}", made["metadata"]["uid"].as_str().expect("a uid").replace('-', ""))[..32]);
    assert_eq!((balancer.scheme.as_str(), balancer.subnets.len()), ("internal", 3));
    for tags in [&balancer.tags].into_iter().chain(lab.world.elbv2.target_groups.values().map(|it| &it.tags)) {
        assert_eq!(tags[&format!("kubernetes.io/cluster/{CLUSTER}")], "owned");
        assert_eq!(tags["kubernetes.io/service-name"], "default/web");
    }
    let ports: Vec<u16> = lab.world.elbv2.listeners.values().map(|it| it.port).collect();
    assert_eq!(ports.len(), 2);
    assert!(lab.world.elbv2.target_groups.values().all(|it| it.targets.len() == 3), "no member of the control plane");
    // Two ports for anybody, two for checks from three subnets, and one for fragments.
    let marks_now = marks(&lab);
    assert_eq!(marks_now.len(), 2 + 2 * 3 + 1, "{marks_now:?}");
    assert!(marks_now.iter().all(|it| it.ends_with(&format!("={}", balancer.name))));
    lab.applies_nothing(SERVICE, &service());
    // One port less.
    let mut less = service();
    less["spec"]["ports"] = json!([{"name": "http", "port": 80}]);
    lab.apply(SERVICE, &less);
    lab.pass(5);
    assert_eq!((lab.world.elbv2.listeners.len(), lab.world.elbv2.target_groups.len()), (1, 1));
    lab.delete(SERVICE, &Value::Null);
    assert!(lab.has(SERVICE), "the finalizer holds it");
    lab.pass(10);
    assert!(!lab.has(SERVICE));
    assert_eq!(lab.world.live(), before);
}

#[test]
fn a_service_without_the_annotation_is_told_why_it_waits() {
    let mut lab = with_controller();
    let mut classic = service();
    classic["metadata"]["annotations"] = json!({"service.beta.kubernetes.io/aws-load-balancer-internal": "true"});
    lab.apply(SERVICE, &classic);
    lab.pass(60);
    assert!(told(&mut lab, "SyncLoadBalancerFailed"));
    assert_eq!(lab.get(SERVICE)["status"]["loadBalancer"], json!({}));
    lab.delete(SERVICE, &Value::Null);
    lab.pass(10);
    assert!(!lab.has(SERVICE));
}

#[test]
fn the_node_of_a_machine_that_is_gone_goes_with_a_controller_only() {
    for (mut lab, goes) in [(Lab::new(), false), (with_controller(), true)] {
        let kubelets = &lab.world.kubernetes.controllers.kubelets;
        let members: Vec<&String> = lab.world.autoscaling.groups[&format!("web.{CLUSTER}")].members.keys().collect();
        let busy = lab.pods("ccm").first().map(|(_, pod)| pod["spec"]["nodeName"].clone()).unwrap_or_default();
        let id = members.into_iter().find(|id| busy != kubelets[*id].node.as_str()).expect("another").clone();
        let node = format!("/api/v1/nodes/{}", kubelets[&id].node);
        ec2::terminate(&mut lab.world, &id, ec2::End::UserInitiated);
        lab.pass(30);
        assert!(lab.has(&node), "it is Ready still");
        lab.pass(270);
        assert_eq!(lab.has(&node), !goes);
    }
}

#[test]
fn an_aggregated_api_is_available_while_a_pod_behind_it_is_ready() {
    let mut lab = Lab::new();
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io";
    let aggregated = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": {"group": "metrics.k8s.io", "version": "v1beta1",
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"name": "metrics-server", "namespace": "kube-system"}}});
    lab.apply(path, &aggregated);
    lab.pass(5);
    assert_eq!(condition(&lab.get(path), "Available"), ("False".into(), "ServiceNotFound".into()));
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "metrics-server", "namespace": "kube-system"},
        "spec": {"selector": {"app": "metrics-server"}, "ports": [{"port": 443}]}});
    lab.apply("/api/v1/namespaces/kube-system/services/metrics-server", &service);
    lab.pass(5);
    assert_eq!(condition(&lab.get(path), "Available").1, "MissingEndpoints");
    let (deployment, object) = add_on("metrics-server", "metrics-server:v0.8.0", &[]);
    lab.apply(&deployment, &object);
    lab.until(60, |lab| condition(&lab.get(path), "Available") == ("True".into(), "Passed".into()));
    lab.delete(&deployment, &json!({"propagationPolicy": "Background"}));
    lab.pass(60);
    assert_eq!(condition(&lab.get(path), "Available").0, "False");
}
