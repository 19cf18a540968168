//! Certificates, keys and secrets on the branch: what a change of them is, and what they must say about each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::finding::FindingKind;
use super::record::{CertificateRecord, CertificateRole, KeyPhase, PublicKeyRecord};
use super::{Records, layout};
use crate::pki::{AuthorityName, Certificate, signed_by};

/// For so many age recipients a secret is sealed at least: one lost key must not be the end of a cluster.
pub const FEWEST_RECIPIENTS: usize = 2;

/// What is new, changed or gone. What is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// New certificates, and authorities whose phase changes.
    pub certificates: Vec<CertificateRecord>,
    /// Certificates that have expired: authority and serial.
    pub dropped: Vec<(AuthorityName, String)>,
    /// Service-account keys that are new or change their phase.
    pub service_account: BTreeMap<u32, PublicKeyRecord>,
    /// Encryption keys that are new or change their phase.
    pub encryption: BTreeMap<u32, KeyPhase>,
    /// Secrets that are new or sealed anew.
    pub sealed: Vec<SealedSecret>,
    /// Names of secrets that nobody needs any more. They stay in the history.
    pub removed: Vec<String>,
    /// Names of secrets that nobody has any more.
    pub lost: Vec<String>,
}

/// A secret as it stands on the branch.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The file's name without `.age`.
    pub name: String,
    /// age ciphertext.
    pub ciphertext: Vec<u8>,
    /// The age recipients that it is sealed for, sorted.
    pub recipients: Vec<String>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, recipients, .. } = self;
        formatter
            .debug_struct("SealedSecret")
            .field("name", name)
            .field("recipients", recipients)
            .finish_non_exhaustive()
    }
}

/// Which key a secret holds. Its text is the secret's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SealedKey {
    /// The key of an authority, by revision: `authority-cluster-1`.
    Authority(AuthorityName, u32),
    /// The key that signs service-account tokens, by revision: `service-account-1`.
    ServiceAccount(u32),
    /// The key that encrypts etcd's content, by revision: `encryption-1`.
    Encryption(u32),
}

impl fmt::Display for SealedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(name, revision) => write!(formatter, "authority-{name}-{revision}"),
            Self::ServiceAccount(revision) => write!(formatter, "service-account-{revision}"),
            Self::Encryption(revision) => write!(formatter, "encryption-{revision}"),
        }
    }
}

impl FromStr for SealedKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || {
            let (kind, revision) = text.rsplit_once('-')?;
            let revision = revision.parse().ok().filter(|revision| *revision > 0)?;
            match kind {
                "service-account" => Some(Self::ServiceAccount(revision)),
                "encryption" => Some(Self::Encryption(revision)),
                _ => Some(Self::Authority(kind.strip_prefix("authority-")?.parse().ok()?, revision)),
            }
        };
        known().filter(|key| key.to_string() == text).ok_or_else(|| format!("{text:?} is the name of no key"))
    }
}

impl Records {
    /// The same after a change of the keys: to plan with what is about to be.
    pub fn change_keys(&mut self, change: &KeyChange) {
        let gone = |record: &CertificateRecord| {
            let replaced = change.certificates.iter().map(|new| (new.authority, &new.serial));
            let dropped = change.dropped.iter().map(|(authority, serial)| (*authority, serial));
            replaced.chain(dropped).any(|other| other == (record.authority, &record.serial))
        };
        self.certificates.retain(|record| !gone(record));
        self.certificates.extend(change.certificates.iter().cloned());
        self.certificates.sort_by(|one, other| (one.authority, &one.serial).cmp(&(other.authority, &other.serial)));
        self.keys.service_account.extend(change.service_account.clone());
        self.keys.encryption.extend(change.encryption.clone());
        for secret in &change.sealed {
            self.secrets.insert(secret.name.clone(), Arc::from(secret.ciphertext.as_slice()));
            self.keys.sealed.insert(secret.name.clone(), secret.recipients.clone());
            self.keys.lost.remove(&secret.name);
        }
        for name in &change.removed {
            self.secrets.remove(name);
            self.keys.sealed.remove(name);
            self.keys.lost.remove(name);
        }
        self.keys.lost.extend(change.lost.iter().cloned());
    }

    /// The certificates of an authority, by revision, and where each is in its life.
    pub fn authorities(&self, name: AuthorityName) -> impl Iterator<Item = (&CertificateRecord, KeyPhase)> {
        let mut own: Vec<_> = self
            .certificates
            .iter()
            .filter(|record| record.authority == name)
            .filter_map(|record| match record.role {
                CertificateRole::Authority { phase } => Some((record, phase)),
                CertificateRole::Leaf { .. } | CertificateRole::Person { .. } => None,
            })
            .collect();
        own.sort_by_key(|(record, _)| record.revision);
        own.into_iter()
    }

    /// The certificate of the authority that signs now.
    #[must_use]
    pub fn issuing(&self, name: AuthorityName) -> Option<&CertificateRecord> {
        self.authorities(name).find(|(_, phase)| *phase == KeyPhase::Issuing).map(|(record, _)| record)
    }
}

/// One thing that is wrong.
pub(super) struct Flaw {
    pub(super) kind: FindingKind,
    pub(super) path: String,
    pub(super) message: String,
}

/// What the records of certificates, keys and secrets get wrong about each other.
pub(super) fn flaws(records: &Records) -> Vec<Flaw> {
    let mut found = secrets(records);
    found.extend(phases(records));
    found
}

/// What a record says that its certificate does not.
pub(super) fn difference(record: &CertificateRecord) -> Option<String> {
    let certificate = match Certificate::parse(&record.pem) {
        Ok(certificate) => certificate,
        Err(error) => return Some(format!("holds no certificate: {error}")),
    };
    let is_authority = matches!(record.role, CertificateRole::Authority { .. });
    let differs = |what: &str| Some(format!("its {what} is not the certificate's"));
    if certificate.serial != record.serial {
        differs("serial")
    } else if certificate.ends.not_before != record.not_before {
        differs("notBefore")
    } else if certificate.ends.not_after != record.not_after {
        differs("notAfter")
    } else if certificate.is_authority != is_authority {
        differs("role")
    } else {
        None
    }
}

/// Certificates that were not signed by the authority that their record names, and authorities of their own making that
/// did not sign themselves.
pub(super) fn unsigned(records: &Records) -> Vec<(&CertificateRecord, String)> {
    let mut authorities = BTreeMap::new();
    for name in AuthorityName::ALL {
        for (record, _) in records.authorities(name) {
            authorities.extend(Certificate::parse(&record.pem).ok().map(|it| ((name, record.revision), it)));
        }
    }
    let mut found = Vec::new();
    for record in &records.certificates {
        let Ok(certificate) = Certificate::parse(&record.pem) else { continue };
        let is_authority = matches!(record.role, CertificateRole::Authority { .. });
        let signer = authorities.get(&(record.authority, record.revision));
        let Some(signer) = signer.filter(|_| !is_authority || certificate.issuer == certificate.subject) else {
            continue;
        };
        if !signed_by(&certificate, signer) {
            found.push((record, format!("was not signed by the {} authority {}", record.authority, record.revision)));
        }
    }
    found
}

/// Every secret is written down with at least two recipients, and is there.
fn secrets(records: &Records) -> Vec<Flaw> {
    let sealed = &records.keys.sealed;
    let mut found = Vec::new();
    let mut flaw = |kind, path: String, message: String| found.push(Flaw { kind, path, message });
    for name in records.secrets.keys().filter(|name| records.keys.lost.contains(*name)) {
        let message = format!("{} is there, and is said to be lost", layout::secret(name));
        flaw(FindingKind::Recipients, layout::KEYS.to_owned(), message);
    }
    for name in records.secrets.keys().filter(|name| !sealed.contains_key(*name)) {
        let message = format!("{} does not say for whom it is sealed", layout::KEYS);
        flaw(FindingKind::Recipients, layout::secret(name), message);
    }
    for (name, recipients) in sealed {
        let distinct: BTreeSet<&String> = recipients.iter().collect();
        if !records.secrets.contains_key(name) {
            flaw(
                FindingKind::Missing,
                layout::secret(name),
                format!("missing, and {} says for whom it is", layout::KEYS),
            );
        } else if distinct.len() < FEWEST_RECIPIENTS {
            let message = format!("{name} is sealed for {} and not for {FEWEST_RECIPIENTS}", distinct.len());
            flaw(FindingKind::Recipients, layout::KEYS.to_owned(), message);
        }
    }
    // Its key alone is no authority: a new one would be made in its place, and nobody would trust that.
    for name in sealed.keys() {
        if let Ok(SealedKey::Authority(authority, revision)) = name.parse()
            && !records.authorities(authority).any(|(record, _)| record.revision == revision)
        {
            let message = format!("the certificate of {name} is missing");
            flaw(FindingKind::Missing, format!("{}{authority}/", layout::CERTIFICATES), message);
        }
    }
    found
}

/// Of each sort of key exactly one issues, and whatever may issue is sealed on the branch.
fn phases(records: &Records) -> Vec<Flaw> {
    let mut found = Vec::new();
    let mut check = |path: String, what: String, keys: Vec<(SealedKey, KeyPhase)>| {
        let mut flaw = |message| found.push(Flaw { kind: FindingKind::Certificate, path: path.clone(), message });
        let distinct: BTreeSet<SealedKey> = keys.iter().map(|(key, _)| *key).collect();
        if distinct.len() < keys.len() {
            flaw(format!("two of {what} have one revision"));
        }
        let issuing = keys.iter().filter(|(_, phase)| *phase == KeyPhase::Issuing).count();
        if issuing != 1 && keys.iter().any(|(_, phase)| *phase != KeyPhase::Dropped) {
            flaw(format!("of {what} {issuing} issue, and exactly one must"));
        }
        let may_issue = |phase: KeyPhase| matches!(phase, KeyPhase::Prepared | KeyPhase::Issuing);
        for (key, _) in keys.iter().filter(|(_, phase)| may_issue(*phase)) {
            let name = key.to_string();
            if !records.secrets.contains_key(&name) && !records.keys.lost.contains(&name) {
                flaw(format!("the key of {what} is not sealed as {}", layout::secret(&name)));
            }
        }
    };
    for name in AuthorityName::ALL {
        let mut path = String::new();
        let mut keys = Vec::new();
        for (record, phase) in records.authorities(name) {
            path = layout::certificate(name, &record.serial);
            keys.push((SealedKey::Authority(name, record.revision), phase));
        }
        check(path, format!("the {name} authorities"), keys);
    }
    let keys = &records.keys;
    let service_account = keys.service_account.iter();
    let service_account = service_account.map(|(revision, key)| (SealedKey::ServiceAccount(*revision), key.phase));
    check(layout::KEYS.to_owned(), String::from("the service-account keys"), service_account.collect());
    let encryption = keys.encryption.iter().map(|(revision, phase)| (SealedKey::Encryption(*revision), *phase));
    check(layout::KEYS.to_owned(), String::from("the encryption keys"), encryption.collect());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_secrets_are_read_back() {
        for name in ["authority-front-proxy-2", "authority-etcd-11", "service-account-1", "encryption-3"] {
            assert_eq!(name.parse::<SealedKey>().map(|key| key.to_string()).as_deref(), Ok(name));
        }
        for name in ["authority-dns-1", "service-account-", "encryption-0", "encryption-01", "encryption", "ca-1"] {
            assert!(name.parse::<SealedKey>().is_err(), "{name}");
        }
    }
}
