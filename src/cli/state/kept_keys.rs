//! The keys of a cluster whose state branch is lost: what Systems Manager holds of them for the nodes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;

use crate::cli::failure::Stopped;
use crate::cli::keys::authority_record;
use crate::exit::Exit;
use crate::pki::{Authority, AuthorityName, Certificate, KeyPhase, ServiceAccountKey, encryption, signed_by};
use crate::resource::{Content, Parameter};
use crate::secret::Secret;
use crate::state::{KeyChange, PublicKeyRecord, SealedKey};

/// The keys that are still there.
#[derive(Debug, Default)]
pub struct KeptKeys {
    /// What is written down of them; nothing is sealed yet.
    pub change: KeyChange,
    /// Keys in the clear.
    pub secrets: BTreeMap<SealedKey, Secret>,
}

/// A parameter that should be there, and what is in it.
pub struct Kept<'a> {
    /// Which.
    pub parameter: &'a Parameter,
    /// Its value.
    pub value: &'a Secret,
}

/// Reads them. `service_account`: the revisions of the service-account keys, ascending.
///
/// # Errors
/// When one of the public parts is missing or damaged: without them nothing says whom the nodes trust.
pub fn read(kept: &[Kept<'_>], service_account: &[u32], run: &str) -> anyhow::Result<KeptKeys> {
    let mut keys = KeptKeys::default();
    for name in AuthorityName::ALL {
        authority(kept, name, run, &mut keys)?;
    }
    self::service_account(kept, service_account, &mut keys)?;
    let configuration = find(kept, |content| matches!(content, Content::Encryption { .. }));
    let configuration = configuration.ok_or_else(|| missing("the configuration of etcd's encryption"))?;
    let all = encryption::keys(configuration.value).context(configuration.parameter.name.clone())?;
    let count = all.len();
    for (index, (revision, key)) in all.into_iter().enumerate() {
        // The last one encrypts.
        let phase = if index + 1 == count { KeyPhase::Issuing } else { KeyPhase::Retiring };
        keys.change.encryption.insert(revision, phase);
        keys.secrets.insert(SealedKey::Encryption(revision), key);
    }
    Ok(keys)
}

fn authority(kept: &[Kept<'_>], name: AuthorityName, run: &str, keys: &mut KeptKeys) -> anyhow::Result<()> {
    let bundle = find(kept, |content| matches!(content, Content::Trust { authority, .. } if *authority == name));
    let bundle = bundle.ok_or_else(|| missing(&format!("the certificate of the {name} authority")))?;
    let text = bundle.value.expose_text().context(bundle.parameter.name.clone())?;
    let trusted = Certificate::parse_bundle(text).context(bundle.parameter.name.clone())?;
    let revisions = revisions(&trusted);
    let key = find(kept, |content| matches!(content, Content::AuthorityKey { authority, .. } if *authority == name));
    let owner = |key: &Kept<'_>| {
        trusted.iter().position(|certificate| Authority::from_pem(&certificate.pem(), key.value).is_ok())
    };
    let with_key = key.and_then(|key| Some((owner(key)?, key.value)));
    // The newest is the first.
    let issuing = with_key.map(|(index, _)| index).or_else(|| newest_signer(kept, name, &trusted)).unwrap_or(0);
    for (index, (certificate, revision)) in trusted.iter().zip(&revisions).enumerate() {
        // What was only prepared can never sign: its key is in no parameter. It stays trusted until it is dropped.
        let phase = if index == issuing { KeyPhase::Issuing } else { KeyPhase::Retiring };
        keys.change.certificates.push(authority_record((name, *revision), phase, certificate, run));
    }
    let issuing = SealedKey::Authority(name, revisions.get(issuing).copied().unwrap_or(1));
    match with_key {
        Some((_, secret)) => drop(keys.secrets.insert(issuing, secret.clone())),
        None => keys.change.lost.push(issuing.to_string()),
    }
    Ok(())
}

/// The revisions of certificates, newest first: their subjects end with them; those of authorities that were imported do
/// not, and are counted.
pub fn revisions(trusted: &[Certificate]) -> Vec<u32> {
    let named = trusted.iter().map(|it| it.subject.common_name().rsplit(' ').next()?.parse().ok());
    let named: Option<Vec<u32>> = named.collect();
    let count = u32::try_from(trusted.len()).unwrap_or(u32::MAX);
    named
        .filter(|all| all.iter().collect::<BTreeSet<_>>().len() == all.len())
        .unwrap_or_else(|| (1..=count).rev().collect())
}

/// Which of the authorities signed the newest certificate of a member.
fn newest_signer(kept: &[Kept<'_>], name: AuthorityName, trusted: &[Certificate]) -> Option<usize> {
    let leafs = kept
        .iter()
        .filter(|it| matches!(&it.parameter.content, Content::Certificate(request) if request.authority == name));
    let leafs = leafs.filter_map(|it| Certificate::parse(it.value.expose_text().ok()?).ok());
    let newest = leafs.max_by_key(|leaf| leaf.ends.not_before)?;
    trusted.iter().position(|authority| signed_by(&newest, authority))
}

fn service_account(kept: &[Kept<'_>], revisions: &[u32], keys: &mut KeptKeys) -> anyhow::Result<()> {
    let bundle = find(kept, |content| matches!(content, Content::ServiceAccountKeys { .. }));
    let bundle = bundle.ok_or_else(|| missing("the public keys of service-account tokens"))?;
    let public = public_keys(bundle.value)?;
    let private = find(kept, |content| matches!(content, Content::ServiceAccountKey { .. }));
    let private = private.map(|it| ServiceAccountKey::from_pem(it.value).context(it.parameter.name.clone()));
    let private = private.transpose()?;
    // The bundle is newest first, the revisions ascend.
    for (pem, revision) in public.iter().zip(revisions.iter().rev()) {
        let signs = private.as_ref().is_some_and(|key| key.public_pem() == *pem);
        let is_alone = private.is_none() && public.first() == Some(pem);
        let phase = if signs || is_alone { KeyPhase::Issuing } else { KeyPhase::Retiring };
        keys.change.service_account.insert(*revision, PublicKeyRecord { phase, pem: pem.clone() });
        let name = SealedKey::ServiceAccount(*revision);
        match &private {
            Some(key) if signs => drop(keys.secrets.insert(name, key.private_pem())),
            None if is_alone => keys.change.lost.push(name.to_string()),
            _ => {}
        }
    }
    Ok(())
}

/// The public keys in a bundle, PEM, in its order.
///
/// # Errors
/// When it is no text.
pub fn public_keys(bundle: &Secret) -> anyhow::Result<Vec<String>> {
    const END: &str = "-----END PUBLIC KEY-----\n";
    let text = bundle.expose_text().context("the public keys of service-account tokens")?;
    Ok(text.split_inclusive(END).filter(|block| block.ends_with(END)).map(str::to_owned).collect())
}

/// The parameter with such content.
pub fn find<'k, 'a>(kept: &'k [Kept<'a>], which: impl Fn(&Content) -> bool) -> Option<&'k Kept<'a>> {
    kept.iter().find(|it| which(&it.parameter.content))
}

fn missing(what: &str) -> anyhow::Error {
    let message = format!(
        "{what}: it is on no state branch and in no parameter\n  hint: put the parameter back from a member's disk first, see \
         docs/runbooks/lost-state.md"
    );
    Stopped::new(Exit::Refused, message).into()
}
