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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Usage, verify};
    use crate::resource::{Reference, Tags};
    use crate::spec::KeyAlgorithm;

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().expect("a date")
    }

    fn vault() -> Vault {
        let cluster = "a.example.com".parse().expect("a name");
        let mut vault = Vault::default();
        for name in AuthorityName::ALL {
            for revision in [1, 2] {
                let ends = Ends::issued_at(now(), 10 * 365 * 86_400);
                let made = Authority::create(name, &cluster, revision, KeyAlgorithm::EcdsaP256, ends);
                vault.authorities.insert((name, revision), made.expect("an authority"));
            }
        }
        for revision in [1, 2] {
            let key = ServiceAccountKey::generate(KeyAlgorithm::EcdsaP256).expect("a key");
            vault.service_accounts.insert(revision, key);
            vault.encryption.insert(revision, encryption::generate().expect("a key"));
        }
        vault
    }

    fn parameter(content: Content) -> Parameter {
        Parameter { name: String::from("/p"), content, kms_key: None, tags: Tags::new() }
    }

    fn text(vault: &Vault, content: Content) -> String {
        let filled = vault.fill(&parameter(content), None, now()).expect("it can be filled");
        filled.value.expose_text().expect("text").to_owned()
    }

    fn request(leaf: LeafName, interface: bool) -> CertificateRequest {
        CertificateRequest {
            leaf,
            authority: leaf.authority(),
            revision: 2,
            common_name: String::from(if leaf == LeafName::Kubelet { "system:node:" } else { "a" }),
            organizations: BTreeSet::new(),
            usages: BTreeSet::from([Usage::Server, Usage::Client]),
            names: BTreeSet::from([String::from("localhost")]),
            addresses: BTreeSet::from([Ipv4Addr::LOCALHOST]),
            interface: interface.then(|| Reference::Id(String::from("eni-1"))),
            algorithm: KeyAlgorithm::EcdsaP256,
            lifetime: 86_400,
            issue: 1,
        }
    }

    #[test]
    fn bundles_are_newest_first() {
        let vault = vault();
        let bundle = text(&vault, Content::Trust { authority: AuthorityName::Etcd, revisions: vec![1, 2] });
        let all = Certificate::parse_bundle(&bundle).expect("certificates");
        let wanted = [2, 1].map(|revision| vault.authorities[&(AuthorityName::Etcd, revision)].certificate().clone());
        assert_eq!(all, wanted);
        let keys = text(&vault, Content::ServiceAccountKeys { revisions: vec![1, 2] });
        let wanted = [2, 1].map(|revision| vault.service_accounts[&revision].public_pem()).concat();
        assert_eq!(keys, wanted);
        assert!(!keys.contains("PRIVATE"));
    }

    #[test]
    fn a_certificate_is_for_its_interface_and_as_long_as_asked() {
        let vault = vault();
        let interface = InterfaceFacts { address: Ipv4Addr::new(10, 0, 0, 9), name: String::from("ip-10-0-0-9.x") };
        let issue = |leaf, at_interface| {
            let parameter = parameter(Content::Certificate(request(leaf, at_interface)));
            vault.fill(&parameter, at_interface.then_some(&interface), now())
        };
        let peer = issue(LeafName::EtcdPeer, true).expect("it is issued");
        let certificate = peer.certificate.expect("a certificate");
        assert_eq!(certificate.ends.lifetime(), 86_400);
        assert!(certificate.is_for("10.0.0.9") && certificate.is_for("127.0.0.1") && certificate.is_for("localhost"));
        let trusted = [vault.authorities[&(AuthorityName::Etcd, 2)].certificate().clone()];
        verify(&certificate, &trusted, Usage::Server, now()).expect("whoever trusts the authority trusts it");
        let pair = peer.value.expose_text().expect("text");
        assert!(pair.starts_with("-----BEGIN CERTIFICATE-----") && pair.contains("-----BEGIN PRIVATE KEY-----"));
        let kubelet = issue(LeafName::Kubelet, true).expect("it is issued").certificate.expect("a certificate");
        assert_eq!(kubelet.subject.common_name(), "system:node:ip-10-0-0-9.x");
        assert!(!kubelet.is_for("10.0.0.9"));
        let lost = parameter(Content::Certificate(request(LeafName::EtcdPeer, true)));
        assert!(matches!(vault.fill(&lost, None, now()), Err(VaultError::NoInterface)));
    }

    #[test]
    fn every_value_fits_into_a_standard_parameter_with_the_default_algorithm() {
        let vault = vault();
        let both = || vec![1, 2];
        for content in [
            Content::Trust { authority: AuthorityName::Cluster, revisions: both() },
            Content::AuthorityKey { authority: AuthorityName::Cluster, revision: 2 },
            Content::ServiceAccountKeys { revisions: both() },
            Content::ServiceAccountKey { revision: 2 },
            Content::Encryption { revisions: both() },
            Content::Certificate(request(LeafName::Scheduler, false)),
        ] {
            let size = text(&vault, content.clone()).len();
            assert!(size <= 4096, "{content:?}: {size}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_shown() {
        let mut vault = vault();
        vault.authorities.remove(&(AuthorityName::Cluster, 1));
        let key = parameter(Content::AuthorityKey { authority: AuthorityName::Cluster, revision: 1 });
        let error = vault.fill(&key, None, now()).expect_err("it is not there");
        assert_eq!(error.to_string(), "the key authority-cluster-1 is not at hand");
        let secret = text(&vault, Content::Encryption { revisions: vec![1] });
        let secret = secret.lines().find_map(|line| line.trim().strip_prefix("secret: ")).expect("a key");
        let shown = format!("{vault:?}");
        assert!(!shown.contains(secret) && !shown.contains("PRIVATE KEY"));
    }
}
