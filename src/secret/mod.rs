//! Secrets in memory: bytes that cannot be printed, compared by accident or serialized, and that are wiped when they
//! go. Sealing them for git is in [`seal()`].

mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod identities;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;

use zeroize::Zeroizing;

pub use error::SealError;
pub use identities::Identities;
pub use seal::{Recipients, open, seal};

/// Bytes that nobody may see. There is no `Display`, no `Serialize` and no `PartialEq`; [`Secret::expose`] is the one
/// way in, so that a search for it finds every use.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. Never into a log, an argument, a plan, a file of the project or a commit.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// When they are no UTF-8.
    pub fn expose_text(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.0)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
