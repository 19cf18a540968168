//! One API server and how it is reached. What is asked of it is in the other files.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kube::client::Body;
use tower::{BoxError, Service};

use super::connector::Connector;
use super::error::Error;
use crate::clock::Clock;
use crate::live::Dial;
use crate::secret::Secret;

/// Where an API server is, and who calls it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// DNS name or IP address.
    pub host: String,
    /// Usually 443 or 6443.
    pub port: u16,
    /// The name that its certificate must have; `None`: the host.
    pub server_name: Option<String>,
    /// Certificates of the authorities that may have issued it, PEM.
    pub trust: String,
    /// Who calls.
    pub credentials: Credentials,
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The holder of a client certificate.
    Certificate {
        /// The certificate and those that it needs, PEM.
        certificate: String,
        /// Its key, PEM.
        key: Secret,
    },
    /// The bearer of a token.
    Token(Secret),
}

/// One API server. Cheap to clone: clones share connections and what was learnt.
#[derive(Clone)]
pub struct Kubernetes {
    pub(super) client: kube::Client,
    /// What every path stands behind: `https://host:port`, and a prefix where a proxy wants one.
    pub(super) base: Arc<str>,
    pub(super) clock: Clock,
    pub(super) token: Option<HeaderValue>,
}

impl Kubernetes {
    /// Prepares connections to an endpoint; none is made before the first call. Certificates are judged at the time of
    /// `clock`. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Configuration`]: a certificate, key, token or name that cannot be used.
    pub fn connect(dial: Arc<dyn Dial>, endpoint: Endpoint, clock: Clock) -> Result<Self, Error> {
        let token = match &endpoint.credentials {
            Credentials::Certificate { .. } => None,
            Credentials::Token(token) => Some(bearer(token)?),
        };
        let host = if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
        let base = format!("https://{host}:{}", endpoint.port);
        let connector = Connector::new(dial, endpoint, clock)?;
        // HTTP/1.1, with connections kept for the next call. No layer in between: nothing repeats a call.
        let service = Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
        Ok(Self::over(kube::Client::new(service, "default"), &base, token, clock))
    }

    /// Over any service that answers requests, such as the sandboxed API server. Must be called inside a tokio runtime.
    #[must_use]
    pub fn of_service<S, B>(service: S, clock: Clock) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: hyper::body::Body<Data = hyper::body::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::over(kube::Client::new(service, "default"), "https://kubernetes", None, clock)
    }

    fn over(client: kube::Client, base: &str, token: Option<HeaderValue>, clock: Clock) -> Self {
        Self { client, base: base.into(), clock, token }
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Kubernetes")
    }
}

fn bearer(token: &Secret) -> Result<HeaderValue, Error> {
    let mut value = zeroize::Zeroizing::new(b"Bearer ".to_vec());
    value.extend_from_slice(token.expose().trim_ascii());
    let refused = |_| Error::Configuration(String::from("the token has characters that no HTTP header may have"));
    let mut value = HeaderValue::from_bytes(&value).map_err(refused)?;
    value.set_sensitive(true);
    Ok(value)
}
