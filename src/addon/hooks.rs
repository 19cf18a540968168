//! Hooks of charts: objects that helm itself would make at certain moments only.
//!
//! Source: Helm's documentation, "Chart Hooks" and "Chart Tests".

use super::load::text;
use crate::problem::Problem;
use crate::render::yaml::Node;

/// Moments that an add-on passes through when it is applied.
const OURS: [&str; 4] = ["pre-install", "post-install", "pre-upgrade", "post-upgrade"];

/// The annotation that makes an object a hook.
pub(super) const ANNOTATION: [&str; 3] = ["metadata", "annotations", "helm.sh/hook"];

/// What becomes of an object of a chart.
pub(super) enum Hook {
    /// It is none.
    None,
    /// It is applied like any other object.
    Applied(Problem),
    /// It is left out: a test, or something for a moment that never comes.
    LeftOut,
}

/// Whether an object is a hook, and what becomes of it.
pub(super) fn of(root: &Node) -> Hook {
    let Some(moments) = text(root, &ANNOTATION) else { return Hook::None };
    if !moments.split(',').any(|moment| OURS.contains(&moment.trim())) {
        return Hook::LeftOut;
    }
    let (kind, name) = (text(root, &["kind"]), text(root, &["metadata", "name"]));
    let problem = Problem::warning(format!(
        "{} {} is a hook of the chart ({moments}), and is applied like any other object",
        kind.unwrap_or("an object"),
        name.unwrap_or_default()
    ));
    Hook::Applied(problem.hint("look whether a value of the chart switches it off"))
}
