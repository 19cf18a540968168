//! The rendered files of one cluster, and where each part of them comes from.

use std::sync::{Arc, OnceLock};

use crate::name::ClusterName;
use crate::problem::{Place, Problems};
use crate::render::engine::{Engine, Origin, Provenance};
use crate::render::layers::{Var, VarValue};
use crate::render::source::{Source, Span};

/// The rendered files of one cluster.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Whose files these are.
    pub cluster: ClusterName,
    /// One file per template, in the order of the templates' names.
    pub documents: Vec<RenderedFile>,
    vars: Arc<Var>,
    origins: Option<Arc<Origins>>,
}

/// The text that one template gave.
#[derive(Clone, Debug)]
pub struct RenderedFile {
    /// The template's path without `templates/` and `.j2`: `3_spot-nodes.yaml`, `addons/coredns.yaml`.
    pub name: String,
    /// The text, under the name `rendered 3_spot-nodes.yaml`: give it to [`crate::render::yaml::documents`].
    pub source: Source,
}

/// What it takes to tell where the text comes from; worked out when first asked, because most runs never ask.
#[derive(Debug)]
struct Origins {
    engine: Arc<Engine>,
    /// Each with its template's path.
    files: Vec<(String, OnceLock<Option<Provenance>>)>,
}

impl RenderedFile {
    /// The rendered text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.text()
    }

    fn new(name: String, text: String) -> Self {
        Self { source: Source::new(format!("rendered {name}"), text), name }
    }
}

impl Rendered {
    /// Files that no template made, from pairs of name and text; their places have no origin. For tests and for reading
    /// manifests that were rendered before.
    #[must_use]
    pub fn from_texts<'a>(cluster: ClusterName, texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let documents = texts.into_iter().map(|(name, text)| RenderedFile::new(name.to_owned(), text.to_owned()));
        let nothing = VarValue::Mapping { entries: Vec::new(), removed: Vec::new() };
        let vars = Var { path: String::new(), value: nothing, settings: Vec::new() };
        Self { cluster, documents: documents.collect(), vars: Arc::new(vars), origins: None }
    }

    /// Renders templates of an engine for a cluster.
    ///
    /// # Errors
    /// The first mistake of each template, with its places.
    pub(super) fn new(
        cluster: ClusterName,
        engine: &Arc<Engine>,
        vars: Arc<Var>,
        templates: &[Source],
    ) -> Result<Self, Problems> {
        let texts = engine.render(&vars, templates)?;
        let files = templates.iter().map(|template| (template.name().to_owned(), OnceLock::new())).collect();
        let origins = Origins { engine: Arc::clone(engine), files };
        let named = templates.iter().zip(texts);
        let documents = named.map(|(template, text)| RenderedFile::new(rendered_name(template.name()), text)).collect();
        Ok(Self { cluster, documents, vars, origins: Some(Arc::new(origins)) })
    }

    /// The same with another file behind the others, which no template made: the output of a chart.
    #[must_use]
    pub fn with_text(mut self, name: &str, text: &str) -> Self {
        self.documents.push(RenderedFile::new(name.to_owned(), text.to_owned()));
        self
    }

    /// The merged vars, each value with the layers that set it.
    #[must_use]
    pub fn vars(&self) -> &Arc<Var> {
        &self.vars
    }

    /// Where a part of a rendered file comes from: the rendered place first, then the template line (behind it the
    /// lines that called its snippet), then the vars lines that set the values. `file` is [`RenderedFile::name`] or the
    /// name of its source; line and column are 1-based, the length is in characters. Empty when there is no such file.
    #[must_use]
    pub fn place(&self, file: &str, line: usize, column: usize, length: usize) -> Vec<Place> {
        let Some(document) = self.documents.iter().position(|one| one.name == file || one.source.name() == file) else {
            return Vec::new();
        };
        let mut places = vec![self.documents[document].source.place(Span::new(line, column, length), "")];
        let Some(origin) = self.origin(document, line, column, length) else { return places };
        let (source, span) = &origin.template;
        places.push(source.place(*span, "from this template line"));
        for call in &origin.called_by {
            places.push(call.source.place(call.span, "called from here"));
        }
        for (var, is_key) in &origin.values {
            if let Some(setting) = var.set_by() {
                places.push(match is_key {
                    true => setting.source.place(setting.key, "key set here"),
                    false => setting.place("value set here"),
                });
            }
        }
        places
    }

    /// The origin of a place of the document at a position.
    pub(super) fn origin(&self, document: usize, line: usize, column: usize, length: usize) -> Option<Origin> {
        self.provenance(document)?.origin(line, column, length)
    }

    /// Where everything of the document at a position comes from.
    pub(super) fn provenance(&self, document: usize) -> Option<&Provenance> {
        let origins = self.origins.as_ref()?;
        let text = self.documents.get(document)?.text();
        let (template, file) = origins.files.get(document)?;
        file.get_or_init(|| origins.engine.provenance(&self.vars, template, text)).as_ref()
    }
}

/// `templates/3_spot-nodes.yaml.j2` gives `3_spot-nodes.yaml`, `addons/coredns.yaml.j2` gives `addons/coredns.yaml`.
fn rendered_name(template: &str) -> String {
    let name = template.strip_prefix("templates/").unwrap_or(template);
    name.strip_suffix(".j2").unwrap_or(name).to_owned()
}
