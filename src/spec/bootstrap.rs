//! How an instance becomes a node: packages, container images, own scripts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::FileName;

/// How an instance becomes a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Bootstrap {
    /// What is installed at boot. Default: `none`, the machine image holds everything.
    pub packages: Packages,
    /// The registry of Kubernetes' own images, such as `registry.example.com/kubernetes`. Default: `registry.k8s.io`.
    pub image_repository: Option<String>,
    /// Tag of etcd's image. Default: the one that kubeadm pairs with the version of Kubernetes.
    pub etcd_image_tag: Option<String>,
    /// Tag of CoreDNS' image. Default: the one that kubeadm pairs with the version of Kubernetes.
    pub dns_image_tag: Option<String>,
    /// The pause image, written into containerd's configuration. Default: what the machine image says.
    pub sandbox_image: Option<String>,
    /// Scripts and units instead of windlass' own, by their file name (`member.sh`): name → text. Default: none.
    pub files: BTreeMap<FileName, String>,
}

/// What is installed at boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Packages {
    /// Nothing: the machine image holds everything.
    #[default]
    None,
    /// Debian packages.
    Apt(Apt),
}

/// Debian packages from sources of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Apt {
    /// Where they come from, beside what the image knows. Default: nowhere else.
    #[serde(default)]
    pub sources: Vec<AptSource>,
    /// Package → version, such as `kubelet: 1.34.2-1.1`; held there. Put every package that a node needs: containerd,
    /// kubelet, kubeadm, kubectl, awscli.
    pub versions: BTreeMap<String, String>,
}

/// A repository of Debian packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AptSource {
    /// Part of the file's name: `kubernetes`.
    pub name: FileName,
    /// `https://…`.
    pub url: String,
    /// `bookworm`; a flat repository has `/`. Default: `/`.
    #[serde(default = "flat")]
    pub suite: String,
    /// `main`. Default: none, as a flat repository has none.
    #[serde(default)]
    pub components: Vec<String>,
    /// The public key that signs it, ASCII-armoured.
    pub key: String,
}

fn flat() -> String {
    String::from("/")
}
