//! One YAML document of a rendered file, and the places of its parts.

use std::borrow::Cow;
use std::fmt;

use crate::problem::{Place, Problem};
use crate::render::Rendered;
use crate::render::yaml::{Node, Source, Span, Value};

/// One step from a value to one of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an element of a list, counted from 0.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Self::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// Makes a path: `steps!["spec", "subnets", 2, "cidr"]`.
macro_rules! steps {
    ($($step:expr),* $(,)?) => { [$($crate::spec::Step::from($step)),*] };
}

pub(crate) use steps;

/// A path as people write it: `spec.subnets[2].cidr`.
pub(crate) struct Dotted<'a>(pub(crate) &'a [Step]);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if index == 0 => formatter.write_str(key)?,
                Step::Key(key) => write!(formatter, ".{key}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Where a part of a text is shown: what made the text can be as interesting as the text.
pub(crate) trait Locate {
    /// The places of a part of the file of that name, the text's own first.
    fn places(&self, file: &str, span: Span) -> Vec<Place>;
}

impl Locate for Rendered {
    fn places(&self, file: &str, span: Span) -> Vec<Place> {
        self.place(file, span.line, span.column, span.length)
    }
}

impl Locate for Source {
    fn places(&self, _: &str, span: Span) -> Vec<Place> {
        vec![self.place(span, "")]
    }
}

/// A document and what was done to it so that it could be read.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Name of the rendered file.
    pub(crate) file: String,
    /// What it is, as messages name it: `Cluster` or `NodeGroup`.
    pub(crate) kind: Cow<'static, str>,
    /// Its values; mistakes have been taken out.
    pub(crate) root: Node,
    /// Parts that are not what the user wrote: nothing more can be said about them.
    pub(crate) replaced: Vec<Vec<Step>>,
}

impl Document {
    /// Whether the part is something that the user did not write.
    pub(crate) fn is_replaced(&self, path: &[Step]) -> bool {
        self.replaced.iter().any(|replaced| path.starts_with(replaced))
    }

    /// Adds the place of a part to a problem: rendered, then template, then vars. Of a part that is not there, the
    /// nearest one around it.
    pub(crate) fn locate(&self, text: &impl Locate, path: &[Step], label: &str) -> Vec<Place> {
        self.places(text, self.value_span(path), label)
    }

    /// The same for the key of a part.
    pub(crate) fn locate_key(&self, text: &impl Locate, path: &[Step], label: &str) -> Vec<Place> {
        self.places(text, self.key_span(path), label)
    }

    /// The place of a part in the rendered text alone: where it comes from costs a second rendering.
    pub(crate) fn here(&self, rendered: &Rendered, path: &[Step]) -> Option<Place> {
        let file = rendered.documents.iter().find(|file| file.name == self.file)?;
        Some(file.source.place(self.value_span(path), ""))
    }

    fn places(&self, text: &impl Locate, span: Span, label: &str) -> Vec<Place> {
        let mut places = text.places(&self.file, span);
        if let Some(first) = places.first_mut() {
            label.clone_into(&mut first.label);
        }
        places
    }

    /// The value's span; of mappings and lists, that of their key, which says more than their first line.
    fn value_span(&self, path: &[Step]) -> Span {
        match self.node(path) {
            Some(node) if !matches!(node.value, Value::Mapping(_) | Value::Sequence(_) | Value::Null) => node.span,
            _ => self.key_span(path),
        }
    }

    fn key_span(&self, path: &[Step]) -> Span {
        let mut node = &self.root;
        let mut span = node.span;
        for step in path {
            match (step, &node.value) {
                (Step::Key(key), Value::Mapping(mapping)) => match mapping.entry(key) {
                    Some(entry) => (node, span) = (&entry.value, entry.key.span),
                    None => break,
                },
                (Step::Index(index), Value::Sequence(items)) => match items.get(*index) {
                    Some(item) => (node, span) = (item, item.span),
                    None => break,
                },
                _ => break,
            }
        }
        span
    }

    /// The part, if it is there.
    pub(crate) fn node(&self, path: &[Step]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.as_sequence()?.get(*index),
        })
    }

    /// Changes the part with `change`; does nothing if it is not there.
    pub(crate) fn edit(&mut self, path: &[Step], change: impl FnOnce(&mut Node)) {
        edit(&mut self.root, path, change);
    }
}

fn edit(node: &mut Node, path: &[Step], change: impl FnOnce(&mut Node)) {
    let Some((step, rest)) = path.split_first() else { return change(node) };
    match (step, &mut node.value) {
        (Step::Key(key), Value::Mapping(mapping)) => {
            let mut entries = mapping.entries().to_vec();
            if let Some(entry) = entries.iter_mut().find(|entry| &entry.key.name == key) {
                edit(&mut entry.value, rest, change);
            }
            *mapping = entries.into();
        }
        (Step::Index(index), Value::Sequence(items)) => {
            if let Some(item) = items.get_mut(*index) {
                edit(item, rest, change);
            }
        }
        _ => {}
    }
}

/// Adds places to a problem.
pub(crate) fn with_places(problem: Problem, places: Vec<Place>) -> Problem {
    places.into_iter().fold(problem, Problem::at)
}
