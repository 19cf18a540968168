//! Opens the keys that a plan needs, and no other.

use std::collections::BTreeSet;

use anyhow::Context;

use super::super::failure::Stopped;
use super::super::session::Session;
use super::age::Age;
use super::make::{Forge, Made, may_be_made, missing};
use crate::apply::{self, Vault};
use crate::exit::Exit;
use crate::pki::{Authority, AuthorityName, Certificate, ServiceAccountKey};
use crate::plan::{Plan, Purpose};
use crate::secret::{Secret, open};
use crate::state::{Records, SealedKey};

/// Opens these keys; `made` are open already.
///
/// # Errors
/// When one is not on the state branch, or nobody here can open it.
pub fn vault(age: &Age, records: &Records, keys: &BTreeSet<SealedKey>, made: &Made) -> anyhow::Result<Vault> {
    let mut vault = public(records)?;
    for key in keys {
        let secret = match made.get(key) {
            Some(secret) => secret.clone(),
            None => open_secret(age, records, &key.to_string())?,
        };
        match *key {
            SealedKey::Authority(name, revision) => {
                let authority = authority(records, name, revision, &secret)?;
                vault.authorities.insert((name, revision), authority);
            }
            SealedKey::ServiceAccount(revision) => {
                let pair = ServiceAccountKey::from_pem(&secret).with_context(|| format!("{key} is of no use"))?;
                if vault.public_keys.get(&revision).is_some_and(|public| *public != pair.public_pem()) {
                    let message = format!(
                        "{key} is of no use: it does not belong to its public half\n  hint: git log on the state branch says \
                         who replaced secrets/{key}.age"
                    );
                    return Err(Stopped::new(Exit::Certificate, message).into());
                }
                vault.service_accounts.insert(revision, pair);
            }
            SealedKey::Encryption(revision) => {
                vault.encryption.insert(revision, secret);
            }
        }
    }
    Ok(vault)
}

/// Refuses before anything is asked or changed what could only fail later: too few recipients, or nobody here who can
/// open what the plan needs.
///
/// # Errors
/// As [`super::ensure`] and [`vault`].
pub fn preflight(session: &Session, records: &Records, plan: &Plan) -> anyhow::Result<()> {
    preflight_with(session, records, plan, &Made::new())
}

/// The same, with keys that were made already.
///
/// # Errors
/// As [`preflight`].
pub fn preflight_with(session: &Session, records: &Records, plan: &Plan, made: &Made) -> anyhow::Result<()> {
    check_recipients(session, records, plan.purpose)?;
    let missing = missing(records);
    let keys = apply::needs(plan).into_iter().filter(|key| !missing.contains(key)).collect();
    vault(&session.age, records, &keys, made).map(drop)
}

/// Refuses a first apply whose keys could not be sealed.
///
/// # Errors
/// As [`super::ensure`].
pub fn check_recipients(session: &Session, records: &Records, purpose: Purpose) -> anyhow::Result<()> {
    if purpose == Purpose::Apply && !missing(records).is_empty() {
        may_be_made(session, records)?;
        Forge::new(session, "")?;
    }
    Ok(())
}

/// What needs no key: whom to trust.
fn public(records: &Records) -> anyhow::Result<Vault> {
    let mut vault = Vault::default();
    for name in AuthorityName::ALL {
        for (record, _) in records.authorities(name) {
            let certificate = Certificate::parse(&record.pem)
                .with_context(|| format!("the certificate of the {name} authority {} is of no use", record.revision))?;
            vault.certificates.insert((name, record.revision), certificate);
        }
    }
    for (revision, key) in &records.keys.service_account {
        vault.public_keys.insert(*revision, key.pem.clone());
    }
    Ok(vault)
}

/// Opens the authority that issues now.
///
/// # Errors
/// As [`vault`]; when the cluster has none yet.
pub fn open_authority(age: &Age, records: &Records, name: AuthorityName) -> anyhow::Result<Authority> {
    let issuing = records.issuing(name).ok_or_else(|| {
        let message = format!("there is no {name} authority yet\n  hint: windlass apply makes it with the cluster");
        Stopped::new(Exit::Refused, message)
    })?;
    let key = SealedKey::Authority(name, issuing.revision);
    let secret = open_secret(age, records, &key.to_string())?;
    authority(records, name, issuing.revision, &secret)
}

/// Opens a secret of the state branch.
///
/// # Errors
/// When it is not there, or nobody here can open it: with its name.
pub fn open_secret(age: &Age, records: &Records, name: &str) -> anyhow::Result<Secret> {
    if records.keys.lost.contains(name) {
        let message = format!(
            "the key {name} is lost: nobody can sign with it any more\n  hint: replace it before what it signed expires, see \
             docs/runbooks/lost-state.md"
        );
        return Err(Stopped::new(Exit::Certificate, message).into());
    }
    let Some(ciphertext) = records.secrets.get(name) else {
        let known: Vec<&str> = records.secrets.keys().map(String::as_str).collect();
        let message = format!("there is no secret {name:?} on the state branch (it has {})", known.join(", "));
        return Err(Stopped::new(Exit::Refused, message).into());
    };
    let identities = age.identities().with_context(|| format!("the secret {name} is needed"))?;
    open(&identities, ciphertext).with_context(|| format!("the secret {name} cannot be opened"))
}

fn authority(records: &Records, name: AuthorityName, revision: u32, key: &Secret) -> anyhow::Result<Authority> {
    let (record, _) = records
        .authorities(name)
        .find(|(record, _)| record.revision == revision)
        .with_context(|| format!("the state branch has no certificate of the {name} authority {revision}"))?;
    Authority::from_pem(&record.pem, key).with_context(|| format!("the {name} authority {revision} is of no use"))
}
