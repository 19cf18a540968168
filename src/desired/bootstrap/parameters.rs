//! Which Systems Manager parameters an instance reads, and into which files their values go.

use crate::desired::builder::Builder;
use crate::desired::{names, policies};
use crate::pki::LeafName;
use crate::spec::Member;

/// Parameters of every member beneath the cluster's path → file beneath `/etc/kubernetes`. The names of the files are
/// kubeadm's (its documentation, "PKI certificates and requirements").
const SHARED: [(&str, &str); 7] = [
    ("pki/cluster.crt", "pki/ca.crt"),
    ("pki/etcd.crt", "pki/etcd/ca.crt"),
    ("pki/front-proxy.crt", "pki/front-proxy-ca.crt"),
    ("pki/cluster.key", "pki/ca.key"),
    ("pki/service-account.pub", "pki/sa.pub"),
    ("pki/service-account.key", "pki/sa.key"),
    ("pki/encryption.yaml", "pki/encryption.yaml"),
];

/// What a member reads: full name of the parameter → file beneath `/etc/kubernetes`. Of a leaf, a file `….crt` means
/// that its key goes to `….key` beside it; in `….pem` both are together, for a kubeconfig that refers to it.
pub(super) fn of_member(builder: &Builder<'_>, member: &Member) -> Vec<(String, &'static str)> {
    let path = names::parameter_path(builder.name());
    let leaf = |leaf: LeafName| (format!("{path}members/{}/{leaf}.pem", member.name), file(leaf));
    let shared = SHARED.iter().map(|(name, file)| (format!("{path}{name}"), *file));
    shared.chain(LeafName::ALL.into_iter().map(leaf)).collect()
}

/// The certificates that a node trusts.
pub(super) fn trust(builder: &Builder<'_>) -> String {
    format!("{}{}", names::parameter_path(builder.name()), SHARED[0].0)
}

/// The bootstrap token.
pub(super) fn join(builder: &Builder<'_>) -> String {
    format!("{}{}", names::parameter_path(builder.name()), policies::JOIN_PARAMETER)
}

/// What a member says about itself.
pub(super) fn status(builder: &Builder<'_>, member: &Member) -> String {
    format!("{}status/{}", names::parameter_path(builder.name()), member.name)
}

const fn file(leaf: LeafName) -> &'static str {
    match leaf {
        LeafName::Apiserver => "pki/apiserver.crt",
        LeafName::ApiserverKubeletClient => "pki/apiserver-kubelet-client.crt",
        LeafName::ApiserverEtcdClient => "pki/apiserver-etcd-client.crt",
        LeafName::FrontProxyClient => "pki/front-proxy-client.crt",
        LeafName::EtcdServer => "pki/etcd/server.crt",
        LeafName::EtcdPeer => "pki/etcd/peer.crt",
        LeafName::EtcdHealthcheckClient => "pki/etcd/healthcheck-client.crt",
        LeafName::ControllerManager => "pki/controller-manager.pem",
        // The scheduler's pod sees this folder and nothing of `pki`.
        LeafName::Scheduler => "scheduler/client.pem",
        LeafName::Kubelet => "pki/kubelet.pem",
        LeafName::Bootstrap => "pki/bootstrap.pem",
    }
}
