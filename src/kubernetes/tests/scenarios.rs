//! One scenario through all calls of the client, against the sandboxed API server and against a real one: the same comes.
//!
//! Nobody runs controllers or kubelets beside either server; the scenario writes what they would.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::super::call::{Content, escaped};
use super::super::connect::Kubernetes;
use super::super::error::Error;
use super::super::event::Event;
use super::super::evict::Eviction;
use super::super::seen::{Kind, Seen};
use super::super::watch::Watching;
use super::real::Real;
use crate::clock::Clock;
use crate::sandbox::Sandbox;
use crate::sandbox::kubernetes::api::{Identity, User};
use crate::sandbox::kubernetes::{Cluster, Objects, bootstrap};
use crate::sandbox::tests::empty_world;

const PODS: &str = "/api/v1/namespaces/default/pods";
const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
/// A uid that nothing has.
const OTHER: &str = "00000000-0000-4000-8000-000000000000";

/// The same server, asked by three people.
pub struct Clients {
    /// Who may do everything.
    pub admin: Kubernetes,
    /// `dev-alice` of `developers`, who may do nothing.
    pub alice: Kubernetes,
    /// Whom the server does not know.
    pub stranger: Kubernetes,
}

/// What comes of the scenario, in its order.
const TOLD: [&str; 36] = [
    "nothing is there: ",
    "nodes: n1 n2",
    "evict a pod that is not there: gone",
    "evict a namesake: gone",
    "evict without a budget: accepted",
    "evict again: accepted",
    "evict, the budget is new: refused by b1 in 10 s: The disruption budget b1 is still being processed by the server.",
    "evict, none may go: refused by b1: The disruption budget b1 needs 2 healthy pods and has 2 currently",
    "evict, one may go: accepted",
    "evict, it has gone: refused by b1: The disruption budget b1 does not allow evicting pods currently",
    "evict a namesake, one may go: gone",
    "evict, it is used up: refused by b1: The disruption budget b1 does not allow evicting pods currently",
    "budgets: b1 0 of 3",
    "evict, two budgets: misconfigured: This pod has more than one PodDisruptionBudget, which the eviction subresource \
     does not support.",
    "evict, no budget any more: accepted",
    "delete a pod that is not there: Gone",
    "delete a namesake: Gone",
    "delete a pod: Yes",
    "pods that end: free web-1 web-2 web-3",
    "cordon a node that is not there: Gone",
    "cordon a namesake: Gone",
    "cordon: Yes",
    "nodes: n1! (roll-1) n2",
    "uncordon: Yes",
    "nodes: n1 n2",
    "protect: Yes",
    "nodes: n1 n2 (true)",
    "give back: Yes",
    "nodes: n1 n2",
    "alice lists: Forbidden nodes is forbidden: User \"dev-alice\" cannot list resource \"nodes\" in API group \"\" at the \
     cluster scope",
    "alice evicts: Forbidden pods \"web-1\" is forbidden: User \"dev-alice\" cannot create resource \"pods/eviction\" in \
     API group \"\" in the namespace \"default\"",
    "a stranger lists: Unauthorized",
    "delete the namesake of a node: Gone",
    "delete a node: Yes",
    "delete it again: Gone",
    "nodes: n1",
];

async fn write(client: &Kubernetes, method: Method, path: &str, body: Option<(Content, &Value)>) -> Value {
    let answer = client.call(method, path, body).await.and_then(super::super::call::Answer::successful);
    answer.and_then(|it| it.json()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

async fn create(client: &Kubernetes, path: &str, object: &Value) -> String {
    let made = write(client, Method::POST, path, Some((Content::Json, object))).await;
    made["metadata"]["uid"].as_str().expect("it has a uid").to_owned()
}

async fn status(client: &Kubernetes, path: &str, status: &Value) {
    let patch = json!({"status": status});
    write(client, Method::PATCH, &format!("{path}/status"), Some((Content::MergePatch, &patch))).await;
}

async fn node(client: &Kubernetes, name: &str) -> String {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    let uid = create(client, "/api/v1/nodes", &node).await;
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    status(client, &format!("/api/v1/nodes/{name}"), &ready).await;
    uid
}

async fn pod(client: &Kubernetes, name: &str, app: &str) -> String {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}});
    let uid = create(client, PODS, &pod).await;
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    status(client, &format!("{PODS}/{name}"), &ready).await;
    uid
}

async fn budget(client: &Kubernetes, name: &str) {
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}});
    create(client, BUDGETS, &budget).await;
}

/// What the disruption controller would find.
async fn found(client: &Kubernetes, allowed: u32, healthy: u32) {
    let found = json!({"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
        "desiredHealthy": 2, "expectedPods": 3});
    status(client, &format!("{BUDGETS}/b1"), &found).await;
}

fn error(error: &Error) -> String {
    match error {
        Error::Forbidden { message } => format!("Forbidden {message}"),
        Error::Unauthorized(message) => message.clone(),
        other => format!("{other:?}"),
    }
}

async fn evict(client: &Kubernetes, (pod, uid): (&str, &str)) -> String {
    match client.evict("default", pod, uid).await {
        Ok(Eviction::Accepted) => String::from("accepted"),
        Ok(Eviction::Gone) => String::from("gone"),
        Ok(Eviction::Misconfigured { message }) => format!("misconfigured: {message}"),
        Ok(Eviction::Refused { budget, cause, retry_after }) => {
            let after = retry_after.map(|it| format!(" in {} s", it.as_secs())).unwrap_or_default();
            format!("refused by {}{after}: {cause}", budget.unwrap_or_default())
        }
        Err(it) => error(&it),
    }
}

fn nodes(seen: &Seen) -> String {
    let shown = seen.nodes.values().map(|it| {
        let annotations: Vec<&str> = it.annotations.values().map(String::as_str).collect();
        let annotations = if annotations.is_empty() { String::new() } else { format!(" ({})", annotations.join(" ")) };
        it.name.clone() + if it.unschedulable { "!" } else { "" } + &annotations
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn budgets(seen: &Seen) -> String {
    seen.budgets
        .values()
        .map(|it| format!("{} {} of {}", it.name, it.allowed, it.healthy))
        .collect::<Vec<_>>()
        .join(" ")
}

fn ending(seen: &Seen) -> String {
    let ending = seen.pods.values().filter(|it| it.deleted_at.is_some());
    ending.map(|it| it.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// What is seen as soon as it is this, or in the end.
async fn seen(watching: &Watching, show: fn(&Seen) -> String, wanted: &str) -> String {
    for _ in 0..100 {
        if watching.seen().is_some_and(|seen| show(&seen) == wanted) {
            break;
        }
        watching.changed(Duration::from_millis(100)).await;
    }
    watching.seen().map_or_else(|| format!("{:?}", watching.trouble()), |seen| show(&seen))
}

/// All of it, on an empty cluster.
pub async fn scenario(Clients { admin, alice, stranger }: &Clients) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |what: &str, outcome: String| told.push(format!("{what}: {outcome}"));
    let watching = Watching::start(admin);
    tell("nothing is there", seen(&watching, nodes, "").await);
    let (one, two) = (node(admin, "n1").await, node(admin, "n2").await);
    tell("nodes", seen(&watching, nodes, "n1 n2").await);

    let free = pod(admin, "free", "free").await;
    let mut web = Vec::new();
    for name in ["web-1", "web-2", "web-3"] {
        web.push(pod(admin, name, "web").await);
    }
    tell("evict a pod that is not there", evict(admin, ("none", OTHER)).await);
    tell("evict a namesake", evict(admin, ("free", OTHER)).await);
    tell("evict without a budget", evict(admin, ("free", &free)).await);
    tell("evict again", evict(admin, ("free", &free)).await);
    budget(admin, "b1").await;
    tell("evict, the budget is new", evict(admin, ("web-1", &web[0])).await);
    found(admin, 0, 2).await;
    tell("evict, none may go", evict(admin, ("web-1", &web[0])).await);
    found(admin, 1, 3).await;
    tell("evict, one may go", evict(admin, ("web-1", &web[0])).await);
    tell("evict, it has gone", evict(admin, ("web-2", &web[1])).await);
    found(admin, 1, 3).await;
    tell("evict a namesake, one may go", evict(admin, ("web-2", OTHER)).await);
    tell("evict, it is used up", evict(admin, ("web-2", &web[1])).await);
    tell("budgets", seen(&watching, budgets, "b1 0 of 3").await);
    budget(admin, "b2").await;
    tell("evict, two budgets", evict(admin, ("web-2", &web[1])).await);
    for name in ["b1", "b2"] {
        write(admin, Method::DELETE, &format!("{BUDGETS}/{name}"), None).await;
    }
    tell("evict, no budget any more", evict(admin, ("web-2", &web[1])).await);

    let changed =
        |outcome: Result<super::super::Changed, Error>| outcome.map_or_else(|it| error(&it), |it| format!("{it:?}"));
    tell("delete a pod that is not there", changed(admin.delete_pod("default", "none", OTHER).await));
    tell("delete a namesake", changed(admin.delete_pod("default", "web-3", OTHER).await));
    tell("delete a pod", changed(admin.delete_pod("default", "web-3", &web[2]).await));
    tell("pods that end", seen(&watching, ending, "free web-1 web-2 web-3").await);

    let annotations = BTreeMap::from([(String::from("windlass.dev/roll"), String::from("roll-1"))]);
    tell("cordon a node that is not there", changed(admin.cordon("none", OTHER, &annotations).await));
    tell("cordon a namesake", changed(admin.cordon("n1", OTHER, &annotations).await));
    tell("cordon", changed(admin.cordon("n1", &one, &annotations).await));
    tell("nodes", seen(&watching, nodes, "n1! (roll-1) n2").await);
    tell("uncordon", changed(admin.uncordon("n1", &one, &["windlass.dev/roll"]).await));
    tell("nodes", seen(&watching, nodes, "n1 n2").await);
    tell("protect", changed(admin.protect("n2", true).await));
    tell("nodes", seen(&watching, nodes, "n1 n2 (true)").await);
    tell("give back", changed(admin.protect("n2", false).await));
    tell("nodes", seen(&watching, nodes, "n1 n2").await);

    let listed = |outcome: Result<_, Error>| outcome.map_or_else(|it| error(&it), |_| String::from("listed"));
    tell("alice lists", listed(alice.list(Kind::Nodes).await));
    tell("alice evicts", evict(alice, ("web-1", &web[0])).await);
    tell("a stranger lists", listed(stranger.list(Kind::Nodes).await));

    tell("delete the namesake of a node", changed(admin.delete_node("n2", OTHER).await));
    tell("delete a node", changed(admin.delete_node("n2", &two).await));
    tell("delete it again", changed(admin.delete_node("n2", &two).await));
    tell("nodes", seen(&watching, nodes, "n1").await);
    assert_eq!(watching.trouble(), None);
    told
}

/// Something that is asked for again after its revision was forgotten: the rest of a list, and a watch.
pub struct Old {
    token: String,
    revision: String,
}

impl Old {
    /// Begins a list of several pages, and changes something afterwards.
    pub async fn begin(client: &Kubernetes) -> Self {
        node(client, "m1").await;
        node(client, "m2").await;
        let page = client.get("/api/v1/nodes?limit=1").await.expect("a page");
        let text = |it: &Value| it.as_str().expect("a text").to_owned();
        let metadata = &page["metadata"];
        let old = Self { token: text(&metadata["continue"]), revision: text(&metadata["resourceVersion"]) };
        node(client, "m3").await;
        old
    }

    /// What comes of the rest of the list.
    pub async fn rest(&self, client: &Kubernetes) -> Result<Value, Error> {
        client.get(&format!("/api/v1/nodes?limit=1&continue={}", escaped(&self.token))).await
    }

    /// The first event of the watch.
    pub async fn watch(&self, client: &Kubernetes) -> Result<Option<Event>, Error> {
        let path = format!("/api/v1/nodes?watch=1&timeoutSeconds=5&resourceVersion={}", escaped(&self.revision));
        let mut body = client.stream(&path).await?;
        let mut line = Vec::new();
        while !line.contains(&b'\n') {
            let Some(frame) = body.frame().await else { break };
            line.extend_from_slice(&frame.expect("it goes on").into_data().unwrap_or_default());
        }
        Event::parse(Kind::Nodes, line.split(|it| *it == b'\n').next().unwrap_or_default())
    }
}

fn sandbox() -> Sandbox {
    let mut world = empty_world();
    let mut objects = Objects::new(1);
    bootstrap(&mut objects, world.now);
    world.kubernetes.clusters.insert("c".to_owned(), Cluster { objects, version: "v1.36.2".to_owned() });
    Sandbox::in_memory(Clock::starting_at(world.now), world)
}

fn clients(sandbox: &Sandbox) -> Clients {
    let clock = Clock::starting_at(super::date());
    let client = |identity| Kubernetes::of_service(sandbox.kubernetes_as("c", identity), clock);
    Clients {
        admin: client(Identity::Certificate(User::master())),
        alice: client(Identity::Certificate(User::new("dev-alice", &["developers"]))),
        stranger: client(Identity::Untrusted),
    }
}

#[tokio::test(start_paused = true)]
async fn the_scenario_in_the_sandbox() {
    assert_eq!(scenario(&clients(&sandbox())).await, TOLD);
}

#[tokio::test(start_paused = true)]
async fn what_the_sandbox_has_forgotten_is_told_as_such() {
    let sandbox = sandbox();
    let client = clients(&sandbox).admin;
    let old = Old::begin(&client).await;
    assert!(old.rest(&client).await.is_ok());
    assert!(matches!(old.watch(&client).await, Ok(Some(Event::Put { .. }))));
    let forget = |world: &mut crate::sandbox::World| {
        let cluster = world.kubernetes.clusters.get_mut("c").expect("it is there");
        // Changes are not stored: whoever reads a stored cluster has forgotten them.
        let stored = serde_json::to_string(&cluster.objects).expect("it is stored");
        cluster.objects = serde_json::from_str(&stored).expect("it is read");
    };
    sandbox.with_world(forget).expect("a world in memory");
    assert!(matches!(old.rest(&client).await, Err(Error::Gone(why)) if why.contains("too old")));
    assert!(matches!(old.watch(&client).await, Err(Error::Gone(why)) if why.contains("too old")));
    let seen = client.look().await.expect("a new list");
    assert_eq!(nodes(&seen), "m1 m2 m3");
}

#[tokio::test]
async fn the_scenario_on_a_real_server() {
    let Some(real) = Real::start().await else { return };
    assert_eq!(scenario(&real.clients()).await, TOLD, "a real kube-apiserver");
    let client = real.clients().admin;
    let old = Old::begin(&client).await;
    real.compact(&client).await;
    // A server may still remember what etcd has forgotten.
    let rest = old.rest(&client).await;
    assert!(matches!(rest, Ok(_) | Err(Error::Gone(_))), "{rest:?}");
    let watch = old.watch(&client).await;
    assert!(matches!(watch, Ok(Some(Event::Put { .. })) | Err(Error::Gone(_))), "{watch:?}");
    let seen = client.look().await.expect("a new list");
    assert_eq!(nodes(&seen), "m1 m2 m3 n1");
}
