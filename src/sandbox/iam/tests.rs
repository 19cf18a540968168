use std::time::Duration;

use super::instance_profile;
use crate::sandbox::tests::{Clients, clients, code};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}"#;
const SSM: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

fn iam(clients: &Clients) -> aws_sdk_iam::Client {
    aws_sdk_iam::Client::new(clients.configuration())
}

async fn role(iam: &aws_sdk_iam::Client, name: &str) {
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("video").build().expect("a tag");
    let request =
        iam.create_role().role_name(name).path("/windlass/prod/").assume_role_policy_document(TRUST).tags(tag);
    request.send().await.expect("a role");
}

#[tokio::test(start_paused = true)]
async fn a_role_in_use_is_not_deleted_until_everything_is_taken_from_it() {
    let clients = clients();
    let iam = iam(&clients);
    role(&iam, "nodes").await;
    assert_eq!(
        code(iam.create_role().role_name("nodes").assume_role_policy_document(TRUST).send().await),
        "EntityAlreadyExists"
    );
    iam.put_role_policy().role_name("nodes").policy_name("p").policy_document(POLICY).send().await.expect("put");
    iam.attach_role_policy().role_name("nodes").policy_arn(SSM).send().await.expect("attached");
    iam.create_instance_profile().instance_profile_name("nodes").send().await.expect("a profile");
    let add = || iam.add_role_to_instance_profile().instance_profile_name("nodes").role_name("nodes").send();
    add().await.expect("added");
    assert_eq!(code(add().await), "LimitExceeded");
    let delete = || iam.delete_role().role_name("nodes").send();
    assert_eq!(code(delete().await), "DeleteConflict");
    assert_eq!(code(iam.delete_instance_profile().instance_profile_name("nodes").send().await), "DeleteConflict");
    let remove = iam.remove_role_from_instance_profile().instance_profile_name("nodes").role_name("nodes");
    remove.send().await.expect("removed");
    assert_eq!(code(delete().await), "DeleteConflict");
    iam.detach_role_policy().role_name("nodes").policy_arn(SSM).send().await.expect("detached");
    assert_eq!(code(delete().await), "DeleteConflict");
    iam.delete_role_policy().role_name("nodes").policy_name("p").send().await.expect("deleted");
    delete().await.expect("deleted");
    assert_eq!(code(iam.get_role().role_name("nodes").send().await), "NoSuchEntity");
}

#[tokio::test(start_paused = true)]
async fn one_listing_shows_roles_with_policies_profiles_and_tags_in_pages() {
    let clients = clients();
    let iam = iam(&clients);
    for name in ["a", "b", "c"] {
        role(&iam, name).await;
        iam.put_role_policy().role_name(name).policy_name("p").policy_document(POLICY).send().await.expect("put");
        iam.create_instance_profile().instance_profile_name(name).path("/windlass/prod/").send().await.expect("made");
        let add = iam.add_role_to_instance_profile().instance_profile_name(name).role_name(name);
        add.send().await.expect("added");
    }
    let page = |marker: Option<String>| {
        let filter = aws_sdk_iam::types::EntityType::Role;
        iam.get_account_authorization_details().filter(filter).max_items(2).set_marker(marker).send()
    };
    let first = page(None).await.expect("a page");
    assert!(first.is_truncated());
    assert_eq!(first.role_detail_list().len(), 2);
    let second = page(first.marker().map(str::to_owned)).await.expect("a page");
    let last = &second.role_detail_list()[0];
    assert_eq!(last.role_name(), Some("c"));
    assert_eq!(last.tags()[0].value(), "video");
    assert_eq!(last.role_policy_list()[0].policy_name(), Some("p"));
    assert!(last.assume_role_policy_document().is_some_and(|text| text.starts_with("%7B")));
    let profile = &last.instance_profile_list()[0];
    assert_eq!(profile.roles()[0].role_name(), "c");
    let listed = iam.list_instance_profiles().path_prefix("/windlass/").send().await.expect("a list");
    assert_eq!(listed.instance_profiles().len(), 3);
    assert!(listed.instance_profiles()[0].tags().is_empty(), "listings show no tags, as on AWS");
}

#[tokio::test(start_paused = true)]
async fn ec2_hears_of_a_profile_and_of_its_role_only_after_the_lag() {
    let clients = clients();
    let iam = iam(&clients);
    role(&iam, "nodes").await;
    iam.create_instance_profile().instance_profile_name("nodes").send().await.expect("a profile");
    tokio::time::advance(Duration::from_secs(60)).await;
    let add = iam.add_role_to_instance_profile().instance_profile_name("nodes").role_name("nodes");
    add.send().await.expect("added");
    let known =
        |clients: &Clients| clients.sandbox.with_world(|world| instance_profile(world, "nodes")).expect("a world");
    assert_eq!(known(&clients), None);
    tokio::time::advance(Duration::from_secs(9)).await;
    iam.get_role().role_name("nodes").send().await.expect("time passes with calls");
    assert!(known(&clients).is_some());
}

#[tokio::test(start_paused = true)]
async fn documents_names_and_policies_that_are_not_valid_are_refused() {
    let clients = clients();
    let iam = iam(&clients);
    let create = |name: &str, trust: &str| iam.create_role().role_name(name).assume_role_policy_document(trust).send();
    assert_eq!(code(create("nodes", "{").await), "MalformedPolicyDocument");
    assert_eq!(code(create(&"x".repeat(65), TRUST).await), "ValidationError");
    role(&iam, "nodes").await;
    let put = iam.put_role_policy().role_name("nodes").policy_name("p").policy_document(TRUST);
    assert_eq!(code(put.send().await), "MalformedPolicyDocument");
    let attach = iam.attach_role_policy().role_name("nodes").policy_arn("arn:aws:iam::aws:policy/NoSuchThing");
    assert_eq!(code(attach.send().await), "NoSuchEntity");
    let big = POLICY.replace("ec2:Describe*", &"x".repeat(10_240));
    let put = iam.put_role_policy().role_name("nodes").policy_name("p").policy_document(big);
    assert_eq!(code(put.send().await), "LimitExceeded");
}
