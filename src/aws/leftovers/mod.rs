//! What a cluster leaves behind beside its own resources: what Kubernetes made in it, and what nobody accounts for.
//!
//! [`sweep()`] deletes it, in the order in which things let go of each other; [`leftovers`] then proves that nothing is left,
//! or names what holds on. Whose something is, its tags say; what is tagged as shared is never touched or listed.

mod find;
mod sweep;

use std::fmt;

pub use self::find::made_by_kubernetes;
pub use self::sweep::sweep;
use super::connect::Aws;
use super::discover::{Scope, discover};
use super::error::Error;
use super::tags;
use crate::name::ClusterName;
use crate::planted::{self, Bug};
use crate::resource::{Kind, Tags};

/// A kind of thing that clusters leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftoverKind {
    /// A load balancer of version 2, of any type.
    LoadBalancer,
    /// A target group.
    TargetGroup,
    /// An instance.
    Instance,
    /// An EBS volume.
    Volume,
    /// A network interface.
    NetworkInterface,
    /// A fixed public address.
    ElasticIp,
    /// A security group.
    SecurityGroup,
    /// A Systems Manager parameter that the cluster's members wrote.
    Parameter,
    /// A resource of the cluster itself, which its plan would delete.
    Own(Kind),
}

impl fmt::Display for LeftoverKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::LoadBalancer => "load balancer",
            Self::TargetGroup => "target group",
            Self::Instance => "instance",
            Self::Volume => "volume",
            Self::NetworkInterface => "network interface",
            Self::ElasticIp => "elastic IP",
            Self::SecurityGroup => "security group",
            Self::Parameter => "parameter",
            Self::Own(kind) => kind.as_str(),
        })
    }
}

/// One thing that is left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// The AWS id or ARN.
    pub id: String,
    /// Its name, or what describes it; may be empty.
    pub name: String,
    /// The tag that says that it belongs to the cluster, `key=value`, or the address of a resource of its own.
    pub because: String,
    /// What holds it, each with its id; empty when nothing is known to.
    pub held_by: Vec<String>,
}

impl fmt::Display for Leftover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.id)?;
        if !self.name.is_empty() {
            write!(formatter, " {:?}", self.name)?;
        }
        write!(formatter, " ({})", self.because)?;
        if self.held_by.is_empty() { Ok(()) } else { write!(formatter, ", held by {}", self.held_by.join(", ")) }
    }
}

/// Everything that is left of a cluster, sorted by kind and id, each with what holds it: resources of its own that
/// [`discover`] sees, and what Kubernetes made. Snapshots are not listed: they are what backups are for.
///
/// # Errors
/// The first failed call.
pub async fn leftovers(aws: &Aws, scope: &Scope) -> Result<Vec<Leftover>, Error> {
    let (observed, made) = tokio::try_join!(discover(aws, scope), made_by_kubernetes(aws, scope))?;
    let own = observed.found.into_iter().filter(|found| {
        // Rules are no thing apart from their group. A record of a known name may be anybody's, unless it was recorded.
        match found.address.kind() {
            Kind::SecurityGroupRules => false,
            Kind::RecordSet => scope.ids.contains_key(&found.address),
            _ => true,
        }
    });
    let own = own.map(|found| Leftover {
        kind: LeftoverKind::Own(found.address.kind()),
        id: found.id,
        name: String::new(),
        because: found.address.to_string(),
        held_by: Vec::new(),
    });
    let mut all: Vec<Leftover> = own.chain(made).collect();
    all.sort();
    Ok(all)
}

/// Keys of tags by which Kubernetes' controllers mark what they make for a cluster: the cloud controllers, the AWS load
/// balancer controller, the EBS driver and the VPC network plugin. Their values are the cluster's name.
const BY_NAME: [&str; 3] = ["elbv2.k8s.aws/cluster", "KubernetesCluster", "cluster.k8s.amazonaws.com/name"];

/// All tag keys that can make something the cluster's.
fn keys(cluster: &ClusterName) -> Vec<String> {
    let mut keys: Vec<String> = BY_NAME.map(str::to_owned).to_vec();
    keys.push(lifecycle_key(cluster));
    keys.push(super::identity::tag::CLUSTER.to_owned());
    keys
}

/// The key whose value says whether something is the cluster's alone (`owned`) or also others' (`shared`).
fn lifecycle_key(cluster: &ClusterName) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}

/// Why something with these tags belongs to the cluster and is no planned resource; `None`: it does not, or it is one.
fn because(scope: &Scope, all: &Tags) -> Option<String> {
    use super::identity::tag;
    let lifecycle = lifecycle_key(&scope.cluster);
    let shared = all.get(&lifecycle).is_some_and(|value| value == "shared") && !planted::is(Bug::TakenShared);
    if shared || all.contains_key(tag::ADDRESS) {
        return None;
    }
    if all.contains_key(tag::CLUSTER) {
        let ours = tags::foreign(scope, all).is_none();
        return ours.then(|| format!("{}={}", tag::CLUSTER, scope.cluster));
    }
    if all.get(&lifecycle).is_some_and(|value| value == "owned") {
        return Some(format!("{lifecycle}=owned"));
    }
    let named = BY_NAME.into_iter().find(|key| all.get(*key).is_some_and(|value| value == scope.cluster.as_str()))?;
    Some(format!("{named}={}", scope.cluster))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { uid: Some(String::from("1f")), ..Scope::new("p.example.com".parse().expect("a valid name")) }
    }

    fn why(tags: &[(&str, &str)]) -> Option<String> {
        because(&scope(), &tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_kubernetes_made_is_told_by_its_tags() {
        let key = "kubernetes.io/cluster/p.example.com";
        assert_eq!(why(&[(key, "owned")]).as_deref(), Some("kubernetes.io/cluster/p.example.com=owned"));
        assert_eq!(
            why(&[("elbv2.k8s.aws/cluster", "p.example.com")]),
            Some("elbv2.k8s.aws/cluster=p.example.com".into())
        );
        assert_eq!(why(&[("elbv2.k8s.aws/cluster", "q.example.com")]), None);
        assert_eq!(why(&[("kubernetes.io/cluster/q.example.com", "owned")]), None);
    }

    #[test]
    fn what_is_shared_is_never_ours() {
        let key = "kubernetes.io/cluster/p.example.com";
        assert_eq!(why(&[(key, "shared"), ("elbv2.k8s.aws/cluster", "p.example.com")]), None);
    }

    #[test]
    fn the_cluster_s_own_resources_are_the_plan_s_business() {
        let own = [("windlass.dev/cluster", "p.example.com"), ("windlass.dev/uid", "1f")];
        assert_eq!(why(&own).as_deref(), Some("windlass.dev/cluster=p.example.com"));
        assert_eq!(why(&[own[0], own[1], ("windlass.dev/address", "vpc/main")]), None);
        assert_eq!(why(&[own[0], ("windlass.dev/uid", "2e")]), None);
    }

    #[test]
    fn a_leftover_reads_as_a_sentence() {
        let leftover = Leftover {
            kind: LeftoverKind::SecurityGroup,
            id: String::from("sg-1"),
            name: String::from("k8s-elb-a"),
            because: String::from("kubernetes.io/cluster/p.example.com=owned"),
            held_by: vec![String::from("network interface eni-1 (ELB net/a/1)")],
        };
        assert_eq!(
            leftover.to_string(),
            "security group sg-1 \"k8s-elb-a\" (kubernetes.io/cluster/p.example.com=owned), held by network interface \
             eni-1 (ELB net/a/1)"
        );
    }
}
