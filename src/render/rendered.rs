//! The rendered files of one cluster, and where each part of them comes from.

use crate::name::ClusterName;
use crate::problem::Place;
use crate::render::source::{Source, Span};

/// The rendered files of one cluster.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Whose files these are.
    pub cluster: ClusterName,
    /// One file per template, in the order of the templates' names.
    pub documents: Vec<RenderedFile>,
}

/// The text that one template gave.
#[derive(Clone, Debug)]
pub struct RenderedFile {
    /// The template's file name without `.j2`: `3_spot-nodes.yaml`.
    pub name: String,
    /// The text, under the name `rendered 3_spot-nodes.yaml`: give it to [`crate::render::yaml::documents`].
    pub source: Source,
}

impl RenderedFile {
    /// The rendered text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.text()
    }
}

impl Rendered {
    /// Files that no template made, from pairs of name and text; their places have no origin. For tests and for reading
    /// manifests that were rendered before.
    #[must_use]
    pub fn from_texts<'a>(cluster: ClusterName, texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let documents = texts
            .into_iter()
            .map(|(name, text)| RenderedFile {
                name: name.to_owned(),
                source: Source::new(format!("rendered {name}"), text),
            })
            .collect();
        Self { cluster, documents }
    }

    /// Where a part of a rendered file comes from: the rendered place first, then the template line (behind it the
    /// lines that included its snippet), then the vars lines that set the values. `file` is [`RenderedFile::name`];
    /// line and column are 1-based, the length is in characters. Empty when there is no such file.
    #[must_use]
    pub fn place(&self, file: &str, line: usize, column: usize, length: usize) -> Vec<Place> {
        let Some(document) = self.documents.iter().find(|document| document.name == file) else { return Vec::new() };
        vec![document.source.place(Span::new(line, column, length), "")]
    }
}
