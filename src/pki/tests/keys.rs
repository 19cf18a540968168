//! Keys in every form that other tools write, and none of them shown.

use proptest::prelude::*;

use super::openssl::openssl;
use super::*;
use crate::secret::Secret;

/// A folder with keys as openssl makes them.
fn made(commands: &[&[&str]]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for command in commands {
        openssl(folder.path(), command);
    }
    folder
}

fn read(folder: &tempfile::TempDir, name: &str) -> Secret {
    Secret::new(std::fs::read(folder.path().join(name)).expect("the key"))
}

#[test]
fn keys_of_every_form_are_read_and_become_pkcs8() {
    let folder = made(&[
        &["genrsa", "-traditional", "-out", "pkcs1.pem", "2048"],
        &["pkcs8", "-topk8", "-nocrypt", "-in", "pkcs1.pem", "-out", "rsa8.pem"],
        &["ecparam", "-name", "prime256v1", "-genkey", "-out", "sec1.pem"],
        &["pkcs8", "-topk8", "-nocrypt", "-in", "sec1.pem", "-out", "ec8.pem"],
        &["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "p384.pem"],
    ]);
    for (name, label) in [
        ("pkcs1.pem", "BEGIN RSA PRIVATE KEY"),
        ("rsa8.pem", "BEGIN PRIVATE KEY"),
        ("sec1.pem", "BEGIN EC PARAMETERS"),
        ("ec8.pem", "BEGIN PRIVATE KEY"),
        ("p384.pem", "BEGIN EC PRIVATE KEY"),
    ] {
        let text = read(&folder, name);
        assert!(text.expose_text().expect("text").contains(label), "{name}");
        let key = ServiceAccountKey::from_pem(&text).expect(name);
        let private = key.private_pem();
        assert!(private.expose().starts_with(b"-----BEGIN PRIVATE KEY-----\n"), "{name}");
        std::fs::write(folder.path().join("ours.pem"), private.expose()).expect("written");
        openssl(folder.path(), &["pkey", "-in", "ours.pem", "-check", "-noout"]);
        assert_eq!(openssl(folder.path(), &["pkey", "-in", name, "-pubout"]), key.public_pem(), "{name}");
    }
    assert_eq!(
        ServiceAccountKey::from_pem(&read(&folder, "pkcs1.pem")).expect("one").public_pem(),
        ServiceAccountKey::from_pem(&read(&folder, "rsa8.pem")).expect("one").public_pem(),
    );
}

#[test]
fn what_is_no_usable_key_is_said_without_showing_it() {
    let folder = made(&[
        &["genrsa", "-out", "small.pem", "1024"],
        &["genrsa", "-aes128", "-passout", "pass:secret", "-out", "locked8.pem", "2048"],
        &["genrsa", "-traditional", "-aes128", "-passout", "pass:secret", "-out", "locked1.pem", "2048"],
        &["genpkey", "-algorithm", "ed25519", "-out", "ed25519.pem"],
        &["ecparam", "-name", "secp521r1", "-genkey", "-noout", "-out", "p521.pem"],
    ]);
    for (name, error) in [
        ("small.pem", KeyError::Unsupported),
        ("locked8.pem", KeyError::Encrypted),
        ("locked1.pem", KeyError::Encrypted),
        ("ed25519.pem", KeyError::Unsupported),
        ("p521.pem", KeyError::Unsupported),
    ] {
        assert_eq!(ServiceAccountKey::from_pem(&read(&folder, name)).expect_err(name), error, "{name}");
    }
    let authority = authority(AuthorityName::Etcd, 1);
    for text in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA", &authority.certificate().pem()] {
        let refused = ServiceAccountKey::from_pem(&Secret::from(text.to_owned())).expect_err("no key");
        assert_eq!(refused, KeyError::NoPem, "{text}");
    }
    let shown =
        format!("{authority:?} {:?}", authority.issue(&leaf("a", &[Usage::Client]), Ends::issued_at(now(), 9999)));
    let key = authority.key_pem();
    let line = key.expose_text().expect("text").lines().nth(1).expect("a line").to_owned();
    assert!(!shown.contains(&line) && !shown.contains("BEGIN PRIVATE"), "{shown}");
}

#[test]
fn rsa_is_issued_on_request() {
    let cluster = "prod.example.com".parse().expect("a name");
    let ends = Ends::issued_at(now(), YEAR);
    let authority =
        Authority::create(AuthorityName::Cluster, &cluster, 1, KeyAlgorithm::Rsa4096, ends).expect("an authority");
    let asked = Leaf { algorithm: KeyAlgorithm::Rsa2048, ..leaf("a", &[Usage::Server]) };
    let issued = authority.issue(&asked, ends).expect("issued");
    let text = openssl::text(&issued.certificate.pem());
    for expected in ["Public-Key: (2048 bit)", "sha256WithRSAEncryption", "Digital Signature, Key Encipherment"] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    openssl::verify(&authority.certificate().pem(), &issued.certificate.pem(), "sslserver", now()).expect("verified");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key.pem"), issued.key.expose()).expect("written");
    openssl(folder.path(), &["pkey", "-in", "key.pem", "-check", "-noout"]);
}

#[test]
fn an_authority_comes_back_from_its_files() {
    let made = authority(AuthorityName::Cluster, 1);
    let again = Authority::from_pem(&made.certificate().pem(), &made.key_pem()).expect("the same");
    assert_eq!(again.certificate(), made.certificate());
    let issued = again.issue(&leaf("a", &[Usage::Client]), Ends::issued_at(now(), YEAR)).expect("issued");
    assert_eq!(verify(&issued.certificate, &[made.certificate().clone()], Usage::Client, now()), Ok(()));
    let other = authority(AuthorityName::Cluster, 1);
    let refused = Authority::from_pem(&made.certificate().pem(), &other.key_pem()).expect_err("another's key");
    assert!(matches!(refused, IssueError::OtherKey(_)));
    let refused = Authority::from_pem(&issued.certificate.pem(), &issued.key).expect_err("a leaf");
    assert!(matches!(refused, IssueError::NotAnAuthority { .. }));
}

proptest! {
    /// Whatever is in a file: an error, and never a panic or a part of it in a message.
    #[test]
    fn damaged_keys_are_errors(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        position in 0_usize..120,
        byte: u8,
    ) {
        let pem = |der: &[u8]| {
            let body = data_encoding::BASE64.encode(der);
            format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
        };
        prop_assert!(ServiceAccountKey::from_pem(&Secret::from(pem(&bytes))).is_err());
        prop_assert!(ServiceAccountKey::from_pem(&Secret::new(bytes.clone())).is_err());
        let good = ServiceAccountKey::generate(KeyAlgorithm::EcdsaP256).expect("a key").private_pem();
        let body: String = good.expose_text().expect("text").lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = data_encoding::BASE64.decode(body.as_bytes()).expect("base64");
        let position = position % der.len();
        der[position] = byte;
        let _ = ServiceAccountKey::from_pem(&Secret::from(pem(&der)));
    }

    #[test]
    fn no_text_is_a_panic(
        text: String,
        rest in "(-----BEGIN |-----END |CERTIFICATE-----|PRIVATE KEY-----|[A-Za-z0-9+/=\n]{0,20}){0,8}",
    ) {
        for text in [text.clone(), rest.clone(), format!("{text}{rest}")] {
            prop_assert!(Certificate::parse_bundle(&text).is_err());
            prop_assert!(ServiceAccountKey::from_pem(&Secret::from(text.clone())).is_err());
            let files = crate::pki::import::Files::from([
                (String::from("pki/private/kubernetes-ca/keyset.yaml"), Secret::from(text.clone())),
                (String::from("ca.crt"), Secret::from(text.clone())),
                (String::from("ca.key"), Secret::from(text)),
            ]);
            prop_assert!(crate::pki::import::read(&files).is_err());
        }
    }
}
