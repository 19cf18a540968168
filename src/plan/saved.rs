//! Plans in files: `--out` writes one, `apply FILE` reads it back, and refuses it when the world has moved.

use serde::Deserialize;

use super::Plan;
use crate::problem::Problem;
use crate::render::json;
use crate::render::source::{Source, Span};

/// The version of the format that this windlass writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// What every version of the format has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
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
    /// Says where and why it is no plan, or that it is one of another version.
    pub fn from_file(source: &Source) -> Result<Self, Problem> {
        let no_plan = |problem: Problem| {
            let message = format!("this is no saved plan: {}", problem.message);
            Problem { message, ..problem }.hint("make one with `windlass plan CLUSTER --out FILE`")
        };
        // The version first: another version's fields would only give a confusing message.
        let Versioned { version } = json::read(source).map_err(no_plan)?;
        if version == u64::from(VERSION) {
            return json::read(source).map_err(no_plan);
        }
        let message = format!("the plan has format version {version}, and this windlass reads version {VERSION}");
        let hint = match version > u64::from(VERSION) {
            true => "a newer windlass wrote it: apply it with that one, or plan again",
            false => "an older windlass wrote it: plan again",
        };
        Err(Problem::error(message).at(source.place(Span::new(1, 1, 1), "this plan")).hint(hint))
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
