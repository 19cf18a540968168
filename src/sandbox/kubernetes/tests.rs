//! Tests of the way to the API server: clients, faults, storage, and the real kubectl.

use std::process::Output;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::api::{Identity, User};
use super::{Access, Cluster, Key, Objects, bootstrap, serve};
use crate::clock::Clock;
use crate::fault::{At, FaultPlan, Kind};
use crate::sandbox::tests::empty_world;
use crate::sandbox::{Place, Sandbox, World};

/// A world with a cluster that nobody runs.
fn world() -> World {
    let mut world = empty_world();
    let mut objects = Objects::new(1);
    bootstrap(&mut objects, world.now);
    for name in ["n1", "n2"] {
        let node = json!({"metadata": {"labels": {"kubernetes.io/hostname": name}}, "spec": {},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.34.2"}}});
        objects.create(&Key::new("nodes", "", name), node, world.now);
    }
    for name in ["a", "b"] {
        objects.create(&Key::new("pods", "default", name), pod(), world.now);
    }
    world.kubernetes.clusters.insert("c".to_owned(), Cluster { objects, version: "v1.34.2".to_owned() });
    world
}

fn pod() -> Value {
    json!({"metadata": {"labels": {"app": "x"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 30},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn sandbox() -> Sandbox {
    let world = world();
    Sandbox::in_memory(Clock::starting_at(world.now), world)
}

fn client(sandbox: &Sandbox) -> kube::Client {
    kube::Client::new(sandbox.kubernetes("c"), "default")
}

async fn ask(client: &kube::Client, method: &str, path: &str, body: &Value) -> Result<Value, kube::Error> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let form = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header("content-type", form).body(body);
    client.request(request.expect("a request")).await
}

fn status(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_reads_and_writes() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let nodes = ask(&client, "GET", "/api/v1/nodes", &Value::Null).await.expect("nodes");
    assert_eq!(nodes["items"].as_array().map(Vec::len), Some(2));
    let cordon = json!({"spec": {"unschedulable": true}});
    let node = ask(&client, "PATCH", "/api/v1/nodes/n1", &cordon).await.expect("it is cordoned");
    assert_eq!(node["spec"]["unschedulable"], true);
    let missing = ask(&client, "PATCH", "/api/v1/nodes/none", &cordon).await.expect_err("there is none");
    assert_eq!(status(&missing), 404);
    let calls: Vec<(String, Option<u16>)> =
        sandbox.kubernetes_calls().into_iter().map(|call| (call.operation, call.status)).collect();
    let named = |name: &str, status| (format!("kubernetes:{name}"), Some(status));
    assert_eq!(calls, [named("ListNode", 200), named("PatchNode", 200), named("PatchNode", 404)]);
    assert_eq!(sandbox.calls(), [], "AWS was not asked");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_there_refuses_connections() {
    let sandbox = sandbox();
    let client = kube::Client::new(sandbox.kubernetes("other"), "default");
    assert!(matches!(ask(&client, "GET", "/version", &Value::Null).await, Err(kube::Error::Service(_))));
    assert_eq!(sandbox.kubernetes_calls()[0].status, None);
}

/// Reads lines of a watch until there are so many.
async fn lines(sandbox: &Sandbox, query: &str, count: usize) -> Vec<Value> {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    let request = http::Request::get(format!("/api/v1/nodes?watch=1&{query}")).body(kube::client::Body::empty());
    let answer = sandbox.kubernetes("c").oneshot(request.expect("a request")).await.expect("a watch");
    let mut body = answer.into_body();
    let mut lines = Vec::new();
    while lines.len() < count {
        let Some(frame) = body.frame().await else { break };
        let bytes = frame.expect("a frame").into_data().expect("data");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event")));
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_told_of_changes_of_calls_and_of_time() {
    let sandbox = sandbox();
    let other = sandbox.clone();
    let changes = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(100)).await;
        let client = client(&other);
        ask(&client, "DELETE", "/api/v1/nodes/n2", &Value::Null).await.expect("it is deleted");
        tokio::time::sleep(Duration::from_secs(100)).await;
        other
            .with_world(|world| {
                let objects = &mut world.kubernetes.clusters.get_mut("c").expect("it is there").objects;
                objects.update(&Key::new("nodes", "", "n1"), |node| node["spec"]["x"] = json!(1));
            })
            .expect("a world in memory");
    });
    let started = tokio::time::Instant::now();
    let told = lines(&sandbox, "timeoutSeconds=1000", 4).await;
    changes.await.expect("it ended");
    let kinds: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["ADDED", "ADDED", "DELETED", "MODIFIED"]);
    assert_eq!(started.elapsed().as_secs() / 10, 20);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_its_time_with_a_bookmark() {
    let sandbox = sandbox();
    let started = tokio::time::Instant::now();
    let told = lines(&sandbox, "timeoutSeconds=30&allowWatchBookmarks=true", 10).await;
    let kinds: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["ADDED", "ADDED", "BOOKMARK"]);
    assert_eq!(started.elapsed().as_secs(), 30);
}

async fn evict(sandbox: &Sandbox, name: &str) -> Result<Value, kube::Error> {
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    let path = format!("/api/v1/namespaces/default/pods/{name}/eviction");
    // Retries of the client would hide what is tested.
    ask(&client(sandbox), "POST", &path, &eviction).await
}

fn is_terminating(sandbox: &Sandbox, name: &str) -> bool {
    let key = Key::new("pods", "default", name);
    let found = sandbox.with_world(|world| {
        let pod = world.kubernetes.clusters["c"].objects.get(&key).cloned();
        pod.is_none_or(|pod| !pod["metadata"]["deletionTimestamp"].is_null())
    });
    found.expect("a world in memory")
}

#[tokio::test(start_paused = true)]
async fn faults_are_met_by_the_names_of_operations() {
    for (kind, code, done) in [
        (Kind::ServerError, Some(503), false),
        (Kind::ServerErrorAfter, Some(503), true),
        (Kind::Throttle(0), Some(429), false),
        (Kind::AccessDenied, Some(403), false),
        (Kind::LostResponse, None, true),
        (Kind::Reset, None, false),
    ] {
        let plan = FaultPlan::one(At::Operation("kubernetes:Evict".to_owned()), kind);
        let sandbox = sandbox().with_faults(plan);
        let failed = evict(&sandbox, "a").await.expect_err("a fault");
        match code {
            Some(code) => assert_eq!(status(&failed), code, "{kind:?}"),
            None => assert!(matches!(failed, kube::Error::Service(_)), "{kind:?}: {failed}"),
        }
        assert_eq!(is_terminating(&sandbox, "a"), done, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_met_before_or_after_the_effect() {
    for (kind, done) in [(Kind::StopBefore, false), (Kind::StopAfter, true)] {
        let at = At::Occurrence { operation: "kubernetes:Evict".to_owned(), index: 1 };
        let sandbox = sandbox().with_faults(FaultPlan::one(at, kind));
        evict(&sandbox, "a").await.expect("the first one is good");
        tokio::select! {
            answer = evict(&sandbox, "b") => panic!("{answer:?}"),
            () = sandbox.stopped() => {}
        }
        assert_eq!(is_terminating(&sandbox, "b"), done, "{kind:?}");
    }
}

/// Lets the tasks of clients end that were dropped: they hold the sandbox, too.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn stored(path: &std::path::Path) -> World {
    serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("a world")
}

fn is_cordoned(world: &World) -> bool {
    world.kubernetes.clusters["c"].objects.get(&Key::new("nodes", "", "n1")).expect("n1")["spec"]["unschedulable"]
        == true
}

#[tokio::test(start_paused = true)]
async fn changes_are_stored_together_some_time_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandbox.json");
    let open = || {
        let clock = Clock::starting_at("2026-11-20T12:00:00Z".parse::<Timestamp>().expect("a date"));
        Sandbox::open(Place::File(path.clone()), clock, world).expect("it opens")
    };
    let cordon = json!({"spec": {"unschedulable": true}});
    let uncordon = json!({"spec": {"unschedulable": false}});
    let one = open();
    ask(&client(&one), "PATCH", "/api/v1/nodes/n1", &cordon).await.expect("it is cordoned");
    // Real time: a thread stores it.
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        if is_cordoned(&stored(&path)) {
            break;
        }
    }
    assert!(is_cordoned(&stored(&path)), "the thread stores it");
    ask(&client(&one), "PATCH", "/api/v1/nodes/n1", &uncordon).await.expect("it is uncordoned");
    one.with_world(|_| {}).expect("it is stored");
    assert!(!is_cordoned(&stored(&path)), "whatever stores the world stores it");
    ask(&client(&one), "PATCH", "/api/v1/nodes/n1", &cordon).await.expect("it is cordoned");
    drop(one);
    settle().await;
    assert!(is_cordoned(&stored(&path)), "it is stored at the end");
}

#[tokio::test(start_paused = true)]
async fn two_processes_lose_nothing_of_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandbox.json");
    let open = || {
        let clock = Clock::starting_at("2026-11-20T12:00:00Z".parse::<Timestamp>().expect("a date"));
        Sandbox::open(Place::File(path.clone()), clock, world).expect("it opens")
    };
    let (one, other) = (open(), open());
    for round in 0..3 {
        for (sandbox, node) in [(&one, "n1"), (&other, "n2")] {
            let change = json!({"metadata": {"labels": {format!("round-{round}"): "x"}}});
            let path = format!("/api/v1/nodes/{node}");
            ask(&client(sandbox), "PATCH", &path, &change).await.expect("it is labelled");
        }
    }
    drop((one, other));
    settle().await;
    let world = stored(&path);
    for node in ["n1", "n2"] {
        let node = world.kubernetes.clusters["c"].objects.get(&Key::new("nodes", "", node)).expect("a node");
        assert_eq!(node["metadata"]["labels"].as_object().map(serde_json::Map::len), Some(4), "{node}");
    }
}

/// Runs kubectl against a server on that port.
async fn kubectl(port: u16, arguments: &[&str], input: &str) -> Output {
    use tokio::io::AsyncWriteExt;
    let mut command = tokio::process::Command::new("kubectl");
    let folder = tempfile::tempdir().expect("a folder");
    command.arg(format!("--server=http://127.0.0.1:{port}")).args(arguments);
    command.env("KUBECONFIG", "/dev/null").env("HOME", folder.path());
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child =
        command.spawn().expect("this test needs kubectl on the PATH: https://kubernetes.io/docs/tasks/tools/");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    child.wait_with_output().await.expect("it ends")
}

async fn succeeds(port: u16, arguments: &[&str], input: &str) -> String {
    let output = kubectl(port, arguments, input).await;
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{error}");
    out.into_owned()
}

#[tokio::test]
async fn kubectl_works() {
    let sandbox = sandbox();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = sandbox.clone();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let way = (served.clone(), Access::Cluster("c".to_owned()), Identity::Certificate(User::master()));
            tokio::spawn(serve(way, stream));
        }
    });
    let nodes = succeeds(port, &["get", "nodes"], "").await;
    assert!(nodes.contains("n1     Ready    <none>"), "{nodes}");
    let pods = succeeds(port, &["get", "pods", "-A"], "").await;
    assert!(pods.contains("default     a      1/1     Running"), "{pods}");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: default}\ndata: {a: b}\n";
    assert_eq!(succeeds(port, &["apply", "-f", "-"], map).await.trim(), "configmap/m created");
    assert_eq!(succeeds(port, &["apply", "-f", "-"], map).await.trim(), "configmap/m unchanged");
    let changed = map.replace("a: b", "a: c");
    assert_eq!(succeeds(port, &["apply", "-f", "-"], &changed).await.trim(), "configmap/m configured");
    let ours = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    assert_eq!(succeeds(port, &ours, &changed).await.trim(), "configmap/m serverside-applied");
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x, namespace: default}\n\
                  spec: {minAvailable: 1, selector: {matchLabels: {app: x}}}\n";
    succeeds(port, &["apply", "-f", "-"], budget).await;
    let allow = |allowed: u32| {
        sandbox.with_world(move |world| {
            let objects = &mut world.kubernetes.clusters.get_mut("c").expect("it is there").objects;
            objects.update(&Key::new("poddisruptionbudgets.policy", "default", "x"), |budget| {
                budget["status"] = json!({"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 2,
                    "desiredHealthy": 1, "expectedPods": 2});
            });
        })
    };
    allow(1).expect("a world in memory");
    assert!(succeeds(port, &["get", "pdb"], "").await.contains("ALLOWED DISRUPTIONS"));
    let drain = ["drain", "n1", "--force", "--ignore-daemonsets", "--timeout=2s"];
    let drained = kubectl(port, &drain, "").await;
    let told = String::from_utf8_lossy(&drained.stdout).into_owned() + &String::from_utf8_lossy(&drained.stderr);
    assert!(!drained.status.success() && told.contains("would violate the pod's disruption budget"), "{told}");
    let nodes = succeeds(port, &["get", "nodes"], "").await;
    assert!(nodes.contains("Ready,SchedulingDisabled"), "{nodes}");
    succeeds(port, &["uncordon", "n1"], "").await;
    succeeds(port, &["delete", "configmap", "m"], "").await;
    succeeds(port, &["delete", "node", "n2", "--wait=true"], "").await;
    server.abort();
}
