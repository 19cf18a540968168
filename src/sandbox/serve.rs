//! The sandbox on loopback ports, for clients that nobody here wrote: the AWS CLI, boto3, Terraform; and kubectl.
//!
//! HTTP/1.1 on 127.0.0.1 only. AWS is without TLS; signatures are read for the service's name and never checked. Each
//! cluster has a port of its own, where its API server presents what its members have installed.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::boot::Role;
use super::wire::{WireRequest, WireResponse};
use super::{Sandbox, endpoints};

/// Answers under way may finish for so long when the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Far above what any call sends, snapshots of etcd among it (bytes).
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// A port that is listened to; clients wait until [`Server::run_until`].
#[derive(Debug)]
pub struct Server {
    sandbox: Sandbox,
    listener: TcpListener,
    address: SocketAddr,
    clusters: Vec<ClusterPort>,
}

/// The port of a cluster's API.
#[derive(Debug)]
struct ClusterPort {
    cluster: String,
    listener: TcpListener,
    address: SocketAddr,
}

/// Listens on a loopback port; 0 takes a free one.
///
/// # Errors
/// When the port is taken.
pub async fn listen(sandbox: Sandbox, port: u16) -> io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let mut clusters = Vec::new();
    for cluster in names(&sandbox)? {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        clusters.push(ClusterPort { cluster, listener, address });
    }
    Ok(Server { sandbox, listener, address, clusters })
}

/// Clusters with members.
fn names(sandbox: &Sandbox) -> io::Result<BTreeSet<String>> {
    let names = sandbox.with_world(|world| {
        let facts = world.boot.machines.values().filter_map(|machine| machine.facts.as_ref());
        facts.filter(|facts| facts.role == Role::Member).map(|facts| facts.cluster.clone()).collect()
    });
    names.map_err(io::Error::other)
}

impl Server {
    /// What to give to a client as endpoint, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Clusters, and where their API servers listen: `https://localhost:<port>`.
    #[must_use]
    pub fn clusters(&self) -> Vec<(String, String)> {
        let shown = |it: &ClusterPort| (it.cluster.clone(), format!("https://localhost:{}", it.address.port()));
        self.clusters.iter().map(shown).collect()
    }

    /// Serves until `stop` is ready, then lets the answers under way finish.
    ///
    /// # Errors
    /// When the port cannot be listened to any more.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let stopping = CancellationToken::new();
        let mut connections = JoinSet::new();
        // Watches last; they end with the set.
        let mut ports = JoinSet::new();
        for port in self.clusters {
            ports.spawn(cluster(self.sandbox.clone(), port));
        }
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(self.sandbox.clone(), stream, stopping.clone()));
                    }
                    // A client that went away before it was served is no reason to stop.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => return Err(error),
                },
                Some(_) = connections.join_next() => {}
            }
        }
        stopping.cancel();
        let finished = async { while connections.join_next().await.is_some() {} };
        // Whoever keeps a connection longer than that is cut off.
        let _ = tokio::time::timeout(GRACE, finished).await;
        Ok(())
    }
}

async fn cluster(sandbox: Sandbox, port: ClusterPort) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = port.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (sandbox, cluster) = (sandbox.clone(), port.cluster.clone());
                    connections.spawn(async move { endpoints::serve_cluster(sandbox, &cluster, stream).await });
                }
                Err(error) => tracing::debug!(%error, "a client went away before it was served"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(sandbox: Sandbox, stream: TcpStream, stopping: CancellationToken) {
    let service = service_fn(move |request| {
        let sandbox = sandbox.clone();
        async move { answer(&sandbox, request).await }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = &mut served => ended,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended early");
    }
}

/// The connection breaks on purpose: an injected fault, or a body that no call has.
#[derive(Debug, thiserror::Error)]
#[error("connection broken on purpose")]
struct Broken;

async fn answer(sandbox: &Sandbox, request: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, Broken> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|_| Broken)?.to_bytes().to_vec();
    let request = WireRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body,
    };
    let response = sandbox.exchange(request).await.map_err(|_| Broken)?;
    Ok(write(response))
}

fn write(response: WireResponse) -> hyper::Response<Full<Bytes>> {
    let mut built = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *built.status_mut() = hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::OK);
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            built.headers_mut().insert(name, value);
        }
    }
    built
}
