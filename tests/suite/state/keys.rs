//! Certificates, keys and secrets on the branch: written whole or not at all, and gone with the cluster.

use std::sync::LazyLock;

use windlass::pki::{Authority, AuthorityName, Certificate, Ends, Leaf, ServiceAccountKey, Usage};
use windlass::resource::{Address, Kind};
use windlass::secret::{Identities, Recipients, Secret, seal};
use windlass::spec::KeyAlgorithm;
use windlass::state::{
    CertificateRecord, CertificateRole, Error, FindingKind, KeyChange, KeyPhase, Lease, PublicKeyRecord, Records,
    RunResult, SealedKey, SealedSecret,
};

use super::bench::{self, Bench};

static RECIPIENTS: LazyLock<Recipients> = LazyLock::new(|| {
    let words = [Identities::generate().1, Identities::generate().1];
    Recipients::parse(&words).expect("two recipients")
});

fn sealed(key: SealedKey, secret: &Secret) -> SealedSecret {
    let ciphertext = seal(&RECIPIENTS, secret).expect("sealed");
    SealedSecret { name: key.to_string(), ciphertext, recipients: RECIPIENTS.names() }
}

fn record(
    authority: AuthorityName,
    revision: u32,
    certificate: &Certificate,
    role: CertificateRole,
) -> CertificateRecord {
    CertificateRecord {
        authority,
        revision,
        serial: certificate.serial.clone(),
        pem: certificate.pem(),
        not_before: certificate.ends.not_before,
        not_after: certificate.ends.not_after,
        role,
        run: String::from("r1"),
    }
}

fn authority(bench: &Bench, name: AuthorityName, revision: u32, phase: KeyPhase) -> (Authority, KeyChange) {
    let ends = Ends::issued_at(bench.clock.now(), 3600);
    let made =
        Authority::create(name, &bench::cluster_name(), revision, KeyAlgorithm::EcdsaP256, ends).expect("an authority");
    let change = KeyChange {
        certificates: vec![record(name, revision, made.certificate(), CertificateRole::Authority { phase })],
        sealed: vec![sealed(SealedKey::Authority(name, revision), &made.key_pem())],
        ..KeyChange::default()
    };
    (made, change)
}

fn leaf(bench: &Bench, from: &Authority) -> CertificateRecord {
    let leaf = Leaf {
        common_name: String::from("etcd-peer"),
        organizations: [].into(),
        usages: [Usage::Server, Usage::Client].into(),
        names: [].into(),
        addresses: [].into(),
        algorithm: KeyAlgorithm::EcdsaP256,
    };
    let issued = from.issue(&leaf, Ends::issued_at(bench.clock.now(), 600)).expect("issued");
    let address = Address::new(Kind::Parameter, "members/a/etcd-peer.pem");
    record(AuthorityName::Etcd, 1, &issued.certificate, CertificateRole::Leaf { address })
}

fn refused(lease: &mut Lease, change: KeyChange, kind: FindingKind, part: &str) {
    let before = lease.records().clone();
    let Err(Error::Invalid(findings)) = lease.stage_keys(change) else { panic!("staged: {part}") };
    let found = findings.0.iter().any(|finding| finding.kind == kind && finding.message.contains(part));
    assert!(found, "{part}: {findings}");
    assert_eq!(lease.records(), &before, "{part}: nothing of it is staged");
}

#[tokio::test(start_paused = true)]
async fn keys_are_written_read_back_and_go_with_the_cluster() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a cluster");
    let (etcd, change) = authority(&bench, AuthorityName::Etcd, 1, KeyPhase::Issuing);
    lease.stage_keys(change).expect("an authority");
    let pem = ServiceAccountKey::generate(KeyAlgorithm::EcdsaP256).expect("a key");
    let change = KeyChange {
        service_account: [(1, PublicKeyRecord { phase: KeyPhase::Issuing, pem: pem.public_pem() })].into(),
        encryption: [(1, KeyPhase::Issuing)].into(),
        sealed: vec![
            sealed(SealedKey::ServiceAccount(1), &pem.private_pem()),
            sealed(SealedKey::Encryption(1), &Secret::new(vec![7; 32])),
        ],
        ..KeyChange::default()
    };
    lease.stage_keys(change).expect("keys");
    let leaf = leaf(&bench, &etcd);
    lease.stage_certificate(leaf.clone()).expect("a leaf");
    lease.write("keys", Vec::new(), Vec::new()).await.expect("a push");
    let records = store.read().await.expect("records");
    assert_eq!(&records.certificates, &lease.records().certificates);
    assert_eq!(records.certificates.len(), 2);
    assert_eq!(records.keys.sealed.len(), 3);
    assert!(records.secrets.values().all(|ciphertext| ciphertext.starts_with(b"-----BEGIN AGE")));
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    assert_eq!(store.fsck().await.expect("a check"), []);

    let mut lease = bench::acquire(&store, "r2").await.expect("the lock");
    let dropped = vec![(AuthorityName::Etcd, leaf.serial.clone())];
    lease.stage_keys(KeyChange { dropped, ..KeyChange::default() }).expect("an expired one goes");
    lease.stage_retirement().expect("nothing is left");
    lease.release(bench::run(bench.clock, RunResult::Done)).await.expect("the release");
    let records = store.read().await.expect("records");
    assert_eq!(records, Records { tip: records.tip.clone(), ..Records::default() });
    assert_eq!(bench.files(), ["format.json", "former/u1.json", "runs/r1.json", "runs/r2.json"]);
    assert_eq!(store.fsck().await.expect("a check"), []);
}

#[tokio::test(start_paused = true)]
async fn records_that_contradict_their_certificates_or_each_other_are_never_written() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a cluster");
    let (etcd, first) = authority(&bench, AuthorityName::Etcd, 1, KeyPhase::Issuing);
    let mut unsealed = first.clone();
    unsealed.sealed.clear();
    refused(&mut lease, unsealed, FindingKind::Certificate, "not sealed as secrets/authority-etcd-1.age");
    let mut lonely = first.clone();
    lonely.sealed[0].recipients.truncate(1);
    refused(&mut lease, lonely, FindingKind::Recipients, "sealed for 1 and not for 2");
    let (_, prepared) = authority(&bench, AuthorityName::Etcd, 1, KeyPhase::Prepared);
    refused(&mut lease, prepared, FindingKind::Certificate, "0 issue, and exactly one must");
    lease.stage_keys(first.clone()).expect("an authority");
    let (_, second) = authority(&bench, AuthorityName::Etcd, 2, KeyPhase::Issuing);
    refused(&mut lease, second, FindingKind::Certificate, "2 issue, and exactly one must");
    let removed = vec![String::from("authority-etcd-1")];
    let change = KeyChange { removed, ..KeyChange::default() };
    refused(&mut lease, change, FindingKind::Certificate, "not sealed");

    let leaf = leaf(&bench, &etcd);
    let later = leaf.not_after + jiff::SignedDuration::from_hours(1);
    let wrong = [
        (CertificateRecord { not_after: later, ..leaf.clone() }, "notAfter"),
        (CertificateRecord { serial: String::from("4f"), ..leaf.clone() }, "serial"),
        (CertificateRecord { role: first.certificates[0].role.clone(), revision: 3, ..leaf.clone() }, "role"),
        (CertificateRecord { pem: String::from("hello"), ..leaf }, "holds no certificate"),
    ];
    for (record, part) in wrong {
        refused(
            &mut lease,
            KeyChange { certificates: vec![record], ..KeyChange::default() },
            FindingKind::Certificate,
            part,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_was_dropped_never_comes_back() {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    let mut lease = bench::acquire(&store, "r1").await.expect("the lock");
    lease.stage_cluster(bench::cluster("u1")).expect("a cluster");
    let phase = |change: &KeyChange, phase: KeyPhase| CertificateRecord {
        role: CertificateRole::Authority { phase },
        ..change.certificates[0].clone()
    };
    let (_, first) = authority(&bench, AuthorityName::Cluster, 1, KeyPhase::Issuing);
    let (_, second) = authority(&bench, AuthorityName::Cluster, 2, KeyPhase::Prepared);
    lease.stage_keys(first.clone()).expect("the first");
    lease.stage_keys(second.clone()).expect("the second");
    for phases in [(KeyPhase::Retiring, KeyPhase::Issuing), (KeyPhase::Dropped, KeyPhase::Issuing)] {
        let certificates = vec![phase(&first, phases.0), phase(&second, phases.1)];
        lease.stage_keys(KeyChange { certificates, ..KeyChange::default() }).expect("a step");
    }
    lease.write("rotated", Vec::new(), Vec::new()).await.expect("a push");
    let certificates = vec![phase(&first, KeyPhase::Retiring)];
    let back = KeyChange { certificates, ..KeyChange::default() };
    refused(&mut lease, back, FindingKind::Certificate, "comes back");
}
