//! The API server for HTTP clients in this process, and for connections that somebody else has made.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::super::Sandbox;
use super::super::wire::WireRequest;
use super::api::{Answer, Identity, User};
use super::exchange::{Access, Reply};

/// The body of an answer: all of it, or the lines of a watch as they come.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream(lines) => lines.poll_recv(context).map(|line| line.map(|line| Ok(Frame::data(line)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
            }
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

/// The API server of a cluster as an HTTP client in this process: what `kube::Client::new` takes.
#[derive(Clone, Debug)]
pub struct Service {
    sandbox: Sandbox,
    access: Access,
    identity: Identity,
}

impl Sandbox {
    /// The API server of a cluster, asked by an administrator, without a network. It answers while a member serves.
    #[must_use]
    pub fn kubernetes(&self, cluster: &str) -> Service {
        self.kubernetes_as(cluster, Identity::Certificate(User::master()))
    }

    /// As [`Sandbox::kubernetes`], asked by somebody else.
    #[must_use]
    pub fn kubernetes_as(&self, cluster: &str, identity: Identity) -> Service {
        Service { sandbox: self.clone(), access: Access::Cluster(cluster.to_owned()), identity }
    }
}

impl tower::Service<http::Request<kube::client::Body>> for Service {
    type Response = http::Response<Body>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<kube::client::Body>) -> Self::Future {
        let Self { sandbox, access, identity } = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            respond(&sandbox, (&access, &identity), wire(&parts, &body)).await
        })
    }
}

/// Serves HTTP/1.1 on a connection until the client hangs up.
pub async fn serve(
    (sandbox, access, identity): (Sandbox, Access, Identity),
    stream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (sandbox, access, identity) = (sandbox.clone(), access.clone(), identity.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            respond(&sandbox, (&access, &identity), wire(&parts, &body)).await
        }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to an API server ended early");
    }
}

fn wire(parts: &http::request::Parts, body: &Bytes) -> WireRequest {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    WireRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body.to_vec(),
    }
}

async fn respond(
    sandbox: &Sandbox,
    (access, identity): (&Access, &Identity),
    request: WireRequest,
) -> io::Result<http::Response<Body>> {
    let head = request.method == "HEAD";
    let (status, headers, body) = match sandbox.ask_kubernetes(access, identity, request).await? {
        Reply::Whole(Answer { status, headers, body }) => {
            let body = if head { Bytes::new() } else { Bytes::from(body) };
            (status, headers, Kind::Whole(Some(body)))
        }
        Reply::Stream(lines) => (200, vec![("content-type", "application/json".to_owned())], Kind::Stream(lines)),
    };
    let mut response = http::Response::new(Body(body));
    *response.status_mut() = http::StatusCode::from_u16(status).map_err(io::Error::other)?;
    for (name, value) in headers {
        let value = http::HeaderValue::from_str(&value).map_err(io::Error::other)?;
        response.headers_mut().insert(http::HeaderName::from_static(name), value);
    }
    Ok(response)
}
