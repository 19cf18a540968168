//! What changes inside the cluster: objects of add-ons.

use serde::{Deserialize, Serialize};

use super::{Action, Cause, FieldChange};

/// What a plan does inside the cluster, once its API answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddOns {
    /// Objects that are made, changed or deleted, in that order.
    pub changes: Vec<AddOnChange>,
    /// Objects that are as they should be and are not healthy: `coredns: Deployment kube-system/coredns: 1 of 2 …`. An apply
    /// waits for them.
    pub unhealthy: Vec<String>,
    /// Why the cluster was not asked: the changes are then against what was applied last. `None`: it was asked.
    pub unasked: Option<String>,
}

impl AddOns {
    /// Whether an apply has nothing to do in the cluster.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.unhealthy.is_empty()
    }

    /// How many objects are made, changed and deleted.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        [Action::Create, Action::Update, Action::Delete]
            .map(|action| self.changes.iter().filter(|change| change.action == action).count())
    }
}

/// One object of an add-on that is made, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddOnChange {
    /// The add-on.
    pub add_on: String,
    /// `Deployment kube-system/coredns`.
    pub object: String,
    /// [`Action::Create`], [`Action::Update`] or [`Action::Delete`].
    pub action: Action,
    /// What differs.
    pub fields: Vec<FieldChange>,
    /// Fields that somebody else has set to another value, and who: `.spec.replicas ("kubectl-edit" using apps/v1)`. An
    /// apply does not take them over by itself.
    pub conflicts: Vec<String>,
}

impl AddOnChange {
    /// Whether it only undoes what somebody did by hand.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        self.action == Action::Update && self.fields.iter().all(|field| field.cause == Cause::Drift)
    }
}
