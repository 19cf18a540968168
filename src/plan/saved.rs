//! Plans in files: `--out` writes one, `apply FILE` reads it back, and refuses it when the world has moved.

use serde_json::Value;

use super::Plan;

/// The version of the format that this windlass writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// Why a saved plan cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is no JSON, or not that of a plan.
    #[error("not a saved plan: {0}")]
    Invalid(#[from] serde_json::Error),
    /// It has no version.
    #[error("not a saved plan: it has no version")]
    NoVersion,
    /// Another windlass wrote it.
    #[error("the saved plan has format version {found}, and this windlass reads version {VERSION}")]
    OtherVersion {
        /// What the file says.
        found: u64,
    },
}

impl SavedPlanError {
    /// What to do, for the line behind `hint:`.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::NoVersion => "make one with `windlass plan CLUSTER --out FILE`",
            Self::OtherVersion { found } if *found > VERSION as u64 => {
                "a newer windlass wrote it: apply it with that one, or plan again"
            }
            Self::OtherVersion { .. } => "an older windlass wrote it: plan again",
        }
    }
}

/// Why a saved plan no longer fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Staleness {
    /// It is of another cluster, account, region, identity or purpose.
    #[error("the plan is of another cluster")]
    OtherCluster,
    /// The manifests say something else by now.
    #[error("the manifests have changed since the plan was made")]
    Manifests,
    /// AWS looks different by now.
    #[error("AWS has changed since the plan was made")]
    World,
    /// The cluster's objects look different by now.
    #[error("the add-ons in the cluster have changed since the plan was made")]
    Cluster,
    /// The records say something else, so that other operations follow.
    #[error("the recorded state has changed since the plan was made")]
    Records,
}

impl Plan {
    /// The text for a file: JSON, one line per field.
    ///
    /// # Errors
    /// Never for a plan that [`super::plan`] made; serde's signature demands it.
    pub fn to_file(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads what [`Plan::to_file`] wrote.
    ///
    /// # Errors
    /// Says whether it is no plan, or one of another version.
    pub fn from_file(text: &str) -> Result<Self, SavedPlanError> {
        // The version first: another version's fields would only give a confusing message.
        let value: Value = serde_json::from_str(text)?;
        match value.get("version").and_then(Value::as_u64) {
            None => Err(SavedPlanError::NoVersion),
            Some(found) if found != u64::from(VERSION) => Err(SavedPlanError::OtherVersion { found }),
            Some(_) => Ok(serde_json::from_value(value)?),
        }
    }

    /// Why this plan must not be applied any more, given the plan that would be made now; `None`: it may.
    ///
    /// The tip of the state branch does not count, because taking the lock moves it; what the records say does.
    #[must_use]
    pub fn staleness(&self, now: &Self) -> Option<Staleness> {
        let identity = |plan: &Self| (plan.cluster.clone(), plan.account.clone(), plan.region.clone(), plan.purpose);
        let other_uid = self.uid.is_some() && self.uid != now.uid;
        if identity(self) != identity(now) || other_uid {
            Some(Staleness::OtherCluster)
        } else if self.basis.desired != now.basis.desired {
            Some(Staleness::Manifests)
        } else if self.basis.observed != now.basis.observed {
            Some(Staleness::World)
        } else if self.add_ons.changes != now.add_ons.changes {
            Some(Staleness::Cluster)
        } else if self.digest() != now.digest() {
            Some(Staleness::Records)
        } else {
            None
        }
    }

    /// Whether [`Plan::staleness`] finds anything.
    #[must_use]
    pub fn is_stale(&self, now: &Self) -> bool {
        self.staleness(now).is_some()
    }
}
