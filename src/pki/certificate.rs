//! A certificate as it is, read from its bytes. Whatever is said of a certificate anywhere in windlass was read here,
//! and not remembered from what was asked for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::ends::{Ends, at};
use super::name::Usage;
use super::subject::Subject;

/// Why something is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// There is no PEM block with a certificate.
    #[error("no certificate in PEM was found")]
    NoPem,
    /// The PEM around it is broken.
    #[error("broken PEM: {0}")]
    Pem(String),
    /// There are several where one is expected.
    #[error("{0} certificates where one is expected")]
    Several(usize),
    /// The bytes in it are no certificate.
    #[error("not an X.509 certificate: {0}")]
    Der(String),
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Serial number, lowercase hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate, lowercase hexadecimal.
    pub fingerprint: String,
    /// Whom it is for.
    pub subject: Subject,
    /// Who signed it.
    pub issuer: Subject,
    /// From when to when it is valid.
    pub ends: Ends,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// How many authorities may stand below it; `None` any number.
    pub path_length: Option<u32>,
    /// Key usage, by the numbers of the bits (RFC 5280, section 4.2.1.3: 0 digital signature, 5 signing certificates).
    /// Empty when it says nothing, which permits everything.
    pub key_usage: BTreeSet<u8>,
    /// Extended key usage. Empty, with `other_usages` empty, when it says nothing: taken for everything.
    pub usages: BTreeSet<Usage>,
    /// Extended key usage that windlass has no word for, as object identifiers in dots.
    pub other_usages: BTreeSet<String>,
    /// DNS names.
    pub names: BTreeSet<String>,
    /// IP addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Other alternative names (mail, URI, …), as text.
    pub other_names: BTreeSet<String>,
    /// Subject key identifier, lowercase hexadecimal.
    pub key_identifier: Option<String>,
    /// Authority key identifier, lowercase hexadecimal.
    pub authority_key_identifier: Option<String>,
    /// Object identifiers of the extensions that whoever trusts it must understand.
    pub critical: BTreeSet<String>,
    /// The public key as signatures are checked with it.
    pub(super) public_key: Vec<u8>,
    pub(super) der: Vec<u8>,
}

impl Certificate {
    /// Reads the one certificate in a PEM text; private keys beside it are passed over.
    ///
    /// # Errors
    /// When there is none, more than one, or one that is damaged.
    pub fn parse(text: &str) -> Result<Self, InspectError> {
        let mut all = Self::parse_bundle(text)?;
        match (all.pop(), all.len()) {
            (Some(certificate), 0) => Ok(certificate),
            (_, others) => Err(InspectError::Several(others + 1)),
        }
    }

    /// Reads all certificates in a PEM text, in their order; there is at least one.
    ///
    /// # Errors
    /// When there is none, or one that is damaged.
    pub fn parse_bundle(text: &str) -> Result<Vec<Self>, InspectError> {
        let blocks = certificate_blocks(text)?;
        let certificates: Vec<Self> = blocks.iter().map(|der| Self::from_der(der)).collect::<Result<_, _>>()?;
        if certificates.is_empty() { Err(InspectError::NoPem) } else { Ok(certificates) }
    }

    /// Reads the bytes of one certificate.
    ///
    /// # Errors
    /// When they are none, or something follows.
    pub fn from_der(der: &[u8]) -> Result<Self, InspectError> {
        let bad = |why: &str| InspectError::Der(why.to_owned());
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| InspectError::Der(error.to_string()))?;
        if !rest.is_empty() {
            return Err(bad("bytes follow it"));
        }
        // Only one of the two is signed (RFC 5280, section 4.1.1.2: they must be the same).
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(bad("it names two signature algorithms"));
        }
        if !is_closed_by_a_signature(der, parsed.tbs_certificate.as_ref()) {
            return Err(bad("its signature is not written as DER wants it"));
        }
        let validity = parsed.validity();
        let mut certificate = Self {
            serial: serial(parsed.raw_serial()),
            fingerprint: HEXLOWER.encode(&Sha256::digest(der)),
            subject: Subject::read(parsed.subject()),
            issuer: Subject::read(parsed.issuer()),
            ends: Ends {
                not_before: at(validity.not_before.timestamp()),
                not_after: at(validity.not_after.timestamp()),
            },
            is_authority: false,
            path_length: None,
            key_usage: BTreeSet::new(),
            usages: BTreeSet::new(),
            other_usages: BTreeSet::new(),
            names: BTreeSet::new(),
            addresses: BTreeSet::new(),
            other_names: BTreeSet::new(),
            key_identifier: None,
            authority_key_identifier: None,
            critical: BTreeSet::new(),
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            der: der.to_vec(),
        };
        let mut seen = BTreeSet::new();
        for extension in parsed.extensions() {
            let identifier = extension.oid.to_id_string();
            if extension.critical {
                certificate.critical.insert(identifier.clone());
            }
            if !seen.insert(identifier) {
                return Err(bad("an extension is in it twice"));
            }
            certificate.read_extension(extension.parsed_extension())?;
        }
        Ok(certificate)
    }

    fn read_extension(&mut self, extension: &ParsedExtension<'_>) -> Result<(), InspectError> {
        match extension {
            ParsedExtension::BasicConstraints(it) => {
                self.is_authority = it.ca;
                self.path_length = it.path_len_constraint;
            }
            ParsedExtension::KeyUsage(it) => {
                self.key_usage = (0..16).filter(|bit| it.flags & (1 << bit) != 0).collect();
            }
            ParsedExtension::ExtendedKeyUsage(it) => {
                let known = [(it.server_auth, Usage::Server), (it.client_auth, Usage::Client)];
                self.usages.extend(known.into_iter().filter_map(|(has, usage)| has.then_some(usage)));
                let others = [
                    (it.any, "2.5.29.37.0"),
                    (it.code_signing, "1.3.6.1.5.5.7.3.3"),
                    (it.email_protection, "1.3.6.1.5.5.7.3.4"),
                    (it.time_stamping, "1.3.6.1.5.5.7.3.8"),
                    (it.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
                ];
                self.other_usages.extend(others.into_iter().filter(|(has, _)| *has).map(|(_, oid)| oid.to_owned()));
                self.other_usages.extend(it.other.iter().map(|oid| oid.to_id_string()));
            }
            ParsedExtension::SubjectAlternativeName(it) => {
                it.general_names.iter().try_for_each(|name| self.read_name(name))?;
            }
            ParsedExtension::SubjectKeyIdentifier(it) => self.key_identifier = Some(HEXLOWER.encode(it.0)),
            ParsedExtension::AuthorityKeyIdentifier(it) => {
                self.authority_key_identifier = it.key_identifier.as_ref().map(|key| HEXLOWER.encode(key.0));
            }
            ParsedExtension::ParseError { error } => return Err(InspectError::Der(format!("an extension: {error}"))),
            _ => {}
        }
        Ok(())
    }

    fn read_name(&mut self, name: &GeneralName<'_>) -> Result<(), InspectError> {
        match name {
            GeneralName::DNSName(name) => drop(self.names.insert((*name).to_owned())),
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                let wrong = |_| InspectError::Der(String::from("an IP address in it has neither 4 nor 16 bytes"));
                self.addresses.insert(address.map_err(wrong)?);
            }
            other => drop(self.other_names.insert(other.to_string())),
        }
        Ok(())
    }

    /// Its bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// PEM, with one newline at its end.
    #[must_use]
    pub fn pem(&self) -> String {
        let block = pem::Pem::new("CERTIFICATE", self.der.as_slice());
        pem::encode_config(&block, pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
    }

    /// Whether a server that shows it may be called by this name or address; wildcards stand for one label.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.addresses.contains(&address);
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.names.iter().map(|name| name.to_ascii_lowercase()).any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None => name == host,
        })
    }
}

/// Whether what follows the signed part is a sequence that begins with an object identifier, and a bit string: the tags of
/// these are covered by no signature, and the parser does not look at all of them (X.690, section 8.1.2).
fn is_closed_by_a_signature(der: &[u8], signed: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    const BIT_STRING: u8 = 0x03;
    // The certificate is the signed part, and behind it these two to its end.
    let Some(begin) = der.windows(signed.len()).position(|window| window == signed) else { return false };
    let rest = &der[begin + signed.len()..];
    let (Some(&tag), Some(&length), Some(&first)) = (rest.first(), rest.get(1), rest.get(2)) else { return false };
    let next = rest.get(2 + usize::from(length));
    tag == SEQUENCE && first == OBJECT_IDENTIFIER && next == Some(&BIT_STRING)
}

fn serial(raw: &[u8]) -> String {
    let zeros = raw.iter().take_while(|&&byte| byte == 0).count().min(raw.len().saturating_sub(1));
    HEXLOWER.encode(&raw[zeros..])
}

/// A serial number in decimal digits, as some tools show it, from hexadecimal ones. By long multiplication: serials
/// have up to 20 bytes.
#[must_use]
pub fn decimal(hexadecimal: &str) -> String {
    let mut digits = vec![0_u32];
    for character in hexadecimal.chars() {
        let mut carry = character.to_digit(16).unwrap_or(0);
        for digit in &mut digits {
            let value = *digit * 16 + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().filter_map(|&digit| char::from_digit(digit, 10)).collect()
}

/// The content of the CERTIFICATE blocks. Other blocks may be keys: they are not decoded, so that no copy of them is
/// made.
fn certificate_blocks(text: &str) -> Result<Vec<Vec<u8>>, InspectError> {
    let broken = |why: &str| InspectError::Pem(why.to_owned());
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or_else(|| broken("a first line without an end"))?;
        let (body, after) = after.split_once("-----END ").ok_or_else(|| broken("a block without an end"))?;
        rest = after;
        if matches!(label, "CERTIFICATE" | "X509 CERTIFICATE") {
            let body: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let der = data_encoding::BASE64.decode(&body).map_err(|error| InspectError::Pem(error.to_string()))?;
            blocks.push(der);
        }
    }
    Ok(blocks)
}
