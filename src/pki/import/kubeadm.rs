//! `/etc/kubernetes/pki` as kubeadm lays it out (kubernetes.io, "PKI certificates and requirements").

use std::collections::BTreeMap;

use super::{Files, ImportError, Imported, Layout, at, authority, service_account, text};
use crate::pki::AuthorityName;

const AUTHORITIES: [(AuthorityName, &str); 3] =
    [(AuthorityName::Cluster, "ca"), (AuthorityName::Etcd, "etcd/ca"), (AuthorityName::FrontProxy, "front-proxy-ca")];

/// The folder may be `pki` itself, or hold it: `etc/kubernetes/pki/`.
pub(super) fn read(files: &Files) -> Result<Option<Imported>, ImportError> {
    let bases = files.keys().filter_map(|path| path.strip_suffix("ca.crt"));
    let base = bases
        .filter(|base| (base.is_empty() || base.ends_with('/')) && !base.ends_with("etcd/"))
        .min_by_key(|base| base.len());
    let Some(base) = base else { return Ok(None) };
    let mut authorities = BTreeMap::new();
    for (name, stem) in AUTHORITIES {
        let path = |extension: &str| format!("{base}{stem}.{extension}");
        match (files.get(&path("crt")), files.get(&path("key"))) {
            (None, None) => {}
            (Some(_), None) => return Err(ImportError::NoKey { authority: name, path: path("key") }),
            (None, Some(_)) => return Err(ImportError::NoCertificate { authority: name, path: path("crt") }),
            (Some(certificate), Some(key)) => {
                let certificate = text(&path("crt"), certificate)?;
                authorities.insert(name, authority(&path("crt"), certificate, key)?);
            }
        }
    }
    let path = format!("{base}sa.key");
    let service_account = files.get(&path).map(|key| service_account(&path, key)).transpose()?;
    let public = format!("{base}sa.pub");
    if let (Some(key), Some(text)) = (&service_account, files.get(&public)) {
        let theirs = pem::parse(text.expose()).map_err(|error| at(&public)(&error))?;
        let ours = pem::parse(key.public_pem()).map_err(|error| at(&public)(&error))?;
        if theirs.contents() != ours.contents() {
            return Err(ImportError::OtherPublicKey { path: public });
        }
    }
    Ok(Some(Imported {
        layout: Layout::Kubeadm,
        authorities,
        also_trusted: BTreeMap::new(),
        service_account,
        former_service_account: None,
    }))
}
