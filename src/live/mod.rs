//! What endpoints present on the network: the TLS certificates of members and load balancers, read as they are.
//!
//! [`Dial`] makes the connection: [`Network`] over TCP, the sandbox within this process. [`presented()`] reads the
//! certificates of whatever answers; it trusts no peer and sends it nothing after the handshake. [`get()`] asks for one page,
//! as a probe does. Nothing here decides what a certificate or a page should be.

mod dial;
mod handshake;
mod http;
mod presented;
#[cfg(test)]
pub(crate) mod tests;

pub use dial::{Connecting, Dial, Network, Stream};
pub use http::{Page, get};
pub use presented::{LiveError, Possession, Presented, presented};
