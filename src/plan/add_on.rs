//! What changes inside the cluster: objects of add-ons.

use serde::{Deserialize, Serialize};

use super::{Action, Cause, FieldChange};

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
