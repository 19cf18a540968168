//! Whom a peer trusts.

use super::*;

#[test]
fn a_leaf_of_one_authority_means_nothing_to_another() {
    let all = AuthorityName::ALL.map(|name| authority(name, 1));
    for (index, signer) in all.iter().enumerate() {
        let issued = signer.issue(&leaf("a", &[Usage::Client]), Ends::issued_at(now(), YEAR)).expect("issued");
        for (other, trusted) in all.iter().enumerate() {
            let ours = verify(&issued.certificate, &[trusted.certificate().clone()], Usage::Client, now());
            let said = openssl::verify(&trusted.certificate().pem(), &issued.certificate.pem(), "sslclient", now());
            assert_eq!((ours.is_ok(), said.is_ok()), (index == other, index == other), "{ours:?} {said:?}");
        }
    }
}

#[test]
fn a_bundle_of_old_and_new_trusts_both() {
    let (old, new) = (authority(AuthorityName::Cluster, 1), authority(AuthorityName::Cluster, 2));
    let bundle = [new.certificate().clone(), old.certificate().clone()];
    let text: String = bundle.iter().map(Certificate::pem).collect();
    assert_eq!(Certificate::parse_bundle(&text).expect("two"), bundle);
    assert_eq!(Certificate::parse(&text), Err(InspectError::Several(2)));
    for signer in [&old, &new] {
        let issued = signer.issue(&leaf("a", &[Usage::Server]), Ends::issued_at(now(), YEAR)).expect("issued");
        assert_eq!(verify(&issued.certificate, &bundle, Usage::Server, now()), Ok(()));
        openssl::verify(&text, &issued.certificate.pem(), "sslserver", now()).expect("verified");
    }
}

#[test]
fn the_ends_are_the_first_and_the_last_second() {
    let authority = authority(AuthorityName::Cluster, 1);
    let ends = Ends { not_before: now(), not_after: moment("2026-11-21T12:00:00Z") };
    let issued = authority.issue(&leaf("a", &[Usage::Client]), ends).expect("issued").certificate;
    let trusted = [authority.certificate().clone()];
    let at = |second: i64| verify(&issued, &trusted, Usage::Client, Timestamp::from_second(second).expect("a moment"));
    let (first, last) = (ends.not_before.as_second(), ends.not_after.as_second());
    assert!(matches!(at(first - 1), Err(VerifyError::NotYet { .. })));
    assert_eq!((at(first), at(last)), (Ok(()), Ok(())));
    assert!(matches!(at(last + 1), Err(VerifyError::Expired { .. })));
    let refused = verify(&issued, &trusted, Usage::Server, now());
    assert!(matches!(refused, Err(VerifyError::Usage(_))));
    let refused = verify(&issued, &[], Usage::Client, now());
    assert!(matches!(refused, Err(VerifyError::Unknown { .. })));
}

#[test]
fn an_expired_authority_signs_for_nobody() {
    let cluster = "prod.example.com".parse().expect("a name");
    let ends = Ends { not_before: now(), not_after: moment("2026-12-20T12:00:00Z") };
    let authority = Authority::create(AuthorityName::Etcd, &cluster, 1, KeyAlgorithm::EcdsaP256, ends).expect("one");
    let issued = authority.issue(&leaf("a", &[Usage::Client]), ends).expect("issued").certificate;
    let later = moment("2026-12-20T12:00:01Z");
    assert!(verify(&issued, &[authority.certificate().clone()], Usage::Client, later).is_err());
}

#[test]
fn a_leaf_cannot_sign() {
    let authority = authority(AuthorityName::Etcd, 1);
    let issued = authority.issue(&leaf("a", &[Usage::Client]), Ends::issued_at(now(), YEAR)).expect("issued");
    assert_eq!(
        verify(&issued.certificate, std::slice::from_ref(&issued.certificate), Usage::Client, now()),
        Err(VerifyError::Unknown {
            subject: String::from("CN=a"),
            issuer: String::from("O=prod.example.com, CN=etcd authority 1")
        })
    );
}
