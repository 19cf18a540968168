//! Certificates and the keys behind them. Nothing is read or written here and the clock is passed in; only keys and
//! serial numbers are random, from the crypto library itself.

mod authority;
mod certificate;
mod check;
pub mod encryption;
mod ends;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod import;
mod key;
pub mod kubeconfig;
pub mod lifetime;
mod name;
pub mod rotation;
mod service_account;
pub mod status;
mod subject;
#[cfg(test)]
mod tests;
mod verify;

pub use authority::{Authority, IssueError, Issued, Leaf};
pub use certificate::{Certificate, InspectError, decimal};
pub use ends::{BACKDATED_SECONDS, Ends};
pub use key::KeyError;
pub use lifetime::Standing;
pub use name::{AuthorityName, KeyPhase, LeafName, Usage};
pub use service_account::ServiceAccountKey;
pub use subject::Subject;
pub use verify::{VerifyError, signed_by, verify};
