//! How a plan is shown: text for people, JSON for programs, Markdown for pull requests. All three are made from the
//! same [`Plan`] and write nothing themselves.

mod json;
mod markdown;
mod text;
mod value;

pub use json::{PlanView, json};
pub use markdown::markdown;
pub use text::{drift, text};

use crate::plan::{Action, Plan, Purpose};

/// How a plan is shown as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// How much.
    pub detail: Detail,
    /// Whether with colours (ANSI escapes).
    pub color: bool,
}

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// About one screen: what is new by kind, what changes by field.
    #[default]
    Summary,
    /// Every field of every change; long texts as line diffs.
    Full,
}

/// The last line of every view.
fn summary(plan: &Plan) -> String {
    let counts = plan.counts();
    format!(
        "Plan: {} to create, {} to change, {} to replace, {} to destroy.",
        counts.create, counts.update, counts.replace, counts.delete
    )
}

/// What the plan is of.
fn title(plan: &Plan) -> String {
    let verb = match plan.purpose {
        Purpose::Apply => "apply",
        Purpose::Destroy => "destroy",
    };
    format!("{verb} {} in {}, account {}", plan.cluster, plan.region, plan.account)
}

/// The sign of an action.
const fn sign(action: Action) -> &'static str {
    match action {
        Action::Delete => "-",
        Action::Replace => "-/+",
        Action::Update => "~",
        Action::Create => "+",
        Action::Adopt => "=",
        Action::Forget => "x",
    }
}

/// What an action's section is called.
const fn heading(action: Action) -> &'static str {
    match action {
        Action::Delete => "Destroy",
        Action::Replace => "Replace (destroyed and made anew)",
        Action::Update => "Change",
        Action::Create => "Create",
        Action::Adopt => "Record what exists (changes nothing in AWS)",
        Action::Forget => "Drop the record of what no longer exists (changes nothing in AWS)",
    }
}

/// The sections, in the order in which they matter.
const SECTIONS: [Action; 6] =
    [Action::Delete, Action::Replace, Action::Update, Action::Create, Action::Adopt, Action::Forget];
