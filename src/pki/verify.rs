//! Verifying a certificate as a peer would.

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::certificate::Certificate;
use super::check::CERTIFICATE_SIGN;
use super::name::Usage;

/// Extensions that verifying takes into account: key usage, alternative names, basic constraints, extended key usage.
const UNDERSTOOD: [&str; 4] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"];

/// Why a peer refuses a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Too early.
    #[error("{subject} is not valid before {not_before}")]
    NotYet {
        /// Whose.
        subject: String,
        /// Its first moment.
        not_before: Timestamp,
    },
    /// Too late.
    #[error("{subject} expired at {not_after}")]
    Expired {
        /// Whose.
        subject: String,
        /// Its last moment.
        not_after: Timestamp,
    },
    /// It is for other purposes.
    #[error("{0} is not for this purpose")]
    Usage(String),
    /// It demands something that is not understood.
    #[error("{subject} has the critical extension {extension}, which is not understood")]
    Critical {
        /// Whose.
        subject: String,
        /// Object identifier.
        extension: String,
    },
    /// Nobody who is trusted signed it.
    #[error("{subject} was signed by {issuer}, which is not trusted")]
    Unknown {
        /// Whose.
        subject: String,
        /// Who signed it.
        issuer: String,
    },
}

/// Verifies a leaf as a peer would that trusts these authorities. No chains over several of them: windlass has none.
///
/// # Errors
/// The reason why the peer refuses.
pub fn verify(leaf: &Certificate, trusted: &[Certificate], usage: Usage, now: Timestamp) -> Result<(), VerifyError> {
    current(leaf, now)?;
    understood(leaf)?;
    let unlimited = leaf.usages.is_empty() && leaf.other_usages.is_empty();
    let any = leaf.other_usages.contains("2.5.29.37.0");
    if !unlimited && !any && !leaf.usages.contains(&usage) {
        return Err(VerifyError::Usage(leaf.subject.to_string()));
    }
    let mut refused = VerifyError::Unknown { subject: leaf.subject.to_string(), issuer: leaf.issuer.to_string() };
    for authority in trusted {
        if !may_have_signed(leaf, authority) || !signed_by(leaf, authority) {
            continue;
        }
        match current(authority, now).and_then(|()| understood(authority)) {
            Ok(()) => return Ok(()),
            Err(why) => refused = why,
        }
    }
    Err(refused)
}

fn current(certificate: &Certificate, now: Timestamp) -> Result<(), VerifyError> {
    let subject = || certificate.subject.to_string();
    let (now, ends) = (now.as_second(), certificate.ends);
    if now < ends.not_before.as_second() {
        return Err(VerifyError::NotYet { subject: subject(), not_before: ends.not_before });
    }
    if now > ends.not_after.as_second() {
        return Err(VerifyError::Expired { subject: subject(), not_after: ends.not_after });
    }
    Ok(())
}

fn understood(certificate: &Certificate) -> Result<(), VerifyError> {
    let strange = certificate.critical.iter().find(|extension| !UNDERSTOOD.contains(&extension.as_str()));
    strange.map_or(Ok(()), |extension| {
        Err(VerifyError::Critical { subject: certificate.subject.to_string(), extension: extension.clone() })
    })
}

fn may_have_signed(certificate: &Certificate, authority: &Certificate) -> bool {
    let identifiers = match (&certificate.authority_key_identifier, &authority.key_identifier) {
        (Some(asked), Some(has)) => asked == has,
        _ => true,
    };
    identifiers
        && authority.is_authority
        && (authority.key_usage.is_empty() || authority.key_usage.contains(&CERTIFICATE_SIGN))
        && authority.subject.der == certificate.issuer.der
}

/// Whether the signature of one was made with the key of the other.
#[must_use]
pub fn signed_by(certificate: &Certificate, authority: &Certificate) -> bool {
    let (Ok((_, certificate)), Ok((_, authority))) =
        (X509Certificate::from_der(certificate.der()), X509Certificate::from_der(authority.der()))
    else {
        return false;
    };
    let key: &SubjectPublicKeyInfo<'_> = authority.public_key();
    certificate.verify_signature(Some(key)).is_ok()
}
