//! Services: addresses and ports that the API server gives them.
//!
//! They follow from the service's name, so that the same calls give the same ones. Whether an address is in the services'
//! range or given twice is not looked at.

use serde_json::{Value, json};

use super::rules::defaults;
use crate::mix::mix;

/// First port and number of ports of nodes (kube-apiserver, `--service-node-port-range`).
const NODE_PORTS: (u64, u64) = (30000, 2768);

/// A number that a service's name and something about it decide.
fn number(object: &Value, about: &str) -> u64 {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let name = format!("{}/{}/{about}", text("namespace"), text("name"));
    name.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)))
}

/// Puts in what is missing.
pub fn fill(object: &mut Value) {
    defaults(&mut object["spec"], &[("type", json!("ClusterIP")), ("sessionAffinity", json!("None"))]);
    let kind = object["spec"]["type"].as_str().unwrap_or_default().to_owned();
    if kind == "ExternalName" {
        return;
    }
    let seed = number(object, "address");
    let address = format!("10.96.{}.{}", seed >> 8 & 0xff, 2 + seed % 250);
    let spec = &mut object["spec"];
    defaults(spec, &[("clusterIP", json!(address)), ("internalTrafficPolicy", json!("Cluster"))]);
    let addresses = json!([spec["clusterIP"]]);
    let families =
        [("clusterIPs", addresses), ("ipFamilies", json!(["IPv4"])), ("ipFamilyPolicy", json!("SingleStack"))];
    defaults(spec, &families);
    let on_nodes = kind == "NodePort" || kind == "LoadBalancer";
    if on_nodes {
        defaults(spec, &[("externalTrafficPolicy", json!("Cluster"))]);
    }
    if kind == "LoadBalancer" {
        defaults(spec, &[("allocateLoadBalancerNodePorts", json!(true))]);
    }
    let allocates = on_nodes && spec["allocateLoadBalancerNodePorts"] != false;
    let node_port = |object: &Value, about: &str| json!(NODE_PORTS.0 + number(object, about) % NODE_PORTS.1);
    let count = object["spec"]["ports"].as_array().map_or(0, Vec::len);
    for index in 0..count {
        let port = &object["spec"]["ports"][index];
        let given = node_port(object, &format!("{}{}", port["port"], port["protocol"]));
        let target = port["port"].clone();
        let port = &mut object["spec"]["ports"][index];
        defaults(port, &[("protocol", json!("TCP")), ("targetPort", target)]);
        if allocates {
            defaults(port, &[("nodePort", given)]);
        }
    }
    if kind == "LoadBalancer" && object["spec"]["externalTrafficPolicy"] == "Local" {
        let given = node_port(object, "health");
        defaults(&mut object["spec"], &[("healthCheckNodePort", given)]);
    }
}

/// What was given once stays, whatever a client leaves out.
pub fn keep(before: &Value, object: &mut Value) {
    if object["spec"]["type"] == "ExternalName" {
        return;
    }
    for field in ["clusterIP", "clusterIPs"] {
        if object["spec"][field].is_null() && !before["spec"][field].is_null() {
            object["spec"][field] = before["spec"][field].clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_gets_what_its_type_needs() {
        let of = |spec: Value| {
            let mut object = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": spec});
            fill(&mut object);
            object["spec"].clone()
        };
        let ports = json!([{"port": 80}]);
        let inner = of(json!({"ports": ports}));
        assert!(inner["clusterIP"].as_str().is_some_and(|it| it.starts_with("10.96.")), "{inner}");
        assert_eq!(inner["ports"], json!([{"port": 80, "protocol": "TCP", "targetPort": 80}]));
        let outer = of(json!({"type": "LoadBalancer", "ports": ports, "externalTrafficPolicy": "Local"}));
        let node_port = outer["ports"][0]["nodePort"].as_u64().expect("a port");
        assert!((30000..32768).contains(&node_port) && outer["healthCheckNodePort"].is_u64(), "{outer}");
        assert_eq!(of(json!({"clusterIP": "None"}))["clusterIPs"], json!(["None"]));
        assert!(of(json!({"type": "ExternalName"}))["clusterIP"].is_null());
    }
}
