//! Answers "where does this come from": for a key of the vars, and for a field of a rendered document.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;

use crate::problem::{Place, Problem};
use crate::render::layers::{Action, Setting, Var};
use crate::render::nearest::did_you_mean;
use crate::render::rendered::Rendered;
use crate::render::yaml::{self, Node};

/// Where one value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What was asked for, in full: `spot.max`, or `NodeGroup/spot-4x:spec.maxSize`.
    pub subject: String,
    /// Its value on one short line.
    pub value: String,
    /// Of a field of a rendered document: where it stands there, the template line that printed it, and the lines that
    /// called the snippets and macros, from the inside out. Empty for a key of the vars.
    pub printed_by: Vec<Place>,
    /// The vars behind it, with all that the layers said; of a key of the vars the key itself.
    pub vars: Vec<VarHistory>,
    /// Of a key of the vars: where it is printed.
    pub used_in: Vec<Place>,
}

/// What the layers said of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VarHistory {
    /// The key from the top: `spot.max`.
    pub path: String,
    /// First to last; the last one counts.
    pub layers: Vec<LayerWord>,
}

/// What one layer said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerWord {
    /// `set`, `overrode`, `merged` or `removed`.
    pub action: &'static str,
    /// The value on one short line.
    pub value: String,
    /// Where.
    pub place: Place,
}

impl LayerWord {
    fn new(setting: &Setting) -> Self {
        let (action, label) = match setting.action {
            Action::Set => ("set", "set here"),
            Action::Overrode => ("overrode", "overridden here"),
            Action::Merged => ("merged", "keys added here"),
            Action::Removed => ("removed", "removed here"),
        };
        Self { action, value: setting.shown.clone(), place: setting.place(label) }
    }
}

impl VarHistory {
    fn new(var: &Var) -> Self {
        Self { path: var.path.clone(), layers: var.settings.iter().map(LayerWord::new).collect() }
    }
}

impl Rendered {
    /// Explains a key of the vars (`spot.max`, `zones[0]`) or, when there is none, fields of the rendered documents:
    /// `spec.maxSize` in every document that has it, `NodeGroup:spec.maxSize` in those of a kind,
    /// `NodeGroup/spot-4x:spec.maxSize` in one.
    ///
    /// # Errors
    /// There is neither; the hint names the nearest key.
    pub fn explain(&self, query: &str) -> Result<Vec<Explanation>, Problem> {
        let var = self.explain_var(query);
        if let Ok(explanation) = var {
            return Ok(vec![explanation]);
        }
        let fields = self.explain_field(query)?;
        match (fields.is_empty(), var) {
            (false, _) => Ok(fields),
            (true, Err(problem)) if !query.contains(':') && !query.starts_with("spec") => Err(problem),
            (true, _) => Err(Problem::error(format!("no rendered document has a field `{query}`"))
                .hint("write `spec.field`, `Kind:spec.field` or `Kind/name:spec.field`")),
        }
    }

    /// Explains a key of the vars: every layer that set or overrode it, and where it is printed.
    ///
    /// # Errors
    /// There is no such key, or it was removed; the hint names the nearest one.
    pub fn explain_var(&self, path: &str) -> Result<Explanation, Problem> {
        let mut var = self.vars();
        for part in parts(path) {
            let next = match part {
                Part::Key(key) => var.get(key),
                Part::Index(index) => var.item(index),
            };
            let Some(next) = next else { return Err(missing(var, part, path)) };
            var = next;
        }
        let mut used_in = Vec::new();
        for (index, document) in self.documents.iter().enumerate() {
            let uses = self.provenance(index).map(|provenance| provenance.uses(var)).unwrap_or_default();
            used_in.extend(uses.into_iter().map(|span| document.source.place(span, "printed here")));
        }
        Ok(Explanation {
            subject: var.path.clone(),
            value: var.set_by().map(|setting| setting.shown.clone()).unwrap_or_default(),
            printed_by: Vec::new(),
            vars: vec![VarHistory::new(var)],
            used_in,
        })
    }

    /// Explains a field of the rendered documents; see [`Rendered::explain`] for how to name it. Empty when no document
    /// has it.
    ///
    /// # Errors
    /// A rendered document is not valid YAML.
    pub fn explain_field(&self, query: &str) -> Result<Vec<Explanation>, Problem> {
        let (wanted, path) = query.split_once(':').unwrap_or(("", query));
        let (kind, name) = wanted.split_once('/').unwrap_or((wanted, ""));
        let mut found = Vec::new();
        for (index, file) in self.documents.iter().enumerate() {
            for node in yaml::documents(&file.source)? {
                let text = |path: &[&str]| {
                    path.iter().try_fold(&node, |node, key| node.get(key)).and_then(Node::as_str).unwrap_or_default()
                };
                let (its_kind, its_name) = (text(&["kind"]), text(&["metadata", "name"]));
                if (!kind.is_empty() && kind != its_kind) || (!name.is_empty() && name != its_name) {
                    continue;
                }
                let value = parts(path).into_iter().try_fold(&node, |node, part| match part {
                    Part::Key(key) => node.get(key),
                    Part::Index(index) => node.as_sequence()?.get(index),
                });
                if let Some(value) = value {
                    found.push(self.explain_node(index, value, format!("{its_kind}/{its_name}:{path}")));
                }
            }
        }
        Ok(found)
    }

    fn explain_node(&self, document: usize, node: &Node, subject: String) -> Explanation {
        let source = &self.documents[document].source;
        let span = node.span;
        let value: String = source.line(span.line).chars().skip(span.column - 1).take(span.length).collect();
        let mut printed_by = vec![source.place(span, "printed here")];
        let mut vars: Vec<Arc<Var>> = Vec::new();
        if let Some(origin) = self.origin(document, span.line, span.column, span.length) {
            let (template, span) = &origin.template;
            printed_by.push(template.place(*span, "by this template line"));
            vars.extend(origin.values.into_iter().map(|(var, _)| var));
            for call in origin.called_by {
                printed_by.push(call.source.place(call.span, "called from here"));
                vars.extend(call.chosen_by);
            }
        }
        let vars = vars.iter().map(|var| VarHistory::new(var)).collect();
        Explanation { subject, value, printed_by, vars, used_in: Vec::new() }
    }
}

fn missing(of: &Var, part: Part<'_>, path: &str) -> Problem {
    let problem = Problem::error(format!("no key `{path}` in the vars"));
    let Part::Key(key) = part else {
        return problem.hint(format!("`{}` has no such item", of.path));
    };
    if let Some(removed) = of.removed(key).and_then(<[_]>::last) {
        return problem.at(removed.place("removed here"));
    }
    match did_you_mean(key, of.keys()) {
        Some(hint) if of.path.is_empty() => problem.hint(hint),
        Some(hint) => problem.hint(format!("in `{}`: {hint}", of.path)),
        None => problem,
    }
}

/// One step of a path.
#[derive(Clone, Copy)]
enum Part<'a> {
    Key(&'a str),
    Index(usize),
}

/// `zones[0].name` is a key, an index and a key.
fn parts(path: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for dotted in path.split('.') {
        let mut pieces = dotted.split('[');
        if let Some(key) = pieces.next().filter(|key| !key.is_empty()) {
            parts.push(Part::Key(key));
        }
        for piece in pieces {
            match piece.trim_end_matches(']').parse() {
                Ok(index) => parts.push(Part::Index(index)),
                Err(_) => parts.push(Part::Key(piece.trim_end_matches(']').trim_matches(['"', '\'']))),
            }
        }
    }
    parts
}
