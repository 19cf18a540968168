use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;

use super::Bucket;
use crate::sandbox::tests::{Clients, clients_of, code, empty_world};

fn clients() -> (Clients, aws_sdk_s3::Client) {
    let mut world = empty_world();
    for (name, owner) in [("backups", world.account.clone()), ("foreign", String::from("999999999999"))] {
        let bucket = Bucket { name: name.to_owned(), owner, created: world.now, objects: BTreeMap::new() };
        world.s3.buckets.insert(name.to_owned(), bucket);
    }
    let clients = clients_of(world);
    let s3 = aws_sdk_s3::Client::new(clients.configuration());
    (clients, s3)
}

#[tokio::test(start_paused = true)]
async fn objects_are_written_read_listed_in_pages_and_deleted() {
    let (_clients, s3) = clients();
    for key in ["a/1.db", "a/2 &.db", "b/3.db"] {
        let body = ByteStream::from_static(b"snapshot");
        s3.put_object().bucket("backups").key(key).body(body).send().await.expect("stored");
    }
    let head = s3.head_object().bucket("backups").key("a/2 &.db").send().await.expect("there");
    assert_eq!(head.content_length(), Some(8));
    assert_eq!(head.last_modified().map(aws_smithy_types::DateTime::secs), Some(1_795_176_000));
    let got = s3.get_object().bucket("backups").key("a/1.db").send().await.expect("there");
    assert_eq!(got.body.collect().await.expect("a body").into_bytes().as_ref(), b"snapshot");
    let first = s3.list_objects_v2().bucket("backups").prefix("a/").max_keys(1).send().await.expect("a page");
    assert_eq!(first.contents().iter().filter_map(|it| it.key()).collect::<Vec<_>>(), ["a/1.db"]);
    let token = first.next_continuation_token.expect("a token");
    let rest =
        s3.list_objects_v2().bucket("backups").prefix("a/").continuation_token(token).send().await.expect("more");
    assert_eq!(rest.contents().iter().filter_map(|it| it.key()).collect::<Vec<_>>(), ["a/2 &.db"]);
    assert_eq!(rest.is_truncated(), Some(false));
    let folders = s3.list_objects_v2().bucket("backups").delimiter("/").send().await.expect("folders");
    assert_eq!(folders.common_prefixes().iter().filter_map(|it| it.prefix()).collect::<Vec<_>>(), ["a/", "b/"]);
    s3.delete_object().bucket("backups").key("a/1.db").send().await.expect("deleted");
    assert_eq!(code(s3.get_object().bucket("backups").key("a/1.db").send().await), "NoSuchKey");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_and_what_is_somebody_elses_is_refused() {
    let (_clients, s3) = clients();
    assert_eq!(code(s3.list_objects_v2().bucket("none").send().await), "NoSuchBucket");
    assert_eq!(code(s3.list_objects_v2().bucket("foreign").send().await), "AccessDenied");
    assert_eq!(code(s3.head_object().bucket("backups").key("none").send().await), "NotFound");
    let listed = s3.list_buckets().send().await.expect("a list");
    assert_eq!(listed.buckets().iter().filter_map(|it| it.name()).collect::<Vec<_>>(), ["backups"]);
}
