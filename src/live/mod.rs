//! What endpoints present on the network: the TLS certificates of members and load balancers, read as they are.
//!
//! [`Dial`] makes the connection: [`Network`] over TCP, the sandbox within this process. [`presented()`] reads the
//! certificates of whatever answers. Nothing here trusts a peer, sends it anything after the handshake, or decides what
//! a certificate should be.

mod dial;
mod handshake;
mod presented;
#[cfg(test)]
pub(crate) mod tests;

pub use dial::{Connecting, Dial, Network, Stream};
pub use presented::{LiveError, Possession, Presented, presented};
