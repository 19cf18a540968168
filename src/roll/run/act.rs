//! Does what was decided: each action one or a few calls, all of them at the same time. What is done already is a success.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::RunError;
use crate::aws;
use crate::kubernetes;
use crate::roll::Action;
use crate::roll::decide::{CORDONED_AT_ANNOTATION, ROLL_ANNOTATION};

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    Yes,
    /// It was done already, or what it is about is gone.
    Already,
    /// A budget does not allow it now, in the API server's words.
    Refused(String),
}

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// AWS.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// Kubernetes.
    #[error(transparent)]
    Kubernetes(#[from] kubernetes::Error),
    /// Something that a member was asked for.
    #[error("{0}")]
    Member(String),
}

impl ActError {
    /// Whether trying again cannot help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Aws(error) => !matches!(
                error.failure(),
                Some(aws::Failure::Throttle | aws::Failure::Ambiguous | aws::Failure::ConcurrentChange)
            ),
            Self::Kubernetes(error) => !error.is_transient(),
            Self::Member(_) => false,
        }
    }

    /// The same, as the end of a run.
    pub fn of(self, what: String) -> RunError {
        match self {
            Self::Aws(error) => RunError::Aws { what, error: Box::new(error) },
            Self::Kubernetes(error) => RunError::Kubernetes { what, error: Box::new(error) },
            Self::Member(why) => RunError::Member { what, why },
        }
    }
}

/// What an action is called in messages: `evict default/web-1 from node-a`.
#[must_use]
pub fn name(action: &Action) -> String {
    let list =
        |processes: &std::collections::BTreeSet<String>| processes.iter().cloned().collect::<Vec<_>>().join(", ");
    match action {
        Action::Suspend { group, processes } => format!("suspend {} of {group}", list(processes)),
        Action::Resume { group, processes } => format!("resume {} of {group}", list(processes)),
        Action::Resize { group, desired, max } => format!("resize {group} to {desired} (at most {max})"),
        Action::Protect { node, on: true } => format!("protect {node} from the cluster-autoscaler"),
        Action::Protect { node, on: false } => format!("give {node} back to the cluster-autoscaler"),
        Action::Cordon { node, .. } => format!("cordon {node}"),
        Action::Uncordon { node, .. } => format!("uncordon {node}"),
        Action::Evict { namespace, pod, node, .. } => format!("evict {namespace}/{pod} from {node}"),
        Action::DeletePod { namespace, pod, node, .. } => {
            format!("delete {namespace}/{pod} on {node}, against its budget")
        }
        Action::Terminate { group, instance, .. } => format!("terminate {instance} of {group}"),
        Action::DeleteNode { node, .. } => format!("delete node {node}"),
        Action::Snapshot { instance } => format!("take a snapshot of etcd on {instance}"),
        Action::MoveLeader { from, to } => format!("move etcd's leader from {from} to {to}"),
    }
}

/// The annotations of a node that a roll cordons.
pub fn annotations(roll: &str, now: Timestamp) -> BTreeMap<String, String> {
    BTreeMap::from([
        (ROLL_ANNOTATION.to_owned(), roll.to_owned()),
        (CORDONED_AT_ANNOTATION.to_owned(), now.to_string()),
    ])
}
