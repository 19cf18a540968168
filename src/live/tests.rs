use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Connecting, Dial, LiveError, Network, Possession, Stream, presented};
use crate::pki::{Authority, AuthorityName, Ends, Issued, Leaf, Usage};
use crate::spec::KeyAlgorithm;

/// What answers at every address.
#[derive(Clone, Debug)]
enum Peer {
    Tls(Arc<ServerConfig>),
    Says(&'static [u8]),
    Silent,
    Nobody,
}

impl Dial for Peer {
    fn dial<'dial>(&'dial self, _host: &'dial str, _port: u16) -> Connecting<'dial> {
        Box::pin(async move {
            let (near, far) = duplex(4096);
            match self.clone() {
                Self::Nobody => return Err(io::ErrorKind::ConnectionRefused.into()),
                peer => tokio::spawn(answer(peer, far)),
            };
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }
}

async fn answer(peer: Peer, mut stream: DuplexStream) {
    match peer {
        Peer::Tls(configuration) => {
            // The client goes as soon as it has seen enough.
            let _ended = TlsAcceptor::from(configuration).accept(stream).await;
        }
        Peer::Says(text) => stream.write_all(text).await.expect("somebody listens"),
        Peer::Silent => {
            let mut sink = Vec::new();
            let _ended = stream.read_to_end(&mut sink).await;
        }
        Peer::Nobody => {}
    }
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a date")
}

fn authority() -> Authority {
    let cluster = "a.example.com".parse().expect("a name");
    let ends = Ends::issued_at(now(), 86_400);
    Authority::create(AuthorityName::Cluster, &cluster, 1, KeyAlgorithm::EcdsaP256, ends).expect("an authority")
}

fn server(authority: &Authority, algorithm: KeyAlgorithm) -> Issued {
    let leaf = Leaf {
        common_name: String::from("kube-apiserver"),
        organizations: BTreeSet::new(),
        usages: BTreeSet::from([Usage::Server]),
        names: BTreeSet::from([String::from("api.a.example.com")]),
        addresses: BTreeSet::from(["10.0.0.7".parse().expect("an address")]),
        algorithm,
    };
    authority.issue(&leaf, Ends::issued_at(now(), 3600)).expect("a certificate")
}

fn pair(issued: &Issued) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = vec![CertificateDer::from(issued.certificate.der().to_vec())];
    (chain, PrivateKeyDer::from_pem_slice(issued.key.expose()).expect("a key"))
}

fn configuration(issued: &Issued, versions: &[&'static rustls::SupportedProtocolVersion]) -> ServerConfig {
    let (chain, key) = pair(issued);
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("known versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a sound pair")
}

#[tokio::test]
async fn whatever_is_presented_is_read_and_the_key_is_proven() {
    let authority = authority();
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa2048] {
            let issued = server(&authority, algorithm);
            let peer = Peer::Tls(Arc::new(configuration(&issued, versions)));
            let seen = presented(&peer, "10.0.0.7", 6443, "10.0.0.7").await.expect("a certificate");
            assert_eq!(seen.chain, [issued.certificate]);
            assert_eq!((seen.possession, seen.ended), (Possession::Proven, None));
        }
    }
}

#[tokio::test]
async fn a_peer_that_wants_a_client_certificate_shows_its_own_first() {
    let authority = authority();
    let issued = server(&authority, KeyAlgorithm::EcdsaP256);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate().der().to_vec())).expect("a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let (chain, key) = pair(&issued);
        let configuration = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("known versions")
            .with_client_cert_verifier(verifier.clone().expect("a verifier"))
            .with_single_cert(chain, key)
            .expect("a sound pair");
        let seen =
            presented(&Peer::Tls(Arc::new(configuration)), "10.0.0.7", 2379, "10.0.0.7").await.expect("it shows");
        assert_eq!(seen.chain, std::slice::from_ref(&issued.certificate));
        assert_eq!(seen.possession, Possession::Proven);
    }
}

#[tokio::test(start_paused = true)]
async fn what_shows_nothing_is_told_apart() {
    let asked = async |peer: Peer| presented(&peer, "10.0.0.7", 6443, "api.a.example.com").await;
    let nobody = asked(Peer::Nobody).await.expect_err("refused");
    assert_eq!(nobody.to_string(), "cannot connect to 10.0.0.7:6443: connection refused");
    let silent = asked(Peer::Silent).await.expect_err("nothing comes");
    assert_eq!(silent.to_string(), "10.0.0.7:6443 did not finish the TLS handshake within 3 s");
    let plain = asked(Peer::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await.expect_err("no TLS");
    assert!(matches!(plain, LiveError::NoCertificate { .. }), "{plain}");
    let closed = asked(Peer::Says(b"")).await.expect_err("closed");
    assert!(matches!(closed, LiveError::NoCertificate { .. }), "{closed}");
    let name = presented(&Peer::Nobody, "10.0.0.7", 6443, "no name!").await.expect_err("no name");
    assert_eq!(name.to_string(), "\"no name!\" is no host name");
}

#[tokio::test]
async fn the_network_is_a_dialer_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let issued = server(&authority(), KeyAlgorithm::EcdsaP256);
    let acceptor = TlsAcceptor::from(Arc::new(configuration(&issued, rustls::ALL_VERSIONS)));
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let _ended = acceptor.accept(stream).await;
    });
    let seen = presented(&Network, "127.0.0.1", port, "localhost").await.expect("a certificate");
    assert_eq!(seen.chain, [issued.certificate]);
    served.await.expect("it ends");
    let refused = presented(&Network, "127.0.0.1", port, "localhost").await.expect_err("it is gone");
    assert!(matches!(refused, LiveError::Unreachable { .. }), "{refused}");
}
