//! The opened keys of a cluster, in memory for one run, and how they become the values of parameters. Nothing of it is
//! ever written anywhere but into a parameter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use crate::pki::encryption::{self, EncryptionError};
use crate::pki::{Authority, AuthorityName, Certificate, Ends, IssueError, Leaf, LeafName, ServiceAccountKey};
use crate::plan::{Act, Plan};
use crate::resource::{CertificateRequest, Content, Parameter, Resource};
use crate::secret::Secret;
use crate::state::SealedKey;

/// The keys that a run may need, by revision. What a plan needs of them, [`needs`] says.
#[derive(Debug, Default)]
pub struct Vault {
    /// Authorities that can sign.
    pub authorities: BTreeMap<(AuthorityName, u32), Authority>,
    /// Authorities' certificates, which are public: nothing needs to be opened to trust one.
    pub certificates: BTreeMap<(AuthorityName, u32), Certificate>,
    /// Keys that sign service-account tokens.
    pub service_accounts: BTreeMap<u32, ServiceAccountKey>,
    /// Their public halves, PEM.
    pub public_keys: BTreeMap<u32, String>,
    /// Keys that encrypt etcd's content, base64.
    pub encryption: BTreeMap<u32, Secret>,
}

/// What is known of a member's network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its private DNS name.
    pub name: String,
}

/// The value of a parameter.
#[derive(Debug)]
pub struct Filled {
    /// What goes into it.
    pub value: Secret,
    /// The certificate in it, if it was issued for it.
    pub certificate: Option<Certificate>,
}

/// Why a parameter cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key was not opened.
    #[error("{0} is not at hand")]
    Missing(String),
    /// The certificate is for an interface of which nothing is known.
    #[error("the certificate is for a network interface that has no address yet")]
    NoInterface,
    /// It was not issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A key for etcd's content is none.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// Nobody knows what should be in it.
    #[error("nothing says what should be in it")]
    Unknown,
}

/// The keys that must be opened for a plan: those of parameters that it makes or changes.
#[must_use]
pub fn needs(plan: &Plan) -> BTreeSet<SealedKey> {
    let mut needs = BTreeSet::new();
    for operation in plan.waves.iter().flatten() {
        let resource = match &operation.act {
            Act::Create { resource, .. } | Act::Update { resource, .. } => resource.as_ref(),
            Act::Delete { .. } | Act::Discard { .. } | Act::Adopt { .. } | Act::Forget => continue,
        };
        let Resource::Parameter(parameter) = resource else { continue };
        match &parameter.content {
            Content::AuthorityKey { authority, revision } => {
                needs.insert(SealedKey::Authority(*authority, *revision));
            }
            Content::Certificate(request) => {
                needs.insert(SealedKey::Authority(request.authority, request.revision));
            }
            Content::ServiceAccountKey { revision } => {
                needs.insert(SealedKey::ServiceAccount(*revision));
            }
            Content::Encryption { revisions } => needs.extend(revisions.iter().copied().map(SealedKey::Encryption)),
            Content::Trust { .. } | Content::ServiceAccountKeys { .. } | Content::Unknown { .. } => {}
        }
    }
    needs
}

impl Vault {
    /// The value of a parameter. A certificate is issued anew at every call, valid from `now`; `interface` is the one
    /// that it is for.
    ///
    /// # Errors
    /// When a key is missing, and when a certificate cannot be issued.
    pub fn fill(
        &self,
        parameter: &Parameter,
        interface: Option<&InterfaceFacts>,
        now: Timestamp,
    ) -> Result<Filled, VaultError> {
        let plain = |text: String| Filled { value: text.into(), certificate: None };
        let secret = |value: Secret| Filled { value, certificate: None };
        match &parameter.content {
            Content::Trust { authority, revisions } => {
                let newest_first = revisions.iter().rev().map(|revision| self.certificate(*authority, *revision));
                Ok(plain(newest_first.map(|it| it.map(Certificate::pem)).collect::<Result<String, _>>()?))
            }
            Content::AuthorityKey { authority, revision } => {
                Ok(secret(self.authority(*authority, *revision)?.key_pem()))
            }
            Content::ServiceAccountKeys { revisions } => {
                let newest_first = revisions.iter().rev().map(|revision| self.public_key(*revision));
                Ok(plain(newest_first.collect::<Result<String, _>>()?))
            }
            Content::ServiceAccountKey { revision } => {
                let key = self.service_accounts.get(revision);
                Ok(secret(key.ok_or_else(|| missing(SealedKey::ServiceAccount(*revision)))?.private_pem()))
            }
            Content::Encryption { revisions } => {
                let keys = revisions.iter().map(|revision| {
                    let key = self.encryption.get(revision).ok_or_else(|| missing(SealedKey::Encryption(*revision)))?;
                    Ok::<_, VaultError>((*revision, key))
                });
                Ok(secret(encryption::configuration(&keys.collect::<Result<Vec<_>, _>>()?)?))
            }
            Content::Certificate(request) => self.issue(request, interface, now),
            Content::Unknown { .. } => Err(VaultError::Unknown),
        }
    }

    fn issue(
        &self,
        request: &CertificateRequest,
        interface: Option<&InterfaceFacts>,
        now: Timestamp,
    ) -> Result<Filled, VaultError> {
        let authority = self.authority(request.authority, request.revision)?;
        let interface = match request.interface {
            Some(_) => Some(interface.ok_or(VaultError::NoInterface)?),
            None => None,
        };
        let is_kubelet = request.leaf == LeafName::Kubelet;
        let name = interface.filter(|_| is_kubelet).map(|it| it.name.as_str()).unwrap_or_default();
        let own = interface.filter(|_| !is_kubelet).map(|it| it.address);
        let leaf = Leaf {
            common_name: format!("{}{name}", request.common_name),
            organizations: request.organizations.clone(),
            usages: request.usages.clone(),
            names: request.names.clone(),
            addresses: request.addresses.iter().copied().chain(own).map(IpAddr::V4).collect(),
            algorithm: request.algorithm,
        };
        let issued = authority.issue(&leaf, Ends::issued_at(now, request.lifetime))?;
        let public = issued.certificate.pem();
        // Never grows: a buffer that moves leaves the key behind.
        let mut value = Vec::with_capacity(public.len() + issued.key.expose().len());
        value.extend_from_slice(public.as_bytes());
        value.extend_from_slice(issued.key.expose());
        Ok(Filled { value: Secret::new(value), certificate: Some(issued.certificate) })
    }

    fn authority(&self, name: AuthorityName, revision: u32) -> Result<&Authority, VaultError> {
        self.authorities.get(&(name, revision)).ok_or_else(|| missing(SealedKey::Authority(name, revision)))
    }

    fn certificate(&self, name: AuthorityName, revision: u32) -> Result<&Certificate, VaultError> {
        let key = (name, revision);
        let known = self.certificates.get(&key).or_else(|| self.authorities.get(&key).map(Authority::certificate));
        known.ok_or_else(|| VaultError::Missing(format!("the certificate of {}", SealedKey::Authority(name, revision))))
    }

    fn public_key(&self, revision: u32) -> Result<String, VaultError> {
        let known = self.public_keys.get(&revision).cloned();
        let known = known.or_else(|| self.service_accounts.get(&revision).map(ServiceAccountKey::public_pem));
        known.ok_or_else(|| VaultError::Missing(format!("the public half of {}", SealedKey::ServiceAccount(revision))))
    }
}

fn missing(key: SealedKey) -> VaultError {
    VaultError::Missing(format!("the key {key}"))
}
