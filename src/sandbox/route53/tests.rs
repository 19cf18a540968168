use std::time::Duration;

use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
};

use crate::sandbox::tests::{Clients, clients, code};

fn route53(clients: &Clients) -> aws_sdk_route53::Client {
    aws_sdk_route53::Client::new(clients.configuration())
}

fn record(name: &str, weight: Option<(&str, i64)>) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value("10.0.0.1").build().expect("a value");
    let set = ResourceRecordSet::builder().name(name).r#type(RrType::A).ttl(60).resource_records(value);
    let set = match weight {
        Some((identifier, weight)) => set.set_identifier(identifier).weight(weight),
        None => set,
    };
    set.build().expect("a record")
}

fn batch(changes: Vec<(ChangeAction, ResourceRecordSet)>) -> ChangeBatch {
    let change = |(action, set)| Change::builder().action(action).resource_record_set(set).build().expect("a change");
    ChangeBatch::builder().set_changes(Some(changes.into_iter().map(change).collect())).build().expect("a batch")
}

async fn zone(route53: &aws_sdk_route53::Client, name: &str) -> String {
    let made = route53.create_hosted_zone().name(name).caller_reference(name).send().await.expect("a zone");
    made.hosted_zone().expect("a zone").id().trim_start_matches("/hostedzone/").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_pending_and_later_in_sync() {
    let clients = clients();
    let route53 = route53(&clients);
    let zone = zone(&route53, "k8s.example.com").await;
    let changes = batch(vec![(ChangeAction::Create, record("api.k8s.example.com", None))]);
    let made =
        route53.change_resource_record_sets().hosted_zone_id(&zone).change_batch(changes).send().await.expect("made");
    let change = made.change_info().expect("a change");
    assert_eq!(change.status(), &ChangeStatus::Pending);
    tokio::time::advance(Duration::from_secs(31)).await;
    let later = route53.get_change().id(change.id()).send().await.expect("a change");
    assert_eq!(later.change_info().expect("a change").status(), &ChangeStatus::Insync);
    assert_eq!(code(route53.get_change().id("CNONE").send().await), "NoSuchChange");
}

#[tokio::test(start_paused = true)]
async fn pages_that_end_within_a_weighted_set_lose_and_repeat_nothing() {
    let clients = clients();
    let route53 = route53(&clients);
    let zone = zone(&route53, "example.com").await;
    let mut changes: Vec<_> = (0..7)
        .map(|index| (ChangeAction::Create, record("w.example.com", Some((&format!("s{index}"), index)))))
        .collect();
    changes.push((ChangeAction::Create, record("*.example.com", None)));
    let request = route53.change_resource_record_sets().hosted_zone_id(&zone).change_batch(batch(changes));
    request.send().await.expect("made");
    let mut seen = Vec::new();
    let mut next = (None, None, None);
    loop {
        let (name, kind, identifier) = next;
        let page = route53
            .list_resource_record_sets()
            .hosted_zone_id(&zone)
            .set_start_record_name(name)
            .set_start_record_type(kind)
            .set_start_record_identifier(identifier)
            .max_items(3)
            .send()
            .await
            .expect("a page");
        for set in page.resource_record_sets() {
            seen.push(format!("{} {} {}", set.name(), set.r#type(), set.set_identifier().unwrap_or_default()));
        }
        if !page.is_truncated() {
            break;
        }
        next = (page.next_record_name, page.next_record_type, page.next_record_identifier);
    }
    let mut expected = vec!["example.com. NS ".to_owned(), "example.com. SOA ".to_owned()];
    expected.push("\\052.example.com. A ".to_owned());
    expected.extend((0..7).map(|index| format!("w.example.com. A s{index}")));
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_zone_is_made_once_for_a_caller_reference_and_deleted_when_empty() {
    let clients = clients();
    let route53 = route53(&clients);
    let zone = zone(&route53, "example.com").await;
    let again = route53.create_hosted_zone().name("example.com").caller_reference("example.com");
    assert_eq!(code(again.send().await), "HostedZoneAlreadyExists");
    let bad = route53.create_hosted_zone().name("bad..name").caller_reference("x");
    assert_eq!(code(bad.send().await), "InvalidDomainName");
    let change = |action| {
        let changes = batch(vec![(action, record("a.example.com", None))]);
        route53.change_resource_record_sets().hosted_zone_id(&zone).change_batch(changes).send()
    };
    change(ChangeAction::Create).await.expect("made");
    assert_eq!(code(change(ChangeAction::Create).await), "InvalidChangeBatch");
    assert_eq!(code(route53.delete_hosted_zone().id(&zone).send().await), "HostedZoneNotEmpty");
    change(ChangeAction::Delete).await.expect("deleted");
    assert_eq!(code(change(ChangeAction::Delete).await), "InvalidChangeBatch");
    let listed = route53.list_hosted_zones_by_name().dns_name("example.com").send().await.expect("a list");
    assert_eq!(listed.hosted_zones()[0].name(), "example.com.");
    route53.delete_hosted_zone().id(&zone).send().await.expect("deleted");
    assert_eq!(code(route53.get_hosted_zone().id(&zone).send().await), "NoSuchHostedZone");
}
