//! Any bytes as certificates, keys and folders of keys.

use std::path::Path;

use super::import::{self, Files};
use super::status::MemberStatus;
use super::{Certificate, ServiceAccountKey, decimal};
use crate::secret::{Recipients, Secret};

/// DER, PEM, a folder of kops and one of kubeadm. What is read is printed so that it reads the same.
pub(crate) fn certificates(data: &[u8]) {
    if let Ok(certificate) = Certificate::from_der(data) {
        same(&certificate);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(certificate) = Certificate::parse(text) {
            same(&certificate);
        }
        if let Ok(bundle) = Certificate::parse_bundle(text) {
            bundle.iter().for_each(same);
        }
        let _ = MemberStatus::parse(text);
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let _ = Recipients::parse(&words);
        if text.len() < 200 {
            let _ = decimal(text);
        }
    }
    let secret = Secret::new(data.to_vec());
    if let Ok(key) = ServiceAccountKey::from_pem(&secret) {
        let again = ServiceAccountKey::from_pem(&key.private_pem()).expect("what is printed is read");
        assert_eq!(again.public_pem(), key.public_pem());
    }
    for names in [["ca.crt", "ca.key"], ["sa.key", "ca.crt"]] {
        let files = names.map(|name| (name.to_owned(), secret.clone()));
        let _ = import::read(&Files::from(files));
    }
    let keyset = String::from("pki/private/kubernetes-ca/keyset.yaml");
    let _ = import::read(&Files::from([(keyset, secret.clone())]));
    let _ = crate::secret::fuzzing::identities(Path::new("keys.txt"), &secret);
}

fn same(certificate: &Certificate) {
    let again = Certificate::parse(&certificate.pem()).expect("what is printed is read");
    assert_eq!(again.der(), certificate.der());
    assert_eq!(again.ends, certificate.ends);
    let _ = (certificate.is_for("a.b"), certificate.is_for("10.0.0.1"), certificate.is_for(""));
}
