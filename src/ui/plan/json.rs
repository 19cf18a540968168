//! A plan for programs: one document, whose fields only ever become more. The saved plan of `--out` is another format,
//! for windlass alone.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::plan::{Action, AddOnChange, Cause, FieldChange, Plan, Purpose};

/// Version of the document; raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// A plan as `windlass plan -o json` prints it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// 1.
    version: u32,
    /// Name of the cluster.
    cluster: String,
    /// Account id, 12 digits.
    account: String,
    /// Region name.
    region: String,
    /// `apply` or `destroy`.
    purpose: &'static str,
    /// Commit of the configuration; absent outside a git checkout.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    /// SHA-256 of what the plan does, in hexadecimal.
    digest: String,
    /// How many changes of each kind.
    summary: Summary,
    /// All changes, in the order of the actions as listed there, then by address.
    changes: Vec<ChangeView>,
    /// What somebody changed by hand since the last apply.
    drift: Vec<DriftView>,
    /// Machines that `windlass roll` has to replace.
    rolls: Vec<RollView>,
    /// What changes inside the cluster.
    add_ons: AddOnsView,
}

/// What changes inside the cluster.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AddOnsView {
    /// Objects that are made, changed or deleted.
    changes: Vec<ObjectView>,
    /// What is as it should be and is not healthy.
    unhealthy: Vec<String>,
    /// Why the cluster was not asked; absent: it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    unasked: Option<String>,
}

/// What happens to one object of an add-on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ObjectView {
    /// The add-on.
    add_on: String,
    /// `Deployment kube-system/coredns`.
    object: String,
    /// `destroy`, `change` or `create`.
    action: &'static str,
    /// The fields that differ.
    fields: Vec<FieldView>,
    /// Fields that somebody else has set: an apply refuses to take them over.
    conflicts: Vec<String>,
}

/// Machines of a group that have to be replaced.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RollView {
    /// `auto-scaling-group/name`.
    group: String,
    /// Machines to replace.
    machines: usize,
    /// Machines that the group has.
    of: usize,
    /// What changed: `image`, `user data`, ….
    reasons: Vec<String>,
    /// Whether they have to be replaced only once this plan is applied.
    pending: bool,
}

/// How many changes of each kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Summary {
    create: usize,
    change: usize,
    replace: usize,
    destroy: usize,
    /// Records written for what exists; nothing changes in AWS.
    adopt: usize,
    /// Records dropped of what no longer exists; nothing changes in AWS.
    forget: usize,
    /// Resources that drifted.
    drift: usize,
}

/// What happens to one resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ChangeView {
    /// `kind/name`.
    address: String,
    /// The kind.
    kind: &'static str,
    /// `destroy`, `replace`, `change`, `create`, `adopt` or `forget`.
    action: &'static str,
    /// Why, where the fields do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The fields that differ.
    fields: Vec<FieldView>,
}

/// One field that differs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FieldView {
    /// Dotted path.
    path: String,
    /// What is there; null: nothing.
    before: Option<Value>,
    /// What will be there; null: nothing.
    after: Option<Value>,
    /// Whether the field forces the replacement.
    forces_replacement: bool,
    /// `pending` (the manifests changed), `drift` (AWS was changed by hand) or `both`.
    cause: &'static str,
}

/// What somebody changed by hand.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct DriftView {
    /// `kind/name`.
    address: String,
    /// Whether it vanished altogether.
    vanished: bool,
    /// The fields that were changed.
    fields: Vec<DriftedFieldView>,
}

/// One field that somebody changed by hand.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct DriftedFieldView {
    /// Dotted path.
    path: String,
    /// What was last applied; null: nothing.
    applied: Option<Value>,
    /// What is there; null: nothing.
    observed: Option<Value>,
}

/// Shows a plan as one JSON document, indented, with a newline at its end.
///
/// # Errors
/// Never for a plan that was made or read; serde's signature demands it.
pub fn json(plan: &Plan) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&PlanView::of(plan)).map(|text| text + "\n")
}

impl PlanView {
    /// The view of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let counts = plan.counts();
        Self {
            version: VERSION,
            cluster: plan.cluster.to_string(),
            account: plan.account.clone(),
            region: plan.region.clone(),
            purpose: match plan.purpose {
                Purpose::Apply => "apply",
                Purpose::Destroy => "destroy",
            },
            config: plan.basis.config.clone(),
            digest: plan.digest(),
            summary: Summary {
                create: counts.create,
                change: counts.update,
                replace: counts.replace,
                destroy: counts.delete,
                adopt: counts.adopt,
                forget: counts.forget,
                drift: plan.drift.len(),
            },
            changes: plan.changes.iter().map(ChangeView::of).collect(),
            drift: plan.drift.iter().map(DriftView::of).collect(),
            rolls: plan.rolls.iter().map(RollView::of).collect(),
            add_ons: AddOnsView {
                changes: plan.add_ons.changes.iter().map(ObjectView::of).collect(),
                unhealthy: plan.add_ons.unhealthy.clone(),
                unasked: plan.add_ons.unasked.clone(),
            },
        }
    }
}

impl RollView {
    fn of(roll: &crate::plan::Outdated) -> Self {
        Self {
            group: roll.group.to_string(),
            machines: roll.machines,
            of: roll.of,
            reasons: roll.reasons.iter().cloned().collect(),
            pending: roll.pending,
        }
    }
}

impl ChangeView {
    fn of(change: &crate::plan::Change) -> Self {
        Self {
            address: change.address.to_string(),
            kind: change.address.kind().as_str(),
            action: word(change.action),
            reason: change.reason.clone(),
            fields: change.fields.iter().map(FieldView::of).collect(),
        }
    }
}

impl ObjectView {
    fn of(change: &AddOnChange) -> Self {
        Self {
            add_on: change.add_on.clone(),
            object: change.object.clone(),
            action: word(change.action),
            fields: change.fields.iter().map(FieldView::of).collect(),
            conflicts: change.conflicts.clone(),
        }
    }
}

impl FieldView {
    fn of(field: &FieldChange) -> Self {
        Self {
            path: field.path.clone(),
            before: field.before.clone(),
            after: field.after.clone(),
            forces_replacement: field.forces_replacement,
            cause: match field.cause {
                Cause::Pending => "pending",
                Cause::Drift => "drift",
                Cause::Both => "both",
            },
        }
    }
}

const fn word(action: Action) -> &'static str {
    match action {
        Action::Delete => "destroy",
        Action::Replace => "replace",
        Action::Update => "change",
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Forget => "forget",
    }
}

impl DriftView {
    fn of(drift: &crate::plan::Drift) -> Self {
        let field = |field: &crate::plan::DriftedField| DriftedFieldView {
            path: field.path.clone(),
            applied: field.applied.clone(),
            observed: field.observed.clone(),
        };
        Self {
            address: drift.address.to_string(),
            vanished: drift.vanished,
            fields: drift.fields.iter().map(field).collect(),
        }
    }
}
