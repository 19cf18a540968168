//! Who a client's certificate says it is, as the API server reads it: after the handshake, so that whoever presents a bad
//! one gets an answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::api::{Identity, User};

/// Lets everybody through the handshake who has the key of what is presented, or presents nothing.
pub fn anybody(known: Arc<dyn ClientCertVerifier>) -> Arc<dyn ClientCertVerifier> {
    Arc::new(Anybody(known))
}

#[derive(Debug)]
struct Anybody(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // `of` looks at it when the first request is answered.
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Who presents that chain, to a server that trusts these authorities (PEM), at that moment.
#[must_use]
pub fn of(chain: &[CertificateDer<'_>], authorities: &str, now: Timestamp) -> Identity {
    let Some((leaf, above)) = chain.split_first() else { return Identity::Nobody };
    if is_good(leaf, above, (authorities, now)) {
        subject(leaf).map_or(Identity::Untrusted, Identity::Certificate)
    } else {
        Identity::Untrusted
    }
}

fn is_good(leaf: &CertificateDer<'_>, above: &[CertificateDer<'_>], (authorities, now): (&str, Timestamp)) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(authorities.as_bytes()).flatten());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let Ok(verifier) = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    let since = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0));
    verifier.verify_client_cert(leaf, above, UnixTime::since_unix_epoch(since)).is_ok()
}

/// The common name is the user, organizations are groups (Kubernetes documentation, "X509 client certificates").
fn subject(leaf: &CertificateDer<'_>) -> Option<User> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let subject = certificate.subject();
    let name = subject.iter_common_name().next()?.as_str().ok()?.to_owned();
    let groups = subject.iter_organization().filter_map(|group| group.as_str().ok().map(str::to_owned)).collect();
    Some(User { name, groups })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::pki::{Authority, AuthorityName, Ends, Leaf, Usage};
    use crate::spec::KeyAlgorithm;

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().expect("a date")
    }

    fn authority() -> Authority {
        let cluster = "a.example.com".parse().expect("a name");
        let ends = Ends::issued_at(now(), 86_400);
        Authority::create(AuthorityName::Cluster, &cluster, 1, KeyAlgorithm::EcdsaP256, ends).expect("an authority")
    }

    fn presents(authority: &Authority, usage: Usage) -> Vec<CertificateDer<'static>> {
        let leaf = Leaf {
            common_name: String::from("somebody"),
            organizations: BTreeSet::from([String::from("kubeadm:cluster-admins")]),
            usages: BTreeSet::from([usage]),
            names: BTreeSet::new(),
            addresses: BTreeSet::new(),
            algorithm: KeyAlgorithm::EcdsaP256,
        };
        let issued = authority.issue(&leaf, Ends::issued_at(now(), 3600)).expect("a certificate");
        vec![CertificateDer::from(issued.certificate.der().to_vec())]
    }

    fn pem(authority: &Authority) -> String {
        pem::encode(&pem::Pem::new("CERTIFICATE", authority.certificate().der().to_vec()))
    }

    #[test]
    fn a_good_certificate_says_who_it_is() {
        let authority = authority();
        let user = User::new("somebody", &["kubeadm:cluster-admins"]);
        let chain = presents(&authority, Usage::Client);
        assert_eq!(of(&chain, &pem(&authority), now()), Identity::Certificate(user));
        assert_eq!(of(&[], &pem(&authority), now()), Identity::Nobody);
    }

    #[test]
    fn others_are_not_trusted() {
        let authority = authority();
        let chain = presents(&authority, Usage::Client);
        assert_eq!(of(&chain, &pem(&self::authority()), now()), Identity::Untrusted, "another authority");
        assert_eq!(of(&chain, "", now()), Identity::Untrusted, "no authority");
        let server = presents(&authority, Usage::Server);
        assert_eq!(of(&server, &pem(&authority), now()), Identity::Untrusted, "a server's certificate");
        let later = now() + jiff::SignedDuration::from_hours(2);
        assert_eq!(of(&chain, &pem(&authority), later), Identity::Untrusted, "it has expired");
    }
}
