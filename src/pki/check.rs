//! Comparing what was issued with what was asked for, point by point.

use std::collections::BTreeSet;
use std::fmt::Debug;

use data_encoding::HEXLOWER;
use rcgen::CertificateParams;

use super::authority::{Authority, IssueError, Leaf};
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

pub(super) fn authority(certificate: &Certificate, asked: &CertificateParams, ends: Ends) -> Result<(), IssueError> {
    common(certificate, asked, ends)?;
    same("authority", &true, &certificate.is_authority)?;
    same("path length", &Some(0), &certificate.path_length)?;
    let bits = BTreeSet::from([DIGITAL_SIGNATURE, CERTIFICATE_SIGN, LIST_SIGN]);
    same("key usage", &bits, &certificate.key_usage)?;
    same("subject", &certificate.issuer, &certificate.subject)?;
    same("extended key usage", &BTreeSet::new(), &certificate.usages)?;
    signature(certificate, certificate)
}

pub(super) fn leaf(
    certificate: &Certificate,
    leaf: &Leaf,
    asked: &CertificateParams,
    ends: Ends,
    authority: &Authority,
) -> Result<(), IssueError> {
    common(certificate, asked, ends)?;
    let signer = authority.certificate();
    same("authority", &false, &certificate.is_authority)?;
    same("common name", &leaf.common_name.as_str(), &certificate.subject.common_name())?;
    same("organizations", &leaf.organizations, &certificate.subject.organizations())?;
    let attributes = leaf.organizations.len() + 1;
    same("number of attributes of the subject", &attributes, &certificate.subject.attributes.len())?;
    same("extended key usage", &leaf.usages, &certificate.usages)?;
    same("DNS names", &leaf.names, &certificate.names)?;
    same("IP addresses", &leaf.addresses, &certificate.addresses)?;
    let mut bits = BTreeSet::from([DIGITAL_SIGNATURE]);
    if asked.key_usages.contains(&rcgen::KeyUsagePurpose::KeyEncipherment) {
        bits.insert(KEY_ENCIPHERMENT);
    }
    same("key usage", &bits, &certificate.key_usage)?;
    // Byte for byte, as verifiers compare: the library writes names in its own way.
    same("issuer", &signer.subject, &certificate.issuer)?;
    if signer.key_identifier.is_some() {
        same("authority key identifier", &signer.key_identifier, &certificate.authority_key_identifier)?;
    }
    signature(certificate, signer)
}

fn common(certificate: &Certificate, asked: &CertificateParams, ends: Ends) -> Result<(), IssueError> {
    same("not before", &ends.not_before, &certificate.ends.not_before)?;
    same("not after", &ends.not_after, &certificate.ends.not_after)?;
    let serial = asked.serial_number.as_ref().map(|serial| HEXLOWER.encode(serial.as_ref()));
    same("serial number", &serial.unwrap_or_default(), &certificate.serial)?;
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
