//! TLS on a loopback port: whom the client trusts, what it presents, and what it never shows.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::connect::{Credentials, Endpoint, Kubernetes};
use super::super::error::Error;
use super::super::evict::Eviction;
use super::{Piece, Says, Server, date};
use crate::clock::Clock;
use crate::live::Network;
use crate::pki::{Authority, AuthorityName, Certificate, Ends, Issued, Leaf, Usage};
use crate::secret::Secret;
use crate::spec::KeyAlgorithm;

/// A DNS name of the servers.
pub const NAME: &str = "api.a.example.com";
/// A token that nobody may see.
const TOKEN: &str = "hunter2-is-no-token";

/// An authority of that revision; two of the same revision have one name and two keys.
pub fn authority(revision: u32) -> Authority {
    let cluster = "a.example.com".parse().expect("a name");
    let ends = Ends::issued_at(date(), 365 * 86_400);
    Authority::create(AuthorityName::Cluster, &cluster, revision, KeyAlgorithm::EcdsaP256, ends).expect("an authority")
}

/// A certificate for an hour.
pub fn issue(authority: &Authority, name: &str, usage: Usage) -> Issued {
    let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    if usage == Usage::Server {
        names.insert(NAME.to_owned());
        addresses.insert(IpAddr::from(Ipv4Addr::LOCALHOST));
    }
    let leaf = Leaf {
        common_name: name.to_owned(),
        organizations: BTreeSet::new(),
        usages: BTreeSet::from([usage]),
        names,
        addresses,
        algorithm: KeyAlgorithm::EcdsaP256,
    };
    authority.issue(&leaf, Ends::issued_at(date(), 3600)).expect("a certificate")
}

/// The date of the tests, for rustls.
#[derive(Debug)]
struct Today;

impl TimeProvider for Today {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(date().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// A server with this certificate, which wants one of its clients, by this authority, or takes what comes.
pub fn acceptor(issued: &Issued, clients: Option<&Authority>) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(Today))
        .with_safe_default_protocol_versions()
        .expect("known versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from(authority.certificate().der().to_vec())).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let chain = vec![CertificateDer::from(issued.certificate.der().to_vec())];
    let key = PrivateKeyDer::from_pem_slice(issued.key.expose()).expect("a key");
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).expect("a sound pair")))
}

/// Listens on a loopback port until the test ends.
async fn listen(server: Server, acceptor: TlsAcceptor) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (server, acceptor) = (server.clone(), acceptor.clone());
            tokio::spawn(async move {
                // The client tells why there was no handshake.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first().cloned());
                let peer = leaf.map(|it| Certificate::from_der(&it).expect("a certificate"));
                server.serve(stream, peer.map(|it| it.subject.common_name().to_owned())).await;
            });
        }
    });
    port
}

/// The endpoint on that port.
pub fn endpoint(port: u16, trusted: &Authority, credentials: Credentials) -> Endpoint {
    let trust = trusted.certificate().pem();
    Endpoint { host: String::from("127.0.0.1"), port, server_name: None, trust, credentials }
}

/// Somebody with a token.
pub fn token() -> Credentials {
    Credentials::Token(Secret::from(format!("{TOKEN}\n")))
}

fn certificate(issued: &Issued) -> Credentials {
    Credentials::Certificate { certificate: issued.certificate.pem(), key: issued.key.clone() }
}

fn versions() -> Server {
    Server::new(|_| Says::new(200, r#"{"gitVersion": "v1.36.2"}"#))
}

async fn version(endpoint: Endpoint, now: Timestamp) -> Result<String, Error> {
    Kubernetes::connect(Arc::new(Network), endpoint, Clock::starting_at(now))?.version().await
}

#[tokio::test]
async fn a_server_of_a_trusted_authority_is_believed_under_each_of_its_names() {
    let (old, new) = (authority(1), authority(2));
    let port = listen(versions(), acceptor(&issue(&new, "kube-apiserver", Usage::Server), None)).await;
    for server_name in [None, Some(String::from(NAME)), Some(String::from("127.0.0.1"))] {
        // While authorities change, both are trusted.
        let trust = old.certificate().pem() + &new.certificate().pem();
        let endpoint = Endpoint { server_name, trust, ..endpoint(port, &new, token()) };
        assert_eq!(version(endpoint, date()).await, Ok(String::from("v1.36.2")));
    }
}

#[tokio::test]
async fn whoever_is_not_trusted_is_refused_with_the_reason_and_what_to_do() {
    let (ours, same_name, other) = (authority(1), authority(1), authority(2));
    let port = listen(versions(), acceptor(&issue(&ours, "kube-apiserver", Usage::Server), None)).await;
    let client = listen(versions(), acceptor(&issue(&ours, "somebody", Usage::Client), None)).await;
    let after = |hours: i64| date() + SignedDuration::from_hours(hours);
    let to = |authority: &Authority| endpoint(port, authority, token());
    let named = Endpoint { server_name: Some(String::from("api.b.example.com")), ..to(&ours) };
    let a_client = endpoint(client, &ours, token());
    let cases = [
        ("another authority", to(&other), date(), "an unknown authority", "windlass kubeconfig"),
        ("another key", to(&same_name), date(), "an unknown authority", "windlass kubeconfig"),
        ("another name", named, date(), NAME, "tls-server-name"),
        ("too late", to(&ours), after(2), "has expired", "expired-cluster.md"),
        ("too early", to(&ours), after(-2), "is not valid yet", "this machine's clock"),
        ("no server", a_client, date(), "the TLS handshake failed", ""),
    ];
    for (case, endpoint, now, why, hint) in cases {
        let error = version(endpoint, now).await.expect_err(case);
        assert!(matches!(error, Error::Untrusted(_)), "{case}: {error:?}");
        assert!(!error.is_transient(), "{case}: nothing changes by itself");
        let text = error.to_string();
        let (what, told) = text.split_once("\nhint: ").unwrap_or((&text, ""));
        assert!(what.contains(why) && told.contains(hint) && told.is_empty() == hint.is_empty(), "{case}: {text}");
    }
}

#[tokio::test]
async fn what_is_no_api_server_is_told_apart() {
    let ours = authority(1);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = tokio::spawn(async move {
        for says in [b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(), b""] {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _hello = stream.read(&mut [0; 1024]).await;
            stream.write_all(says).await.expect("the client is there");
        }
    });
    let asked = async || version(endpoint(port, &ours, token()), date()).await.expect_err("no API server");
    let plain = asked().await;
    assert!(matches!(&plain, Error::Untrusted(_)) && plain.to_string().contains("TLS handshake failed"), "{plain}");
    let closed = asked().await;
    assert!(matches!(closed, Error::Unreachable(_)), "{closed}");
    served.await.expect("both were asked");
    let nobody = asked().await;
    assert!(matches!(&nobody, Error::Unreachable(why) if why.contains("refused")), "{nobody}");
}

#[tokio::test]
async fn a_client_certificate_is_presented() {
    let (ours, other) = (authority(1), authority(2));
    let server = versions();
    let port = listen(server.clone(), acceptor(&issue(&ours, "kube-apiserver", Usage::Server), Some(&ours))).await;
    let ann = endpoint(port, &ours, certificate(&issue(&ours, "ann", Usage::Client)));
    assert!(!format!("{ann:?}").contains("PRIVATE KEY"));
    assert_eq!(version(ann, date()).await, Ok(String::from("v1.36.2")));
    let asked = server.asked();
    assert_eq!(asked[0].peer.as_deref(), Some("ann"));
    assert!(!asked[0].headers.contains_key("authorization"));
    for refused in [token(), certificate(&issue(&other, "eve", Usage::Client))] {
        let error = version(endpoint(port, &ours, refused), date()).await.expect_err("it is another's");
        assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
        assert!(error.to_string().contains("hint: write new ones"), "{error}");
    }
    assert_eq!(server.asked().len(), 1, "nobody else came through");
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_told_before_any_call() {
    let ours = authority(1);
    let (one, two) = (issue(&ours, "ann", Usage::Client), issue(&ours, "ann", Usage::Client));
    let pair = |certificate: String, key: Secret| Credentials::Certificate { certificate, key };
    let sound = endpoint(1, &ours, certificate(&one));
    let with = |credentials: Credentials| Endpoint { credentials, ..sound.clone() };
    let cases = [
        ("no key", with(pair(one.certificate.pem(), Secret::from(String::from(TOKEN)))), "no private key"),
        ("another's key", with(pair(one.certificate.pem(), two.key)), "the client certificate cannot be used"),
        ("no certificate", with(pair(String::from("?"), one.key.clone())), "the client certificate cannot be used"),
        ("a token of lines", with(Credentials::Token(Secret::from(format!("{TOKEN}\nx")))), "no HTTP header"),
        ("nobody trusted", Endpoint { trust: String::new(), ..sound.clone() }, "no trusted authority"),
        ("a name", Endpoint { server_name: Some(String::from("no name")), ..sound.clone() }, "no host name"),
    ];
    for (case, endpoint, why) in cases {
        let error = version(endpoint, date()).await.expect_err(case);
        assert!(matches!(error, Error::Configuration(_)), "{case}: {error:?}");
        assert!(error.to_string().contains(why) && !error.to_string().contains(TOKEN), "{case}: {error}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_token_is_presented_and_never_shown() {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let _logging = tracing::subscriber::set_default(subscriber.with_writer(move || written.clone()).finish());
    let ours = authority(1);
    let server = Server::new(|asked| match asked.path.as_str() {
        "/version" => Says::new(200, r#"{"gitVersion": "v1.36.2"}"#),
        _ => Says::new(401, r#"{"kind": "Status", "message": "Unauthorized", "code": 401}"#),
    });
    let port = listen(server.clone(), acceptor(&issue(&ours, "kube-apiserver", Usage::Server), None)).await;
    let endpoint = endpoint(port, &ours, token());
    let mut shown = format!("{endpoint:?}");
    let kubernetes = Kubernetes::connect(Arc::new(Network), endpoint, Clock::starting_at(date())).expect("sound");
    kubernetes.version().await.expect("it answers");
    let error = kubernetes.look().await.expect_err("401");
    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
    shown += &format!("{kubernetes:?} {:?} {error:?} {error}", kubernetes.token);
    for asked in server.asked() {
        // The end of a line in a token's file is no part of it.
        assert_eq!(asked.header("authorization"), format!("Bearer {TOKEN}"));
        assert_eq!(asked.peer, None);
    }
    tracing::trace!("the log is read");
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(logged.contains("the log is read"), "{logged}");
    assert!(!logged.contains(TOKEN) && !shown.contains(TOKEN), "{shown}\n{logged}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_nothing_is_asked_twice() {
    let ours = authority(1);
    let whole = r#"{"kind": "Status", "status": "Success"}"#;
    let broken = [
        ("before", Says::cut()),
        ("within the body", Says::new(201, whole).then(Piece::Cut)),
        ("shorter than said", Says::new(201, whole).with_header("Content-Length", "1000")),
    ];
    for (case, says) in broken {
        let server = Server::new(move |asked| match asked.method.as_str() {
            "GET" => Says::new(200, r#"{"gitVersion": "v1.36.2"}"#),
            _ => says.clone(),
        });
        let port = listen(server.clone(), acceptor(&issue(&ours, "kube-apiserver", Usage::Server), None)).await;
        let to = endpoint(port, &ours, token());
        let kubernetes = Kubernetes::connect(Arc::new(Network), to, Clock::starting_at(date())).expect("sound");
        // On a connection that was good before, too.
        kubernetes.version().await.expect("it answers");
        let evicting = tokio::time::timeout(Duration::from_secs(5), kubernetes.evict("default", "web", "u"));
        let outcome: Result<Eviction, Error> = evicting.await.expect("it does not hang");
        let error = outcome.expect_err(case);
        assert!(matches!(error, Error::Unreachable(_)) && error.is_transient(), "{case}: {error:?}");
        let evictions = server.asked().iter().filter(|it| it.method == "POST").count();
        assert_eq!(evictions, 1, "{case}: what may have been done is not asked for again");
        kubernetes.version().await.expect("a new connection is made");
    }
}
