//! Reads the certificates that an endpoint presents.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::dial::Dial;
use super::handshake::{Observer, Shown};
use crate::pki::{Certificate, InspectError};

/// How long a connection may take: half of what people wait for a list; a member answers within milliseconds.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a handshake may take after that.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// What an endpoint presented.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Its certificate first, then those that it sent along. Never empty.
    pub chain: Vec<Certificate>,
    /// Whether it has the key of its certificate.
    pub possession: Possession,
    /// Why the handshake ended early, if it did: an alert of the peer, such as one that wants a client certificate.
    pub ended: Option<String>,
}

/// Whether a peer showed that it has the key of its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Possession {
    /// It signed with it.
    Proven,
    /// It signed, but not with that key, or in a way that cannot be checked.
    Refuted(String),
    /// The handshake ended before.
    Unknown,
}

/// Why no certificate could be read.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Nobody answers there.
    #[error("cannot connect to {endpoint}: {source}")]
    Unreachable {
        /// `host:port`.
        endpoint: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long.
    #[error("{endpoint} did not {what} within {} s", .after.as_secs())]
    TimedOut {
        /// `host:port`.
        endpoint: String,
        /// `answer` or `finish the TLS handshake`.
        what: &'static str,
        /// The limit.
        after: Duration,
    },
    /// What answers speaks no TLS, or ended the handshake before it showed a certificate.
    #[error("{endpoint} showed no certificate: {why}")]
    NoCertificate {
        /// `host:port`.
        endpoint: String,
        /// What rustls says.
        why: String,
    },
    /// A certificate that cannot be understood.
    #[error("the certificate of {endpoint} cannot be read: {source}")]
    Unreadable {
        /// `host:port`.
        endpoint: String,
        /// Why.
        source: InspectError,
    },
    /// The name is neither an IP address nor a DNS name.
    #[error("{0:?} is no host name")]
    InvalidName(String),
    /// The crypto library refuses to work.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[source] rustls::Error),
}

/// Connects to `port` of `host`, and reads the certificates that are presented for `server_name`, whether anybody would
/// trust them or not. Gives up after six seconds.
///
/// # Errors
/// See [`LiveError`]. A peer that ends the handshake after it showed its certificates is no error.
pub async fn presented(dial: &dyn Dial, host: &str, port: u16, server_name: &str) -> Result<Presented, LiveError> {
    let endpoint = format!("{host}:{port}");
    let name = ServerName::try_from(server_name.to_owned());
    let name = name.map_err(|_| LiveError::InvalidName(server_name.to_owned()))?;
    let timed_out = |what, after| LiveError::TimedOut { endpoint: endpoint.clone(), what, after };
    let stream = timeout(CONNECT, dial.dial(host, port)).await.map_err(|_| timed_out("answer", CONNECT))?;
    let stream = stream.map_err(|source| LiveError::Unreachable { endpoint: endpoint.clone(), source })?;
    let (observer, configuration) = Observer::install().map_err(LiveError::Setup)?;
    let handshake = TlsConnector::from(Arc::new(configuration)).connect(name, stream);
    let outcome = timeout(HANDSHAKE, handshake).await;
    let Shown { chain, signed } = observer.take();
    let ended = match outcome {
        Ok(Ok(_stream)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) if chain.is_empty() => return Err(timed_out("finish the TLS handshake", HANDSHAKE)),
        Err(_) => Some(format!("no end of the handshake within {} s", HANDSHAKE.as_secs())),
    };
    if chain.is_empty() {
        let why = ended.unwrap_or_else(|| String::from("an anonymous handshake"));
        return Err(LiveError::NoCertificate { endpoint, why });
    }
    let parsed: Result<Vec<Certificate>, InspectError> = chain.iter().map(|der| Certificate::from_der(der)).collect();
    let chain = parsed.map_err(|source| LiveError::Unreadable { endpoint, source })?;
    let possession = match signed {
        Some(Ok(())) => Possession::Proven,
        Some(Err(why)) => Possession::Refuted(why),
        None => Possession::Unknown,
    };
    Ok(Presented { chain, possession, ended })
}
