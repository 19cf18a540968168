//! Private keys: made or read in any of the forms that other tools write, and always PKCS#8 afterwards.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
    RSA_PKCS1_SHA256,
};
use data_encoding::BASE64;
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::spec::KeyAlgorithm;

/// Why a private key cannot be used. No message holds any part of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The library could not make one.
    #[error("cannot make a key: the crypto library failed")]
    Generate,
    /// There is no PEM block with a private key.
    #[error("no private key in PEM was found")]
    NoPem,
    /// It needs a passphrase.
    #[error("the private key is encrypted with a passphrase\nhint: `openssl pkcs8 -in KEY -out PLAIN` takes it off")]
    Encrypted,
    /// Not one of those that Kubernetes takes.
    #[error("the private key is no RSA key of at least 2048 bits and no ECDSA key on P-256 or P-384, or it is damaged")]
    Unsupported,
}

/// A private key. It shows neither itself nor its size in bytes; its PKCS#8 form is wiped when it goes.
pub(super) struct PrivateKey {
    pair: Pair,
    pkcs8: Secret,
}

enum Pair {
    Ecdsa(EcdsaKeyPair, &'static SignatureAlgorithm),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let rsa = |size| {
            let pair = RsaKeyPair::generate(size).map_err(|_| KeyError::Generate)?;
            Self::new(Pair::Rsa(pair))
        };
        match algorithm {
            KeyAlgorithm::EcdsaP256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| KeyError::Generate)?;
                Self::new(Pair::Ecdsa(pair, &PKCS_ECDSA_P256_SHA256))
            }
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
        }
    }

    /// Reads PKCS#8, PKCS#1 or SEC1 in PEM; other blocks in the text, for example EC PARAMETERS, are passed over.
    pub(super) fn from_pem(text: &Secret) -> Result<Self, KeyError> {
        let text = text.expose_text().map_err(|_| KeyError::NoPem)?;
        let (label, der) = private_block(text).ok_or(KeyError::NoPem)?;
        match label {
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            // The old form of OpenSSL says so in a header inside of the block, which is then no base64.
            _ => Self::from_der(
                &der.ok_or_else(|| if text.contains("ENCRYPTED") { KeyError::Encrypted } else { KeyError::NoPem })?,
            ),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let curves: [(&'static EcdsaSigningAlgorithm, &'static SignatureAlgorithm); 2] = [
            (&ECDSA_P256_SHA256_ASN1_SIGNING, &PKCS_ECDSA_P256_SHA256),
            (&ECDSA_P384_SHA384_ASN1_SIGNING, &PKCS_ECDSA_P384_SHA384),
        ];
        for (curve, signature) in curves {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve, der) {
                return Self::new(Pair::Ecdsa(pair, signature));
            }
        }
        let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        let pair = pair.map_err(|_| KeyError::Unsupported)?;
        Self::new(Pair::Rsa(pair))
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let pkcs8 = match &pair {
            Pair::Ecdsa(pair, _) => pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?.as_ref().to_vec(),
            Pair::Rsa(pair) => pair.as_der().map_err(|_| KeyError::Generate)?.as_ref().to_vec(),
        };
        Ok(Self { pair, pkcs8: Secret::new(pkcs8) })
    }

    /// PKCS#8, PEM.
    pub(super) fn pem(&self) -> Secret {
        pem_secret("PRIVATE KEY", self.pkcs8.expose())
    }

    /// SubjectPublicKeyInfo, PEM.
    pub(super) fn public_pem(&self) -> String {
        let block = pem::Pem::new("PUBLIC KEY", self.subject_public_key_info());
        pem::encode_config(&block, pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
    }
}

impl PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::Ecdsa(pair, _) => pair.public_key().as_ref(),
            Pair::Rsa(pair) => pair.public_key().as_ref(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match &self.pair {
            Pair::Ecdsa(_, signature) => signature,
            Pair::Rsa(_) => &PKCS_RSA_SHA256,
        }
    }
}

impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair, _) => {
                let signature = pair.sign(&random, message).map_err(|_| rcgen::Error::RingUnspecified)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| rcgen::Error::RingUnspecified)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKey(…)")
    }
}

/// The first block whose label ends with PRIVATE KEY, and its content unless that is no base64.
///
/// By hand, because a PEM library leaves copies of the key in memory.
fn private_block(text: &str) -> Option<(&str, Option<Zeroizing<Vec<u8>>>)> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----")?;
        if label.ends_with("PRIVATE KEY") {
            let (body, _) = after.split_once("-----END ")?;
            let body: Zeroizing<Vec<u8>> =
                Zeroizing::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
            return Some((label, BASE64.decode(&body).ok().map(Zeroizing::new)));
        }
        rest = after;
    }
    None
}

/// Lines of a PEM block (RFC 7468, section 2).
const PEM_LINE: usize = 64;

/// A PEM block, encoded in one buffer that is wiped.
fn pem_secret(label: &str, der: &[u8]) -> Secret {
    let body = Zeroizing::new(BASE64.encode(der));
    let mut text = Vec::with_capacity(body.len() + body.len() / PEM_LINE + 2 * label.len() + 40);
    text.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in body.as_bytes().chunks(PEM_LINE) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    Secret::new(text)
}
