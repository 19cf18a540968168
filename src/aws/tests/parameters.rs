//! Parameters against the sandbox: whose they are, what is known of them without their values, and what is swept.

use std::collections::BTreeMap;

use super::{UID, cluster, identity, sandboxed, scope};
use crate::aws::{
    Aws, Error, Ids, Leftover, LeftoverKind, Made, ParameterValue, PublicCertificate, Scope, Update, create,
    create_parameter, delete, discover, leftovers, sweep, update, update_parameter,
};
use crate::pki::{AuthorityName, LeafName};
use crate::resource::{Address, CertificateRequest, Content, Found, Parameter, Resource, Tags, attribute};
use crate::sandbox::Sandbox;
use crate::spec::KeyAlgorithm;

const TRUST: &str = "parameter/pki/cluster.crt";
const LEAF: &str = "parameter/members/a/scheduler.pem";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn parameter(address: &str, content: Content) -> Parameter {
    let name = address.strip_prefix("parameter/").expect("a parameter");
    let tags = Tags::from([(String::from("Name"), name.to_owned())]);
    Parameter { name: format!("/windlass/{}/{name}", cluster()), content, kms_key: None, tags }
}

fn trust(revisions: &[u32]) -> Parameter {
    parameter(TRUST, Content::Trust { authority: AuthorityName::Cluster, revisions: revisions.to_vec() })
}

fn leaf(issue: u32) -> Parameter {
    let request = CertificateRequest {
        leaf: LeafName::Scheduler,
        authority: AuthorityName::Cluster,
        revision: 1,
        common_name: String::from("system:kube-scheduler"),
        organizations: Default::default(),
        usages: Default::default(),
        names: Default::default(),
        addresses: Default::default(),
        interface: None,
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime: 3600,
        issue,
    };
    parameter(LEAF, Content::Certificate(request))
}

/// A value with a public side that tells one from the other.
fn value(serial: &str) -> ParameterValue {
    let certificate = PublicCertificate { serial: serial.to_owned(), pem: format!("certificate {serial}") };
    ParameterValue { text: format!("the secret of {serial}").into(), certificate: Some(certificate) }
}

fn plain(text: &str) -> ParameterValue {
    ParameterValue { text: text.to_owned().into(), certificate: None }
}

async fn make(aws: &Aws, at: &str, it: &Parameter, value: &ParameterValue) -> Result<Made, Error> {
    create_parameter(aws, &identity(&address(at)), it, value).await
}

/// What a run knows that has applied `it` with these facts.
fn after(at: &str, it: &Parameter, made: &Made) -> Scope {
    let at = address(at);
    let resource = Resource::from(it.clone());
    Scope {
        resources: BTreeMap::from([(at.clone(), resource.clone())]),
        ids: BTreeMap::from([(at.clone(), made.id.clone())]),
        applied: BTreeMap::from([(at.clone(), resource)]),
        attributes: BTreeMap::from([(at, made.attributes.clone())]),
        ..scope()
    }
}

async fn see(aws: &Aws, scope: &Scope) -> Vec<Found> {
    let observed = discover(aws, scope).await.expect("discovery works");
    assert_eq!(observed.clashes, []);
    observed.found
}

fn content(found: &[Found]) -> &Parameter {
    match found {
        [Found { resource: Resource::Parameter(it), .. }] => it,
        other => panic!("one parameter is expected, not {other:?}"),
    }
}

fn stored(sandbox: &Sandbox, it: &Parameter) -> crate::sandbox::ssm::Parameter {
    sandbox.with_world(|world| world.ssm.parameters[&it.name].clone()).expect("a world in memory")
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_made_renewed_tagged_and_deleted() {
    let (aws, sandbox) = sandboxed().await;
    let first = leaf(1);
    let made = make(&aws, LEAF, &first, &value("01")).await.expect("it is made");
    assert_eq!(made.attributes[attribute::CERTIFICATE], "certificate 01");
    let there = stored(&sandbox, &first);
    assert_eq!((there.kind.as_str(), there.value.as_str()), ("SecureString", "the secret of 01"));
    assert_eq!(there.tags["windlass.dev/uid"], UID);
    let known = after(LEAF, &first, &made);
    let found = see(&aws, &known).await;
    assert_eq!(content(&found), &first);
    assert_eq!((&found[0].attributes, found[0].uid.as_deref()), (&made.attributes, Some(UID)));

    let mut second = leaf(2);
    second.tags = Tags::from([(String::from("Team"), String::from("a"))]);
    let ids = Ids::default();
    let who = identity(&address(LEAF));
    let change = Update { found: &found[0], before: &first, after: &second, identity: &who, ids: &ids };
    let attributes = update_parameter(&aws, change, &value("02")).await.expect("it is renewed");
    assert_eq!(attributes[attribute::PARAMETER_VERSION], "2");
    let there = stored(&sandbox, &second);
    assert_eq!(there.value, "the secret of 02");
    assert_eq!((there.tags.get("Name"), there.tags["Team"].as_str()), (None, "a"));

    let known = after(LEAF, &second, &Made { id: made.id.clone(), attributes });
    let found = see(&aws, &known).await;
    let retagged = Parameter { tags: Tags::new(), ..second.clone() };
    update(&aws, &found[0], &retagged.clone().into(), &who, &ids).await.expect("tags need no value");
    assert_eq!(stored(&sandbox, &second).version, 2);
    let refused = update(&aws, &found[0], &leaf(3).into(), &who, &ids).await;
    assert!(matches!(refused, Err(Error::Unsupported { .. })), "{refused:?}");
    for _again in 0..2 {
        delete(&aws, &found[0]).await.expect("it is deleted");
    }
    assert_eq!(see(&aws, &known).await, []);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_without_its_value() {
    let (aws, _) = sandboxed().await;
    let made = create(&aws, &identity(&address(TRUST)), &trust(&[1]).into(), &Ids::default()).await;
    assert!(matches!(made, Err(Error::Unsupported { .. })), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_create_of_a_dead_run_is_taken_over_and_its_unknown_certificate_replaced() {
    let (aws, sandbox) = sandboxed().await;
    make(&aws, TRUST, &trust(&[1]), &plain("a")).await.expect("it is made");
    let again = make(&aws, TRUST, &trust(&[1]), &plain("a")).await.expect("it is taken over");
    assert_eq!(again.attributes[attribute::PARAMETER_VERSION], "1");
    make(&aws, LEAF, &leaf(1), &value("01")).await.expect("it is made");
    let again = make(&aws, LEAF, &leaf(1), &value("02")).await.expect("it is written over");
    assert_eq!(again.attributes[attribute::PARAMETER_VERSION], "2");
    assert_eq!(stored(&sandbox, &leaf(1)).value, "the secret of 02");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_never_written_over() {
    let (aws, _) = sandboxed().await;
    let it = trust(&[1]);
    aws.ssm().put_parameter().name(&it.name).value("theirs").r#type("String".into()).send().await.expect("put");
    let made = make(&aws, TRUST, &it, &plain("ours")).await;
    assert!(matches!(made, Err(Error::Clash(_))), "{made:?}");
    let known = Scope { resources: BTreeMap::from([(address(TRUST), it.into())]), ..scope() };
    let observed = discover(&aws, &known).await.expect("discovery works");
    assert_eq!((observed.found.len(), observed.clashes.len()), (0, 1));
    // Nobody needs the name: it is not in the way.
    assert_eq!(discover(&aws, &scope()).await.expect("discovery works").clashes, []);
}

#[tokio::test(start_paused = true)]
async fn what_a_hand_wrote_is_told_by_the_version() {
    let (aws, _) = sandboxed().await;
    let it = trust(&[1]);
    let made = make(&aws, TRUST, &it, &plain("a")).await.expect("it is made");
    aws.ssm().put_parameter().name(&it.name).value("b").overwrite(true).send().await.expect("put");
    let known = after(TRUST, &it, &made);
    let found = see(&aws, &known).await;
    assert_eq!(content(&found).content, Content::Unknown { version: 2 });
    assert_eq!(content(&found).tags, it.tags);
    // With the description gone it is still ours, because it is recorded.
    let put = aws.ssm().put_parameter().name(&it.name).value("c").description("mine").overwrite(true);
    put.send().await.expect("put");
    assert_eq!(content(&see(&aws, &known).await).content, Content::Unknown { version: 3 });
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_wrote_is_told_by_the_description() {
    let (aws, _) = sandboxed().await;
    let made = make(&aws, TRUST, &trust(&[1]), &plain("a")).await.expect("it is made");
    let mut known = after(TRUST, &trust(&[1]), &made);
    let found = see(&aws, &known).await;
    let (before, new, who, ids) = (trust(&[1]), trust(&[1, 2]), identity(&address(TRUST)), Ids::default());
    let change = Update { found: &found[0], before: &before, after: &new, identity: &who, ids: &ids };
    update_parameter(&aws, change, &plain("ab")).await.expect("it is written");
    known.begun.insert(address(TRUST), vec![new.clone().into()]);
    assert_eq!(content(&see(&aws, &known).await), &new);
    // Without any record the wanted content proves itself, but not a certificate that nobody has seen.
    let lost = Scope { resources: BTreeMap::from([(address(TRUST), new.clone().into())]), ..scope() };
    assert_eq!(content(&see(&aws, &lost).await), &new);
}

#[tokio::test(start_paused = true)]
async fn what_members_wrote_is_swept_and_the_cluster_s_own_is_named() {
    let (aws, _) = sandboxed().await;
    let made = make(&aws, TRUST, &trust(&[1]), &plain("a")).await.expect("it is made");
    let path = format!("/windlass/{}", cluster());
    for name in ["join", "status/a", "status/b"] {
        let put = aws.ssm().put_parameter().name(format!("{path}/{name}")).value("x").r#type("String".into());
        put.send().await.expect("put");
    }
    let theirs = aws.ssm().put_parameter().name(format!("{path}.other/join")).value("x").r#type("String".into());
    theirs.send().await.expect("put");
    let known = after(TRUST, &trust(&[1]), &made);
    let left = leftovers(&aws, &known).await.expect("leftovers");
    let (swept, own): (Vec<Leftover>, Vec<Leftover>) =
        left.into_iter().partition(|it| it.kind == LeftoverKind::Parameter);
    assert_eq!((swept.len(), own.len()), (3, 1));
    assert_eq!(sweep(&aws, &swept, &|_| ()).await.expect("a sweep").len(), 0);
    assert_eq!(leftovers(&aws, &known).await.expect("leftovers"), own);
    // Also when nothing was recorded; but not where another cluster of this name has its own.
    let stranger = Scope { uid: Some(String::from("ff")), ..scope() };
    let put = aws.ssm().put_parameter().name(format!("{path}/join")).value("x").r#type("String".into());
    put.send().await.expect("put");
    assert_eq!(leftovers(&aws, &scope()).await.expect("leftovers").len(), 2);
    assert_eq!(leftovers(&aws, &stranger).await.expect("leftovers"), []);
}

#[tokio::test(start_paused = true)]
async fn a_large_value_becomes_an_advanced_parameter_and_no_error_repeats_it() {
    let (aws, sandbox) = sandboxed().await;
    let it = trust(&[1]);
    make(&aws, TRUST, &it, &plain(&"x".repeat(5000))).await.expect("it is made");
    assert_eq!(stored(&sandbox, &it).tier, "Advanced");
    let refused = make(&aws, LEAF, &leaf(1), &plain(&"y".repeat(9000))).await.expect_err("it is too large");
    assert!(!format!("{refused} {refused:?}").contains("yyyy"), "{refused:?}");
    assert!(!format!("{:?}", value("01")).contains("secret of"));
}
