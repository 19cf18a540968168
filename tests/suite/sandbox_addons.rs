//! Add-ons in clusters that `apply` makes in the sandbox: a network that a pod brings, and controllers that call AWS with
//! the rights of their machines.

use serde_json::{Value, json};

use windlass::clock::Clock;
use windlass::sandbox::kubernetes::api::{Identity, Outcome, User, handle};
use windlass::sandbox::wire::WireRequest;
use windlass::sandbox::{Place, Sandbox, World};

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

fn sandbox(fleet: &Fleet) -> Sandbox {
    let place = Place::File(fleet.path().join(".windlass/sandbox.json"));
    Sandbox::open(place, Clock::system(), || panic!("the account exists")).expect("a world")
}

/// Asks the cluster's API server.
fn ask(world: &mut World, method: &str, path: &str, body: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = WireRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("content-type".to_owned(), "application/apply-patch+yaml".to_owned())],
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    };
    let now = world.now;
    let requested = world.kubernetes.requested.entry(CLUSTER.to_owned()).or_default();
    let cluster = world.kubernetes.clusters.get_mut(CLUSTER).expect("it is there");
    let identity = Identity::Certificate(User::master());
    let Outcome::Answer(answer) = handle(cluster, requested, (&request, &identity), now) else { panic!("a watch") };
    assert!(answer.status < 300, "{path}: {}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn apply(world: &mut World, path: &str, object: &Value) {
    ask(world, "PATCH", &format!("{path}?fieldManager=test"), object);
}

/// Nodes with the status and the message of their condition Ready.
fn nodes(world: &mut World) -> Vec<(String, String, String)> {
    let list = ask(world, "GET", "/api/v1/nodes", &Value::Null);
    let items = list["items"].as_array().expect("nodes").iter();
    items
        .map(|node| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let conditions = node["status"]["conditions"].as_array().expect("conditions");
            let ready = conditions.iter().find(|it| it["type"] == "Ready").expect("Ready");
            (text(&node["metadata"]["name"]), text(&ready["status"]), text(&ready["message"]))
        })
        .collect()
}

/// A workload of kube-system on the host's network that bears every taint.
fn add_on(kind: &str, name: &str, image: &str, spec: &Value) -> (String, Value) {
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": {
            "hostNetwork": true, "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": image}]}}}});
    for (field, value) in spec.as_object().into_iter().flatten() {
        object["spec"]["template"]["spec"][field.as_str()] = value.clone();
    }
    let plural = if kind == "DaemonSet" { "daemonsets" } else { "deployments" };
    (format!("/apis/apps/v1/namespaces/kube-system/{plural}/{name}"), object)
}

#[test]
fn new_nodes_wait_for_the_pod_that_brings_their_network() {
    let fleet = Fleet::with_add_ons();
    fleet.sandboxed(&["apply", CLUSTER, "--yes", "--skip-add-ons"]).exits(0);
    fleet.sandboxed(&["sandbox", "advance", "5m"]).exits(0);
    let sandbox_now = sandbox(&fleet);
    let waiting = sandbox_now
        .with_world(|world| {
            let nodes = nodes(world);
            let expected = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
                            message:Network plugin returns error: cni plugin not initialized";
            let volumes = json!([{"name": "cni", "hostPath": {"path": "/etc/cni/net.d"}}]);
            let (path, plugin) = add_on("DaemonSet", "flannel", "flannel:1", &json!({"volumes": volumes}));
            apply(world, &path, &plugin);
            nodes.iter().filter(|(_, ready, message)| ready == "False" && message == expected).count()
        })
        .expect("a world");
    drop(sandbox_now);
    assert!(waiting >= 3, "{waiting}");
    fleet.sandboxed(&["sandbox", "advance", "5m"]).exits(0);
    let ready = sandbox(&fleet).with_world(|world| nodes(world).iter().filter(|it| it.1 == "True").count());
    assert!(ready.expect("a world") >= waiting);
}

#[test]
fn controllers_on_members_make_volumes_and_balancers_with_the_role_of_their_machine() {
    let fleet = Fleet::with_add_ons();
    fleet.sandboxed(&["apply", CLUSTER, "--yes", "--skip-add-ons"]).exits(0);
    sandbox(&fleet)
        .with_world(|world| {
            let on_members = json!({"node-role.kubernetes.io/control-plane": ""});
            let image = "registry.k8s.io/provider-aws/cloud-controller-manager:v1.34.0";
            let (path, object) = add_on("Deployment", "ccm", image, &json!({"nodeSelector": on_members}));
            apply(world, &path, &object);
            let arguments = [&format!("--k8s-tag-cluster-id={CLUSTER}"), "--extra-create-metadata"];
            let image = "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.51.0";
            let containers = json!([{"name": "c", "image": image, "args": arguments}]);
            let spec = json!({"nodeSelector": on_members, "containers": containers});
            let (path, object) = add_on("Deployment", "ebs-csi-controller", image, &spec);
            apply(world, &path, &object);
            let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp3"},
                "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "Immediate"});
            apply(world, "/apis/storage.k8s.io/v1/storageclasses/gp3", &class);
            let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "namespace": "default"}, "spec": {"storageClassName": "gp3",
                    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
            apply(world, "/api/v1/namespaces/default/persistentvolumeclaims/data", &claim);
            let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web",
                    "namespace": "default", "annotations": {
                        "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
                        "service.beta.kubernetes.io/aws-load-balancer-internal": "true"}},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
            apply(world, "/api/v1/namespaces/default/services/web", &service);
        })
        .expect("a world");
    fleet.sandboxed(&["sandbox", "advance", "5m"]).exits(0);
    let (claim, service, events) = sandbox(&fleet)
        .with_world(|world| {
            let claim = ask(world, "GET", "/api/v1/namespaces/default/persistentvolumeclaims/data", &Value::Null);
            let service = ask(world, "GET", "/api/v1/namespaces/default/services/web", &Value::Null);
            let events = ask(world, "GET", "/api/v1/namespaces/default/events", &Value::Null);
            let events = events["items"].as_array().expect("events").iter().map(|it| it["message"].to_string());
            (claim, service, events.collect::<Vec<_>>().join("\n"))
        })
        .expect("a world");
    assert_eq!(claim["status"]["phase"], "Bound", "{events}");
    assert!(service["status"]["loadBalancer"]["ingress"].is_array(), "{events}");
    // Whoever made it: it is the cluster's by its tags, and goes with it.
    fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
    let left = sandbox(&fleet)
        .with_world(|world| {
            let volumes = world.ec2.volumes.values().filter(|it| it.tags.contains_key("CSIVolumeName")).count();
            (world.elbv2.load_balancers.len(), world.elbv2.target_groups.len(), volumes)
        })
        .expect("a world");
    assert_eq!(left, (0, 0, 0));
}
