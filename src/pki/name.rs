//! The names of authorities and of the certificates that they sign.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An authority of a cluster. A client certificate of one means nothing to what trusts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorityName {
    /// Kubernetes' own: API servers, kubelets, people.
    Cluster,
    /// etcd's: its members and the API servers that are its clients. Nobody else may read etcd.
    Etcd,
    /// The API servers' towards extension API servers. It signs nothing else ever: with its client certificate anyone
    /// is anybody.
    FrontProxy,
}

impl AuthorityName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cluster, Self::Etcd, Self::FrontProxy];

    /// `cluster`, `etcd`, `front-proxy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Etcd => "etcd",
            Self::FrontProxy => "front-proxy",
        }
    }
}

impl fmt::Display for AuthorityName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AuthorityName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no authority: there are cluster, etcd and front-proxy"))
    }
}

/// Where a key is in its life: from one revision to the next there is always one that both sides trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyPhase {
    /// Trusted already, signs nothing yet.
    Prepared,
    /// Signs.
    Issuing,
    /// Signs nothing any more, still trusted.
    Retiring,
    /// No longer trusted.
    Dropped,
}

/// What a leaf may be used for: its extended key usage, exactly. A certificate without any is taken for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// serverAuth.
    Server,
    /// clientAuth.
    Client,
}

/// The certificates of a control-plane member, by what holds them. File names are kubeadm's where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeafName {
    /// kube-apiserver, to its clients.
    Apiserver,
    /// kube-apiserver, as a client of kubelets.
    ApiserverKubeletClient,
    /// kube-apiserver, as a client of etcd.
    ApiserverEtcdClient,
    /// kube-apiserver, as a client of extension API servers.
    FrontProxyClient,
    /// etcd, to its clients.
    EtcdServer,
    /// etcd, to its peers, in both directions.
    EtcdPeer,
    /// Health checks and snapshots of etcd.
    EtcdHealthcheckClient,
    /// kube-controller-manager, as a client of the API.
    ControllerManager,
    /// kube-scheduler, as a client of the API.
    Scheduler,
    /// The member's kubelet, as a client of the API.
    Kubelet,
    /// The member's own bootstrap, towards its local API server.
    Bootstrap,
}

impl LeafName {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Apiserver,
        Self::ApiserverKubeletClient,
        Self::ApiserverEtcdClient,
        Self::FrontProxyClient,
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::EtcdHealthcheckClient,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kubelet,
        Self::Bootstrap,
    ];

    /// `apiserver`, `etcd-peer`, …: part of the parameter's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apiserver => "apiserver",
            Self::ApiserverKubeletClient => "apiserver-kubelet-client",
            Self::ApiserverEtcdClient => "apiserver-etcd-client",
            Self::FrontProxyClient => "front-proxy-client",
            Self::EtcdServer => "etcd-server",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdHealthcheckClient => "etcd-healthcheck-client",
            Self::ControllerManager => "controller-manager",
            Self::Scheduler => "scheduler",
            Self::Kubelet => "kubelet",
            Self::Bootstrap => "bootstrap",
        }
    }

    /// Who signs it.
    #[must_use]
    pub const fn authority(self) -> AuthorityName {
        match self {
            Self::ApiserverEtcdClient | Self::EtcdServer | Self::EtcdPeer | Self::EtcdHealthcheckClient => {
                AuthorityName::Etcd
            }
            Self::FrontProxyClient => AuthorityName::FrontProxy,
            Self::Apiserver
            | Self::ApiserverKubeletClient
            | Self::ControllerManager
            | Self::Scheduler
            | Self::Kubelet
            | Self::Bootstrap => AuthorityName::Cluster,
        }
    }
}

impl fmt::Display for LeafName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
