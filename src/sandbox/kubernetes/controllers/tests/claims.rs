//! Claims that the EBS driver makes volumes for.

use serde_json::{Value, json};

use super::{Lab, add_on, holds, told, workload};

const CLASS: &str = "/apis/storage.k8s.io/v1/storageclasses/gp3";
const CLAIM: &str = "/api/v1/namespaces/default/persistentvolumeclaims/data";
const POD: &str = "/api/v1/namespaces/default/pods/a";

fn class(mode: &str, reclaim: &str) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp3",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3", "encrypted": "true"},
        "volumeBindingMode": mode, "reclaimPolicy": reclaim})
}

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "7Gi"}}}})
}

fn pod() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "default", "labels": {"app": "a"}},
        "spec": {"nodeSelector": {"topology.kubernetes.io/zone": "eu-west-3b"},
            "containers": [{"name": "c", "image": "i:1"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}})
}

fn lab(mode: &str, reclaim: &str) -> Lab {
    let mut lab = Lab::new();
    lab.apply(CLASS, &class(mode, reclaim));
    lab
}

fn start_driver(lab: &mut Lab) {
    let arguments = ["controller", "--k8s-tag-cluster-id=scenario.example.com", "--extra-create-metadata"];
    let image = "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.51.0";
    let (path, object) = add_on("ebs-csi-controller", image, &arguments);
    lab.apply(&path, &object);
    lab.pass(60);
}

#[test]
fn a_claim_gets_a_volume_in_the_zone_of_its_pod() {
    let mut lab = lab("WaitForFirstConsumer", "Delete");
    let made = lab.apply(CLAIM, &claim());
    assert_eq!(made["spec"]["storageClassName"], "gp3", "the default class");
    assert_eq!(made["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    lab.pass(10);
    assert!(told(&mut lab, "WaitForFirstConsumer"));
    lab.apply(POD, &pod());
    lab.pass(60);
    assert!(told(&mut lab, "ExternalProvisioning"), "no driver runs");
    assert!(lab.get(POD)["spec"]["nodeName"].is_null());
    start_driver(&mut lab);
    lab.until(120, |lab| holds(&lab.get(POD), "Ready"));
    let bound = lab.get(CLAIM);
    assert_eq!((&bound["status"]["phase"], &bound["status"]["capacity"]["storage"]), (&json!("Bound"), &json!("7Gi")));
    lab.applies_nothing(CLAIM, &claim());
    let name = bound["spec"]["volumeName"].as_str().expect("a volume").to_owned();
    let volume = lab.get(&format!("/api/v1/persistentvolumes/{name}"));
    assert_eq!(volume["spec"]["claimRef"]["uid"], bound["metadata"]["uid"]);
    let term = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
    assert_eq!(term["values"], json!(["eu-west-3b"]));
    let id = volume["spec"]["csi"]["volumeHandle"].as_str().expect("a handle");
    let disk = lab.world.ec2.volumes.get(id).expect("a volume").clone();
    assert_eq!((disk.zone.as_str(), disk.shape.size, disk.encrypted), ("eu-west-3b", 7, true));
    let tag = |key: &str| disk.tags.get(key).map(String::as_str);
    assert_eq!(tag("kubernetes.io/cluster/scenario.example.com"), Some("owned"));
    assert_eq!(tag("CSIVolumeName"), Some(name.as_str()));
    assert_eq!(tag("kubernetes.io/created-for/pvc/name"), Some("data"));
    assert_eq!(tag("kubernetes.io/created-for/pvc/namespace"), Some("default"));
    assert!(disk.attachment.is_some(), "it is at the machine of the pod");
}

#[test]
fn a_claim_in_use_waits_for_its_pod_and_takes_its_volume_along() {
    let mut lab = lab("WaitForFirstConsumer", "Delete");
    start_driver(&mut lab);
    let before = lab.world.live();
    lab.apply(CLAIM, &claim());
    lab.apply(POD, &pod());
    lab.until(120, |lab| holds(&lab.get(POD), "Ready"));
    lab.delete(CLAIM, &Value::Null);
    lab.pass(60);
    assert!(lab.has(CLAIM), "a pod uses it");
    lab.delete(POD, &Value::Null);
    lab.pass(60);
    assert!(!lab.has(CLAIM));
    assert_eq!(lab.get("/api/v1/persistentvolumes")["items"], json!([]));
    assert_eq!(lab.world.live(), before);
}

#[test]
fn a_volume_is_retained_if_its_class_says_so() {
    let mut lab = lab("Immediate", "Retain");
    start_driver(&mut lab);
    let count = lab.world.ec2.volumes.len();
    lab.apply(CLAIM, &claim());
    lab.until(60, |lab| lab.get(CLAIM)["status"]["phase"] == "Bound");
    lab.delete(CLAIM, &Value::Null);
    lab.pass(60);
    assert!(!lab.has(CLAIM));
    let volumes = lab.get("/api/v1/persistentvolumes");
    assert_eq!(volumes["items"][0]["status"]["phase"], "Released");
    assert_eq!(lab.world.ec2.volumes.len(), count + 1);
}

#[test]
fn a_stateful_set_has_claims_of_its_own() {
    let mut lab = lab("WaitForFirstConsumer", "Delete");
    start_driver(&mut lab);
    let template = json!([{"metadata": {"name": "data"}, "spec": claim()["spec"]}]);
    let more = json!({"replicas": 2, "serviceName": "a", "volumeClaimTemplates": template});
    let set = workload("StatefulSet", "i:1", &more);
    let path = "/apis/apps/v1/namespaces/default/statefulsets/a";
    lab.apply(path, &set);
    lab.until(200, |lab| lab.get(path)["status"]["readyReplicas"] == 2);
    for name in ["data-a-0", "data-a-1"] {
        let claim = lab.get(&format!("/api/v1/namespaces/default/persistentvolumeclaims/{name}"));
        assert_eq!(claim["status"]["phase"], "Bound", "{name}");
    }
    lab.apply(path, &set);
    lab.delete(path, &json!({"propagationPolicy": "Background"}));
    lab.pass(60);
    assert!(lab.has("/api/v1/namespaces/default/persistentvolumeclaims/data-a-0"), "claims stay");
}
