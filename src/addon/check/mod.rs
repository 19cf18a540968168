//! What is wrong with objects: fields that Kubernetes does not know, APIs that it no longer serves, names, and policies
//! that no good add-on breaks. What a chart prints cannot be changed here, so that it breaks policies with a warning.

mod budgets;
mod metadata;
mod pods;
mod typed;
mod versions;

pub use pods::PRIVILEGED;
pub(super) use versions::own_kind;

use super::kinds::Kind;
use super::load::Origin;
use super::{Addon, Object};
use crate::problem::{Problem, Severity};
use crate::render::Rendered;
use crate::spec::{Document, Step, with_places};

/// Namespaces that every cluster has (Kubernetes documentation, "Namespaces: Initial namespaces").
const INITIAL_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// An object and the document that it was read from.
pub(super) struct Checked<'a> {
    pub(super) document: &'a Document,
    pub(super) object: Object,
    /// What Kubernetes knows of its kind.
    pub(super) kind: Option<&'static Kind>,
    pub(super) origin: Origin,
}

/// Checks the objects of one add-on.
pub(super) fn all(rendered: &Rendered, objects: &[Checked<'_>], problems: &mut Vec<Problem>) {
    for checked in objects {
        let mut findings = Findings { rendered, checked, problems, misnamed: Vec::new() };
        typed::check(&mut findings);
        metadata::check(&mut findings);
        pods::check(&mut findings);
    }
    budgets::check(rendered, objects, problems);
}

/// Namespaces that objects live in and that no add-on makes.
pub(super) fn namespaces(addons: &[Addon], problems: &mut Vec<Problem>) {
    let objects = || addons.iter().flat_map(|addon| &addon.objects);
    let made: Vec<&str> = objects()
        .filter(|object| object.kind == "Namespace" && object.group().is_empty())
        .map(|object| object.name.as_str())
        .chain(INITIAL_NAMESPACES)
        .collect();
    let mut told: Vec<&str> = Vec::new();
    for object in objects() {
        let Some(namespace) = object.namespace.as_deref() else { continue };
        if made.contains(&namespace) || told.contains(&namespace) {
            continue;
        }
        told.push(namespace);
        problems.push(
            Problem::warning(format!("no add-on makes the namespace {namespace:?} that {} lives in", object.key()))
                .at(object.place.clone())
                .hint("put the Namespace into the add-on, or make sure that the cluster has it"),
        );
    }
}

/// Problems of one object.
struct Findings<'a> {
    rendered: &'a Rendered,
    checked: &'a Checked<'a>,
    problems: &'a mut Vec<Problem>,
    /// Parts that have a field which is not known: what is missing there may be what it was meant to be.
    misnamed: Vec<Vec<Step>>,
}

impl<'a> Findings<'a> {
    fn document(&self) -> &'a Document {
        self.checked.document
    }

    /// `Deployment kube-system/coredns`.
    fn name(&self) -> String {
        self.checked.object.key().to_string()
    }

    /// A mistake at the value of a part.
    fn push(&mut self, problem: Problem, path: &[Step], label: &str) {
        let places = self.document().locate(self.rendered, path, label);
        self.problems.push(with_places(problem, places));
    }

    /// A mistake in the key of a part.
    fn push_key(&mut self, problem: Problem, path: &[Step]) {
        let places = self.document().locate_key(self.rendered, path, "");
        self.problems.push(with_places(problem, places));
    }

    /// Something that is missing at a path, unless it may be there under a wrong name.
    fn missing(&mut self, problem: Problem, path: &[Step], label: &str) {
        let there = (0..=path.len()).rev().find(|length| self.document().node(&path[..*length]).is_some());
        if !self.misnamed.iter().any(|part| part.as_slice() == &path[..there.unwrap_or_default()]) {
            self.push(problem, path, label);
        }
    }

    /// A broken policy: a mistake, unless a chart printed it.
    fn policy(&mut self, problem: Problem, path: &[Step], label: &str) {
        self.push(by(self.checked.origin, problem), path, label);
    }
}

/// A broken policy, as severe as its origin makes it.
fn by(origin: Origin, problem: Problem) -> Problem {
    match origin {
        Origin::Template => problem,
        Origin::Chart => Problem { severity: Severity::Warning, ..problem },
    }
}
