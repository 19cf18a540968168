//! Why a plan is refused: every case says what the user can do about it.

use crate::exit::Exit;
use crate::name::ClusterName;
use crate::resource::{Address, Clash};

/// Why windlass refuses to plan, or to apply a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Things bear names or addresses that the cluster needs, and are not the cluster's.
    #[error("{}", clashes(.0))]
    NotOurs(Vec<Clash>),
    /// The credentials are of another account than the manifests expect.
    #[error("the credentials are of account {actual}, but the cluster belongs to account {expected}")]
    WrongAccount {
        /// From the manifests or the records, 12 digits.
        expected: String,
        /// From the credentials.
        actual: String,
    },
    /// The region is not the one that the manifests or the records expect.
    #[error("the region is {actual}, but the cluster is in {expected}")]
    WrongRegion {
        /// From the manifests or the records.
        expected: String,
        /// Where the calls would go.
        actual: String,
    },
    /// The records were made with another identity.
    #[error("the state branch is of another cluster: its uid is {recorded}, this one's is {actual}")]
    WrongUid {
        /// From `cluster.json`.
        recorded: String,
        /// From the caller.
        actual: String,
    },
    /// `spec.protection` forbids it.
    #[error("cluster {cluster} is protected: {what}")]
    Protected {
        /// The cluster.
        cluster: ClusterName,
        /// What the protection forbids: `destroy`, or the changes that would lose data.
        what: String,
    },
    /// The plan deletes or replaces more than is allowed.
    #[error("the plan deletes or replaces {count} resources, and at most {limit} are allowed")]
    TooManyDestroys {
        /// Deletes and replacements of the plan.
        count: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A desired resource refers to one that is not desired: a mistake in windlass, not in the manifests.
    #[error("{from} refers to {to}, which is not part of the cluster (this is a mistake in windlass)")]
    Dangling {
        /// Who refers.
        from: Address,
        /// To what.
        to: Address,
    },
    /// The operations cannot be ordered.
    #[error("the changes cannot be ordered, because each of these waits for another: {}", list(.0))]
    Cycle(Vec<Address>),
}

impl Refusal {
    /// What to do, for the line behind `hint:`.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotOurs(_) => String::from(
                "rename the cluster or the group, or delete what is there yourself; windlass takes over only what \
                 carries this cluster's windlass.dev/uid tag. If the state of this very cluster was lost: windlass state \
                 recover --from-aws",
            ),
            Self::WrongAccount { .. } => {
                String::from("choose other credentials (AWS_PROFILE), or correct spec.aws.account")
            }
            Self::WrongRegion { .. } => {
                String::from("a cluster never moves to another region: correct spec.aws.region, or make a new cluster")
            }
            Self::WrongUid { .. } => {
                String::from("check state.remote in windlass.yaml: it may name another repository")
            }
            Self::Protected { .. } => {
                String::from("set spec.protection to false in the cluster's vars and apply that first")
            }
            Self::TooManyDestroys { count, .. } => {
                format!("read the plan, then allow it with --allow {count}")
            }
            Self::Dangling { .. } => String::from("please report it with the output of `windlass render`"),
            Self::Cycle(_) => String::from(
                "make the change in two steps: first remove or rename one of them and apply, then the rest",
            ),
        }
    }

    /// The exit code of a run that ends so.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Dangling { .. } => Exit::Unexpected,
            _ => Exit::Refused,
        }
    }
}

fn clashes(clashes: &[Clash]) -> String {
    let one = |clash: &Clash| format!("{} exists and is not ours: {} {}", clash.address, clash.id, clash.why);
    clashes.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn list(addresses: &[Address]) -> String {
    addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(", ")
}
