//! Answers "where does this come from", over a cluster's manifests and its add-ons.

use crate::problem::Problem;
use crate::render::Rendered;
use crate::render::explain::Explanation;

/// Explains a key of the vars, a fact that only add-ons see (`cluster.minor`), or fields of manifests and of objects;
/// see [`Rendered::explain`] for how to name them. `addons` are the documents of the add-ons.
///
/// # Errors
/// There is neither; the hint names the nearest key.
pub fn explain<'a>(
    rendered: &'a Rendered,
    addons: impl IntoIterator<Item = &'a Rendered> + Clone,
    query: &str,
) -> Result<Vec<Explanation>, Problem> {
    let all = || std::iter::once(rendered).chain(addons.clone());
    let mut vars = all().filter_map(|rendered| rendered.explain_var(query).ok());
    if let Some(mut first) = vars.next() {
        first.used_in.extend(vars.flat_map(|other| other.used_in));
        return Ok(vec![first]);
    }
    let mut fields = Vec::new();
    for rendered in all() {
        fields.extend(rendered.explain_field(query)?);
    }
    if fields.is_empty() { rendered.explain(query) } else { Ok(fields) }
}
