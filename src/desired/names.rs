//! Names in AWS' own name spaces: unique in a region or account, within each kind's limit, the same in every run.

use std::net::Ipv4Addr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::name::ClusterName;
use crate::spec::{Member, Network, NodeGroup, Specification};

/// Network load balancers and target groups (ELBv2 API reference, CreateLoadBalancer: Name).
pub(super) const LOAD_BALANCER_LIMIT: usize = 32;
/// IAM roles (IAM API reference, CreateRole: RoleName).
pub(super) const ROLE_LIMIT: usize = 64;
/// Launch templates (EC2 API reference, CreateLaunchTemplate: LaunchTemplateName).
pub(super) const TEMPLATE_LIMIT: usize = 128;
/// Auto Scaling groups (Auto Scaling API reference, CreateAutoScalingGroup) and security groups.
pub(super) const GROUP_LIMIT: usize = 255;

/// Hexadecimal digits of a hash that tells shortened names apart: 32 bits.
const HASH: usize = 8;

/// `<thing>.<cluster>`, shortened to `limit` characters where needed.
pub(super) fn name(thing: &str, cluster: &ClusterName, limit: usize) -> String {
    fit(&format!("{thing}.{cluster}"), limit)
}

/// The name that a node group has in AWS.
#[must_use]
pub fn group_name(specification: &Specification, group: &NodeGroup) -> String {
    name(group.metadata.name.as_str(), &specification.cluster.metadata.name, GROUP_LIMIT)
}

/// The address name of the group of a control-plane member: `control-plane-a`.
#[must_use]
pub fn member_group(member: &Member) -> String {
    super::control_plane::thing(member)
}

/// `text` if it fits, else its beginning and a hash of all of it.
pub(super) fn fit(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let beginning = text.get(..limit.saturating_sub(HASH + 1)).unwrap_or(text);
    format!("{}-{}", beginning.trim_end_matches(['-', '.']), hash(text))
}

/// The name of a load balancer or target group, which takes no dots: `<thing>-<cluster's beginning>-<hash>`. The hash is
/// always there, because `a.b` and `a-b` are two clusters.
pub(super) fn balancer(thing: &str, cluster: &ClusterName) -> String {
    let dashed = format!("{thing}-{}", cluster.as_str().replace('.', "-"));
    let room = LOAD_BALANCER_LIMIT - HASH - 1;
    let beginning = dashed.get(..room).unwrap_or(&dashed);
    format!("{}-{}", beginning.trim_end_matches('-'), hash(&format!("{thing}.{cluster}")))
}

/// CoreDNS' address is the tenth of the services' range (kubeadm's own choice, which its phase `addon` uses).
const DNS: u32 = 10;

/// The address of the cluster's DNS service: what the kubelets tell their pods.
#[must_use]
pub fn dns_address(network: &Network) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(network.service_cidr.net().network()).saturating_add(DNS))
}

/// The IAM path of a cluster's roles and profiles, and with it the Systems Manager path of its parameters.
#[must_use]
pub fn parameter_path(cluster: &ClusterName) -> String {
    format!("/windlass/{cluster}/")
}

/// Text as part of an address: lowercase, of its letters; what had to be changed gets a hash.
pub(super) fn word(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._*-".contains(c);
    if !text.is_empty() && text.chars().all(allowed) && !matches!(text, "." | "..") {
        return text.to_owned();
    }
    let plain: String = text.to_ascii_lowercase().chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    format!("{plain}-{}", hash(text))
}

fn hash(text: &str) -> String {
    let mut digest = HEXLOWER.encode(&Sha256::digest(text));
    digest.truncate(HASH);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest() -> ClusterName {
        format!("{}.k8s.foo.bar", "a".repeat(51)).parse().expect("63 characters are allowed")
    }

    #[test]
    fn the_longest_cluster_name_fits_everywhere() {
        let cluster = longest();
        let group = "b".repeat(63);
        assert_eq!(balancer("api", &cluster).len(), 32);
        assert!(name(&group, &cluster, ROLE_LIMIT).len() <= ROLE_LIMIT);
        assert_eq!(name(&group, &cluster, TEMPLATE_LIMIT), format!("{group}.{cluster}"));
    }

    #[test]
    fn clusters_that_differ_only_in_dots_or_at_the_end_have_names_of_their_own() {
        let cluster = |text: &str| text.parse::<ClusterName>().expect("a valid name");
        assert_ne!(balancer("api", &cluster("a.b-c")), balancer("api", &cluster("a-b.c")));
        let long = "x".repeat(40);
        assert_ne!(balancer("api", &cluster(&format!("{long}.a"))), balancer("api", &cluster(&format!("{long}.b"))));
        assert_ne!(fit(&format!("{long}{long}a"), 64), fit(&format!("{long}{long}b"), 64));
    }

    #[test]
    fn words_of_addresses_stay_apart() {
        assert_eq!(word("blue"), "blue");
        assert_ne!(word("Blue"), word("blue"));
        assert_ne!(word("a/b"), word("a-b"));
    }
}
