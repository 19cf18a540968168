//! Lists of several pages.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::error::Error;
use super::super::seen::{Kind, Object};
use super::{Asked, Says, Server};

fn page(names: &[&str], next: &str) -> Says {
    let node = |name: &&str| json!({"metadata": {"name": name, "uid": name}});
    let items: Vec<Value> = names.iter().map(node).collect();
    Says::new(200, json!({"metadata": {"resourceVersion": "7", "continue": next}, "items": items}))
}

fn expired() -> Says {
    let message = "The provided continue parameter is too old to display a consistent list result.";
    Says::new(410, json!({"kind": "Status", "code": 410, "reason": "Expired", "message": message}))
}

/// Pages in their order.
fn pages(pages: Vec<Says>) -> Server {
    let pages = Mutex::new(pages.into_iter());
    Server::new(move |_| pages.lock().expect("one thread").next().expect("no page more"))
}

async fn names(server: &Server) -> Result<Vec<String>, Error> {
    let listed = server.client().list(Kind::Nodes).await?;
    assert_eq!(listed.revision, "7");
    let name = |it: &Object| match it {
        Object::Node(node) => node.name.clone(),
        other => panic!("{other:?}"),
    };
    Ok(listed.objects.iter().map(name).collect())
}

fn tokens(server: &Server) -> Vec<Option<String>> {
    let token = |it: &Asked| {
        assert_eq!((it.path.as_str(), it.parameter("limit").as_deref()), ("/api/v1/nodes", Some("500")));
        it.parameter("continue")
    };
    server.asked().iter().map(token).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_are_put_together() {
    // The token is the server's own affair: nothing in it may be lost on the way back.
    let odd = "a+b/c==&limit=1 ä";
    let server = pages(vec![page(&["a", "b"], odd), page(&[], "two"), page(&["c"], "")]);
    assert_eq!(names(&server).await, Ok(vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(tokens(&server), [None, Some(odd.to_owned()), Some("two".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_pages_were_forgotten_begins_once_more() {
    let server = pages(vec![page(&["a", "b"], "one"), expired(), page(&["b"], "two"), page(&["c"], "")]);
    // `a` went meanwhile, and `b` is there once.
    assert_eq!(names(&server).await, Ok(vec!["b".into(), "c".into()]));
    assert_eq!(tokens(&server), [None, Some("one".into()), None, Some("two".into())]);
    let server = pages(vec![page(&["a"], "one"), expired(), page(&["a"], "two"), expired()]);
    assert!(matches!(names(&server).await, Err(Error::Gone(_))), "a server that always forgets is not asked for ever");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_fails_the_list() {
    let server = pages(vec![page(&["a"], "one"), Says::new(503, "")]);
    assert!(matches!(names(&server).await, Err(Error::Api { code: 503, .. })));
    let bad = json!({"kind": "Status", "code": 400, "message": "invalid continue token"});
    let server = pages(vec![page(&["a"], "one"), Says::new(400, bad)]);
    assert_eq!(names(&server).await, Err(Error::Invalid("invalid continue token".into())));
    for nonsense in [json!({"items": "x"}), json!({"metadata": {}, "items": []})] {
        let server = pages(vec![Says::new(200, &nonsense)]);
        assert!(matches!(names(&server).await, Err(Error::Malformed(_))), "{nonsense}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_without_an_end_is_given_up() {
    let server = Server::new(|_| page(&["a"], "next"));
    assert!(matches!(names(&server).await, Err(Error::Malformed(why)) if why.contains("has no end")));
    assert_eq!(server.asked().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn an_empty_cluster_has_an_empty_list() {
    // Go writes an empty slice that was never made as null.
    let server = pages(vec![Says::new(200, json!({"metadata": {"resourceVersion": "7"}, "items": null}))]);
    assert_eq!(names(&server).await, Ok(Vec::new()));
}
