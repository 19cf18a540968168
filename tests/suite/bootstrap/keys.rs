//! Certificates and keys of a cluster as its parameters hold them, issued by windlass' own authorities.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use windlass::pki::{Authority, AuthorityName, Ends, Issued, Leaf, LeafName, ServiceAccountKey, Usage};
use windlass::spec::KeyAlgorithm;

use super::CLUSTER;

const DAY: u64 = 24 * 60 * 60;

/// The authorities of a cluster.
pub struct Keys {
    authorities: BTreeMap<AuthorityName, Authority>,
    service_account: ServiceAccountKey,
}

impl Keys {
    pub fn new() -> Self {
        let authority = |name| (name, authority(name, 1));
        Self {
            authorities: AuthorityName::ALL.into_iter().map(authority).collect(),
            service_account: ServiceAccountKey::generate(KeyAlgorithm::EcdsaP256).expect("a key"),
        }
    }

    pub fn certificate(&self, name: AuthorityName) -> String {
        self.authorities[&name].certificate().pem()
    }

    pub fn key(&self, name: AuthorityName) -> String {
        text(&self.authorities[&name].key_pem())
    }

    /// A leaf of an authority, for exactly these usages.
    pub fn issue(&self, authority: AuthorityName, name: &str, usages: &[Usage], address: IpAddr) -> Issued {
        let leaf = Leaf {
            common_name: name.to_owned(),
            organizations: BTreeSet::new(),
            usages: usages.iter().copied().collect(),
            names: BTreeSet::from([String::from("localhost")]),
            addresses: BTreeSet::from([address, IpAddr::from([127, 0, 0, 1])]),
            algorithm: KeyAlgorithm::EcdsaP256,
        };
        let ends = Ends::issued_at(Timestamp::now(), 30 * DAY);
        self.authorities[&authority].issue(&leaf, ends).expect("a certificate")
    }

    /// The parameters beneath the cluster's path that a member reads.
    pub fn parameters(&self, member: &str, address: IpAddr) -> BTreeMap<String, String> {
        let path = format!("/windlass/{CLUSTER}/");
        let mut all = BTreeMap::from([
            (format!("{path}pki/cluster.crt"), self.certificate(AuthorityName::Cluster)),
            (format!("{path}pki/etcd.crt"), self.certificate(AuthorityName::Etcd)),
            (format!("{path}pki/front-proxy.crt"), self.certificate(AuthorityName::FrontProxy)),
            (format!("{path}pki/cluster.key"), self.key(AuthorityName::Cluster)),
            (format!("{path}pki/service-account.pub"), self.service_account.public_pem()),
            (format!("{path}pki/service-account.key"), text(&self.service_account.private_pem())),
            (format!("{path}pki/encryption.yaml"), String::from("kind: EncryptionConfiguration\nresources: []\n")),
        ]);
        for leaf in LeafName::ALL {
            let usages: &[Usage] = match leaf {
                LeafName::Apiserver => &[Usage::Server],
                LeafName::EtcdServer | LeafName::EtcdPeer => &[Usage::Server, Usage::Client],
                _ => &[Usage::Client],
            };
            let issued = self.issue(leaf.authority(), leaf.as_str(), usages, address);
            all.insert(format!("{path}members/{member}/{leaf}.pem"), pem(&issued));
        }
        all
    }
}

/// A further authority of that name.
pub fn authority(name: AuthorityName, revision: u32) -> Authority {
    let cluster = CLUSTER.parse().expect("a cluster name");
    let ends = Ends::issued_at(Timestamp::now(), 3650 * DAY);
    Authority::create(name, &cluster, revision, KeyAlgorithm::EcdsaP256, ends).expect("an authority")
}

/// Certificate, then key.
pub fn pem(issued: &Issued) -> String {
    format!("{}{}", issued.certificate.pem(), text(&issued.key))
}

fn text(secret: &windlass::secret::Secret) -> String {
    secret.expose_text().expect("PEM is text").to_owned()
}
