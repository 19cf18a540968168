//! How connections are made: one trait, and the real thing.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection: bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that is being made.
pub type Connecting<'dial> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'dial>>;

/// Connects to a port of a host.
pub trait Dial: fmt::Debug + Send + Sync {
    /// Connects. `host` is an IP address or a DNS name. There is no timeout: callers have their own.
    ///
    /// # Errors
    /// As a socket's: refused, unreachable, no such name.
    fn dial<'dial>(&'dial self, host: &'dial str, port: u16) -> Connecting<'dial>;
}

/// The network of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network;

impl Dial for Network {
    fn dial<'dial>(&'dial self, host: &'dial str, port: u16) -> Connecting<'dial> {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}
