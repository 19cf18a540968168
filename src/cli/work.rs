//! What a run is to do: the plan that was shown, how much of it, and what changes in the keys before.

use super::add_ons;
use super::failure::Stopped;
use super::keys::{Made, Renewal};
use super::picture::renewal;
use super::session::Session;
use crate::addon::Addon;
use crate::exit::Exit;
use crate::plan::{self, Plan, Purpose};
use crate::resource::{Address, Kind};
use crate::state::{KeyChange, Records};

/// What is to be done.
pub struct Work {
    /// Apply or destroy.
    pub purpose: Purpose,
    /// The command, as the lock and the audit log name it: `apply`, `certs renew`.
    pub command: &'static str,
    /// The plan that was shown.
    pub shown: Plan,
    /// Whether a person agreed to exactly this plan: another one is then refused.
    pub exactly: bool,
    /// How much of what is planned is done.
    pub reach: Reach,
    /// Which certificates are issued anew.
    pub renewal: Renewal,
    /// The add-ons, and how far an apply goes with them; `None`: it leaves them alone.
    pub add_ons: Option<AddOnWork>,
    /// A change of the keys that comes first.
    pub step: Option<Step>,
}

/// The add-ons of a run.
pub struct AddOnWork {
    /// Rendered and checked.
    pub list: Vec<Addon>,
    /// How the cluster is reached, and how far it goes.
    pub options: add_ons::Options,
}

/// How much of a plan is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    Everything,
    /// Parameters only: keys and certificates.
    Parameters,
}

/// A change of the keys that a plan was made with, before it is on the state branch.
pub struct Step {
    /// The records that it was decided on: other keys by now refuse it.
    pub decided_on: Records,
    /// What changes.
    pub change: KeyChange,
    /// New keys in the clear.
    pub made: Made,
}

impl Step {
    /// Whether the records still are those that it was decided on.
    ///
    /// # Errors
    /// When somebody else has changed the keys meanwhile.
    pub fn check(&self, records: &Records) -> anyhow::Result<()> {
        let seen = &self.decided_on;
        if seen.keys == records.keys && seen.certificates == records.certificates {
            return Ok(());
        }
        let message = "the keys have changed since this was planned; nothing was changed\n  hint: run it again";
        Err(Stopped::new(Exit::StalePlan, message).into())
    }
}

impl Work {
    /// All that the manifests say, whatever the time has come for.
    pub fn whole(session: &Session, purpose: Purpose, shown: Plan, exactly: bool) -> Self {
        let command = match purpose {
            Purpose::Apply => "apply",
            Purpose::Destroy => "destroy",
        };
        let (reach, renewal) = (Reach::Everything, renewal(session));
        Self { purpose, command, shown, exactly, reach, renewal, add_ons: None, step: None }
    }
}

impl Reach {
    /// The part of a plan that is meant.
    ///
    /// # Errors
    /// When a run died with something else half-done: what it began is found only by a whole plan.
    pub fn of(self, plan: Plan, records: &Records) -> anyhow::Result<Plan> {
        let is_parameter = |address: &Address| address.kind() == Kind::Parameter;
        match self {
            Self::Everything => Ok(plan),
            Self::Parameters if plan::begun(records).keys().all(is_parameter) => Ok(plan.only(is_parameter)),
            Self::Parameters => {
                let message = format!(
                    "an earlier run was interrupted with more than certificates half-done\n  hint: finish it first: \
                     windlass apply {}",
                    plan.cluster
                );
                Err(Stopped::new(Exit::Resumable, message).into())
            }
        }
    }
}
