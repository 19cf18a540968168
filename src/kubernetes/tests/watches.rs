//! Watches: what events change, where a watch goes on, and what is listed anew. Time is virtual.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::seen::Kind;
use super::super::watch::Watching;
use super::{Asked, Piece, Says, Server};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn node(name: &str, uid: &str, revision: u32) -> Value {
    json!({"metadata": {"name": name, "uid": uid, "resourceVersion": revision.to_string()}, "spec": {}})
}

fn cordoned(mut node: Value) -> Value {
    node["spec"]["unschedulable"] = json!(true);
    node
}

fn list(revision: u32, items: &[Value]) -> Says {
    Says::new(200, json!({"metadata": {"resourceVersion": revision.to_string()}, "items": items}))
}

fn line(kind: &str, object: &Value) -> Piece {
    Piece::Text(format!("{}\n", json!({"type": kind, "object": object})))
}

fn bookmark(revision: u32) -> Piece {
    line("BOOKMARK", &json!({"metadata": {"resourceVersion": revision.to_string()}}))
}

fn failure(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "message": message, "reason": "Expired"})
}

/// A watch that tells nothing and ends when the client wants.
fn quiet() -> Says {
    Says::stream(vec![Piece::After(seconds(60))])
}

/// A cluster without pods and budgets, whose nodes are told in these answers; then there is no other.
fn cluster(nodes: Vec<Says>) -> Server {
    let rest = Mutex::new(VecDeque::from(nodes));
    Server::new(move |asked| {
        if asked.path != Kind::Nodes.path() {
            return if asked.is_watch() { quiet() } else { list(1, &[]) };
        }
        let next = rest.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or_else(|| if asked.is_watch() { quiet() } else { Says::nothing() })
    })
}

/// `list` or `watch <revision>`, for each request about nodes.
fn asked(server: &Server) -> Vec<String> {
    let of_nodes = server.asked().into_iter().filter(|it| it.path == Kind::Nodes.path());
    of_nodes.map(|it| word(&it)).collect()
}

fn word(asked: &Asked) -> String {
    match asked.parameter("resourceVersion") {
        Some(revision) if asked.is_watch() => format!("watch {revision}"),
        _ => String::from("list"),
    }
}

/// Names of the nodes that are seen; cordoned ones with a `!`.
fn nodes(watching: &Watching) -> String {
    let Some(seen) = watching.seen() else { return String::from("nothing") };
    let shown = |it: &super::super::Node| it.name.clone() + if it.unschedulable { "!" } else { "" };
    seen.nodes.values().map(shown).collect::<Vec<_>>().join(" ")
}

fn revision(watching: &Watching) -> Option<String> {
    watching.seen()?.at.nodes.clone()
}

#[tokio::test(start_paused = true)]
async fn each_event_changes_what_is_seen() {
    let events = [
        (line("ADDED", &node("b", "2", 11)), "a b", "11", true),
        (line("MODIFIED", &cordoned(node("a", "1", 12))), "a! b", "12", true),
        // An older namesake's end says nothing about the one that is there.
        (line("DELETED", &node("b", "1", 13)), "a! b", "13", false),
        (line("DELETED", &node("b", "2", 14)), "a!", "14", true),
        (bookmark(20), "a!", "20", false),
        // What cannot be understood is passed over, and its revision counts.
        (line("ADDED", &json!({"metadata": {"resourceVersion": "21"}})), "a!", "21", false),
    ];
    let told = events.iter().flat_map(|(event, ..)| [Piece::After(seconds(10)), event.clone()]);
    let server = cluster(vec![list(10, &[node("a", "1", 9)]), Says::stream(told.chain([Piece::Silence]).collect())]);
    let start = Instant::now();
    let watching = Watching::start(&server.client());
    assert_eq!(watching.seen(), None, "nothing is listed yet");
    sleep(seconds(5)).await;
    assert_eq!((nodes(&watching).as_str(), revision(&watching).as_deref()), ("a", Some("10")));
    for (number, (event, there, at, changes)) in (1..).zip(&events) {
        let before = Instant::now();
        watching.changed(seconds(9)).await;
        assert_eq!(before.elapsed(), seconds(if *changes { 5 } else { 9 }), "{event:?} wakes who waits");
        sleep_until(start + seconds(5 + 10 * number)).await;
        assert_eq!((nodes(&watching).as_str(), revision(&watching).as_deref()), (*there, Some(*at)), "{event:?}");
    }
    assert_eq!(asked(&server), ["list", "watch 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_goes_on_from_where_it_was() {
    let half = String::from("{\"type\": \"ADDED\", \"obj");
    let server = cluster(vec![
        list(10, &[node("a", "1", 9)]),
        Says::stream(vec![line("ADDED", &node("b", "2", 11)), Piece::After(seconds(2))]),
        Says::stream(vec![bookmark(20), Piece::After(seconds(2))]),
        Says::stream(vec![Piece::Text(half), Piece::After(seconds(2))]),
        Says::stream(vec![line("ADDED", &node("c", "3", 30)), Piece::Silence]),
    ]);
    let watching = Watching::start(&server.client());
    sleep(seconds(10)).await;
    assert_eq!(nodes(&watching), "a b c");
    assert_eq!(asked(&server), ["list", "watch 10", "watch 11", "watch 20", "watch 20"]);
    let queries: Vec<Asked> = server.asked().into_iter().filter(Asked::is_watch).collect();
    for asked in queries {
        // Without them an old revision is asked for again and again, or a watch lasts for half an hour.
        assert_eq!(asked.parameter("allowWatchBookmarks").as_deref(), Some("true"));
        assert_eq!(asked.parameter("timeoutSeconds").as_deref(), Some("60"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_may_come_in_parts_and_several_at_once() {
    let text = format!(
        "{}\n\n{}\n",
        json!({"type": "ADDED", "object": node("ä", "2", 11)}),
        json!({"type": "ADDED", "object": node("c", "3", 12)})
    );
    // Within a letter, even.
    let cut = text.find('ä').expect("it is in there") + 1;
    let (first, second) = text.as_bytes().split_at(cut);
    let [first, second] = [first, second].map(|it| Piece::Bytes(it.to_vec()));
    let server = cluster(vec![
        list(10, &[node("a", "1", 9)]),
        Says::stream(vec![first, Piece::After(seconds(1)), second, Piece::Silence]),
    ]);
    let watching = Watching::start(&server.client());
    sleep(seconds(3)).await;
    assert_eq!(nodes(&watching), "a c ä");
    assert_eq!(watching.trouble(), None);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_revision_leads_to_a_new_list_at_once() {
    let expired = failure(410, "too old resource version: 10 (4711)");
    for forgotten in [Says::new(410, &expired), Says::stream(vec![line("ERROR", &expired)])] {
        let case = format!("{forgotten:?}");
        let after = vec![list(10, &[node("a", "1", 9)]), forgotten, list(30, &[node("c", "3", 29)]), quiet()];
        let server = cluster(after);
        let watching = Watching::start(&server.client());
        sleep(Duration::from_millis(100)).await;
        assert_eq!((nodes(&watching).as_str(), watching.trouble()), ("c", None), "{case}");
        assert_eq!(asked(&server), ["list", "watch 10", "list", "watch 30"], "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_a_watch_is_told_and_nothing_is_lost() {
    let text = |text: &str| Piece::Text(text.to_owned());
    let cases = [
        ("no JSON", Says::stream(vec![text("{broken\n"), Piece::Silence]), "cannot be understood"),
        ("no event", Says::stream(vec![text("{\"type\":\"OTHER\"}\n")]), "cannot be understood"),
        ("an endless event", Says::stream(vec![text(&"x".repeat(5 << 20)), Piece::Silence]), "has no end"),
        ("cut", Says::stream(vec![Piece::Cut]), "connection reset"),
        ("cut within an event", Says::stream(vec![text("{\"type\":\"ADD"), Piece::Cut]), "connection reset"),
        ("cut before", Says::cut(), "connection reset"),
        ("an error", Says::stream(vec![line("ERROR", &failure(500, "etcd is away"))]), "etcd is away"),
        ("silence within", Says::stream(vec![bookmark(10), Piece::Silence]), "within 90 s"),
        ("silence before", Says::nothing(), "within 30 s"),
        ("refused", Says::new(403, failure(403, "no watching for you")), "no watching for you"),
        ("refused, without an end", Says::new(500, "oh").then(Piece::Silence), "within 30 s"),
    ];
    for (case, broken, why) in cases {
        let then = list(30, &[cordoned(node("a", "1", 20)), node("c", "3", 29)]);
        let server = cluster(vec![list(10, &[node("a", "1", 9)]), broken, then, quiet(), quiet()]);
        let watching = Watching::start(&server.client());
        let mut troubles = Vec::new();
        for _ in 0..200 {
            sleep(Duration::from_millis(500)).await;
            if let Some(trouble) = watching.trouble() {
                troubles.push(trouble);
                assert_eq!(nodes(&watching), "a", "{case}: what was seen stays meanwhile");
            }
        }
        assert!(troubles.iter().any(|it| it.to_string().contains(why)), "{case}: {troubles:?}");
        assert!(troubles.len() <= 3, "{case}: a second's pause: {troubles:?}");
        assert_eq!((nodes(&watching).as_str(), watching.trouble()), ("a! c", None), "{case}");
        assert_eq!(asked(&server)[..4], ["list", "watch 10", "list", "watch 30"], "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_as_fast_as_he_answers() {
    let expired = failure(410, "too old resource version");
    let cases = [
        ("forgets at once", Says::new(410, &expired), 20),
        ("forgets in a stream", Says::stream(vec![line("ERROR", &expired)]), 20),
        ("ends at once", Says::stream(Vec::new()), 70),
        ("refuses", Says::new(403, "no"), 20),
    ];
    for (case, watch, most) in cases {
        let count = Mutex::new(0);
        let server = Server::new(move |asked| {
            let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
            *count += 1;
            match *count {
                // Else a client that never waits would hold the clock for ever.
                500.. => Says::nothing(),
                _ if asked.path != Kind::Nodes.path() => Says::nothing(),
                _ if asked.is_watch() => watch.clone(),
                _ => list(10, &[]),
            }
        });
        let _watching = Watching::start(&server.client());
        sleep(seconds(60)).await;
        let watches = asked(&server).iter().filter(|it| it.starts_with("watch")).count();
        assert!((3..=most).contains(&watches), "{case}: {watches} in a minute");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_time_gets_it() {
    let busy = |status: u16, after: &str| {
        let says = Says::new(status, "Too many requests, please try again later.");
        if after.is_empty() { says } else { says.with_header("Retry-After", after) }
    };
    let mut told = failure(429, "later");
    told["details"] = json!({"retryAfterSeconds": 20});
    let sound = || list(10, &[node("a", "1", 9)]);
    let cases = [
        ("a list, 429", vec![busy(429, "20"), sound()], 20),
        ("a list, 503", vec![busy(503, "20"), sound()], 20),
        ("a list, nothing said", vec![busy(429, ""), sound()], 1),
        ("a list, less than our own pause", vec![busy(429, "0"), sound()], 1),
        ("a list, no number", vec![busy(503, "Fri, 20 Nov 2026 13:00:00 GMT"), sound()], 1),
        ("a list, an hour", vec![busy(503, "3600"), sound()], 60),
        ("a watch", vec![sound(), busy(429, "20"), sound()], 20),
        ("within a watch", vec![sound(), Says::stream(vec![line("ERROR", &told)]), sound()], 20),
    ];
    for (case, answers, pause) in cases {
        let (server, before) = (cluster(answers.clone()), answers.len() - 1);
        let watching = Watching::start(&server.client());
        sleep(seconds(70)).await;
        let of_nodes: Vec<Asked> = server.asked().into_iter().filter(|it| it.path == Kind::Nodes.path()).collect();
        let waited = of_nodes[before].at - of_nodes[before - 1].at;
        assert_eq!(waited.as_secs(), pause, "{case}");
        assert_eq!((nodes(&watching).as_str(), watching.trouble()), ("a", None), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_listed_anew_every_few_minutes_until_nobody_watches() {
    let server = Server::new(|asked| if asked.is_watch() { quiet() } else { list(10, &[]) });
    let watching = Watching::start(&server.client());
    sleep(seconds(299)).await;
    assert_eq!(asked(&server).iter().filter(|it| *it == "list").count(), 1);
    sleep(seconds(10)).await;
    assert_eq!(asked(&server).iter().filter(|it| *it == "list").count(), 2);
    assert!(watching.seen().is_some_and(|seen| seen.is_complete()));
    drop(watching);
    let before = server.asked().len();
    sleep(seconds(600)).await;
    assert_eq!(server.asked().len(), before, "whoever watches no more asks no more");
}
