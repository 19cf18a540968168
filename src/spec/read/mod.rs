//! Rendered text → [`Specification`]: all mistakes of all documents at once.
//!
//! A document is read into its type; when a part does not fit, the mistake is noted with its place, taken out of the
//! tree, and the document is read again, until nothing is wrong or nothing can be taken out. Then the rules that look
//! at several fields are checked ([`super::rules`]).

mod deserializer;
mod document;
mod explain;
mod fault;
mod file;
mod repair;
#[cfg(test)]
pub(in crate::spec) mod tests;

use serde::de::DeserializeOwned;

pub(crate) use deserializer::{Reading, read_node};
pub(crate) use document::{Document, Step, steps, with_places};
pub(crate) use fault::{Fault, FaultKind};
pub(crate) use file::File;

use super::rules;
use super::schema;
use super::{Cluster, NodeGroup, Specification};
use crate::problem::{Place, Problem, Problems, Severity};
use crate::render::yaml::{self, Node, Value};
use crate::render::{Rendered, RenderedFile};
use repair::Harm;

/// Mistakes that are taken out of one document before reading stops: more would not be read by anybody.
const MOST_REPAIRS: usize = 200;

/// A manifest and the document that it was read from.
#[derive(Debug)]
pub(in crate::spec) struct Located<T> {
    pub(in crate::spec) manifest: T,
    pub(in crate::spec) document: Document,
}

/// What reading has found so far.
#[derive(Debug, Default)]
struct Found {
    clusters: Vec<Located<Cluster>>,
    groups: Vec<Located<NodeGroup>>,
    problems: Vec<Problem>,
    /// Something is missing from what was read, so that references could seem wrong.
    names_lost: bool,
}

/// Reads all documents of all rendered files and checks them.
///
/// # Errors
/// All mistakes, each with the place in the rendered text and what it comes from, in the order of the files.
pub fn read(rendered: &Rendered) -> Result<Specification, Problems> {
    let mut found = Found::default();
    for file in &rendered.documents {
        match yaml::documents(&file.source) {
            Ok(roots) => roots.into_iter().for_each(|root| read_document(rendered, file, root, &mut found)),
            Err(problem) => {
                found.problems.push(traced(rendered, file, problem));
                found.names_lost = true;
            }
        }
    }
    let cluster = one_cluster(rendered, &mut found);
    let mut problems = found.problems;
    if let Some(cluster) = &cluster
        && !found.names_lost
    {
        problems.extend(rules::check(rendered, cluster, &found.groups));
    }
    sort(rendered, &mut problems);
    match cluster {
        Some(cluster) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            let mut node_groups: Vec<NodeGroup> = found.groups.into_iter().map(|group| group.manifest).collect();
            node_groups.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
            Ok(Specification { cluster: cluster.manifest, node_groups, warnings: problems })
        }
        _ => Err(Problems(problems)),
    }
}

/// The problem of a part that does not fit a type which is not ours.
pub(crate) fn explain_fault(rendered: &Rendered, document: &Document, fault: &Fault) -> Problem {
    explain::explain(rendered, document, None, fault)
}

/// The places of a part of the cluster's document; empty when there is no such document.
pub(crate) fn cluster_places(rendered: &Rendered, path: &[Step], label: &str) -> Vec<Place> {
    let files = rendered.documents.iter();
    let mut roots = files.filter_map(|file| Some((file, yaml::documents(&file.source).ok()?)));
    let found = roots.find_map(|(file, roots)| {
        let root = roots.into_iter().find(|root| root.get("kind").and_then(Node::as_str) == Some("Cluster"))?;
        Some(Document { file: file.name.clone(), kind: "Cluster".into(), root, replaced: Vec::new() })
    });
    found.map(|document| document.locate(rendered, path, label)).unwrap_or_default()
}

/// Puts the problems in the order of the rendered files, each once.
fn sort(rendered: &Rendered, problems: &mut Vec<Problem>) {
    let position = |problem: &Problem| {
        let place = problem.places.first()?;
        let file = rendered.documents.iter().position(|file| file.source.name() == place.file);
        Some((file, place.line, place.column))
    };
    problems.sort_by_key(position);
    problems.dedup();
}

/// A problem of the YAML parser knows its place in the rendered text only.
pub(crate) fn traced(rendered: &Rendered, file: &RenderedFile, problem: Problem) -> Problem {
    let places = problem
        .places
        .iter()
        .flat_map(|known| {
            let mut places = rendered.place(&file.name, known.line, known.column, known.length);
            if let Some(first) = places.first_mut() {
                first.label.clone_from(&known.label);
            }
            places
        })
        .collect();
    with_places(Problem { places: Vec::new(), ..problem }, places)
}

fn read_document(rendered: &Rendered, file: &RenderedFile, root: Node, found: &mut Found) {
    let mut document = Document { file: file.name.clone(), kind: "the document".into(), root, replaced: Vec::new() };
    match kind(rendered, &mut document, &mut found.problems) {
        Some("Cluster") => {
            let manifest = read_as(rendered, document, found);
            found.clusters.extend(manifest);
        }
        Some(_) => {
            let manifest = read_as(rendered, document, found);
            found.groups.extend(manifest);
        }
        None => found.names_lost = true,
    }
}

/// Which kind of manifest a document is; an unknown kind is taken for the nearest one.
fn kind(rendered: &Rendered, document: &mut Document, problems: &mut Vec<Problem>) -> Option<&'static str> {
    const KINDS: [&str; 2] = ["Cluster", "NodeGroup"];
    let mut note = |problem: Problem, path: &[Step], label: &str| {
        problems.push(with_places(problem, document.locate(rendered, path, label)));
    };
    if document.root.as_mapping().is_none() {
        let message = format!("expected a manifest, found {}", document.root.kind());
        note(Problem::error(message).hint("a manifest begins with apiVersion and kind"), &[], "");
        return None;
    }
    let Some(word) = document.root.get("kind").filter(|node| node.value != Value::Null) else {
        let problem = Problem::error("missing field \"kind\": it says what the document describes");
        note(problem.hint(format!("valid kinds: {}", KINDS.join(", "))), &[], "this document");
        return None;
    };
    let word = word.as_str().unwrap_or_default().to_owned();
    if let Some(kind) = KINDS.into_iter().find(|kind| *kind == word) {
        document.kind = kind.into();
        return Some(kind);
    }
    let hint = explain::suggestion(&word, &KINDS, "kinds");
    note(Problem::error(format!("unknown kind {word:?}")).hint(hint), &steps!["kind"], "unknown kind");
    let kind = KINDS.into_iter().find(|kind| nearest(&word, &KINDS) == Some(*kind))?;
    document.edit(&steps!["kind"], |node| node.value = Value::String(kind.to_owned()));
    document.kind = kind.into();
    Some(kind)
}

/// Reads a document into its type, noting every mistake.
fn read_as<T: DeserializeOwned>(rendered: &Rendered, mut document: Document, found: &mut Found) -> Option<Located<T>> {
    let original = document.clone();
    let schema = schema::of_kind(&document.kind);
    for _ in 0..MOST_REPAIRS {
        let fault = match deserializer::from_node::<T>(&document.root) {
            Ok(manifest) => return Some(Located { manifest, document }),
            Err(fault) => fault,
        };
        found.problems.push(explain::explain(rendered, &document, schema, &fault));
        match schema.and_then(|schema| repair::repair(&mut document, schema, &fault)) {
            Some(Harm::None) => {}
            Some(Harm::Names) => found.names_lost = true,
            None => break,
        }
    }
    tracing::debug!(file = original.file, "the document could not be read to its end");
    found.names_lost = true;
    None
}

/// The cluster's document: exactly one.
fn one_cluster(rendered: &Rendered, found: &mut Found) -> Option<Located<Cluster>> {
    let mut clusters = std::mem::take(&mut found.clusters).into_iter();
    let first = clusters.next();
    if first.is_none() && !found.names_lost {
        let files: Vec<&str> = rendered.documents.iter().map(|file| file.name.as_str()).collect();
        let read = if files.is_empty() { String::from("nothing was rendered") } else { files.join(", ") };
        let problem = Problem::error(format!("no Cluster document for {}", rendered.cluster));
        found.problems.push(problem.hint(format!("one rendered file has to hold it; read: {read}")));
    }
    if let Some(first) = &first {
        for another in clusters {
            let mut places = another.document.locate(rendered, &steps!["kind"], "another one");
            places.extend(first.document.locate(rendered, &steps!["kind"], "the first one"));
            let problem = Problem::error("more than one Cluster document");
            found.problems.push(with_places(problem, places).hint("one project file describes one cluster"));
        }
    }
    first
}

/// The nearest of the valid words, if any is near enough to be meant.
pub(in crate::spec) fn nearest<'a>(wrong: &str, valid: &[&'a str]) -> Option<&'a str> {
    let fold = |word: &str| word.to_ascii_lowercase().replace(['-', '_'], "");
    let wrong = fold(wrong);
    let (distance, word) = valid.iter().map(|&word| (strsim::damerau_levenshtein(&wrong, &fold(word)), word)).min()?;
    // A third of the letters may be wrong: beyond that a suggestion is a guess.
    (distance * 3 <= word.chars().count().max(3)).then_some(word)
}
