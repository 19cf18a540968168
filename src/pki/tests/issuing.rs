//! What comes out is what was asked for, above all its ends.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

#[test]
fn every_kind_of_leaf_verifies_with_openssl_and_only_for_its_purpose() {
    for name in AuthorityName::ALL {
        let authority = authority(name, 1);
        let trusted = authority.certificate().pem();
        for usages in [&[Usage::Server][..], &[Usage::Client], &[Usage::Server, Usage::Client]] {
            let ends = Ends::issued_at(now(), YEAR);
            let issued = authority.issue(&leaf("kube-apiserver", usages), ends).expect("issued");
            let pem = issued.certificate.pem();
            for (usage, purpose) in [(Usage::Server, "sslserver"), (Usage::Client, "sslclient")] {
                let said = openssl::verify(&trusted, &pem, purpose, now());
                assert_eq!(said.is_ok(), usages.contains(&usage), "{usages:?} as {purpose}: {said:?}");
                let ours = verify(&issued.certificate, &[authority.certificate().clone()], usage, now());
                assert_eq!(ours.is_ok(), usages.contains(&usage), "{usages:?} as {usage:?}: {ours:?}");
            }
        }
    }
}

#[test]
fn openssl_reads_what_was_asked_for() {
    let authority = authority(AuthorityName::Cluster, 1);
    let asked = Leaf {
        organizations: BTreeSet::from([String::from("kubeadm:cluster-admins")]),
        names: BTreeSet::from(["kubernetes", "kubernetes.default.svc"].map(str::to_owned)),
        addresses: BTreeSet::from(["10.0.3.7", "127.0.0.1", "fd00::1"].map(|it| it.parse::<IpAddr>().expect("one"))),
        ..leaf("kube-apiserver", &[Usage::Server])
    };
    let ends = Ends { not_before: moment("2026-11-20T11:55:00Z"), not_after: moment("2027-10-31T23:59:59.75Z") };
    let issued = authority.issue(&asked, ends).expect("issued");
    let text = openssl::text(&issued.certificate.pem());
    for expected in [
        "Not Before: Nov 20 11:55:00 2026 GMT",
        "Not After : Oct 31 23:59:59 2027 GMT",
        "Issuer: O = prod.example.com, CN = cluster authority 1",
        "Subject: O = kubeadm:cluster-admins, CN = kube-apiserver",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        "DNS:kubernetes, DNS:kubernetes.default.svc, IP Address:10.0.3.7, IP Address:127.0.0.1, IP Address:FD00",
        "ecdsa-with-SHA256",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    let certificate = &issued.certificate;
    assert_eq!(certificate.subject.to_string(), "O=kubeadm:cluster-admins, CN=kube-apiserver");
    assert!(certificate.is_for("10.0.3.7") && certificate.is_for("Kubernetes.default.svc."));
    assert!(!certificate.is_for("10.0.3.8") && !certificate.is_for("kubernetes.default"));
    assert_eq!(certificate.authority_key_identifier, authority.certificate().key_identifier);
}

#[test]
fn an_authority_says_so_to_openssl() {
    let text = openssl::text(&authority(AuthorityName::FrontProxy, 3).certificate().pem());
    for expected in [
        "Subject: O = prod.example.com, CN = front-proxy authority 3",
        "X509v3 Key Usage: critical\n                Digital Signature, Certificate Sign, CRL Sign\n",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
}

#[test]
fn nothing_outlives_its_authority() {
    let authority = authority(AuthorityName::Etcd, 1);
    let end = authority.certificate().ends.not_after;
    let asked = leaf("a", &[Usage::Client]);
    let until = |not_after| authority.issue(&asked, Ends { not_before: now(), not_after });
    assert_eq!(until(end).expect("to the second").certificate.ends.not_after, end);
    let later = Timestamp::from_second(end.as_second() + 1).expect("a moment");
    let refused = until(later).expect_err("a second too long");
    assert_eq!(refused, IssueError::PastAuthority { asked: later, end });
    assert!(refused.to_string().contains("hint: rotate the authority"));
}

#[test]
fn nothing_senseless_is_issued() {
    let authority = authority(AuthorityName::Etcd, 1);
    let ends = Ends::issued_at(now(), YEAR);
    let refused = |leaf: &Leaf, ends| authority.issue(leaf, ends).expect_err("refused");
    assert_eq!(refused(&leaf("a", &[]), ends), IssueError::NoUsage);
    let client = leaf("a", &[Usage::Client]);
    for ends in [
        Ends { not_before: now(), not_after: now() },
        Ends { not_before: ends.not_after, not_after: ends.not_before },
        Ends::issued_at(now(), 0),
    ] {
        assert!(matches!(refused(&client, ends), IssueError::Ends(_)));
    }
    assert!(matches!(refused(&leaf("", &[Usage::Client]), ends), IssueError::Name(..)));
    assert!(matches!(refused(&leaf("a\nb", &[Usage::Client]), ends), IssueError::Name(..)));
    let name = Leaf { names: BTreeSet::from([String::from("grüße.example.com")]), ..client.clone() };
    assert!(matches!(refused(&name, ends), IssueError::Name(..)));
    let groups = ["a", "b"].map(str::to_owned);
    let groups = Leaf { organizations: groups.into_iter().collect(), ..client };
    assert_eq!(refused(&groups, ends), IssueError::Organizations(2));
}

#[test]
fn serial_numbers_are_long_positive_and_never_the_same() {
    let authority = authority(AuthorityName::Cluster, 1);
    let ends = Ends::issued_at(now(), YEAR);
    let serial = |_| authority.issue(&leaf("a", &[Usage::Client]), ends).expect("issued").certificate.serial;
    let serials: BTreeSet<String> = (0..50).map(serial).collect();
    assert_eq!(serials.len(), 50);
    for serial in serials {
        assert_eq!(serial.len(), 32);
        assert!(('4'..='7').contains(&serial.chars().next().expect("a digit")), "{serial}");
    }
    assert_eq!(decimal("0102030405060708090a0b0c0d0e0f10"), "1339673755198158349044581307228491536");
    assert_eq!((decimal("00").as_str(), decimal("ff").as_str()), ("0", "255"));
}

#[test]
fn years_from_2050_on_are_written_in_the_other_form() {
    let cluster = "prod.example.com".parse().expect("a name");
    let ends = Ends { not_before: now(), not_after: moment("2070-01-01T00:00:00Z") };
    let authority =
        Authority::create(AuthorityName::Etcd, &cluster, 1, KeyAlgorithm::EcdsaP256, ends).expect("an authority");
    for end in ["2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z", "2069-12-31T23:59:59Z"] {
        let ends = Ends { not_before: now(), not_after: moment(end) };
        let issued = authority.issue(&leaf("a", &[Usage::Client]), ends).expect("issued");
        assert_eq!(issued.certificate.ends, ends);
        let year = &end[..4];
        assert!(openssl::text(&issued.certificate.pem()).contains(&format!("{year} GMT")));
    }
}

#[test]
fn whatever_differs_from_what_was_asked_for_is_refused() {
    let authority = authority(AuthorityName::Etcd, 1);
    let signer = authority.certificate();
    let wanted = Leaf {
        organizations: BTreeSet::from([String::from("group")]),
        names: BTreeSet::from([String::from("localhost")]),
        addresses: BTreeSet::from(["127.0.0.1".parse::<IpAddr>().expect("one")]),
        ..leaf("a", &[Usage::Server])
    };
    let got = authority.issue(&wanted, Ends::issued_at(now(), YEAR)).expect("issued").certificate;
    let asked = check::Asked { ends: got.ends, serial: got.serial.clone(), key_usage: BTreeSet::from([0]) };
    let refused = |got: &Certificate, leaf: &Leaf, asked: &check::Asked, signer: &Certificate| match check::leaf(
        got, leaf, asked, signer,
    ) {
        Ok(()) => "nothing",
        Err(IssueError::NotAsRequested { what, .. }) => what,
        Err(other) => panic!("{other}"),
    };
    assert_eq!(refused(&got, &wanted, &asked, signer), "nothing");
    let a_year = Ends::issued_at(now(), YEAR + 1);
    for (what, leaf, asked) in [
        ("not after", wanted.clone(), check::Asked { ends: a_year, ..asked.clone() }),
        ("not before", wanted.clone(), check::Asked { ends: Ends { not_before: now(), ..got.ends }, ..asked.clone() }),
        ("serial number", wanted.clone(), check::Asked { serial: String::from("01"), ..asked.clone() }),
        ("key usage", wanted.clone(), check::Asked { key_usage: BTreeSet::from([0, 2]), ..asked.clone() }),
        ("common name", Leaf { common_name: String::from("b"), ..wanted.clone() }, asked.clone()),
        ("organizations", Leaf { organizations: BTreeSet::new(), ..wanted.clone() }, asked.clone()),
        ("extended key usage", Leaf { usages: BTreeSet::from([Usage::Client]), ..wanted.clone() }, asked.clone()),
        ("DNS names", Leaf { names: BTreeSet::new(), ..wanted.clone() }, asked.clone()),
        ("IP addresses", Leaf { addresses: BTreeSet::new(), ..wanted.clone() }, asked.clone()),
    ] {
        assert_eq!(refused(&got, &leaf, &asked, signer), what);
    }
    // The library in the wrong: what came out has a fault that nobody asked for.
    let fault = |change: fn(&mut Certificate)| {
        let mut got = got.clone();
        change(&mut got);
        refused(&got, &wanted, &asked, signer)
    };
    assert_eq!(fault(|it| it.ends.not_after = moment("4096-01-01T00:00:00Z")), "not after");
    assert_eq!(fault(|it| it.is_authority = true), "authority");
    assert_eq!(fault(|it| it.critical.clear()), "critical extensions");
    assert_eq!(fault(|it| it.key_identifier = None), "subject key identifier");
    assert_eq!(fault(|it| it.other_usages.extend([String::from("2.5.29.37.0")])), "other usages");
    assert_eq!(fault(|it| it.other_names.extend([String::from("x")])), "other names");
    assert_eq!(fault(|it| it.authority_key_identifier = None), "authority key identifier");
    assert_eq!(fault(|it| it.subject.attributes.clear()), "common name");
    let other = super::authority(AuthorityName::Etcd, 1);
    let stranger = Certificate { key_identifier: None, ..other.certificate().clone() };
    assert_eq!(refused(&got, &wanted, &asked, &stranger), "signature");
    let shorter = Certificate { ends: Ends { not_after: now(), ..signer.ends }, ..signer.clone() };
    assert_eq!(refused(&got, &wanted, &asked, &shorter), "within the life of its authority");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any first and last moment that an authority covers: exactly those are in the certificate.
    #[test]
    fn the_ends_are_the_requested_ones(first in 0_i64..250_000_000_000, length in 1_i64..3_000_000_000) {
        let cluster = "prod.example.com".parse().expect("a name");
        let at = |second| Timestamp::from_second(second).expect("a moment");
        let ends = Ends { not_before: at(first), not_after: at(first + length) };
        let authority = Authority::create(AuthorityName::Etcd, &cluster, 1, KeyAlgorithm::EcdsaP256, ends);
        let authority = authority.expect("an authority");
        prop_assert_eq!(authority.certificate().ends, ends);
        let issued = authority.issue(&leaf("a", &[Usage::Client]), ends).expect("issued");
        prop_assert_eq!(issued.certificate.ends, ends);
        let inside = at(first + length / 2);
        prop_assert!(verify(&issued.certificate, &[authority.certificate().clone()], Usage::Client, inside).is_ok());
    }

    /// Bytes that are no certificate are an error and nothing else.
    #[test]
    fn damaged_certificates_are_errors(position in 0_usize..600, byte: u8, cut in 0_usize..600) {
        let whole = authority(AuthorityName::Etcd, 1).certificate().der().to_vec();
        let mut changed = whole.clone();
        let position = position % changed.len();
        changed[position] = byte;
        if let Ok(certificate) = Certificate::from_der(&changed) {
            prop_assert!(changed == whole || !signed_by(&certificate, &certificate));
        }
        prop_assert!(Certificate::from_der(&whole[..cut.min(whole.len() - 1)]).is_err());
    }
}
