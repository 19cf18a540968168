//! A state store of kops: `pki/private/<name>/keyset.yaml`, or in older ones a file for each key,
//! `pki/private/<name>/<id>.key` and `pki/issued/<name>/<id>.crt`.

use std::collections::BTreeMap;

use super::keyset::{Entry, Keyset};
use super::{Files, ImportError, Imported, Layout, authority, service_account, text};
use crate::pki::AuthorityName;
use crate::secret::Secret;

/// The names that kops gives them, newest first. etcd-manager has one authority for peers and one for clients; windlass
/// has one for both, and takes that which etcd's clients know.
const AUTHORITIES: [(AuthorityName, &[&str]); 3] = [
    (AuthorityName::Cluster, &["kubernetes-ca", "ca"]),
    (AuthorityName::Etcd, &["etcd-clients-ca"]),
    (AuthorityName::FrontProxy, &["apiserver-aggregator-ca"]),
];

/// Before kops had a key for it, the certificate of the masters signed tokens.
const SERVICE_ACCOUNT: [&str; 2] = ["service-account", "master"];

pub(super) fn read(files: &Files) -> Result<Option<Imported>, ImportError> {
    let marks = files.keys().filter_map(|path| path.split_once("private/"));
    let base = marks.map(|(base, _)| base).find(|base| base.is_empty() || base.ends_with("pki/"));
    let Some(base) = base else { return Ok(None) };
    let mut imported = Imported {
        layout: Layout::Kops,
        authorities: BTreeMap::new(),
        also_trusted: BTreeMap::new(),
        service_account: None,
        former_service_account: None,
    };
    for (name, folders) in AUTHORITIES {
        for folder in folders {
            if let Some((path, keyset)) = keyset(files, base, folder)? {
                take_authority(&mut imported, name, &path, &keyset)?;
                break;
            }
        }
    }
    for folder in SERVICE_ACCOUNT {
        if let Some((path, keyset)) = keyset(files, base, folder)? {
            take_service_account(&mut imported, &path, &keyset)?;
            break;
        }
    }
    let empty = imported.authorities.is_empty() && imported.service_account.is_none();
    Ok((!empty).then_some(imported))
}

fn take_authority(
    imported: &mut Imported,
    name: AuthorityName,
    path: &str,
    keyset: &Keyset,
) -> Result<(), ImportError> {
    let primary = keyset.primary(path)?;
    few(path, keyset)?;
    for entry in keyset.usable() {
        let Some(public) = &entry.public else {
            return Err(ImportError::NoCertificate { authority: name, path: format!("{path} ({})", entry.id) });
        };
        let Some(key) = &entry.private else {
            return Err(ImportError::NoKey { authority: name, path: format!("{path} ({})", entry.id) });
        };
        let found = authority(path, text(path, public)?, key)?;
        let to = if entry.id == primary.id { &mut imported.authorities } else { &mut imported.also_trusted };
        to.insert(name, found);
    }
    Ok(())
}

fn take_service_account(imported: &mut Imported, path: &str, keyset: &Keyset) -> Result<(), ImportError> {
    let primary = keyset.primary(path)?;
    few(path, keyset)?;
    for entry in keyset.usable() {
        let Some(key) = &entry.private else { continue };
        let key = service_account(path, key)?;
        if entry.id == primary.id {
            imported.service_account = Some(key);
        } else {
            imported.former_service_account = Some(key);
        }
    }
    Ok(())
}

/// windlass trusts two at a time, and takes nothing over that it would leave out.
fn few(path: &str, keyset: &Keyset) -> Result<(), ImportError> {
    match keyset.usable().count() {
        0..=2 => Ok(()),
        count => Err(ImportError::Several { path: path.to_owned(), count }),
    }
}

/// The keys of one name and the path to speak of.
fn keyset(files: &Files, base: &str, name: &str) -> Result<Option<(String, Keyset)>, ImportError> {
    let path = format!("{base}private/{name}/keyset.yaml");
    if let Some(content) = files.get(&path) {
        return Keyset::parse(&path, content).map(|keyset| Some((path, keyset)));
    }
    let of = |kind: &str, extension: &str| -> BTreeMap<String, Secret> {
        let folder = format!("{base}{kind}/{name}/");
        let all = files.iter().filter_map(|(path, content)| {
            let id = path.strip_prefix(&folder)?.strip_suffix(extension)?;
            id.bytes().all(|byte| byte.is_ascii_digit()).then(|| (id.to_owned(), content.clone()))
        });
        all.collect()
    };
    let (mut private, public) = (of("private", ".key"), of("issued", ".crt"));
    if private.is_empty() {
        return Ok(None);
    }
    let folder = format!("{base}private/{name}");
    let mut entries: Vec<Entry> = public
        .into_iter()
        .map(|(id, content)| Entry { private: private.remove(&id), public: Some(content), distrusted: false, id })
        .collect();
    // A key without a certificate: of the service account it is enough.
    entries.extend(private.into_iter().map(|(id, content)| Entry {
        id,
        private: Some(content),
        public: None,
        distrusted: false,
    }));
    Ok(Some((folder, Keyset { entries, primary: None })))
}
