//! What is installed into a cluster: its add-ons, rendered from the project's `addons/` and from charts, checked, and
//! in the order in which they are applied. Pure: it reads no file, runs no command and calls no API; charts are
//! rendered by whoever is handed in as [`Charts`].
//!
//! The templates see the vars of the cluster and what follows from its manifests (`facts`). Every object is read into
//! the type that Kubernetes itself has for it, and must pass a few policies: a mistake is told with its place in the
//! rendered document, the template and the vars, all of them at once.

mod chart;
mod check;
mod explain;
mod facts;
mod hooks;
mod kinds;
mod load;
mod object;
mod order;
mod plain;

#[cfg(test)]
mod tests;
mod waves;

pub use chart::{ChartCall, Charts};
pub use check::PRIVILEGED;
pub use explain::explain;
pub use object::{Object, ObjectKey};
pub use order::{sort, sort_for_deleting};

use crate::problem::{Problem, Problems};
use crate::render::layers::Var;
use crate::render::nearest::nearest;
use crate::render::{self, Project, Rendered};
use crate::spec::{self, Specification, cluster_places, steps, with_places};
use load::Draft;

/// An add-on of a cluster, ready to be applied.
#[derive(Clone, Debug)]
pub struct Addon {
    /// Its name, unique in the cluster.
    pub name: String,
    /// Namespace of objects that named none.
    pub namespace: String,
    /// Add-ons that have to be healthy before this one begins.
    pub needs: Vec<String>,
    /// From 0: one more than the last wave of what it needs.
    pub wave: usize,
    /// What it consists of, sorted for applying; those of a namespace name it.
    pub objects: Vec<Object>,
    /// The documents that the objects were read from.
    pub rendered: Rendered,
}

/// The add-ons of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Addons {
    /// Those that are switched on, sorted by wave.
    pub list: Vec<Addon>,
    /// What is allowed but unwise, or could not be checked.
    pub warnings: Vec<Problem>,
}

/// Renders and checks the add-ons of a cluster. `rendered` are the manifests that `specification` was read from: the
/// places of what is wrong with the list of add-ons.
///
/// # Errors
/// All mistakes of all add-ons, each with its places; among them a chart that could not be rendered.
pub fn render(
    project: &Project,
    rendered: &Rendered,
    specification: &Specification,
    charts: &dyn Charts,
) -> Result<Addons, Problems> {
    let source = Documents { project, rendered, specification, charts: Some(charts) };
    let (mut drafts, mut problems) = (Vec::new(), Vec::new());
    for (wave, addon, documents) in source.all()? {
        match documents {
            Ok((rendered, from_chart)) => drafts.push(Draft::new(addon, wave, rendered, from_chart, &mut problems)),
            Err(Problems(found)) => problems.extend(found),
        }
    }
    let lost = !problems.is_empty();
    let list = load::finish(drafts, specification.cluster.spec.kubernetes.version, lost, &mut problems);
    problems.dedup();
    let problems = Problems(problems);
    if problems.fatal() { Err(problems) } else { Ok(Addons { list, warnings: problems.0 }) }
}

/// The documents of the add-ons of a cluster by their names, in the order of waves, unchecked: for showing them.
/// Without `charts`, what charts print is left out.
///
/// # Errors
/// All mistakes in the templates, and charts that could not be rendered.
pub fn documents(
    project: &Project,
    rendered: &Rendered,
    specification: &Specification,
    charts: Option<&dyn Charts>,
) -> Result<Vec<(String, Rendered)>, Problems> {
    let source = Documents { project, rendered, specification, charts };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (_, addon, documents) in source.all()? {
        match documents {
            Ok((rendered, _)) => found.push((addon.name.clone(), rendered)),
            Err(Problems(wrong)) => problems.extend(wrong),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Problems(problems)) }
}

/// What the documents of add-ons are made from.
struct Documents<'a> {
    project: &'a Project,
    rendered: &'a Rendered,
    specification: &'a Specification,
    charts: Option<&'a dyn Charts>,
}

/// The documents of one add-on, and which of them a chart printed (by position).
type Printed = Result<(Rendered, Option<usize>), Problems>;

impl<'a> Documents<'a> {
    /// Each add-on that is switched on, with its wave.
    fn all(&self) -> Result<Vec<(usize, &'a spec::Addon, Printed)>, Problems> {
        let listed = &self.specification.cluster.spec.addons;
        let waves = waves::waves(listed);
        if waves.is_empty() {
            return Ok(Vec::new());
        }
        let facts = facts::of_cluster(self.specification).map_err(|cycle| Problem::error(cycle.to_string()))?;
        let vars = render::vars_with(self.project, &self.rendered.cluster, facts)?;
        let position = |name: &str| listed.iter().position(|other| other.name == name).unwrap_or_default();
        let each = waves.into_iter().map(|(wave, addon)| (wave, addon, self.one(addon, position(&addon.name), &vars)));
        Ok(each.collect())
    }

    fn one(&self, addon: &spec::Addon, position: usize, vars: &Var) -> Printed {
        let facts = facts::of_addon(addon);
        let own = render::addon(self.project, &self.rendered.cluster, &addon.name, vars, facts)?;
        let at =
            |field: &str, label: &str| cluster_places(self.rendered, &steps!["spec", "addons", position, field], label);
        let Some(chart) = &addon.chart else {
            if own.documents.is_empty() {
                let problem = no_file(&addon.name, &render::addon_names(self.project)?);
                return Err(with_places(problem, at("name", "no such file")).into());
            }
            return Ok((own, None));
        };
        let Some(charts) = self.charts else { return Ok((own, None)) };
        let kubernetes = self.specification.cluster.spec.kubernetes.version;
        let call = ChartCall { release: &addon.name, namespace: &addon.namespace, chart, kubernetes };
        let text = charts.template(&call).map_err(|problem| with_places(problem, at("chart", "this chart")))?;
        let from_chart = own.documents.len();
        let name = format!("chart {} {} of add-on {}", chart.name, chart.version, addon.name);
        Ok((own.with_text(&name, &text), Some(from_chart)))
    }
}

fn no_file(name: &str, known: &[String]) -> Problem {
    let problem = Problem::error(format!(
        "add-on {name:?} has no file: there is neither addons/{name}.yaml.j2 nor addons/{name}/*.yaml.j2"
    ));
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None if known.is_empty() => String::from("addons/ has no file that ends in .yaml.j2"),
        None => format!("addons/ has: {}", known.join(", ")),
    };
    problem.hint(hint)
}
