//! Templates, snippets and vars → YAML text, with provenance.
//!
//! What comes in is a [`Project`] (read once); what comes out is [`Rendered`]: the files of one cluster, and for each
//! of their characters the template line, the chain of snippets and the vars line that it comes from.
//! Templates are data: they see no environment, no clock, no network, no randomness and no file outside the project;
//! the same project gives the same bytes. It never looks at what the rendered text means: that is [`crate::spec`]'s.
//!
//! What a template sees: every top-level key of the cluster's merged vars under its own name, and `cluster.name`, the
//! cluster's DNS name; those of add-ons also what follows from the manifests (see [`crate::addon`]). What it can call:
//! `snippet("name.yaml")`, and minijinja's and windlass' filters.

mod engine;
pub mod explain;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod image;
pub mod json;
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
use crate::render::layers::{Action, Setting, Var, VarValue};
use crate::render::source::Source;
use crate::render::yaml::Node;

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
    Rendered::new(cluster.clone(), engine, vars, engine.templates())
}

/// Renders the templates of one add-on for one cluster: `addons/<name>.yaml.j2`, or all beneath `addons/<name>/` in the
/// order of their names. They see `vars` and the keys of `own`, a mapping in YAML. Without such a file there is no
/// document.
///
/// # Errors
/// All mistakes that were found, with their places, as of [`render`]; a key of `own` that is one of the vars.
pub fn addon(
    project: &Project,
    cluster: &ClusterName,
    name: &str,
    vars: &Var,
    own: Source,
) -> Result<Rendered, Problems> {
    let engine = &project.files()?.engine;
    let (file, folder) = (format!("addons/{name}{}", project::ADDON_END), format!("addons/{name}/"));
    let is_own = |source: &&Source| source.name() == file || source.name().starts_with(&folder);
    let templates: Vec<Source> = engine.addons().iter().filter(is_own).cloned().collect();
    if templates.len() > 1 && templates.iter().any(|source| source.name() == file) {
        return Err(Problem::error(format!("add-on {name:?} has both {file} and a folder of its name"))
            .hint(format!("move {file} into {folder}"))
            .into());
    }
    let node = yaml::mapping(&own)?;
    let own = layers::merge(&[(own, node)])?;
    let taken: Vec<Problem> =
        own.keys().filter_map(|key| vars.get(key)?.set_by().map(|setting| not_yours(key, setting))).collect();
    if !taken.is_empty() {
        return Err(Problems(taken));
    }
    Rendered::new(cluster.clone(), engine, Arc::new(vars.beside(&own)), &templates)
}

/// The merged vars of a cluster, as of [`vars`], with one more layer: `facts`, a mapping in YAML.
///
/// # Errors
/// As of [`vars`]; a var that says otherwise than `facts`.
pub fn vars_with(project: &Project, cluster: &ClusterName, facts: Source) -> Result<Arc<Var>, Problems> {
    let node = yaml::mapping(&facts)?;
    let mut layers = layers(project, cluster)?;
    layers.push((facts, node));
    merge(&layers)
}

/// The names of all add-ons that `addons/` has files of, sorted.
///
/// # Errors
/// The project's files have mistakes.
pub fn addon_names(project: &Project) -> Result<Vec<String>, Problems> {
    let name = |source: &Source| {
        let path = source.name().strip_prefix("addons/")?;
        path.split('/').next()?.trim_end_matches(project::ADDON_END).to_owned().into()
    };
    let mut names: Vec<String> = project.files()?.engine.addons().iter().filter_map(name).collect();
    names.dedup();
    Ok(names)
}

/// The merged vars of a cluster, each value with the layers that set it; `cluster.name` is among them.
///
/// # Errors
/// A layer is missing or has mistakes; all of them are told.
pub fn vars(project: &Project, cluster: &ClusterName) -> Result<Arc<Var>, Problems> {
    merge(&layers(project, cluster)?)
}

/// The layers of a cluster, first to last; behind the files, what windlass sets.
fn layers(project: &Project, cluster: &ClusterName) -> Result<Vec<(Source, Node)>, Problems> {
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
    // The name of the cluster is a layer, so that `explain` can tell where it comes from.
    let name = Source::new(format!("vars/{own}.yaml (its name)"), format!("cluster:\n  name: {own}\n"));
    let node = yaml::mapping(&name)?;
    layers.push((name, node));
    if problems.is_empty() { Ok(layers) } else { Err(Problems(problems)) }
}

/// Merges layers; what windlass sets is not the files' to set.
fn merge(layers: &[(Source, Node)]) -> Result<Arc<Var>, Problems> {
    let merged = layers::merge(layers)?;
    let ours = |source: &Source| !source.name().ends_with(".yaml");
    let mut problems = Vec::new();
    let mut pending: Vec<&Arc<Var>> = merged.get("cluster").into_iter().collect();
    while let Some(var) = pending.pop() {
        if let [.., before, last] = var.settings.as_slice()
            && last.action == Action::Overrode
            && ours(&last.source)
        {
            problems.push(not_yours(&var.path, before));
        }
        if let VarValue::Mapping { entries, .. } = &var.value {
            pending.extend(entries.iter().map(|(_, var)| var));
        }
    }
    if problems.is_empty() { Ok(merged) } else { Err(Problems(problems)) }
}

/// What a file says of something that windlass sets.
fn not_yours(path: &str, said: &Setting) -> Problem {
    let what = if matches!(path, "cluster" | "cluster.name") {
        "the name of the cluster's file"
    } else {
        "what the manifests say"
    };
    Problem::error(format!("`{path}` is set by windlass: {what}"))
        .at(said.source.place(said.key, "set here too"))
        .hint("remove it, or name it differently")
}
