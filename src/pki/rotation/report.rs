//! What members say of themselves, and what a step waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a member has installed, for one authority, as it said itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Seconds since it said so.
    pub age: u64,
    /// SHA-256 of the certificates that it trusts, lowercase hexadecimal.
    pub trusted: BTreeSet<String>,
    /// Name of a leaf → serial number, lowercase hexadecimal.
    pub installed: BTreeMap<String, String>,
}

/// One thing that a step waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// The bundle is not written to its parameter.
    Published,
    /// A member has never said anything.
    Silent {
        /// Which.
        member: String,
    },
    /// A member has said nothing for too long.
    Stale {
        /// Which.
        member: String,
        /// Seconds since its last report.
        age: u64,
    },
    /// A member has not looked for new keys since they were published.
    Unrefreshed {
        /// Which.
        member: String,
    },
    /// A member does not trust a revision yet.
    Distrusts {
        /// Which.
        member: String,
        /// The revision.
        revision: u32,
    },
    /// A member still trusts a revision that is dropped.
    Trusts {
        /// Which.
        member: String,
        /// The revision.
        revision: u32,
    },
    /// Workers and kubeconfigs may not have the bundle yet.
    Wait {
        /// Seconds.
        left: u64,
    },
    /// A leaf was signed by a revision that does not sign any more.
    Signed {
        /// The member that it is for.
        member: String,
        /// Which leaf.
        leaf: String,
        /// Who signed it.
        revision: u32,
    },
    /// A member has another certificate installed than the newest.
    Installed {
        /// Which.
        member: String,
        /// Which leaf.
        leaf: String,
    },
    /// Something else has a certificate of the revision that retires.
    Holder {
        /// What.
        name: String,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => write!(formatter, "the bundle is not published: run `windlass apply`"),
            Self::Silent { member } => write!(formatter, "member {member} has not reported yet"),
            Self::Stale { member, age } => {
                write!(formatter, "member {member} has not reported for {} min", age / 60)
            }
            Self::Unrefreshed { member } => write!(formatter, "member {member} has not fetched the new keys yet"),
            Self::Distrusts { member, revision } => {
                write!(formatter, "member {member} does not trust revision {revision} yet")
            }
            Self::Trusts { member, revision } => {
                write!(formatter, "member {member} still trusts revision {revision}, which is dropped")
            }
            Self::Wait { left } => {
                // Minutes up to two hours, as everybody counts them.
                let (count, unit) = if *left <= 7200 { (left.div_ceil(60), "min") } else { (left.div_ceil(3600), "h") };
                write!(
                    formatter,
                    "workers, and kubeconfigs of people, may still be without the new one for {count} {unit}"
                )
            }
            Self::Signed { member, leaf, revision } => {
                write!(formatter, "{leaf} of member {member} was signed by revision {revision}: run `windlass apply`")
            }
            Self::Installed { member, leaf } => {
                write!(formatter, "member {member} has not installed the newest {leaf} yet")
            }
            Self::Holder { name } => write!(formatter, "{name} may still need the retiring revision"),
        }
    }
}
