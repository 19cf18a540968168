//! Rules that look at more than one field: all that are broken, each with its places. One file per concern.

mod addons;
mod api;
pub(crate) mod bootstrap;
mod capacity;
mod control_plane;
mod dns;
mod flags;
mod groups;
mod hooks;
mod kubernetes;
mod names;
mod network;
mod pki;
mod scaling;
mod tags;
#[cfg(test)]
mod tests;
mod volumes;

use super::read::{Document, Located, Step, with_places};
use super::{Cluster, ClusterSpec, NodeGroup};
use crate::problem::Problem;
use crate::render::Rendered;

/// Checks everything.
pub(in crate::spec) fn check(
    rendered: &Rendered,
    cluster: &Located<Cluster>,
    groups: &[Located<NodeGroup>],
) -> Vec<Problem> {
    let mut rules = Rules { rendered, cluster, groups, problems: Vec::new() };
    names::check(&mut rules);
    network::check(&mut rules);
    api::check(&mut rules);
    control_plane::check(&mut rules);
    volumes::check(&mut rules);
    kubernetes::check(&mut rules);
    bootstrap::check(&mut rules);
    dns::check(&mut rules);
    pki::check(&mut rules);
    groups::check(&mut rules);
    scaling::check(&mut rules);
    tags::check(&mut rules);
    hooks::check(&mut rules);
    capacity::check(&mut rules);
    addons::check(&mut rules);
    rules.problems
}

/// What is checked, and what was found.
struct Rules<'a> {
    rendered: &'a Rendered,
    cluster: &'a Located<Cluster>,
    groups: &'a [Located<NodeGroup>],
    problems: Vec<Problem>,
}

/// A problem that is being put together.
struct Finding<'a> {
    rendered: &'a Rendered,
    problem: Problem,
    /// It is about something that the user did not write, but a repair.
    hidden: bool,
}

impl<'a> Rules<'a> {
    fn spec(&self) -> &'a ClusterSpec {
        &self.cluster.manifest.spec
    }

    /// The cluster's document.
    fn document(&self) -> &'a Document {
        &self.cluster.document
    }

    fn error(&self, message: impl Into<String>) -> Finding<'a> {
        Finding { rendered: self.rendered, problem: Problem::error(message), hidden: false }
    }

    fn warning(&self, message: impl Into<String>) -> Finding<'a> {
        Finding { rendered: self.rendered, problem: Problem::warning(message), hidden: false }
    }

    /// An error at one place of the cluster's document.
    fn wrong(&mut self, path: &[Step], message: impl Into<String>) {
        let finding = self.error(message).at(self.document(), path, "");
        self.push(finding);
    }

    fn push(&mut self, finding: Finding<'a>) {
        if !finding.hidden {
            self.problems.push(finding.problem);
        }
    }
}

impl Finding<'_> {
    /// Adds a place; the first one is the primary one.
    fn at(mut self, document: &Document, path: &[Step], label: &str) -> Self {
        self.hidden |= document.is_replaced(path);
        self.problem = with_places(self.problem, document.locate(self.rendered, path, label));
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem = self.problem.hint(hint);
        self
    }
}

/// The positions of what occurs before, each with the first one's: `[a, b, a]` gives `(0, 2)`.
fn repeats<T: PartialEq>(items: &[T]) -> impl Iterator<Item = (usize, usize)> {
    items.iter().enumerate().filter_map(|(index, item)| {
        let first = items[..index].iter().position(|earlier| earlier == item)?;
        Some((first, index))
    })
}
