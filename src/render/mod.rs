//! Templates, snippets and vars → YAML text, with provenance.
//!
//! What comes in is a [`Project`] (read once); what comes out is [`Rendered`]: the files of one cluster, and for each
//! of their characters the template line, the chain of snippets and the vars line that it comes from.
//! Templates are data: they see no environment, no clock, no network, no randomness and no file outside the project;
//! the same project gives the same bytes. It never looks at what the rendered text means: that is [`crate::spec`]'s.
//!
//! What a template sees: every top-level key of the cluster's merged vars under its own name, and `cluster.name`, the
//! cluster's DNS name. What it can call: `snippet("name.yaml")`, and minijinja's and windlass' filters.

mod engine;
pub mod explain;
pub mod layers;
pub mod nearest;
pub mod pattern;
pub mod project;
pub mod rendered;
pub mod settings;
pub mod source;
mod stack;
#[cfg(test)]
pub(crate) mod testing;
pub mod yaml;

use std::sync::Arc;

pub use self::explain::Explanation;
pub use self::project::Project;
pub use self::rendered::{Rendered, RenderedFile};
pub use self::settings::Settings;
use crate::name::ClusterName;
use crate::problem::{Problem, Problems};
use crate::render::layers::{Action, Var};
use crate::render::source::Source;

/// Renders all templates of a project, in the order of their names, for one cluster.
///
/// # Errors
/// All mistakes that were found, with their places: in the vars files, or else the first one of each template.
pub fn render(project: &Project, cluster: &ClusterName) -> Result<Rendered, Problems> {
    let vars = vars(project, cluster)?;
    let engine = &project.files()?.engine;
    if engine.templates().is_empty() {
        return Err(Problem::error("there is nothing to render: templates/ has no file that ends in .yaml.j2").into());
    }
    let files = engine.render(&vars)?;
    Ok(Rendered::new(cluster.clone(), engine, vars, files))
}

/// The merged vars of a cluster, each value with the layers that set it; `cluster.name` is among them.
///
/// # Errors
/// A layer is missing or has mistakes; all of them are told.
pub fn vars(project: &Project, cluster: &ClusterName) -> Result<Arc<Var>, Problems> {
    let own = project.cluster(cluster.as_str())?;
    let files = project.files()?;
    let (mut layers, mut problems) = (Vec::new(), Vec::new());
    for name in project.settings.layers_of(&own) {
        match files.vars.get(&name) {
            Some(Ok(layer)) => layers.push(layer.clone()),
            Some(Err(problem)) => problems.push(problem.clone()),
            None if name == settings::COMMON => {}
            None => problems.push(project.missing_layer(&name, files.vars.keys().map(String::as_str))),
        }
    }
    // The name of the cluster is the last layer, so that `explain` can tell where it comes from.
    let name = Source::new(format!("vars/{own}.yaml (its name)"), format!("cluster:\n  name: {own}\n"));
    let node = yaml::mapping(&name)?;
    layers.push((name, node));
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let merged = layers::merge(&layers)?;
    let cluster = merged.get("cluster");
    let told = cluster.into_iter().chain(cluster.and_then(|cluster| cluster.get("name")));
    for var in told {
        if let [.., before, last] = var.settings.as_slice()
            && last.action == Action::Overrode
        {
            return Err(Problem::error(format!("`{}` is set by windlass: the name of the cluster's file", var.path))
                .at(before.source.place(before.key, "set here too"))
                .hint("remove it, or name it differently")
                .into());
        }
    }
    Ok(merged)
}
