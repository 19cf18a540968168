//! Rendered documents → objects: lists opened, kinds looked up, namespaces filled in; then all are checked.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::check::{self, Checked};
use super::hooks::{self, Hook};
use super::kinds::{self, Kind};
use super::object::{group_and_version, json as value_of};
use super::{Addon, Object, ObjectKey, plain};
use crate::problem::{Problem, Severity};
use crate::render::Rendered;
use crate::render::yaml::{self, Node, Value};
use crate::spec::value::KubernetesVersion;
use crate::spec::{self, Document, Step, steps, traced, with_places};

/// An add-on whose documents are read, and not yet checked.
pub(super) struct Draft {
    addon: Addon,
    documents: Vec<(Document, Origin)>,
}

/// Who wrote a document: nobody here can change what a chart prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Template,
    Chart,
}

impl Draft {
    /// Reads the documents; `chart` is the position of the file that a chart printed.
    pub(super) fn new(
        addon: &spec::Addon,
        wave: usize,
        rendered: Rendered,
        chart: Option<usize>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut documents = Vec::new();
        for (index, file) in rendered.documents.iter().enumerate() {
            let origin = if chart == Some(index) { Origin::Chart } else { Origin::Template };
            match yaml::documents(&file.source) {
                Ok(roots) => {
                    let roots = roots.into_iter().filter(|root| root.value != Value::Null).flat_map(opened);
                    for root in roots.map(|root| plain::read(root, &file.source, origin)) {
                        let hook = if origin == Origin::Chart { hooks::of(&root) } else { Hook::None };
                        let document = document(&file.name, root);
                        if let Hook::Applied(warning) = &hook {
                            let path = hooks::ANNOTATION.map(Step::from);
                            problems.push(with_places(warning.clone(), document.locate(&rendered, &path, "")));
                        }
                        if !matches!(hook, Hook::LeftOut) {
                            documents.push((document, origin));
                        }
                    }
                }
                Err(problem) => problems.push(traced(&rendered, file, problem)),
            }
        }
        let addon = Addon {
            name: addon.name.clone(),
            namespace: addon.namespace.clone(),
            needs: addon.needs.clone(),
            wave,
            objects: Vec::new(),
            rendered,
        };
        Self { addon, documents }
    }
}

fn document(file: &str, root: Node) -> Document {
    let kind = text(&root, &["kind"]).unwrap_or("object").to_owned().into();
    Document { file: file.to_owned(), kind, root, replaced: Vec::new() }
}

/// The objects of a list, or the object itself.
fn opened(root: Node) -> Vec<Node> {
    let kind = text(&root, &["kind"]).unwrap_or_default();
    let of = kind.strip_suffix("List");
    let is_list = of.is_some_and(|of| of.is_empty() || kinds::of_name(of).next().is_some());
    match root.get("items").and_then(Node::as_sequence) {
        Some(items) if is_list => items.iter().cloned().flat_map(opened).collect(),
        _ => vec![root],
    }
}

/// A text at a path.
pub(super) fn text<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(node, |node, key| node.get(key))?.as_str()
}

/// A kind that a CustomResourceDefinition of the add-ons defines.
#[derive(Debug)]
pub(super) struct Defined {
    namespaced: bool,
    versions: Vec<String>,
}

/// All kinds that the add-ons define, by group and kind.
type Definitions = BTreeMap<(String, String), Defined>;

fn definitions(drafts: &[Draft]) -> Definitions {
    let mut found = Definitions::new();
    for (document, _) in drafts.iter().flat_map(|draft| &draft.documents) {
        let root = &document.root;
        if text(root, &["kind"]) != Some("CustomResourceDefinition") {
            continue;
        }
        let (Some(group), Some(kind)) = (text(root, &["spec", "group"]), text(root, &["spec", "names", "kind"])) else {
            continue;
        };
        let versions = root.get("spec").and_then(|spec| spec.get("versions")?.as_sequence()).unwrap_or_default();
        let versions = versions.iter().filter_map(|version| text(version, &["name"]).map(str::to_owned)).collect();
        let namespaced = text(root, &["spec", "scope"]) == Some("Namespaced");
        found.insert((group.to_owned(), kind.to_owned()), Defined { namespaced, versions });
    }
    found
}

/// What is known of an object's kind.
enum Known {
    Own(&'static Kind),
    Defined { namespaced: bool },
    Unknown,
}

/// Makes the objects of all add-ons, checks them, and sorts them for applying. `lost`: something is missing from what
/// was read, so that references could seem wrong.
pub(super) fn finish(
    drafts: Vec<Draft>,
    version: KubernetesVersion,
    lost: bool,
    problems: &mut Vec<Problem>,
) -> Vec<Addon> {
    let definitions = definitions(&drafts);
    let mut all: Vec<Vec<Object>> = Vec::new();
    let mut seen: BTreeMap<ObjectKey, (&Draft, &Document)> = BTreeMap::new();
    for draft in &drafts {
        let rendered = &draft.addon.rendered;
        let mut checked: Vec<Checked<'_>> = Vec::new();
        for (document, origin) in &draft.documents {
            let mut loader = Loader { rendered, document, problems };
            let object = loader.object(&definitions, version, &draft.addon.namespace, lost);
            let Some((known, object)) = object else { continue };
            if let Some((other, first)) = seen.get(&object.key()).filter(|_| !object.name.is_empty()) {
                let path = steps!["metadata", "name"];
                let problem = Problem::error(format!("two objects are {}", object.key()));
                let problem = with_places(problem, document.locate(rendered, &path, "again here"));
                problems.push(with_places(problem, first.locate(&other.addon.rendered, &path, "first here")));
                continue;
            }
            seen.insert(object.key(), (draft, document));
            let kind = if let Known::Own(kind) = known { Some(kind) } else { None };
            checked.push(Checked { document, object, kind, origin: *origin });
        }
        check::all(rendered, &checked, problems);
        let mut objects: Vec<Object> = checked.into_iter().map(|checked| checked.object).collect();
        super::sort(&mut objects);
        all.push(objects);
    }
    let addons: Vec<Addon> =
        drafts.into_iter().zip(all).map(|(draft, objects)| Addon { objects, ..draft.addon }).collect();
    if !lost && problems.iter().all(|problem| problem.severity == Severity::Warning) {
        check::namespaces(&addons, problems);
    }
    addons
}

/// Takes out fields that have no value, as the API server does when it reads an object of a kind of its own: the
/// template's loop had nothing to print.
fn prune(value: &mut Json) {
    match value {
        Json::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune);
        }
        Json::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

struct Loader<'a> {
    rendered: &'a Rendered,
    document: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl Loader<'_> {
    fn push(&mut self, problem: Problem, path: &[Step], label: &str) {
        self.problems.push(with_places(problem, self.document.locate(self.rendered, path, label)));
    }

    /// The object of a document, and what is known of its kind; `None`: it is none.
    fn object(
        &mut self,
        definitions: &Definitions,
        version: KubernetesVersion,
        namespace: &str,
        lost: bool,
    ) -> Option<(Known, Object)> {
        let document = self.document;
        let root = &document.root;
        if root.as_mapping().is_none() {
            let problem = Problem::error(format!("expected an object, found {}", root.kind()));
            self.push(problem.hint("an object begins with apiVersion and kind"), &[], "");
            return None;
        }
        for field in ["apiVersion", "kind"] {
            if text(root, &[field]).is_none_or(str::is_empty) {
                let problem = Problem::error(format!("missing field {field:?}: it says what the object is"));
                self.push(problem, &steps![field], "this object");
                return None;
            }
        }
        let (api_version, kind) = (text(root, &["apiVersion"])?.to_owned(), text(root, &["kind"])?.to_owned());
        let known = self.known(&api_version, &kind, definitions, version, lost)?;
        let metadata = root.get("metadata");
        if metadata.is_some_and(|metadata| metadata.get("generateName").is_some()) {
            let problem = Problem::error(format!("{kind} has a generated name"))
                .hint("write metadata.name: with a new name at each run, nothing could be found again");
            self.push(problem, &steps!["metadata", "generateName"], "");
            return None;
        }
        // Without a name it is a mistake, which is told when its fields are checked: one of them may be misspelt.
        let name = text(root, &["metadata", "name"]).unwrap_or_default().to_owned();
        let written = text(root, &["metadata", "namespace"]).map(str::to_owned);
        let namespaced = match &known {
            Known::Own(kind) => Some(kind.namespaced),
            Known::Defined { namespaced } => Some(*namespaced),
            Known::Unknown => None,
        };
        if let (Some(false), Some(written)) = (namespaced, &written) {
            let problem =
                Problem::error(format!("{kind} {name} cannot live in namespace {written:?}: {kind} has none"))
                    .hint("remove metadata.namespace");
            self.push(problem, &steps!["metadata", "namespace"], "");
        }
        let namespace = match namespaced {
            Some(true) => Some(written.unwrap_or_else(|| namespace.to_owned())),
            Some(false) => None,
            None => written,
        };
        let mut value = value_of(root);
        if matches!(known, Known::Own(_)) {
            prune(&mut value);
        }
        if let (Some(namespace), Some(Json::Object(metadata))) = (&namespace, value.get_mut("metadata")) {
            metadata.insert(String::from("namespace"), json!(namespace));
        }
        let place = document.here(self.rendered, &steps!["kind"])?;
        Some((known, Object { api_version, kind, namespace, name, value, place }))
    }

    /// What is known of a kind; `None`: there is no such kind, which has been told.
    fn known(
        &mut self,
        api_version: &str,
        kind: &str,
        definitions: &Definitions,
        version: KubernetesVersion,
        lost: bool,
    ) -> Option<Known> {
        let (group, api) = group_and_version(api_version);
        if kinds::is_own_group(group) {
            let found = check::own_kind(group, api, kind, version);
            let (field, problem) = match found {
                Ok((kind, None)) => return Some(kind.map_or(Known::Unknown, Known::Own)),
                Ok((kind, Some(warning))) => {
                    self.push(warning, &steps!["apiVersion"], "");
                    return Some(kind.map_or(Known::Unknown, Known::Own));
                }
                Err(wrong) => wrong,
            };
            self.push(problem, &steps![field], "");
            return None;
        }
        let Some(defined) = definitions.get(&(group.to_owned(), kind.to_owned())) else {
            if !lost {
                let problem = Problem::warning(format!("{kind} is not checked: no add-on defines it in {api_version}"))
                    .hint("put its CustomResourceDefinition into an add-on, or make sure that the cluster has it");
                self.push(problem, &steps!["kind"], "");
            }
            return Some(Known::Unknown);
        };
        if !defined.versions.iter().any(|version| version == api) {
            let problem = Problem::error(format!("the definition of {kind} has no version {api}"))
                .hint(format!("its versions: {}", defined.versions.join(", ")));
            self.push(problem, &steps!["apiVersion"], "");
        }
        Some(Known::Defined { namespaced: defined.namespaced })
    }
}
