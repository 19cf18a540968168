//! Reads a file of its own, not rendered, into a type: what else a project writes by hand, such as the sandbox's seed.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::document::{Document, Step, with_places};
use super::{deserializer, explain};
use crate::problem::Problem;
use crate::render::yaml::{self, Source};

/// A file that was read, and the places of its parts.
#[derive(Debug)]
pub(crate) struct File<'a> {
    source: &'a Source,
    document: Document,
}

impl<'a> File<'a> {
    /// Reads the file; messages call it `kind`.
    ///
    /// # Errors
    /// The first mistake with its place: of syntax, or of a part that does not fit the type.
    pub(crate) fn read<T: DeserializeOwned>(source: &'a Source, kind: &'static str) -> Result<(T, Self), Problem> {
        let root = yaml::mapping(source)?;
        let kind = Cow::Borrowed(kind);
        let document = Document { file: source.name().to_owned(), kind, root, replaced: Vec::new() };
        match deserializer::from_node(&document.root) {
            Ok(value) => Ok((value, Self { source, document })),
            Err(fault) => Err(explain::explain(source, &document, None, &fault)),
        }
    }

    /// A mistake at a part.
    pub(crate) fn wrong(&self, path: &[Step], message: impl Into<String>) -> Problem {
        with_places(Problem::error(message), self.document.locate(self.source, path, ""))
    }
}
