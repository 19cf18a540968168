//! Looking before planning: facts, desired resources, what exists, what was recorded.

use std::collections::BTreeMap;

use super::failure::Stopped;
use super::session::{Session, show_warnings};
use crate::aws::{self, Caller, Scope, Wanted};
use crate::desired;
use crate::exit::Exit;
use crate::plan::{self, Inputs, Plan, Purpose};
use crate::problem::Problems;
use crate::resource::{Address, Observed, Resource};
use crate::state::Records;

/// Everything that a plan is made from.
pub struct Picture {
    /// Who calls.
    pub caller: Caller,
    /// What should exist; empty for a destroy.
    pub desired: BTreeMap<Address, Resource>,
    /// What exists.
    pub observed: Observed,
    /// What the state branch says.
    pub records: Records,
}

/// Looks at AWS, with what the state branch says.
pub async fn look(session: &Session, purpose: Purpose, records: Records) -> anyhow::Result<Picture> {
    let caller = session.aws.identity().await?;
    let guards = guards(session, None);
    guards.identity(&caller.account, session.aws.region())?;
    let specification = session.specification();
    let facts = aws::facts(&session.aws, &Wanted::of(specification)).await?;
    let (wanted, warnings) = desired::desired(specification, &facts)?;
    show_warnings(session.output, &Problems(warnings));
    let scope = Scope {
        cluster: session.cluster().clone(),
        uid: records.cluster.as_ref().map(|cluster| cluster.uid.clone()),
        desired: wanted.clone(),
        recorded: records.resources.clone(),
    };
    let observed = aws::discover(&session.aws, &scope).await?;
    let desired = match purpose {
        Purpose::Apply => wanted,
        Purpose::Destroy => BTreeMap::new(),
    };
    Ok(Picture { caller, desired, observed, records })
}

impl Picture {
    /// The plan that follows from it.
    pub fn plan(&self, session: &Session, purpose: Purpose) -> anyhow::Result<Plan> {
        Ok(plan::plan(&Inputs {
            cluster: session.cluster(),
            account: &self.caller.account,
            region: session.aws.region(),
            uid: self.records.cluster.as_ref().map(|cluster| cluster.uid.as_str()),
            purpose,
            desired: &self.desired,
            observed: &self.observed,
            records: &self.records,
            config: session.config.as_deref(),
        })?)
    }
}
