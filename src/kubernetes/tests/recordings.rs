//! What the client makes of the answers that were recorded from a kube-apiserver 1.36.2. They are given to the call of the
//! client that would have been answered so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use http::Method;
use serde_json::{Value, json};

use super::super::error::Error;
use super::super::evict::Eviction;
use super::super::read::{read_budget, read_node, read_pod};
use super::super::seen::{Kind, Object};
use super::super::watch::Watching;
use super::{Piece, Says, Server};

const WITH_CONTROLLERS: &str = include_str!("../../../tests/data/kubernetes-api/v1.36.2-kcm.jsonl");
const WITHOUT: &str = include_str!("../../../tests/data/kubernetes-api/v1.36.2-nokcm.jsonl");

const PROCESSED: &str = "refused by b1, in 10 s: The disruption budget b1 is still being processed by the server.";
const NEEDS: &str = "refused by b1: The disruption budget b1 needs 2 healthy pods and has 2 currently";
const SICK: &str = "refused by b1: The disruption budget b1 needs 2 healthy pods and has 1 currently";
const USED_UP: &str = "refused by b1: The disruption budget b1 does not allow evicting pods currently";
const BY: &str = "refused by by: The disruption budget by does not allow evicting pods currently";
const TWO: &str = "misconfigured: This pod has more than one PodDisruptionBudget, which the eviction subresource does not \
                   support.";
const OTHER_NAME: &str = "Invalid: name in URL does not match name in Eviction object";
const NOT_ALICE: &str = "Forbidden: pods \"p2\" is forbidden: User \"dev-alice\" cannot create resource \
                         \"pods/eviction\" in API group \"\" in the namespace \"default\"";
const MODIFIED: &str = "Conflict: Operation cannot be fulfilled on nodes \"n1\": the object has been modified; please apply \
                        your changes to the latest version and try again";
const PROVIDER: &str = "Invalid: Node \"n1\" is invalid: spec.providerID: Forbidden: node updates may not change providerID \
                        except from \"\" to valid";
const RESTRICTED: &str = "Forbidden: nodes \"n1\" is forbidden: node \"ip-10-0-1-11.ec2.internal\" is not allowed to modify \
                          node \"n1\"";
const ANONYMOUS: &str = "Forbidden: nodes is forbidden: User \"system:anonymous\" cannot list resource \"nodes\" in API group \
                         \"\" at the cluster scope";
const ALICE: &str = "Forbidden: nodes is forbidden: User \"dev-alice\" cannot list resource \"nodes\" in API group \"\" at \
                     the cluster scope";
const TOKEN: &str = "Invalid: invalid continue token: continue key is not valid: invalid character '\\u0081' looking for \
                     beginning of value";

/// What is made of each call with such a label: with the controllers, and without; empty where it was not made.
const TOLD: [(&str, &str, &str); 43] = [
    ("version", "v1.36.2", "v1.36.2"),
    ("readyz verbose", "done", "done"),
    ("create node n1", "node n1 i-n1 Unknown", "node n1 i-n1 Unknown"),
    ("node n2 Ready=True via /status", "node n2 i-n2 Yes", "node n2 i-n2 Yes"),
    ("create duplicate node", "Conflict: nodes \"n1\" already exists", "Conflict: nodes \"n1\" already exists"),
    ("pod p1 Running ready=True", "pod default/p1 on n1 Running ready", "pod default/p1 on n1 Running ready"),
    ("pod done Succeeded ready=False", "pod default/done on n1 Succeeded", "pod default/done on n1 Succeeded"),
    ("pod sick Running ready=False", "pod default/sick on n1 Running", "pod default/sick on n1 Running"),
    ("evict, no PDB", "accepted", "accepted"),
    ("evict again while terminating", "accepted", "accepted"),
    ("force-delete p3 (what the kubelet does at the end)", "Yes", "Yes"),
    ("evict missing pod", "gone", "gone"),
    ("evict, PDB not yet processed (no status)", PROCESSED, PROCESSED),
    ("evict, PDB allows 0", NEEDS, NEEDS),
    ("evict dryRun=All query", "accepted", "accepted"),
    // Without controllers, the eviction of another pod under the name had burnt the budget.
    ("evict, PDB allows 1", "accepted", USED_UP),
    ("pdb after", "budget b1 minAvailable 2: 0 of 2/2/3 true", "budget b1 minAvailable 2: 0 of 3/2/3 true"),
    ("evict second at once (budget used up)", NEEDS, USED_UP),
    ("evict the already-terminating pod", "accepted", USED_UP),
    ("evict with policy/v1beta1", NEEDS, USED_UP),
    ("evict: body name != url name", OTHER_NAME, OTHER_NAME),
    ("evict, two PDBs", TWO, TWO),
    ("wrong uid precondition, no PDB", "gone", ""),
    ("evict with wrong uid precondition", "", "gone"),
    ("wrong uid precondition, PDB allows 1", BY, ""),
    ("...then a good eviction: the failed call has burnt the budget", BY, ""),
    ("evict Pending pod although PDB has 0", "accepted", "accepted"),
    ("evict Succeeded pod although PDB has 0", "accepted", "accepted"),
    ("force-delete done (what the kubelet does at the end)", "Gone", "Gone"),
    ("evict unready Running pod, default policy", "accepted", SICK),
    ("evict unready Running pod, AlwaysAllow", "accepted", "accepted"),
    ("cordon (strategic merge)", "Yes", "Yes"),
    ("uncordon with stale resourceVersion", MODIFIED, MODIFIED),
    ("cordon missing node", "Gone", "Gone"),
    ("change providerID (immutable)", PROVIDER, PROVIDER),
    (
        "unsupported field selector",
        "Invalid: field label not supported: spec.bogus",
        "Invalid: field label not supported: spec.bogus",
    ),
    ("bad continue token", TOKEN, TOKEN),
    ("anonymous list nodes", ANONYMOUS, ANONYMOUS),
    ("bad bearer token", "Unauthorized: Unauthorized", "Unauthorized: Unauthorized"),
    ("authenticated, no RBAC (alice)", ALICE, ALICE),
    ("alice evicts", NOT_ALICE, NOT_ALICE),
    ("kubelet of another node patches n1 (NodeRestriction)", RESTRICTED, RESTRICTED),
    ("delete node", "Yes", "Yes"),
];

/// A recorded call.
struct Call {
    label: String,
    method: String,
    path: String,
    status: u16,
    says: Says,
    body: Value,
}

fn calls(recorded: &str) -> Vec<Call> {
    let read = |line: &str| {
        let call: Value = serde_json::from_str(line).expect("a call");
        let text = |field: &str| call[field].as_str().unwrap_or_default().to_owned();
        let status = call["status"].as_u64().and_then(|it| u16::try_from(it).ok()).expect("a status");
        let body = match &call["body"] {
            Value::String(text) => text.clone(),
            object => object.to_string(),
        };
        let mut says = Says::new(status, body);
        for (name, value) in call["headers"].as_object().expect("headers") {
            // How long the recorded text was is not how long ours is.
            if !name.eq_ignore_ascii_case("content-length") {
                says = says.with_header(name, value.as_str().expect("a text"));
            }
        }
        let path = text("path").split('?').next().unwrap_or_default().to_owned();
        Call { label: text("label"), method: text("method"), path, status, says, body: call["body"].clone() }
    };
    recorded.lines().map(read).collect()
}

fn error(error: &Error) -> String {
    let (kind, message) = match error {
        Error::Unauthorized(message) => ("Unauthorized", message),
        Error::Forbidden { message } => ("Forbidden", message),
        Error::NotFound(message) => ("NotFound", message),
        Error::Conflict(message) => ("Conflict", message),
        Error::Invalid(message) => ("Invalid", message),
        other => return format!("{other:?}"),
    };
    assert!(!error.is_transient(), "{error}");
    format!("{kind}: {message}")
}

fn told<T: Debug>(outcome: Result<T, Error>) -> String {
    outcome.map_or_else(|it| error(&it), |it| format!("{it:?}"))
}

fn eviction(eviction: Eviction) -> String {
    match eviction {
        Eviction::Accepted => String::from("accepted"),
        Eviction::Gone => String::from("gone"),
        Eviction::Misconfigured { message } => format!("misconfigured: {message}"),
        Eviction::Refused { budget, cause, retry_after } => {
            let after = retry_after.map(|it| format!(", in {} s", it.as_secs())).unwrap_or_default();
            format!("refused by {}{after}: {cause}", budget.unwrap_or_else(|| String::from("somebody")))
        }
    }
}

/// An object, as far as the recordings differ in it.
fn object(body: &Value) -> String {
    match body["kind"].as_str() {
        Some("Node") => read_node(body).map(|it| {
            let ready = format!("{:?}", it.ready);
            let ready = ready.split('(').next().unwrap_or_default();
            format!("node {} {} {ready}", it.name, it.instance.unwrap_or_default())
        }),
        Some("Pod") => read_pod(body).map(|it| {
            let ready = if it.ready { " ready" } else { "" };
            format!("pod {}/{} on {} {:?}{ready}", it.namespace, it.name, it.node.unwrap_or_default(), it.phase)
        }),
        Some("PodDisruptionBudget") => read_budget(body).map(|it| {
            let counts = format!("{} of {}/{}/{}", it.allowed, it.healthy, it.desired, it.expected);
            format!("budget {} {}: {counts} {}", it.name, it.rule, it.observed)
        }),
        other => Some(format!("{other:?}")),
    }
    .unwrap_or_else(|| format!("no object: {body}"))
}

/// Gives the answer to the call of the client that it is for.
async fn give(call: &Call) -> String {
    let says = call.says.clone();
    let server = Server::new(move |_| says.clone());
    let client = server.client();
    let name = |from_end: usize| call.path.rsplit('/').nth(from_end).unwrap_or_default().to_owned();
    let outcome = match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/version") => client.version().await.unwrap_or_else(|it| error(&it)),
        ("GET", "/readyz") => client.readyz().await.map_or_else(|it| error(&it), |()| String::from("done")),
        ("GET", "/api/v1/nodes") => told(client.list(Kind::Nodes).await),
        ("GET", "/api/v1/pods") => told(client.list(Kind::Pods).await),
        ("POST", path) if path.ends_with("/eviction") => {
            client.evict("default", &name(1), "u1").await.map_or_else(|it| error(&it), eviction)
        }
        ("PATCH", path) if path.starts_with("/api/v1/nodes/") && !path.ends_with("/status") => {
            told(client.cordon(&name(0), "u1", &BTreeMap::new()).await)
        }
        ("DELETE", path) if path.starts_with("/api/v1/nodes/") => told(client.delete_node(&name(0), "u1").await),
        ("DELETE", path) if path.contains("/pods/") => told(client.delete_pod("default", &name(0), "u1").await),
        (method, path) => {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = client.call(method, path, None).await.and_then(super::super::call::Answer::successful);
            answer.and_then(|it| it.json()).map_or_else(|it| error(&it), |it| object(&it))
        }
    };
    let asked = server.asked();
    let asked: Vec<(&str, &str)> = asked.iter().map(|it| (it.method.as_str(), it.path.as_str())).collect();
    assert_eq!(asked, [(call.method.as_str(), call.path.as_str())], "{}", call.label);
    outcome
}

#[tokio::test(start_paused = true)]
async fn each_recorded_answer_is_understood() {
    for (with, recorded) in [(true, WITH_CONTROLLERS), (false, WITHOUT)] {
        let mut wrong = Vec::new();
        let mut met = BTreeSet::new();
        for call in calls(recorded) {
            let wanted = TOLD.iter().find(|(label, ..)| *label == call.label);
            let Some((label, with_controllers, without)) = wanted else {
                // The tests below are about these; a service account is nothing that the client asks for.
                let known = call.path.contains("/serviceaccounts/") || call.status < 300;
                let unknown = !known && !call.label.starts_with("client cert bad") || call.path.ends_with("/eviction");
                assert!(!unknown, "nothing says what is to be made of {:?}", call.label);
                continue;
            };
            met.insert(*label);
            let wanted = if with { with_controllers } else { without };
            let told = give(&call).await;
            if told != *wanted {
                wrong.push(format!("{label}: {} {}\n  told:   {told}\n  wanted: {wanted}", call.method, call.path));
            }
        }
        let missing = TOLD
            .iter()
            .filter(|(label, one, other)| !met.contains(label) && !(if with { one } else { other }).is_empty());
        wrong.extend(missing.map(|(label, ..)| format!("{label} was not recorded")));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn bad_client_certificates_are_told_as_such() {
    let mut count = 0;
    for call in calls(WITH_CONTROLLERS).into_iter().chain(calls(WITHOUT)) {
        if call.label.starts_with("client cert bad") {
            assert_eq!(give(&call).await, "Unauthorized: Unauthorized");
            count += 1;
        }
    }
    assert_eq!(count, 4, "of another authority, and of a server, twice");
}

#[tokio::test(start_paused = true)]
async fn recorded_lists_are_read_to_their_end() {
    for recorded in [WITH_CONTROLLERS, WITHOUT] {
        let calls = calls(recorded);
        let labelled = |label: &str| calls.iter().find(|it| it.label == label).expect("it was recorded");
        let (paged, whole) = (labelled("paged list"), labelled("list pods of node"));
        let next = paged.body["metadata"]["continue"].as_str().expect("it goes on").to_owned();
        let (first, rest) = (paged.says.clone(), whole.says.clone());
        let server = Server::new(move |asked| match asked.parameter("continue") {
            None => first.clone(),
            Some(token) if token == next => rest.clone(),
            Some(other) => Says::new(400, json!({"message": other})),
        });
        let listed = server.client().list(Kind::Pods).await.expect("both pages");
        let items = |call: &Call| call.body["items"].as_array().expect("a list").clone();
        let pods: Vec<Value> = [items(paged), items(whole)].concat();
        assert_eq!(listed.objects.len(), pods.len(), "none is passed over");
        for (read, pod) in listed.objects.iter().zip(&pods) {
            let Object::Pod(read) = read else { panic!("{read:?}") };
            assert_eq!(Some(read.uid.as_str()), pod["metadata"]["uid"].as_str());
            assert_eq!(read.deleted_at.is_some(), pod["metadata"]["deletionTimestamp"].is_string(), "{}", read.name);
            assert_eq!(read.node.as_deref(), pod["spec"]["nodeName"].as_str());
        }
        assert_eq!(Some(listed.revision.as_str()), whole.body["metadata"]["resourceVersion"].as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorded_watch_is_followed() {
    for (recorded, end) in [(WITH_CONTROLLERS, "340"), (WITHOUT, "275")] {
        let calls = calls(recorded);
        let watch = calls.iter().find(|it| it.label == "watch from RV 1").expect("it was recorded").says.clone();
        let server = Server::new(move |asked| match asked.parameter("resourceVersion").as_deref() {
            Some("1") if asked.path == Kind::Nodes.path() => watch.clone(),
            Some(_) => Says::stream(vec![Piece::Silence]),
            None => Says::new(200, json!({"metadata": {"resourceVersion": "1"}, "items": []})),
        });
        let watching = Watching::start(&server.client());
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        assert_eq!(watching.trouble(), None);
        let seen = watching.seen().expect("all is listed");
        let nodes: Vec<String> = seen
            .nodes
            .values()
            .map(|it| {
                format!("{} {} {} {}", it.name, it.instance.as_deref().unwrap_or(""), it.is_ready(), it.unschedulable)
            })
            .collect();
        assert_eq!(nodes, ["n1 i-n1 true true", "n2 i-n2 true false"]);
        assert_eq!(seen.at.nodes.as_deref(), Some(end));
        let last = server.asked().into_iter().rfind(|it| it.path == Kind::Nodes.path()).expect("it goes on");
        assert_eq!(last.parameter("resourceVersion").as_deref(), Some(end));
    }
}
