//! What nodes fetch from Systems Manager: trust bundles and keys of the cluster, and each member's certificates. Only
//! what is in them, by revision; their values are made while a plan is applied.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::builder::Builder;
use super::facts::Revisions;
use super::{api, control_plane, names, tags};
use crate::pki::{AuthorityName, LeafName, Usage, lifetime};
use crate::problem::Problem;
use crate::resource::{Address, CertificateRequest, Content, Kind, Parameter, Reference};
use crate::spec::{KeyAlgorithm, Member};

/// Adds the parameters of the cluster, then those of each member.
pub(super) fn add(builder: &mut Builder<'_>) {
    let keys = &builder.facts.keys;
    for authority in AuthorityName::ALL {
        let revisions = keys.authorities.get(&authority).cloned().unwrap_or_default();
        add_content(
            builder,
            &format!("pki/{authority}.crt"),
            Content::Trust { authority, revisions: ascending(&revisions) },
        );
    }
    // The one key of an authority that leaves git: the controller manager signs kubelets' certificates with it.
    let authority = AuthorityName::Cluster;
    let revision = issuing(builder, authority);
    add_content(builder, "pki/cluster.key", Content::AuthorityKey { authority, revision });
    let service_account = &keys.service_account;
    let public = Content::ServiceAccountKeys { revisions: ascending(service_account) };
    add_content(builder, "pki/service-account.pub", public);
    let private = Content::ServiceAccountKey { revision: service_account.issuing };
    add_content(builder, "pki/service-account.key", private);
    let encryption = Content::Encryption { revisions: last(&keys.encryption) };
    add_content(builder, "pki/encryption.yaml", encryption);
    for member in &builder.spec().control_plane.members {
        for leaf in LeafName::ALL {
            let name = format!("members/{}/{leaf}.pem", member.name);
            let request = request(builder, member, leaf, &name);
            add_content(builder, &name, Content::Certificate(request));
        }
    }
    warn(builder);
}

fn add_content(builder: &mut Builder<'_>, name: &str, content: Content) {
    let parameter = Parameter {
        name: format!("{}{name}", names::parameter_path(builder.name())),
        kms_key: builder.spec().pki.kms_key.clone().filter(|_| content.is_secret()),
        content,
        tags: tags::plain(builder, name),
    };
    builder.add(name, parameter);
}

fn ascending(revisions: &Revisions) -> Vec<u32> {
    let set: BTreeSet<u32> = revisions.trusted.iter().copied().chain([revisions.issuing]).collect();
    set.into_iter().collect()
}

/// The one that encrypts is the last one: a newer one must be known to every API server before any of them uses it.
fn last(revisions: &Revisions) -> Vec<u32> {
    let mut all = ascending(revisions);
    all.retain(|revision| *revision != revisions.issuing);
    all.push(revisions.issuing);
    all
}

fn issuing(builder: &Builder<'_>, authority: AuthorityName) -> u32 {
    builder.facts.keys.authorities.get(&authority).map_or(Revisions::default().issuing, |it| it.issuing)
}

fn request(builder: &Builder<'_>, member: &Member, leaf: LeafName, name: &str) -> CertificateRequest {
    let pki = &builder.spec().pki;
    let address = Address::new(Kind::Parameter, name);
    let authority = leaf.authority();
    let skew = u8::try_from(pki.lifetimes.skew_percent.get()).unwrap_or(100);
    let seed = format!("{} {address}", builder.name());
    let (common_name, organization) = subject(member, leaf);
    let (names, addresses) = alternatives(builder, leaf);
    let interface = bears_interface(leaf).then(|| Reference::to(Kind::NetworkInterface, control_plane::thing(member)));
    CertificateRequest {
        leaf,
        authority,
        revision: issuing(builder, authority),
        common_name,
        organizations: organization.into_iter().map(str::to_owned).collect(),
        usages: usages(leaf),
        names,
        addresses,
        interface,
        algorithm: pki.algorithm,
        lifetime: lifetime::skewed(pki.lifetimes.leaf.as_seconds(), skew, &seed),
        issue: builder.facts.keys.issues.get(&address).copied().unwrap_or(1),
    }
}

/// CN and O. The names are those that Kubernetes' built-in roles are bound to (its documentation, "Using RBAC
/// Authorization: Default roles and role bindings"); the others are only names.
fn subject(member: &Member, leaf: LeafName) -> (String, Option<&'static str>) {
    let plain = |name: &str| (name.to_owned(), None);
    match leaf {
        LeafName::Apiserver => plain("kube-apiserver"),
        LeafName::ApiserverKubeletClient => {
            (String::from("kube-apiserver-kubelet-client"), Some("kubeadm:cluster-admins"))
        }
        LeafName::ApiserverEtcdClient => plain("kube-apiserver-etcd-client"),
        LeafName::FrontProxyClient => plain("front-proxy-client"),
        LeafName::EtcdServer | LeafName::EtcdPeer => plain(member.name.as_str()),
        LeafName::EtcdHealthcheckClient => plain("kube-etcd-healthcheck-client"),
        LeafName::ControllerManager => plain("system:kube-controller-manager"),
        LeafName::Scheduler => plain("system:kube-scheduler"),
        // The private DNS name of the interface follows.
        LeafName::Kubelet => (String::from("system:node:"), Some("system:nodes")),
        LeafName::Bootstrap => (format!("windlass:bootstrap:{}", member.name), Some("system:masters")),
    }
}

fn usages(leaf: LeafName) -> BTreeSet<Usage> {
    match leaf {
        LeafName::Apiserver => BTreeSet::from([Usage::Server]),
        // etcd checks its own server certificate as a client (its gRPC gateway), and peers are both.
        LeafName::EtcdServer | LeafName::EtcdPeer => BTreeSet::from([Usage::Server, Usage::Client]),
        _ => BTreeSet::from([Usage::Client]),
    }
}

/// Whether the certificate is for the address or the name of the member's interface.
const fn bears_interface(leaf: LeafName) -> bool {
    matches!(leaf, LeafName::Apiserver | LeafName::EtcdServer | LeafName::EtcdPeer | LeafName::Kubelet)
}

/// The names and addresses that a server is called by, beside the address of its interface.
fn alternatives(builder: &Builder<'_>, leaf: LeafName) -> (BTreeSet<String>, BTreeSet<Ipv4Addr>) {
    let localhost = || String::from("localhost");
    match leaf {
        LeafName::Apiserver => {
            let service =
                ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
            let names = service.map(str::to_owned).into_iter().chain(api::api_names(builder)).chain([localhost()]);
            let first = builder.spec().network.service_cidr.net().hosts().next();
            (names.collect(), first.into_iter().chain([Ipv4Addr::LOCALHOST]).collect())
        }
        LeafName::EtcdServer | LeafName::EtcdPeer => {
            (BTreeSet::from([localhost()]), BTreeSet::from([Ipv4Addr::LOCALHOST]))
        }
        _ => (BTreeSet::new(), BTreeSet::new()),
    }
}

/// A certificate of RSA-4096 and its key are more than a standard parameter holds (PutParameter: 4 KB).
fn warn(builder: &mut Builder<'_>) {
    if builder.spec().pki.algorithm == KeyAlgorithm::Rsa4096 {
        builder.problem(
            Problem::warning("certificates with RSA-4096 keys need advanced parameters, which AWS charges for")
                .hint("ecdsaP256 and rsa2048 fit into standard ones, which are free"),
        );
    }
}
