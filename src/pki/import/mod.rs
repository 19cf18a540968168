//! Taking over the authorities and the service-account key of a cluster that kops or kubeadm made.
//!
//! Works on the content of files that somebody else read: nothing is read here, and no key is ever shown.

mod keyset;
mod kops;
mod kubeadm;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::authority::{Authority, IssueError};
use super::key::KeyError;
use super::name::AuthorityName;
use super::service_account::ServiceAccountKey;
use crate::secret::Secret;

/// Files of a folder: path relative to it, with `/`, and content.
pub type Files = BTreeMap<String, Secret>;

/// What a folder turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A state store of kops.
    Kops,
    /// `/etc/kubernetes/pki` of kubeadm.
    Kubeadm,
}

/// What was found.
#[derive(Debug)]
pub struct Imported {
    /// What the folder is.
    pub layout: Layout,
    /// Authorities that sign, with their keys.
    pub authorities: BTreeMap<AuthorityName, Authority>,
    /// The other authority where a rotation was under way: it is trusted and signs nothing.
    pub also_trusted: BTreeMap<AuthorityName, Authority>,
    /// The key that signs service-account tokens.
    pub service_account: Option<ServiceAccountKey>,
    /// The other key that still verifies tokens.
    pub former_service_account: Option<ServiceAccountKey>,
}

impl Imported {
    /// What a cluster needs and the folder does not have: it will be made new.
    #[must_use]
    pub fn missing(&self) -> BTreeSet<String> {
        let authorities = AuthorityName::ALL.into_iter().filter(|name| !self.authorities.contains_key(name));
        let mut missing: BTreeSet<String> = authorities.map(|name| format!("authority {name}")).collect();
        if self.service_account.is_none() {
            missing.insert(String::from("service-account key"));
        }
        missing
    }
}

/// Why a folder was not imported. Nothing of it was taken then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Neither of the layouts.
    #[error(
        "this is no folder of kops or kubeadm\nhint: for kops, the cluster's folder of the state store, with \
         pki/private and pki/issued in it; for kubeadm, a copy of /etc/kubernetes/pki with ca.crt and ca.key"
    )]
    Layout,
    /// A certificate without its key.
    #[error("{path} is missing: without the key of authority {authority} nothing can be issued")]
    NoKey {
        /// Whose.
        authority: AuthorityName,
        /// The file that should be there.
        path: String,
    },
    /// A key without its certificate.
    #[error("{path} is missing: the key of authority {authority} is there, its certificate is not")]
    NoCertificate {
        /// Whose.
        authority: AuthorityName,
        /// The file that should be there.
        path: String,
    },
    /// A file is not what it should be.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// Several rotations at once.
    #[error(
        "{path} has {count} keys in use, and two are possible: the one that signs, and one more\n\
         hint: give those that are out of use a `distrustTimestamp` (`kops distrust keypair`)"
    )]
    Several {
        /// Which.
        path: String,
        /// How many.
        count: usize,
    },
    /// The public key is not that of the private one.
    #[error("{path} is not the public half of the service-account key beside it")]
    OtherPublicKey {
        /// The public key's file.
        path: String,
    },
}

/// Finds out what a folder is and takes the keys from it.
///
/// # Errors
/// When it is neither layout, and when something in it is damaged or belongs to something else.
pub fn read(files: &Files) -> Result<Imported, ImportError> {
    if let Some(imported) = kops::read(files)? {
        return Ok(imported);
    }
    kubeadm::read(files)?.ok_or(ImportError::Layout)
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kops => "kops",
            Self::Kubeadm => "kubeadm",
        })
    }
}

fn at(path: &str) -> impl Fn(&dyn fmt::Display) -> ImportError {
    move |why| ImportError::File { path: path.to_owned(), why: why.to_string() }
}

fn text<'a>(path: &str, content: &'a Secret) -> Result<&'a str, ImportError> {
    content.expose_text().map_err(|_| at(path)(&"it is not text"))
}

fn authority(path: &str, certificate: &str, key: &Secret) -> Result<Authority, ImportError> {
    Authority::from_pem(certificate, key).map_err(|error: IssueError| at(path)(&error))
}

fn service_account(path: &str, key: &Secret) -> Result<ServiceAccountKey, ImportError> {
    ServiceAccountKey::from_pem(key).map_err(|error: KeyError| at(path)(&error))
}
