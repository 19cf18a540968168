//! Certificates and the keys behind them. Pure: clock and randomness are passed in, nothing is read or written.

mod name;

pub use name::{AuthorityName, LeafName, Usage};
