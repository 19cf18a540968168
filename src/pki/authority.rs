//! Authorities, and the one function that every leaf certificate passes through.
//!
//! What was issued is read again and compared with what was asked for: a certificate that says anything else, above all
//! another end, never leaves this module.

use std::collections::BTreeSet;
use std::net::IpAddr;

use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use x509_parser::time::ASN1Time;

use super::certificate::{Certificate, InspectError};
use super::check::{self, Asked};
use super::ends::Ends;
use super::key::{KeyError, PrivateKey};
use super::name::{AuthorityName, Usage};
use crate::name::ClusterName;
use crate::planted::{self, Bug};
use crate::secret::Secret;
use crate::spec::KeyAlgorithm;

/// Why nothing was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The last moment is not after the first.
    #[error("a certificate cannot be valid from {0}")]
    Ends(Ends),
    /// It would live longer than what signs it.
    #[error(
        "a certificate valid until {asked} would outlive its authority, which ends at {end}\nhint: rotate the \
         authority (`windlass certs rotate-ca`), or shorten `spec.pki.lifetimes.leaf`"
    )]
    PastAuthority {
        /// What was asked for.
        asked: jiff::Timestamp,
        /// The end of the authority.
        end: jiff::Timestamp,
    },
    /// A leaf for no purpose is taken for all of them.
    #[error("a certificate without a purpose would be taken for every purpose")]
    NoUsage,
    /// Only one O can be written.
    #[error("{0} organizations in one certificate: at most one is possible")]
    Organizations(usize),
    /// A name that no certificate can hold.
    #[error("{0:?} cannot be in a certificate: {1}")]
    Name(String, &'static str),
    /// The certificate is no authority's.
    #[error("{subject} is not an authority: {why}")]
    NotAnAuthority {
        /// Whose it is.
        subject: String,
        /// Why.
        why: &'static str,
    },
    /// The key belongs to something else.
    #[error("the private key does not belong to the certificate of {0}")]
    OtherKey(String),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate of the authority.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The library could not encode or sign it.
    #[error("cannot issue a certificate: {0}")]
    Library(String),
    /// It was issued, read again, and is not what was asked for.
    #[error("issued {what} {got}, but {asked} was asked for; the certificate was thrown away")]
    NotAsRequested {
        /// Which of the things asked for.
        what: &'static str,
        /// What was asked for.
        asked: String,
        /// What is in it.
        got: String,
    },
}

/// What a leaf certificate shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// CN.
    pub common_name: String,
    /// O, at most one: the group of a client.
    pub organizations: BTreeSet<String>,
    /// Extended key usage, exactly; at least one.
    pub usages: BTreeSet<Usage>,
    /// DNS names.
    pub names: BTreeSet<String>,
    /// IP addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Of the new key.
    pub algorithm: KeyAlgorithm,
}

/// A certificate and its key, fresh.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate, as read back.
    pub certificate: Certificate,
    /// PKCS#8, PEM.
    pub key: Secret,
}

/// An authority with its key: it can sign.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, PrivateKey>,
}

impl Authority {
    /// Makes a new authority, signed by itself. Each revision has a subject of its own, so that nobody takes one for
    /// the other.
    ///
    /// # Errors
    /// When the ends are the wrong way round, and when what came out is not what was asked for.
    pub fn create(
        name: AuthorityName,
        cluster: &ClusterName,
        revision: u32,
        algorithm: KeyAlgorithm,
        ends: Ends,
    ) -> Result<Self, IssueError> {
        let ends = checked(ends)?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, cluster.as_str());
        subject.push(DnType::CommonName, format!("{name} authority {revision}"));
        let mut parameters = parameters(subject, ends)?;
        // Path length 0: it signs leafs, and none of them can sign anything.
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = PrivateKey::generate(algorithm)?;
        let signed = parameters.self_signed(&key).map_err(|error| IssueError::Library(error.to_string()))?;
        let certificate = Certificate::from_der(signed.der())?;
        check::authority(&certificate, &asked(&parameters, ends))?;
        Self::new(certificate, key)
    }

    /// Takes an authority from its certificate and key, PEM; the key in any of PKCS#8, PKCS#1 and SEC1.
    ///
    /// # Errors
    /// When it may not sign certificates, and when the key is another one's.
    pub fn from_pem(certificate: &str, key: &Secret) -> Result<Self, IssueError> {
        Self::new(Certificate::parse(certificate)?, PrivateKey::from_pem(key)?)
    }

    fn new(certificate: Certificate, key: PrivateKey) -> Result<Self, IssueError> {
        let not = |why| IssueError::NotAnAuthority { subject: certificate.subject.to_string(), why };
        if !certificate.is_authority {
            return Err(not("its basic constraints do not say CA"));
        }
        if !certificate.key_usage.is_empty() && !certificate.key_usage.contains(&check::CERTIFICATE_SIGN) {
            return Err(not("its key usage does not permit signing certificates"));
        }
        if !certificate.subject.is_plain() {
            return Err(not("its subject is empty, or has several values in one place"));
        }
        if key.der_bytes() != certificate.public_key {
            return Err(IssueError::OtherKey(certificate.subject.to_string()));
        }
        let der = certificate.der().to_vec().into();
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|error| IssueError::Library(error.to_string()))?;
        Ok(Self { certificate, issuer })
    }

    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key: PKCS#8, PEM.
    #[must_use]
    pub fn key_pem(&self) -> Secret {
        self.issuer.key().pem()
    }

    /// Makes a key and a certificate for it. Every leaf certificate of every cluster is made here.
    ///
    /// # Errors
    /// When it would outlive the authority, when it would be for no purpose, and when the certificate that came out
    /// differs in anything from what was asked for.
    pub fn issue(&self, leaf: &Leaf, ends: Ends) -> Result<Issued, IssueError> {
        let ends = checked(ends)?;
        if ends.not_after > self.certificate.ends.not_after && !planted::is(Bug::PastAuthority) {
            return Err(IssueError::PastAuthority { asked: ends.not_after, end: self.certificate.ends.not_after });
        }
        if leaf.usages.is_empty() {
            return Err(IssueError::NoUsage);
        }
        if leaf.organizations.len() > 1 {
            return Err(IssueError::Organizations(leaf.organizations.len()));
        }
        let mut subject = DistinguishedName::new();
        for organization in &leaf.organizations {
            subject.push(DnType::OrganizationName, text(organization)?);
        }
        subject.push(DnType::CommonName, text(&leaf.common_name)?);
        let key = PrivateKey::generate(leaf.algorithm)?;
        let mut parameters = parameters(subject, ends)?;
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if leaf.algorithm != KeyAlgorithm::EcdsaP256 {
            // TLS 1.2 with RSA key exchange; with ECDSA the bit means nothing (RFC 8446, appendix D; RFC 5480).
            parameters.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        parameters.extended_key_usages = leaf.usages.iter().map(|usage| purpose(*usage)).collect();
        for name in &leaf.names {
            let name = text(name)?.to_owned();
            let name = name.clone().try_into().map_err(|_| IssueError::Name(name, "a DNS name is ASCII"))?;
            parameters.subject_alt_names.push(SanType::DnsName(name));
        }
        parameters.subject_alt_names.extend(leaf.addresses.iter().map(|address| SanType::IpAddress(*address)));
        let signed =
            parameters.signed_by(&key, &self.issuer).map_err(|error| IssueError::Library(error.to_string()))?;
        let certificate = Certificate::from_der(signed.der())?;
        check::leaf(&certificate, leaf, &asked(&parameters, ends), &self.certificate)?;
        if certificate.public_key != key.der_bytes() {
            return Err(IssueError::OtherKey(certificate.subject.to_string()));
        }
        Ok(Issued { certificate, key: key.pem() })
    }
}

fn checked(ends: Ends) -> Result<Ends, IssueError> {
    let ends = ends.whole_seconds();
    if ends.not_after <= ends.not_before { Err(IssueError::Ends(ends)) } else { Ok(ends) }
}

/// Nothing of the library's defaults is left: its certificates would end in the year 4096.
fn parameters(subject: DistinguishedName, ends: Ends) -> Result<CertificateParams, IssueError> {
    let moment = |timestamp: jiff::Timestamp| {
        ASN1Time::from_timestamp(timestamp.as_second())
            .map(|time| time.to_datetime())
            .map_err(|error| IssueError::Library(error.to_string()))
    };
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = subject;
    parameters.not_before = moment(ends.not_before)?;
    parameters.not_after = moment(ends.not_after)?;
    parameters.serial_number = Some(SerialNumber::from_slice(&random_serial()?));
    parameters.use_authority_key_identifier_extension = true;
    Ok(parameters)
}

/// What the certificate of these parameters must say.
fn asked(parameters: &CertificateParams, ends: Ends) -> Asked {
    let bit = |usage: &KeyUsagePurpose| match usage {
        KeyUsagePurpose::KeyEncipherment => check::KEY_ENCIPHERMENT,
        KeyUsagePurpose::KeyCertSign => check::CERTIFICATE_SIGN,
        KeyUsagePurpose::CrlSign => check::LIST_SIGN,
        _ => check::DIGITAL_SIGNATURE,
    };
    let serial = parameters.serial_number.as_ref().map(|serial| HEXLOWER.encode(serial.as_ref()));
    Asked { ends, serial: serial.unwrap_or_default(), key_usage: parameters.key_usages.iter().map(bit).collect() }
}

/// 16 random bytes. The first two bits are 01: positive (RFC 5280, section 4.1.2.2) and always of one length.
fn random_serial() -> Result<[u8; 16], IssueError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| IssueError::Key(KeyError::Generate))?;
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(bytes)
}

fn purpose(usage: Usage) -> ExtendedKeyUsagePurpose {
    match usage {
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }
}

fn text(text: &str) -> Result<&str, IssueError> {
    let refused = |why| Err(IssueError::Name(text.to_owned(), why));
    match text {
        "" => refused("it is empty"),
        _ if text.chars().any(char::is_control) => refused("it has a control character"),
        _ => Ok(text),
    }
}
