//! Makes connections for the HTTP client: dials, then speaks TLS. The crypto provider is named here, never the default
//! of the process, and certificates are judged at the time of windlass' one clock.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

use super::connect::{Credentials, Endpoint};
use super::error::{Error, Untrusted};
use crate::clock::Clock;
use crate::live::{Dial, Stream};

/// How long dialling and the handshake may take together: a third of a call's time, so that another server behind the
/// same name can still be tried by whoever calls again.
const CONNECT: Duration = Duration::from_secs(10);

/// Makes connections to one endpoint, whatever address the HTTP client names.
#[derive(Clone)]
pub(super) struct Connector {
    dial: Arc<dyn Dial>,
    host: Arc<str>,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(dial: Arc<dyn Dial>, endpoint: Endpoint, clock: Clock) -> Result<Self, Error> {
        let configuration = configuration(&endpoint, clock)?;
        let name = endpoint.server_name.unwrap_or_else(|| endpoint.host.clone());
        let invalid = |_| Error::Configuration(format!("{name:?} is no host name"));
        let name = ServerName::try_from(name.clone()).map_err(invalid)?;
        let tls = TlsConnector::from(Arc::new(configuration));
        Ok(Self { dial, host: endpoint.host.into(), port: endpoint.port, name, tls })
    }

    async fn make(self) -> Result<TokioIo<Secured>, ConnectError> {
        let refused = |error: io::Error| ConnectError(Error::Unreachable(error.to_string()));
        let connecting = async {
            let stream = self.dial.dial(&self.host, self.port).await.map_err(refused)?;
            let stream = self.tls.connect(self.name.clone(), stream).await;
            stream.map_err(|error| ConnectError(of_io(&error)))
        };
        let late = |_| ConnectError(Error::Unreachable(format!("no connection within {} s", CONNECT.as_secs())));
        let stream = timeout(CONNECT, connecting).await.map_err(late)??;
        Ok(TokioIo::new(Secured(stream)))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Secured>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        Box::pin(self.clone().make())
    }
}

/// Why a connection was not made. Travels through the HTTP client to where a call's outcome is told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ConnectError(pub Error);

/// The time of the one clock, for rustls.
#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

fn configuration(endpoint: &Endpoint, clock: Clock) -> Result<ClientConfig, Error> {
    let unusable = |what: &str, why: String| Error::Configuration(format!("{what} cannot be used: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(endpoint.trust.as_bytes()) {
        let certificate = certificate.map_err(|error| unusable("a trusted authority", error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable("a trusted authority", error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(Error::Configuration(String::from("no trusted authority is given")));
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Time(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", error.to_string()))?
        .with_root_certificates(roots);
    match &endpoint.credentials {
        Credentials::Token(_) => Ok(builder.with_no_client_auth()),
        Credentials::Certificate { certificate, key } => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
            let chain = chain.map_err(|error| unusable("the client certificate", error.to_string()))?;
            // The parser's own words may quote what it read.
            let unreadable = |_| unusable("the client key", String::from("it is no private key in PEM"));
            let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(unreadable)?;
            let refused = |error: rustls::Error| unusable("the client certificate", error.to_string());
            builder.with_client_auth_cert(chain, key).map_err(refused)
        }
    }
}

/// What an error of a connection tells.
pub(super) fn of_io(error: &io::Error) -> Error {
    let inner = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
    inner.map_or_else(|| Error::Unreachable(error.to_string()), of_tls)
}

fn of_tls(error: &rustls::Error) -> Error {
    let untrusted = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Untrusted::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Untrusted::NotYetValid,
            // An authority of the same name with another key shows as a bad signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Untrusted::UnknownAuthority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Untrusted::OtherName(error.to_string())
            }
            _ => Untrusted::Other(error.to_string()),
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => return Error::Unauthorized(error.to_string()),
        _ => Untrusted::Other(error.to_string()),
    };
    Error::Untrusted(untrusted)
}

/// A connection whose peer is known.
pub(super) struct Secured(TlsStream<Box<dyn Stream>>);

impl Connection for Secured {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
