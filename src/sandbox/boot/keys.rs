//! What a machine fetches from the parameter store, and what it checks before it installs it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::super::ec2;
use super::super::iam::Request;
use super::super::ssm::Parameter;
use super::super::world::World;
use super::caller::may;
use super::facts::{Facts, Role};
use crate::pki::{self, Authority, AuthorityName, Certificate, LeafName, ServiceAccountKey, Usage};
use crate::secret::Secret;

/// What a machine has installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Installed {
    /// Versions of the parameters that it comes from.
    pub versions: BTreeMap<String, u64>,
    /// Fingerprints of the authorities that it trusts, by the authority's name.
    pub trust: BTreeMap<String, Vec<String>>,
    /// Serial numbers by the leaf's name.
    pub leafs: BTreeMap<String, String>,
    /// Fingerprint of the authority that signed each leaf.
    pub signers: BTreeMap<String, String>,
    /// The last moment of each leaf.
    pub ends: BTreeMap<String, Timestamp>,
    /// Certificate and key of what listens on the network, PEM, by the leaf's name.
    pub servers: BTreeMap<String, String>,
    /// The trust bundles, PEM, by the authority's name.
    pub bundles: BTreeMap<String, String>,
}

impl Installed {
    /// The first leaf that has expired.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<&str> {
        self.ends.iter().find(|(_, end)| **end < now).map(|(leaf, _)| leaf.as_str())
    }
}

/// Reads parameters with the rights of the instance, by GetParameter or GetParameters: each needs its own permission.
///
/// # Errors
/// The role does not allow one, or one does not exist.
pub fn read<'w>(world: &'w World, instance: &str, action: &str, names: &[&str]) -> Result<Vec<&'w Parameter>, String> {
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let arn = world.arn("ssm", &format!("parameter{name}"));
        may(world, instance, Request::new(action, arn))?;
        let parameter = world.ssm.parameters.get(name).filter(|_| !world.is_hidden(name));
        let parameter = parameter.ok_or_else(|| format!("there is no parameter {name}"))?;
        if let Some(key) = parameter.key_id.as_deref().filter(|key| *key != "alias/aws/ssm") {
            let arn = if key.starts_with("arn:") { key.to_owned() } else { world.arn("kms", &format!("key/{key}")) };
            let request = Request::new("kms:Decrypt", arn)
                .with("kms:ViaService", [format!("ssm.{}.amazonaws.com", world.region)])
                .with("kms:EncryptionContext:PARAMETER_ARN", [world.arn("ssm", &format!("parameter{name}"))]);
            may(world, instance, request)?;
        }
        found.push(parameter);
    }
    Ok(found)
}

/// Fetches what the machine reads and checks it; what did not change is not looked at again.
///
/// # Errors
/// What is missing, forbidden, or does not fit together.
pub fn fetch(world: &World, instance: &str, facts: &Facts, before: &Installed) -> Result<Installed, String> {
    let names: Vec<&str> = facts.reads.keys().map(String::as_str).collect();
    let parameters = read(world, instance, "ssm:GetParameters", &names)?;
    let versions: BTreeMap<String, u64> = parameters.iter().map(|it| (it.name.clone(), it.version)).collect();
    if versions == before.versions {
        return Ok(before.clone());
    }
    let values: BTreeMap<&str, &str> = parameters
        .iter()
        .map(|it| (it.name.strip_prefix(&facts.path).unwrap_or(&it.name), it.value.as_str()))
        .collect();
    let mut installed = Installed { versions, ..Installed::default() };
    let trust = trust(&values, &mut installed)?;
    if facts.role == Role::Member {
        Check { world, instance, facts, values: &values, trust: &trust }.member(&mut installed)?;
    }
    Ok(installed)
}

type Trust = BTreeMap<AuthorityName, Vec<Certificate>>;

fn trust(values: &BTreeMap<&str, &str>, installed: &mut Installed) -> Result<Trust, String> {
    let mut trust = Trust::new();
    for authority in AuthorityName::ALL {
        let name = format!("pki/{authority}.crt");
        let Some(text) = values.get(name.as_str()) else { continue };
        let bundle = Certificate::parse_bundle(text).map_err(|error| format!("{name}: {error}"))?;
        if bundle.is_empty() || bundle.iter().any(|it| !it.is_authority) {
            return Err(format!("{name} is not a bundle of authorities"));
        }
        installed.trust.insert(authority.to_string(), bundle.iter().map(|it| it.fingerprint.clone()).collect());
        installed.bundles.insert(authority.to_string(), (*text).to_owned());
        trust.insert(authority, bundle);
    }
    if trust.is_empty() { Err(String::from("no authority is trusted")) } else { Ok(trust) }
}

struct Check<'a> {
    world: &'a World,
    instance: &'a str,
    facts: &'a Facts,
    values: &'a BTreeMap<&'a str, &'a str>,
    trust: &'a Trust,
}

impl Check<'_> {
    /// Everything that the components of a member open at their start.
    fn member(&self, installed: &mut Installed) -> Result<(), String> {
        self.authority_key()?;
        self.service_account()?;
        let encryption = self.value("pki/encryption.yaml")?;
        if !encryption.contains("EncryptionConfiguration") {
            return Err(String::from("pki/encryption.yaml is no EncryptionConfiguration"));
        }
        for leaf in LeafName::ALL {
            self.leaf(leaf, installed)?;
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Result<&str, String> {
        let value = self.values.get(name).copied();
        value.ok_or_else(|| format!("{name} is needed, and not in /etc/windlass/parameters"))
    }

    fn bundle(&self, authority: AuthorityName) -> Result<&[Certificate], String> {
        let bundle = self.trust.get(&authority).map(Vec::as_slice);
        bundle.ok_or_else(|| format!("pki/{authority}.crt is needed, and not in /etc/windlass/parameters"))
    }

    /// The controller manager's key must be that of an authority that everybody trusts.
    fn authority_key(&self) -> Result<(), String> {
        let key = Secret::from(self.value("pki/cluster.key")?.to_owned());
        let bundle = self.bundle(AuthorityName::Cluster)?;
        let fits = bundle.iter().any(|it| Authority::from_pem(&it.pem(), &key).is_ok());
        if fits { Ok(()) } else { Err(String::from("pki/cluster.key belongs to no certificate of pki/cluster.crt")) }
    }

    fn service_account(&self) -> Result<(), String> {
        let key = Secret::from(self.value("pki/service-account.key")?.to_owned());
        let key = ServiceAccountKey::from_pem(&key).map_err(|error| format!("pki/service-account.key: {error}"))?;
        let public = self.value("pki/service-account.pub")?;
        if public.contains(key.public_pem().trim()) {
            return Ok(());
        }
        Err(String::from("pki/service-account.key has no public half in pki/service-account.pub"))
    }

    fn leaf(&self, leaf: LeafName, installed: &mut Installed) -> Result<(), String> {
        let name = format!("members/{}/{leaf}.pem", self.facts.name);
        let text = self.value(&name)?;
        let certificate = Certificate::parse(text).map_err(|error| format!("{name}: {error}"))?;
        pair(text).map_err(|why| format!("{name}: {why}"))?;
        let trusted = self.bundle(leaf.authority())?;
        for usage in usages(leaf) {
            pki::verify(&certificate, trusted, *usage, self.world.now).map_err(|error| format!("{name}: {error}"))?;
        }
        self.named(leaf, &certificate).map_err(|why| format!("{name}: {why}"))?;
        let signer = trusted.iter().find(|authority| pki::signed_by(&certificate, authority));
        let key = leaf.to_string();
        installed.signers.extend(signer.map(|authority| (key.clone(), authority.fingerprint.clone())));
        installed.ends.insert(key.clone(), certificate.ends.not_after);
        if listens(leaf) {
            installed.servers.insert(key.clone(), text.to_owned());
        }
        installed.leafs.insert(key, certificate.serial);
        Ok(())
    }

    /// Servers must be called by their address; the kubelet's name is the node's.
    fn named(&self, leaf: LeafName, certificate: &Certificate) -> Result<(), String> {
        let address = ec2::address(self.world, self.instance).map(|address| address.to_string()).unwrap_or_default();
        let mut hosts = Vec::new();
        if listens(leaf) {
            hosts.push(address.clone());
        }
        if leaf == LeafName::Apiserver {
            hosts.push(self.facts.api_host.clone());
        }
        if let Some(host) = hosts.iter().find(|host| !certificate.is_for(host)) {
            return Err(format!("the certificate is not for {host}"));
        }
        if leaf == LeafName::Kubelet {
            let node = address.parse().map(|it| ec2::private_name(self.world, it)).unwrap_or_default();
            let name = certificate.subject.common_name();
            if name != format!("system:node:{node}") || !certificate.subject.organizations().contains("system:nodes") {
                return Err(format!("the certificate is for {name}, and this node is {node}"));
            }
        }
        Ok(())
    }
}

/// What peers of a leaf demand of it.
const fn usages(leaf: LeafName) -> &'static [Usage] {
    match leaf {
        LeafName::Apiserver => &[Usage::Server],
        LeafName::EtcdServer | LeafName::EtcdPeer => &[Usage::Server, Usage::Client],
        _ => &[Usage::Client],
    }
}

/// Whether a leaf is presented on the network.
const fn listens(leaf: LeafName) -> bool {
    matches!(leaf, LeafName::Apiserver | LeafName::EtcdServer | LeafName::EtcdPeer)
}

/// Certificate and key of a PEM text, as a server takes them.
///
/// # Errors
/// One is missing, or they do not belong together.
pub fn pair(text: &str) -> Result<CertifiedKey, String> {
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let chain = chain.map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| String::from("there is no private key"))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map_err(|_| String::from("the private key does not belong to the certificate"))
}
