//! Comparing what was issued with what was asked for, point by point.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::authority::{IssueError, Leaf};
use super::certificate::Certificate;
use super::ends::Ends;
use super::verify::signed_by;

/// Bits of the key usage (RFC 5280, section 4.2.1.3).
pub(super) const DIGITAL_SIGNATURE: u8 = 0;
pub(super) const KEY_ENCIPHERMENT: u8 = 2;
pub(super) const CERTIFICATE_SIGN: u8 = 5;
pub(super) const LIST_SIGN: u8 = 6;

/// Object identifiers of extensions that must be marked critical.
const KEY_USAGE: &str = "2.5.29.15";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";

/// What every certificate must say, beside its subject and its names.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) ends: Ends,
    /// Lowercase hexadecimal.
    pub(super) serial: String,
    /// Bits.
    pub(super) key_usage: BTreeSet<u8>,
}

pub(super) fn authority(certificate: &Certificate, asked: &Asked) -> Result<(), IssueError> {
    common(certificate, asked)?;
    same("authority", &true, &certificate.is_authority)?;
    same("path length", &Some(0), &certificate.path_length)?;
    same("subject", &certificate.issuer, &certificate.subject)?;
    same("extended key usage", &BTreeSet::new(), &certificate.usages)?;
    signature(certificate, certificate)
}

pub(super) fn leaf(
    certificate: &Certificate,
    leaf: &Leaf,
    asked: &Asked,
    signer: &Certificate,
) -> Result<(), IssueError> {
    common(certificate, asked)?;
    same("authority", &false, &certificate.is_authority)?;
    same("common name", &leaf.common_name.as_str(), &certificate.subject.common_name())?;
    same("organizations", &leaf.organizations, &certificate.subject.organizations())?;
    let attributes = leaf.organizations.len() + 1;
    same("number of attributes of the subject", &attributes, &certificate.subject.attributes.len())?;
    same("extended key usage", &leaf.usages, &certificate.usages)?;
    same("DNS names", &leaf.names, &certificate.names)?;
    same("IP addresses", &leaf.addresses, &certificate.addresses)?;
    // Byte for byte, as verifiers compare: the library writes names in its own way.
    same("issuer", &signer.subject, &certificate.issuer)?;
    if signer.key_identifier.is_some() {
        same("authority key identifier", &signer.key_identifier, &certificate.authority_key_identifier)?;
    }
    same("within the life of its authority", &true, &(certificate.ends.not_after <= signer.ends.not_after))?;
    signature(certificate, signer)
}

fn common(certificate: &Certificate, asked: &Asked) -> Result<(), IssueError> {
    same("not before", &asked.ends.not_before, &certificate.ends.not_before)?;
    same("not after", &asked.ends.not_after, &certificate.ends.not_after)?;
    same("serial number", &asked.serial, &certificate.serial)?;
    same("key usage", &asked.key_usage, &certificate.key_usage)?;
    same("other usages", &BTreeSet::new(), &certificate.other_usages)?;
    same("other names", &BTreeSet::new(), &certificate.other_names)?;
    same("subject key identifier", &true, &certificate.key_identifier.is_some())?;
    let critical = BTreeSet::from([KEY_USAGE.to_owned(), BASIC_CONSTRAINTS.to_owned()]);
    same("critical extensions", &critical, &certificate.critical)
}

fn signature(certificate: &Certificate, signer: &Certificate) -> Result<(), IssueError> {
    let said = if signed_by(certificate, signer) { "good" } else { "bad" };
    same("signature", &"good", &said)
}

fn same<T: PartialEq + Debug>(what: &'static str, asked: &T, got: &T) -> Result<(), IssueError> {
    if asked == got {
        return Ok(());
    }
    Err(IssueError::NotAsRequested { what, asked: format!("{asked:?}"), got: format!("{got:?}") })
}
