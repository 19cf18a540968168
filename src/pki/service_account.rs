//! The key pair that signs and verifies service-account tokens.

use super::key::{KeyError, PrivateKey};
use crate::secret::Secret;
use crate::spec::KeyAlgorithm;

/// A key that signs service-account tokens.
#[derive(Debug)]
pub struct ServiceAccountKey(PrivateKey);

impl ServiceAccountKey {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        PrivateKey::generate(algorithm).map(Self)
    }

    /// Reads one, PEM, in any of PKCS#8, PKCS#1 and SEC1.
    ///
    /// # Errors
    /// When it is none that Kubernetes takes.
    pub fn from_pem(text: &Secret) -> Result<Self, KeyError> {
        PrivateKey::from_pem(text).map(Self)
    }

    /// The half that API servers verify tokens with, PEM.
    #[must_use]
    pub fn public_pem(&self) -> String {
        self.0.public_pem()
    }

    /// The half that signs: PKCS#8, PEM.
    #[must_use]
    pub fn private_pem(&self) -> Secret {
        self.0.pem()
    }
}
