//! What goes with what: owners, namespaces, and the ways of deletion.

use serde_json::{Value, json};

use super::{Lab, workload};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/a";
const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";

fn running(lab: &mut Lab) {
    lab.apply(DEPLOYMENT, &workload("Deployment", "i:1", &json!({"replicas": 2})));
    lab.pass(60);
    assert_eq!(lab.pods("a").len(), 2);
}

fn sets(lab: &mut Lab) -> usize {
    let list = lab.get(SETS);
    list["items"].as_array().map_or(0, Vec::len)
}

#[test]
fn in_the_background_the_owner_goes_first() {
    let mut lab = Lab::new();
    running(&mut lab);
    lab.delete(DEPLOYMENT, &json!({"propagationPolicy": "Background"}));
    assert!(!lab.has(DEPLOYMENT));
    assert_eq!(sets(&mut lab), 1);
    lab.pass(60);
    assert_eq!((sets(&mut lab), lab.pods("a").len()), (0, 0));
}

#[test]
fn in_the_foreground_the_owner_goes_last() {
    let mut lab = Lab::new();
    running(&mut lab);
    lab.delete(DEPLOYMENT, &json!({"propagationPolicy": "Foreground"}));
    let waiting = lab.get(DEPLOYMENT);
    assert_eq!(waiting["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    lab.until(60, |lab| {
        let there = lab.has(DEPLOYMENT);
        assert!(there || lab.pods("a").is_empty() && sets(lab) == 0, "it went before its pods");
        !there
    });
}

#[test]
fn orphans_stay() {
    let mut lab = Lab::new();
    running(&mut lab);
    lab.delete(DEPLOYMENT, &json!({"propagationPolicy": "Orphan"}));
    lab.pass(60);
    assert_eq!((sets(&mut lab), lab.pods("a").len()), (1, 2));
}

#[test]
fn anything_goes_with_its_owner() {
    let mut lab = Lab::new();
    let maps = "/api/v1/namespaces/default/configmaps";
    let (_, owner) = lab.ask("POST", maps, ("application/json", &json!({"metadata": {"name": "owner"}})));
    let reference =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]);
    for (name, held) in [("free", false), ("held", true)] {
        let mut object = json!({"metadata": {"name": name, "ownerReferences": reference}});
        if held {
            object["metadata"]["finalizers"] = json!(["example.com/wait"]);
        }
        lab.ask("POST", maps, ("application/json", &object));
    }
    lab.delete(&format!("{maps}/owner"), &Value::Null);
    lab.pass(5);
    assert!(!lab.has(&format!("{maps}/free")));
    assert!(lab.get(&format!("{maps}/held"))["metadata"]["deletionTimestamp"].is_string());
}

#[test]
fn a_namespace_goes_when_everything_in_it_is_gone() {
    let mut lab = Lab::new();
    lab.ask("POST", "/api/v1/namespaces", ("application/json", &json!({"metadata": {"name": "x"}})));
    let mut deployment = workload("Deployment", "i:1", &json!({"replicas": 2}));
    deployment["metadata"]["namespace"] = json!("x");
    lab.apply("/apis/apps/v1/namespaces/x/deployments/a", &deployment);
    let held = json!({"metadata": {"name": "m", "finalizers": ["example.com/wait"]}});
    lab.ask("POST", "/api/v1/namespaces/x/configmaps", ("application/json", &held));
    lab.pass(60);
    lab.delete("/api/v1/namespaces/x", &Value::Null);
    assert_eq!(lab.get("/api/v1/namespaces/x")["status"]["phase"], "Terminating");
    lab.pass(60);
    assert_eq!(lab.pods("a").len(), 0);
    assert!(lab.has("/api/v1/namespaces/x"), "a finalizer holds it");
    lab.patch("/api/v1/namespaces/x/configmaps/m", &json!({"metadata": {"finalizers": null}}));
    lab.pass(10);
    assert!(!lab.has("/api/v1/namespaces/x"));
}
