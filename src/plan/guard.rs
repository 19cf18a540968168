//! Guards: what a plan must not do, whoever asks for it. They see the finished plan, so that it can be shown first.

use super::{Action, Plan, Purpose, Refusal};
use crate::planted::{self, Bug};
use crate::resource::Kind;

/// What holds for one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// The account of the manifests, if they name one.
    pub account: Option<String>,
    /// The region of the manifests.
    pub region: Option<String>,
    /// `spec.protection`.
    pub protection: Protection,
    /// How many resources an apply may delete or replace without being told; `None`: any number.
    pub limit: Option<usize>,
    /// `--allow N`: takes the place of the limit.
    pub allow: Option<usize>,
}

/// Whether a cluster is protected from destruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// It may be destroyed.
    #[default]
    Off,
    /// It may not be destroyed, no volume of it may be deleted or replaced, and neither VPC nor subnets replaced.
    On,
}

impl Guards {
    /// Whether these credentials and this region are the ones that the manifests expect: asked before any other call.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn identity(&self, account: &str, region: &str) -> Result<(), Refusal> {
        let is_wrong = |expected: &&String| *expected != account && !planted::is(Bug::AnyAccount);
        if let Some(expected) = self.account.as_ref().filter(is_wrong) {
            return Err(Refusal::WrongAccount { expected: expected.clone(), actual: account.to_owned() });
        }
        if let Some(expected) = self.region.as_ref().filter(|expected| *expected != region) {
            return Err(Refusal::WrongRegion { expected: expected.clone(), actual: region.to_owned() });
        }
        Ok(())
    }

    /// Whether the plan may be applied.
    ///
    /// # Errors
    /// The first guard that refuses.
    pub fn check(&self, plan: &Plan) -> Result<(), Refusal> {
        self.identity(&plan.account, &plan.region)?;
        if self.protection == Protection::On && !planted::is(Bug::NoProtection) {
            protected(plan)?;
        }
        // A destroy is confirmed by typing the cluster's name; counting would add nothing.
        if plan.purpose == Purpose::Destroy {
            return Ok(());
        }
        let count = plan.counts().destructive();
        match self.allow.or(self.limit) {
            Some(limit) if count > limit => Err(Refusal::TooManyDestroys { count, limit }),
            _ => Ok(()),
        }
    }
}

fn protected(plan: &Plan) -> Result<(), Refusal> {
    let refusal = |what: String| Err(Refusal::Protected { cluster: plan.cluster.clone(), what });
    if plan.purpose == Purpose::Destroy {
        return refusal(String::from("it may not be destroyed"));
    }
    let lost: Vec<String> = plan
        .changes
        .iter()
        .filter(|change| match change.address.kind() {
            Kind::Volume => matches!(change.action, Action::Delete | Action::Replace),
            Kind::Vpc | Kind::Subnet => change.action == Action::Replace,
            _ => false,
        })
        .map(|change| change.address.to_string())
        .collect();
    if lost.is_empty() { Ok(()) } else { refusal(format!("{} would be destroyed", lost.join(", "))) }
}
