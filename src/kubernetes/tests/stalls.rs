//! Servers that stop answering: each wait has an end. Connections are within the process, and time is virtual.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::super::connect::Kubernetes;
use super::super::error::Error;
use super::tls::{acceptor, authority, endpoint, issue, token};
use super::{Piece, Says, Server, date};
use crate::clock::Clock;
use crate::live::{Connecting, Dial, Stream};
use crate::pki::Usage;

/// Where a connection leads.
#[derive(Clone)]
enum Way {
    /// Packets are lost.
    Nowhere,
    /// Somebody who accepts and says nothing.
    Silence,
    /// A server.
    Server(Box<(Server, TlsAcceptor)>),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Way")
    }
}

impl Dial for Way {
    fn dial<'dial>(&'dial self, _host: &'dial str, _port: u16) -> Connecting<'dial> {
        Box::pin(async move {
            let (near, far) = duplex(16 * 1024);
            match self.clone() {
                Self::Nowhere => return std::future::pending().await,
                way => tokio::spawn(lead(way, far)),
            };
            Ok::<_, io::Error>(Box::new(near) as Box<dyn Stream>)
        })
    }
}

async fn lead(way: Way, stream: DuplexStream) {
    let Way::Server(server) = way else { return std::future::pending().await };
    let (server, acceptor) = *server;
    let stream = acceptor.accept(stream).await.expect("the client trusts it");
    server.serve(stream, None).await;
}

#[tokio::test(start_paused = true)]
async fn each_wait_has_an_end() {
    let ours = authority(1);
    let served = |says: Says| {
        let acceptor = acceptor(&issue(&ours, "kube-apiserver", Usage::Server), None);
        Way::Server(Box::new((Server::new(move |_| says.clone()), acceptor)))
    };
    let begun = || Says::new(200, r#"{"gitVersion": "#);
    // A byte now and then keeps no call alive.
    let slow = (0..100).fold(begun(), |says, _| says.then(Piece::After(Duration::from_secs(5))).then(space()));
    let unreachable = || Error::Unreachable(String::from("no connection within 10 s"));
    let timeout = || Error::Timeout(Duration::from_secs(30));
    let cases = [
        ("no connection", Way::Nowhere, 10, unreachable()),
        ("no handshake", Way::Silence, 10, unreachable()),
        ("no answer", served(Says::nothing()), 30, timeout()),
        ("half an answer", served(begun().then(Piece::Silence)), 30, timeout()),
        ("a slow answer", served(slow), 30, timeout()),
    ];
    for (case, way, limit, wanted) in cases {
        let to = endpoint(6443, &ours, token());
        let kubernetes = Kubernetes::connect(Arc::new(way), to, Clock::starting_at(date())).expect("sound");
        let began = Instant::now();
        let error = kubernetes.version().await.expect_err(case);
        assert!(error.is_transient(), "{case}: {error:?}");
        assert_eq!(error, wanted, "{case}");
        assert_eq!(began.elapsed().as_secs(), limit, "{case}");
    }
    let sound = served(Says::new(200, r#"{"gitVersion": "v1.36.2"}"#));
    let to = endpoint(6443, &ours, token());
    let kubernetes = Kubernetes::connect(Arc::new(sound), to, Clock::starting_at(date())).expect("sound");
    assert_eq!(kubernetes.version().await.as_deref(), Ok("v1.36.2"), "the way itself is good");
}

fn space() -> Piece {
    Piece::Text(String::from(" "))
}
