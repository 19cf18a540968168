//! Makes the keys that a cluster does not have yet, and pushes them, sealed, before anything uses them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::failure::Stopped;
use super::super::session::Session;
use super::super::work::Step;
use super::age::Age;
use crate::exit::Exit;
use crate::name::ClusterName;
use crate::pki::{Authority, AuthorityName, Certificate, Ends, KeyPhase, ServiceAccountKey, encryption};
use crate::resource::Kind;
use crate::secret::{Recipients, Secret, open, seal};
use crate::spec::Pki;
use crate::state::{
    CertificateRecord, CertificateRole, KeyChange, Lease, PublicKeyRecord, Records, SealedKey, SealedSecret,
};

/// Keys that were made just now, in the clear.
pub type Made = BTreeMap<SealedKey, Secret>;

/// Makes what is missing, takes the step that the plan was made with, and pushes it. Drops the records of certificates
/// that have expired.
///
/// # Errors
/// When there are too few recipients, nobody here can open what is sealed for them, or it cannot be pushed.
pub async fn ensure(session: &Session, lease: &mut Lease, step: Option<&Step>) -> anyhow::Result<Made> {
    let mut made = Made::new();
    let missing = missing(lease.records());
    if !missing.is_empty() {
        may_be_made(session, lease.records())?;
        let forge = Forge::new(session, lease.run())?;
        let (change, new) = forge.make(&missing, KeyPhase::Issuing)?;
        lease.stage_keys(change)?;
        made.extend(new);
    }
    if let Some(step) = step {
        lease.stage_keys(step.change.clone())?;
        made.extend(step.made.clone());
    }
    let dropped = expired(lease.records(), session.aws.certain_date()?);
    if !dropped.is_empty() {
        lease.stage_keys(KeyChange { dropped, ..KeyChange::default() })?;
    }
    if step.is_some() || !missing.is_empty() {
        lease.write("keys", Vec::new(), Vec::new()).await?;
    }
    Ok(made)
}

/// Certificates that open no door any more. Authorities stay: what they were is part of a cluster's story.
fn expired(records: &Records, now: Timestamp) -> Vec<(AuthorityName, String)> {
    let is_over = |record: &&CertificateRecord| {
        now > record.not_after && !matches!(record.role, CertificateRole::Authority { .. })
    };
    let over = records.certificates.iter().filter(is_over);
    over.map(|record| (record.authority, record.serial.clone())).collect()
}

/// Refuses new first keys for a cluster that has had some: its nodes trust those.
///
/// # Errors
/// When there are parameters, which were filled from keys that are not on the state branch any more.
pub fn may_be_made(session: &Session, records: &Records) -> anyhow::Result<()> {
    let filled = records.resources.keys().any(|address| address.kind() == Kind::Parameter);
    if !filled {
        return Ok(());
    }
    let cluster = session.cluster();
    let message = format!(
        "the keys of {cluster} are not on its state branch any more, and its nodes have them: new ones would be trusted by \
         nobody\n  hint: windlass state recover {cluster} --from-aws brings back what AWS still has of them"
    );
    Err(Stopped::new(Exit::Refused, message).into())
}

/// The first keys that a cluster does not have.
#[must_use]
pub fn missing(records: &Records) -> BTreeSet<SealedKey> {
    let authorities = AuthorityName::ALL.into_iter().filter(|name| records.authorities(*name).next().is_none());
    let mut missing: BTreeSet<SealedKey> = authorities.map(|name| SealedKey::Authority(name, 1)).collect();
    if records.keys.service_account.is_empty() {
        missing.insert(SealedKey::ServiceAccount(1));
    }
    if records.keys.encryption.is_empty() {
        missing.insert(SealedKey::Encryption(1));
    }
    missing
}

/// The record of an authority's certificate.
pub fn authority_record(
    (authority, revision): (AuthorityName, u32),
    phase: KeyPhase,
    certificate: &Certificate,
    run: &str,
) -> CertificateRecord {
    CertificateRecord {
        authority,
        revision,
        serial: certificate.serial.clone(),
        pem: certificate.pem(),
        not_before: certificate.ends.not_before,
        not_after: certificate.ends.not_after,
        role: CertificateRole::Authority { phase },
        run: run.to_owned(),
    }
}

/// Makes keys and seals them.
pub struct Forge<'a> {
    pki: &'a Pki,
    cluster: &'a ClusterName,
    now: Timestamp,
    run: &'a str,
    age: &'a Age,
    recipients: Recipients,
}

impl<'a> Forge<'a> {
    /// Checks for whom it would seal, and that somebody here can open it.
    ///
    /// # Errors
    /// [`crate::secret::SealError`].
    pub fn new(session: &'a Session, run: &'a str) -> anyhow::Result<Self> {
        let age = &session.age;
        let recipients = age.recipients()?;
        age.can_open(&recipients)?;
        let pki = &session.specification().cluster.spec.pki;
        Ok(Self { pki, cluster: session.cluster(), now: session.aws.certain_date()?, run, age, recipients })
    }

    /// Makes these keys, as keys in this phase.
    ///
    /// # Errors
    /// When a key cannot be made or sealed, or what was sealed does not open again.
    pub fn make(&self, keys: &BTreeSet<SealedKey>, phase: KeyPhase) -> anyhow::Result<(KeyChange, Made)> {
        let mut change = KeyChange::default();
        let mut made = Made::new();
        for key in keys {
            let secret = match *key {
                SealedKey::Authority(name, revision) => {
                    let authority = self.authority(name, revision)?;
                    let secret = authority.key_pem();
                    let certificate = authority.certificate();
                    change.certificates.push(authority_record((name, revision), phase, certificate, self.run));
                    secret
                }
                SealedKey::ServiceAccount(revision) => {
                    let pair = ServiceAccountKey::generate(self.pki.algorithm)?;
                    change.service_account.insert(revision, PublicKeyRecord { phase, pem: pair.public_pem() });
                    pair.private_pem()
                }
                SealedKey::Encryption(revision) => {
                    change.encryption.insert(revision, phase);
                    encryption::generate()?
                }
            };
            change.sealed.push(self.seal(&key.to_string(), &secret)?);
            made.insert(*key, secret);
        }
        Ok((change, made))
    }

    fn authority(&self, name: AuthorityName, revision: u32) -> anyhow::Result<Authority> {
        let ends = Ends::issued_at(self.now, self.pki.lifetimes.authority.as_seconds());
        Ok(Authority::create(name, self.cluster, revision, self.pki.algorithm, ends)?)
    }

    /// Seals a key, and opens it again: what nobody can open is no copy.
    ///
    /// # Errors
    /// [`crate::secret::SealError`].
    pub fn seal(&self, name: &str, secret: &Secret) -> anyhow::Result<SealedSecret> {
        let ciphertext = seal(&self.recipients, secret)?;
        let again = open(&self.age.identities()?, &ciphertext)?;
        anyhow::ensure!(again.expose() == secret.expose(), "{name} does not open again as it was sealed");
        Ok(SealedSecret { name: name.to_owned(), ciphertext, recipients: self.recipients.names() })
    }
}
