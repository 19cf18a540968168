//! One call: request, deadline, answer. Nothing is repeated here.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout;

use super::connect::Kubernetes;
use super::connector::{ConnectError, of_io};
use super::error::Error;

/// How long a call may take: half of the 60 s after which kube-apiserver gives up a request itself
/// (`--request-timeout`).
pub const DEADLINE: Duration = Duration::from_secs(30);

/// What stays as it is in a path segment or a query value (RFC 3986, unreserved).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Kinds of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An object.
    Json,
    /// RFC 7386.
    MergePatch,
    /// Server-side apply. JSON is YAML.
    Apply,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// The header `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads it to its end, however long that takes.
    async fn of(response: Response<Body>) -> Result<Self, Error> {
        let (parts, body) = response.into_parts();
        let seconds = parts.headers.get(header::RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse().ok());
        let body = body.collect().await.map_err(|error| of_kube(&error))?;
        Ok(Self { status: parts.status, retry_after: seconds.map(Duration::from_secs), body: body.to_bytes().to_vec() })
    }

    /// The error that it is, if it is one.
    pub(super) fn successful(self) -> Result<Self, Error> {
        if self.status.is_success() { Ok(self) } else { Err(self.error()) }
    }

    /// The error that it is.
    pub(super) fn error(&self) -> Error {
        Error::of_answer(self.status, self.retry_after, &self.body, DEADLINE)
    }

    /// Its body as JSON.
    pub(super) fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Malformed(error.to_string()))
    }
}

/// A path segment or the value of a query, escaped.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

impl Kubernetes {
    /// Gets JSON.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Error> {
        self.call(Method::GET, path, None).await?.successful()?.json()
    }

    /// One call with its whole answer.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<(Content, &Value)>,
    ) -> Result<Answer, Error> {
        let calling = async {
            let response = self.open(method, path, body).await?;
            Answer::of(response).await
        };
        timeout(DEADLINE, calling).await.map_err(|_| Error::Timeout(DEADLINE))?
    }

    /// A stream that the server keeps up: its beginning in time, its body is still to come.
    pub(super) async fn stream(&self, path: &str) -> Result<Body, Error> {
        let opening = async {
            let response = self.open(Method::GET, path, None).await?;
            if response.status().is_success() {
                return Ok(response.into_body());
            }
            Err(Answer::of(response).await?.error())
        };
        timeout(DEADLINE, opening).await.map_err(|_| Error::Timeout(DEADLINE))?
    }

    /// The beginning of an answer, without a deadline; its body is still to come.
    async fn open(&self, method: Method, path: &str, body: Option<(Content, &Value)>) -> Result<Response<Body>, Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header(header::USER_AGENT, concat!("windlass/", env!("CARGO_PKG_VERSION")));
        request = request.header(header::ACCEPT, "application/json, text/plain, */*");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token.clone());
        }
        let body = match body {
            None => Body::empty(),
            Some((content, value)) => {
                let content = match content {
                    Content::Json => "application/json",
                    Content::MergePatch => "application/merge-patch+json",
                    Content::Apply => "application/apply-patch+yaml",
                };
                request = request.header(header::CONTENT_TYPE, content);
                Body::from(value.to_string().into_bytes())
            }
        };
        let request = request.body(body).map_err(|error| Error::Invalid(error.to_string()))?;
        self.client.send(request).await.map_err(|error| of_kube(&error))
    }
}

/// What an error of the client tells: the first cause that we know, else the last one's words.
pub(super) fn of_kube(error: &(dyn StdError + 'static)) -> Error {
    let mut cause = Some(error);
    let mut last = error;
    while let Some(error) = cause {
        if let Some(ConnectError(error)) = error.downcast_ref() {
            return error.clone();
        }
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.get_ref().is_some()
        {
            return of_io(error);
        }
        last = error;
        cause = error.source();
    }
    Error::Unreachable(last.to_string())
}
