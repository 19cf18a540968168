//! Tests of the client, against servers that answer as a test says; and what the tests share.

mod calls;
mod pages;
mod real;
mod recordings;
mod scenarios;
mod stalls;
mod tls;
mod watches;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Kubernetes;
use crate::clock::Clock;

/// The date of all tests.
pub fn date() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a date")
}

/// A request, as a server got it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When, since the server began.
    pub at: Duration,
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: http::HeaderMap,
    pub body: Value,
    /// Common name of the client's certificate.
    pub peer: Option<String>,
}

impl Asked {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn is_watch(&self) -> bool {
        self.parameter("watch").is_some()
    }

    /// Which header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

/// A part of a body.
#[derive(Clone, Debug)]
pub enum Piece {
    Text(String),
    Bytes(Vec<u8>),
    /// Nothing, for so long.
    After(Duration),
    /// The connection breaks.
    Cut,
    /// Nothing ever.
    Silence,
}

/// What comes before a body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Head {
    Status(u16),
    Cut,
    Silence,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Says {
    head: Head,
    headers: Vec<(String, String)>,
    pieces: Vec<Piece>,
}

impl Says {
    pub fn new(status: u16, body: impl fmt::Display) -> Self {
        Self { head: Head::Status(status), headers: Vec::new(), pieces: vec![Piece::Text(body.to_string())] }
    }

    /// A stream that begins well.
    pub fn stream(pieces: Vec<Piece>) -> Self {
        Self { head: Head::Status(200), headers: Vec::new(), pieces }
    }

    /// No answer, ever.
    pub fn nothing() -> Self {
        Self { head: Head::Silence, headers: Vec::new(), pieces: Vec::new() }
    }

    /// A connection that breaks instead.
    pub fn cut() -> Self {
        Self { head: Head::Cut, headers: Vec::new(), pieces: Vec::new() }
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn then(mut self, piece: Piece) -> Self {
        self.pieces.push(piece);
        self
    }

    async fn response(self) -> io::Result<http::Response<Feed>> {
        let Head::Status(status) = self.head else {
            if self.head == Head::Silence {
                std::future::pending::<()>().await;
            }
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(feed(self.pieces, sender));
        let mut response = http::Response::builder().status(status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Feed(receiver)).map_err(io::Error::other)
    }
}

async fn feed(pieces: Vec<Piece>, sender: mpsc::Sender<io::Result<Bytes>>) {
    for piece in pieces {
        let said = match piece {
            Piece::Text(text) => sender.send(Ok(Bytes::from(text))).await,
            Piece::Bytes(bytes) => sender.send(Ok(Bytes::from(bytes))).await,
            Piece::After(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Piece::Cut => sender.send(Err(io::ErrorKind::ConnectionReset.into())).await,
            Piece::Silence => {
                sender.closed().await;
                return;
            }
        };
        // The client has gone.
        let Ok(()) = said else { return };
    }
}

/// The body of an answer, as it comes.
#[derive(Debug)]
pub struct Feed(mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Feed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|said| said.map(|bytes| bytes.map(Frame::data)))
    }
}

type Answering = dyn Fn(&Asked) -> Says + Send + Sync;

/// A server that answers as a test says, and remembers what it was asked.
#[derive(Clone)]
pub struct Server {
    answering: Arc<Answering>,
    asked: Arc<Mutex<Vec<Asked>>>,
    began: Instant,
}

impl Server {
    pub fn new(answering: impl Fn(&Asked) -> Says + Send + Sync + 'static) -> Self {
        Self { answering: Arc::new(answering), asked: Arc::default(), began: Instant::now() }
    }

    /// The client, without a network.
    pub fn client(&self) -> Kubernetes {
        Kubernetes::of_service(self.clone(), Clock::starting_at(date()))
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn answer(self, request: http::Request<Bytes>, peer: Option<String>) -> io::Result<http::Response<Feed>> {
        let (parts, body) = request.into_parts();
        let asked = Asked {
            at: self.began.elapsed(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            peer,
        };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        let says = (self.answering)(&asked);
        says.response().await
    }

    /// Serves a connection to its end.
    pub async fn serve(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: Option<String>) {
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (server, peer) = (self.clone(), peer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                server.answer(http::Request::from_parts(parts, body), peer).await
            }
        });
        // How it ended is what the client tells.
        let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}

impl tower::Service<http::Request<kube::client::Body>> for Server {
    type Response = http::Response<Feed>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<kube::client::Body>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            server.answer(http::Request::from_parts(parts, body), None).await
        })
    }
}
