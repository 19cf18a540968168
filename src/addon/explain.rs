//! Answers "where does this come from", over a cluster's manifests and its add-ons.

use super::Addons;
use crate::problem::Problem;
use crate::render::Rendered;
use crate::render::explain::Explanation;

/// Explains a key of the vars, a fact that only add-ons see (`cluster.minor`), or fields of manifests and of objects;
/// see [`Rendered::explain`] for how to name them.
///
/// # Errors
/// There is neither; the hint names the nearest key.
pub fn explain(rendered: &Rendered, addons: &Addons, query: &str) -> Result<Vec<Explanation>, Problem> {
    let own = rendered.explain(query);
    let mut vars: Vec<Explanation> = rendered.explain_var(query).into_iter().collect();
    vars.extend(addons.list.iter().filter_map(|addon| addon.rendered.explain_var(query).ok()));
    let mut vars = vars.into_iter();
    if let Some(mut first) = vars.next() {
        for other in vars {
            first.used_in.extend(other.used_in);
        }
        return Ok(vec![first]);
    }
    let mut fields = own.as_ref().cloned().unwrap_or_default();
    for addon in &addons.list {
        fields.extend(addon.rendered.explain_field(query)?);
    }
    if fields.is_empty() { own } else { Ok(fields) }
}
