//! Calls: what is asked, and what is made of answers that nobody recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::change::Changed;
use super::super::error::Error;
use super::super::evict::Eviction;
use super::{Asked, Says, Server};

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

#[tokio::test(start_paused = true)]
async fn each_change_is_one_request_about_one_object() {
    let server = Server::new(|_| Says::new(200, "{}"));
    let client = server.client();
    let annotations = BTreeMap::from([(String::from("windlass.dev/roll"), String::from("roll-1"))]);
    client.cordon("n/1", "u1", &annotations).await.expect("it is done");
    client.uncordon("n1", "u1", &["windlass.dev/roll"]).await.expect("it is done");
    client.protect("n1", true).await.expect("it is done");
    client.protect("n1", false).await.expect("it is done");
    client.delete_node("n1", "u1").await.expect("it is done");
    client.delete_pod("a b", "web", "u2").await.expect("it is done");
    client.evict("default", "web", "u2").await.expect("it is done");
    let merge = "application/merge-patch+json";
    let disabled = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
    let delete = |uid: &str| json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}});
    let wanted = [
        (
            "PATCH",
            "/api/v1/nodes/n%2F1",
            merge,
            json!({"spec": {"unschedulable": true},
            "metadata": {"annotations": {"windlass.dev/roll": "roll-1"}, "uid": "u1"}}),
        ),
        (
            "PATCH",
            "/api/v1/nodes/n1",
            merge,
            json!({"spec": {"unschedulable": null},
            "metadata": {"annotations": {"windlass.dev/roll": null}, "uid": "u1"}}),
        ),
        ("PATCH", "/api/v1/nodes/n1", merge, json!({"metadata": {"annotations": {disabled: "true"}}})),
        ("PATCH", "/api/v1/nodes/n1", merge, json!({"metadata": {"annotations": {disabled: null}}})),
        ("DELETE", "/api/v1/nodes/n1", "application/json", delete("u1")),
        ("DELETE", "/api/v1/namespaces/a%20b/pods/web", "application/json", delete("u2")),
        (
            "POST",
            "/api/v1/namespaces/default/pods/web/eviction",
            "application/json",
            json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": "default", "name": "web"},
            // Not `delete_options`, which servers pass over in silence.
            "deleteOptions": {"preconditions": {"uid": "u2"}}}),
        ),
    ];
    let asked = server.asked();
    assert_eq!(asked.len(), wanted.len());
    for (asked, (method, path, content, body)) in asked.iter().zip(&wanted) {
        assert_eq!((asked.method.as_str(), asked.path.as_str()), (*method, *path));
        assert_eq!((asked.header("content-type"), &asked.body), (*content, body), "{method} {path}");
        assert!(asked.header("user-agent").starts_with("windlass/"), "{method} {path}");
        let manager = (*method == "PATCH").then(|| String::from("windlass"));
        assert_eq!(asked.parameter("fieldManager"), manager, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_to_evictions_that_were_not_recorded_are_told_apart() {
    let seconds = |count| Some(Duration::from_secs(count));
    let flow = Says::new(429, "Too many requests, please try again later.").with_header("Retry-After", "1");
    let flow_control = Error::TooManyRequests {
        message: String::from("Too many requests, please try again later."),
        retry_after: seconds(1),
    };
    let mut other_words = status(429, "TooManyRequests", "Cannot evict pod");
    other_words["details"] = json!({"causes": [{"reason": "DisruptionBudget", "message": "Not now."}],
        "retryAfterSeconds": 3});
    let refused = Eviction::Refused { budget: None, cause: String::from("Not now."), retry_after: seconds(3) };
    // What etcd's transaction says when a pod is made anew between the look and the deletion.
    let raced = "Operation cannot be fulfilled on pods \"web\": StorageError: invalid object, Code: 4, \
                 AdditionalErrorMsg: Precondition failed: UID in precondition: u2, UID in object meta: u3";
    let api = |code: u16, reason: &str, message: &str, retry_after| Error::Api {
        code,
        reason: reason.to_owned(),
        message: message.to_owned(),
        retry_after,
    };
    let webhook = "failed calling webhook \"pods.example\": no route to host";
    let page = Says::new(503, "<html>\n503 Service Unavailable</html>").with_header("Retry-After", "7");
    let conflict = "the object has been modified";
    let cases: [(&str, Says, Result<Eviction, Error>, bool); 8] = [
        ("flow control", flow, Err(flow_control), true),
        ("other words", Says::new(429, other_words), Ok(refused), false),
        ("raced", Says::new(409, status(409, "Conflict", raced)), Ok(Eviction::Gone), false),
        ("conflict", Says::new(409, status(409, "Conflict", conflict)), Err(Error::Conflict(conflict.into())), false),
        ("late", Says::new(504, status(504, "Timeout", "x")), Err(Error::Timeout(Duration::from_secs(30))), true),
        (
            "a webhook",
            Says::new(500, status(500, "InternalError", webhook)),
            Err(api(500, "InternalError", webhook, None)),
            true,
        ),
        ("a proxy", page, Err(api(503, "", "<html>503 Service Unavailable</html>", seconds(7))), true),
        ("nothing", Says::new(500, ""), Err(api(500, "", "500 Internal Server Error", None)), false),
    ];
    for (case, says, wanted, transient) in cases {
        let server = Server::new(move |_| says.clone());
        let outcome = server.client().evict("default", "web", "u2").await;
        assert_eq!(outcome, wanted, "{case}");
        assert_eq!(outcome.is_err_and(|error| error.is_transient()), transient, "{case}");
        // When to ask again is the caller's decision: a client that repeats by itself holds a drain for minutes.
        assert_eq!(server.asked().len(), 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_no_failure_of_a_change() {
    let mut uid = status(422, "Invalid", "Node \"n1\" is invalid: metadata.uid: Invalid value: field is immutable");
    uid["details"] = json!({"causes": [{"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "x"}]});
    let gone = [
        Says::new(404, status(404, "NotFound", "nodes \"n1\" not found")),
        Says::new(422, uid),
        Says::new(409, status(409, "Conflict", "Precondition failed: UID in precondition: u1, UID in object meta: u2")),
    ];
    for says in gone {
        let case = format!("{says:?}");
        let server = Server::new(move |_| says.clone());
        assert_eq!(server.client().cordon("n1", "u1", &BTreeMap::new()).await, Ok(Changed::Gone), "{case}");
    }
    let conflict = Server::new(|_| Says::new(409, status(409, "Conflict", "the UID in the precondition (u1) differs")));
    assert_eq!(conflict.client().delete_node("n1", "u1").await, Ok(Changed::Gone));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_ready_says_what_is_not() {
    let text = "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/x failed\nreadyz check failed\n";
    let server = Server::new(move |_| Says::new(500, text));
    let error = server.client().readyz().await.expect_err("it is not ready");
    assert!(matches!(&error, Error::Api { message, .. } if message == "not ready: etcd, poststarthook/x"), "{error:?}");
    assert!(error.is_transient(), "it may be ready soon");
    assert_eq!(server.asked().first().map(|it: &Asked| it.path.clone()).as_deref(), Some("/readyz"));
}

#[tokio::test(start_paused = true)]
async fn what_no_api_server_says_is_told_and_not_believed() {
    for body in ["", "<html>", "[1", "{}"] {
        let server = Server::new(move |_| Says::new(200, body));
        let outcome = server.client().version().await;
        assert!(matches!(outcome, Err(Error::Malformed(_))), "{body:?}: {outcome:?}");
    }
    let server = Server::new(|_| Says::new(502, "x\u{1b}[31m".repeat(1000)));
    let error = server.client().version().await.expect_err("a proxy's");
    assert!(error.to_string().len() < 300 && !error.to_string().contains('\u{1b}'), "{error}");
}
