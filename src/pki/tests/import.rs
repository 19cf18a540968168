//! Folders as kops and kubeadm leave them, made with openssl.

use data_encoding::BASE64;

use super::openssl::openssl;
use super::*;
use crate::pki::import::{Files, ImportError, Layout, read};
use crate::secret::Secret;

/// RSA as kops and kubeadm make it: a certificate and its key in PKCS#1.
fn pair(name: &str) -> (Secret, Secret) {
    let folder = tempfile::tempdir().expect("a folder");
    let subject = format!("/CN={name}");
    let more = [
        "basicConstraints=critical,CA:TRUE",
        "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign",
        "subjectKeyIdentifier=hash",
    ];
    let more = more.iter().flat_map(|extension| ["-addext", extension]).collect::<Vec<_>>();
    openssl(folder.path(), &["genrsa", "-traditional", "-out", "ca.key", "2048"]);
    let request = ["req", "-x509", "-new", "-key", "ca.key", "-subj", &subject, "-days", "3650", "-out", "ca.crt"];
    openssl(folder.path(), &[&request[..], &more].concat());
    let read = |file: &str| Secret::new(std::fs::read(folder.path().join(file)).expect("made"));
    (read("ca.crt"), read("ca.key"))
}

fn sign_with(authority: &Authority) {
    let end = authority.certificate().ends.not_after;
    let start = authority.certificate().ends.not_before;
    let ends = Ends { not_before: start, not_after: end };
    let issued = authority.issue(&leaf("a", &[Usage::Client]), ends).expect("issued");
    let (trusted, pem) = (authority.certificate().pem(), issued.certificate.pem());
    openssl::verify(&trusted, &pem, "sslclient", start).expect("verified");
}

#[test]
fn a_folder_of_kubeadm_is_imported() {
    let service = pair("sa").1;
    let public = ServiceAccountKey::from_pem(&service).expect("a key").public_pem();
    for base in ["", "pki/", "backup/etc/kubernetes/pki/"] {
        let mut files = Files::new();
        for (stem, name) in [("ca", "kubernetes"), ("etcd/ca", "etcd-ca"), ("front-proxy-ca", "front-proxy-ca")] {
            let (certificate, key) = pair(name);
            files.insert(format!("{base}{stem}.crt"), certificate);
            files.insert(format!("{base}{stem}.key"), key);
        }
        files.insert(format!("{base}sa.key"), service.clone());
        files.insert(format!("{base}sa.pub"), Secret::from(public.clone()));
        files.insert(format!("{base}apiserver.crt"), Secret::from(String::from("not looked at")));
        let imported = read(&files).expect("imported");
        assert_eq!(imported.layout, Layout::Kubeadm);
        assert!(imported.missing().is_empty(), "{:?}", imported.missing());
        imported.authorities.values().for_each(sign_with);
        assert_eq!(imported.service_account.expect("one").public_pem(), public);
        let subject = imported.authorities[&AuthorityName::Etcd].certificate().subject.to_string();
        assert_eq!(subject, "CN=etcd-ca");
        if base.is_empty() {
            files.insert(String::from("sa.pub"), Secret::from(other_public()));
            let refused = read(&files).expect_err("another's");
            assert_eq!(refused, ImportError::OtherPublicKey { path: String::from("sa.pub") });
        }
    }
}

fn other_public() -> String {
    ServiceAccountKey::generate(KeyAlgorithm::EcdsaP256).expect("a key").public_pem()
}

#[test]
fn what_is_incomplete_is_said() {
    let (certificate, key) = pair("kubernetes");
    let mut files = Files::from([(String::from("ca.crt"), certificate), (String::from("ca.key"), key.clone())]);
    let imported = read(&files).expect("imported");
    assert_eq!(
        imported.missing().into_iter().collect::<Vec<_>>(),
        ["authority etcd", "authority front-proxy", "service-account key"]
    );
    files.insert(String::from("ca.key"), pair("other").1);
    let refused = read(&files).expect_err("another's key").to_string();
    assert_eq!(refused, "ca.crt: the private key does not belong to the certificate of CN=kubernetes");
    files.insert(String::from("etcd/ca.key"), key);
    files.remove("ca.key");
    let refused = read(&files).expect_err("no key").to_string();
    assert!(refused.starts_with("ca.key is missing: without the key of authority cluster"), "{refused}");
    assert_eq!(read(&Files::new()).expect_err("nothing"), ImportError::Layout);
    let strange = Files::from([(String::from("notes.txt"), Secret::from(String::from("hunter2")))]);
    assert_eq!(read(&strange).expect_err("nothing"), ImportError::Layout);
}

fn keyset(name: &str, keys: &[(&str, &(Secret, Secret), &str)], primary: &str) -> Secret {
    let mut text =
        format!("apiVersion: kops.k8s.io/v1alpha2\nkind: Keyset\nmetadata:\n  name: {name}\nspec:\n  keys:\n");
    for (id, (certificate, key), more) in keys {
        let (public, private) = (BASE64.encode(certificate.expose()), BASE64.encode(key.expose()));
        text.push_str(&format!(
            "  - id: \"{id}\"\n    publicMaterial: {public}\n    privateMaterial: {private}\n{more}"
        ));
    }
    Secret::from(format!("{text}{primary}  type: Keypair\n"))
}

#[test]
fn a_state_store_of_kops_is_imported() {
    let (old, new, gone) = (pair("kubernetes-ca"), pair("kubernetes-ca"), pair("kubernetes-ca"));
    let (etcd, proxy, service) = (pair("etcd-clients-ca"), pair("apiserver-aggregator-ca"), pair("service-account"));
    let distrusted = "    distrustTimestamp: \"2024-01-01T00:00:00Z\"\n";
    let keys = [
        ("6982820025135291416230495505", &gone, distrusted),
        ("6982820025135291416230495506", &old, ""),
        ("6982820025135291416230495507", &new, ""),
    ];
    for (primary, expected) in [("  primaryID: \"6982820025135291416230495506\"\n", &old), ("", &new)] {
        let mut files = Files::new();
        let mut add = |name: &str, content| {
            files.insert(format!("prod.example.com/pki/private/{name}/keyset.yaml"), content);
        };
        add("kubernetes-ca", keyset("kubernetes-ca", &keys, primary));
        add("etcd-clients-ca", keyset("etcd-clients-ca", &[("7", &etcd, "")], ""));
        add("etcd-peers-ca-main", Secret::from(String::from("not looked at")));
        add("apiserver-aggregator-ca", keyset("apiserver-aggregator-ca", &[("7", &proxy, "")], ""));
        add("service-account", keyset("service-account", &[("7", &service, "")], ""));
        let imported = read(&files).expect("imported");
        assert_eq!(imported.layout, Layout::Kops);
        assert!(imported.missing().is_empty(), "{:?}", imported.missing());
        imported.authorities.values().for_each(sign_with);
        let signs = imported.authorities[&AuthorityName::Cluster].certificate().pem();
        assert_eq!(signs.as_bytes(), expected.0.expose());
        // The distrusted one is left out.
        sign_with(&imported.also_trusted[&AuthorityName::Cluster]);
        let ours = ServiceAccountKey::from_pem(&service.1).expect("a key").public_pem();
        assert_eq!(imported.service_account.expect("one").public_pem(), ours);
    }
}

#[test]
fn an_older_state_store_of_kops_is_imported() {
    let (old, new, master) = (pair("kubernetes"), pair("kubernetes"), pair("master"));
    let mut files = Files::new();
    for (name, id, (certificate, key)) in [("ca", "99", &old), ("ca", "100", &new), ("master", "7", &master)] {
        files.insert(format!("pki/issued/{name}/{id}.crt"), certificate.clone());
        files.insert(format!("pki/private/{name}/{id}.key"), key.clone());
    }
    let imported = read(&files).expect("imported");
    assert_eq!(imported.authorities[&AuthorityName::Cluster].certificate().pem().as_bytes(), new.0.expose());
    let also = imported.also_trusted[&AuthorityName::Cluster].certificate().pem();
    assert_eq!(also.as_bytes(), old.0.expose());
    assert!(imported.service_account.is_some());
    assert_eq!(imported.missing().len(), 2);
    let (certificate, key) = pair("kubernetes");
    files.insert(String::from("pki/issued/ca/101.crt"), certificate);
    files.insert(String::from("pki/private/ca/101.key"), key);
    let refused = read(&files).expect_err("three");
    assert_eq!(refused, ImportError::Several { path: String::from("pki/private/ca"), count: 3 });
}

#[test]
fn damaged_keysets_are_refused_without_showing_them() {
    for text in [
        "a: b: hunter2",
        "kind: Secret\nhunter2: 1",
        "kind: Keyset\nspec: hunter2",
        "kind: Keyset\nspec: {keys: [{id: '1', privateMaterial: 'hunter2!'}]}",
        "kind: Keyset\nspec: {keys: []}",
    ] {
        let path = String::from("pki/private/kubernetes-ca/keyset.yaml");
        let refused = read(&Files::from([(path, Secret::from(text.to_owned()))])).expect_err(text).to_string();
        assert!(refused.starts_with("pki/private/kubernetes-ca/keyset.yaml:"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
