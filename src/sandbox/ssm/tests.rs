use aws_sdk_ssm::types::{ParameterTier, ParameterType, Tag};

use crate::sandbox::tests::{clients_of, code, empty_world};

#[tokio::test(start_paused = true)]
async fn parameters_are_made_once_read_by_path_and_in_pages() {
    let clients = clients_of(empty_world());
    let ssm = aws_sdk_ssm::Client::new(clients.configuration());
    let put = |name: &str| ssm.put_parameter().name(name).value("v").r#type(ParameterType::String).send();
    for name in ["/windlass/a", "/windlass/b", "/windlass/deep/c"] {
        put(name).await.expect("put");
    }
    assert_eq!(code(put("/windlass/a").await), "ParameterAlreadyExists");
    let tag = Tag::builder().key("k").value("v").build().expect("a tag");
    let both = ssm.put_parameter().name("/windlass/a").value("w").overwrite(true).tags(tag);
    assert_eq!(code(both.send().await), "ValidationException");
    let version = ssm.put_parameter().name("/windlass/a").value("w").overwrite(true).send().await.expect("overwritten");
    assert_eq!(version.version(), 2);
    let flat = ssm.get_parameters_by_path().path("/windlass").max_results(1).send().await.expect("a page");
    assert_eq!(flat.parameters().len(), 1);
    let rest =
        ssm.get_parameters_by_path().path("/windlass").set_next_token(flat.next_token).send().await.expect("a page");
    assert_eq!(rest.parameters().iter().filter_map(|it| it.name()).collect::<Vec<_>>(), ["/windlass/b"]);
    let deep = ssm.get_parameters_by_path().path("/windlass").recursive(true).send().await.expect("a page");
    assert_eq!(deep.parameters().len(), 3);
    ssm.delete_parameter().name("/windlass/b").send().await.expect("deleted");
    assert_eq!(code(ssm.delete_parameter().name("/windlass/b").send().await), "ParameterNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_shown_only_when_it_is_decrypted() {
    let clients = clients_of(empty_world());
    let ssm = aws_sdk_ssm::Client::new(clients.configuration());
    let put = ssm.put_parameter().name("/s").value("hunter2").r#type(ParameterType::SecureString);
    put.send().await.expect("put");
    let sealed = ssm.get_parameter().name("/s").send().await.expect("read");
    let sealed = sealed.parameter().and_then(|it| it.value()).expect("a value").to_owned();
    assert!(!sealed.contains("hunter2"));
    let open = ssm.get_parameter().name("/s").with_decryption(true).send().await.expect("read");
    assert_eq!(open.parameter().and_then(|it| it.value()), Some("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn sizes_and_tiers_are_enforced() {
    let clients = clients_of(empty_world());
    let ssm = aws_sdk_ssm::Client::new(clients.configuration());
    let put = |tier: ParameterTier, size: usize| {
        let request = ssm.put_parameter().name("/big").value("x".repeat(size)).r#type(ParameterType::String);
        request.tier(tier).overwrite(true).send()
    };
    assert_eq!(code(put(ParameterTier::Standard, 4097).await), "ValidationException");
    put(ParameterTier::Standard, 4096).await.expect("put");
    put(ParameterTier::Advanced, 8192).await.expect("put");
    assert_eq!(code(put(ParameterTier::Advanced, 8193).await), "ValidationException");
    let grown = put(ParameterTier::IntelligentTiering, 5000).await.expect("put");
    assert_eq!(grown.tier(), Some(&ParameterTier::Advanced));
}

#[tokio::test(start_paused = true)]
async fn public_parameters_are_read_like_others_and_never_written() {
    let mut world = empty_world();
    let name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";
    let now = world.now;
    world.ssm.publish(name, "ami-0123456789abcdef0", now);
    let clients = clients_of(world);
    let ssm = aws_sdk_ssm::Client::new(clients.configuration());
    let read = ssm.get_parameters().names(name).names("/none").send().await.expect("read");
    assert_eq!(read.parameters()[0].value(), Some("ami-0123456789abcdef0"));
    assert_eq!(read.invalid_parameters(), ["/none"]);
    let put = ssm.put_parameter().name("/aws/x").value("v").r#type(ParameterType::String);
    assert_eq!(code(put.send().await), "AccessDeniedException");
}
