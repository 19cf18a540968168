//! The project: `windlass.yaml` at the root of a git repository, and the files beside it.
//!
//! A project is read once; rendering reads no file. What is read lies beneath the project's root: a link that leads
//! out of it is refused, so that a template cannot show a file of the machine that renders it.

mod files;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::name::ClusterName;
use crate::problem::{Problem, Problems};
use crate::render::engine::Engine;
use crate::render::nearest::did_you_mean;
use crate::render::settings::{self, Settings};
use crate::render::source::{Source, Span};
use crate::render::yaml::{self, Node};

/// The name of the settings file; the directory that has it is a project.
pub const SETTINGS_FILE: &str = "windlass.yaml";

/// How the names of add-ons' files end.
pub(super) const ADDON_END: &str = ".yaml.j2";

/// A project on disk, read once.
#[derive(Debug)]
pub struct Project {
    /// What `windlass.yaml` says.
    pub settings: Settings,
    settings_source: Source,
    root: PathBuf,
    clusters: Vec<ClusterName>,
    files: OnceLock<Result<Files, Problems>>,
}

/// What rendering needs, read when it is first needed: completing a name must not compile templates.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) engine: Arc<Engine>,
    /// All files of `vars/` by their path beneath it; a mistake in one concerns only the clusters that use it.
    pub(super) vars: BTreeMap<String, Result<(Source, Node), Problem>>,
}

impl Project {
    /// Walks up from a directory to the first one that has a `windlass.yaml`, and opens it.
    ///
    /// # Errors
    /// There is none, or it has mistakes.
    pub fn find(start: &Path) -> Result<Self, Problems> {
        let start = std::path::absolute(start).unwrap_or_else(|_| start.to_owned());
        match start.ancestors().find(|directory| directory.join(SETTINGS_FILE).is_file()) {
            Some(root) => Self::open(root),
            None => Err(Problem::error(format!("no {SETTINGS_FILE} in {} or above it", start.display()))
                .hint("go to your project, name it with `-C DIR`, or start one with `windlass init`")
                .into()),
        }
    }

    /// Opens the project whose `windlass.yaml` is in `root`.
    ///
    /// # Errors
    /// The file cannot be read or has mistakes, or a file of `vars/` has a name that is no cluster's.
    pub fn open(root: &Path) -> Result<Self, Problems> {
        let root =
            root.canonicalize().map_err(|error| Problem::error(format!("cannot read {}: {error}", root.display())))?;
        let settings_source = files::read(&root, Path::new(SETTINGS_FILE))?;
        let settings = settings::read(&settings_source)?;
        let clusters = clusters(&root)?;
        Ok(Self { settings, settings_source, root, clusters, files: OnceLock::new() })
    }

    /// The directory that holds `windlass.yaml`, absolute.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The text of `windlass.yaml`.
    #[must_use]
    pub fn settings_source(&self) -> &Source {
        &self.settings_source
    }

    /// Reads a file of the project that its settings name.
    ///
    /// # Errors
    /// It cannot be read, or lies outside the project.
    pub fn read(&self, path: &Path) -> Result<Source, Problem> {
        files::read(&self.root, path)
    }

    /// All clusters, sorted: the files directly in `vars/` whose names are DNS names.
    #[must_use]
    pub fn clusters(&self) -> &[ClusterName] {
        &self.clusters
    }

    /// The cluster of a name that a person typed.
    ///
    /// # Errors
    /// There is no such cluster; the hint names the nearest one.
    pub fn cluster(&self, name: &str) -> Result<ClusterName, Problems> {
        if let Some(found) = self.clusters.iter().find(|cluster| cluster.as_str() == name) {
            return Ok(found.clone());
        }
        let problem = Problem::error(format!("no cluster {name:?} in this project"));
        let names = || self.clusters.iter().map(ClusterName::as_str);
        let starting: Vec<&str> = names().filter(|known| !name.is_empty() && known.starts_with(name)).collect();
        let hint = match starting.as_slice() {
            [only] => Some(format!("did you mean `{only}`?")),
            _ => did_you_mean(name, names().collect::<Vec<_>>()),
        };
        let hint = hint.unwrap_or_else(|| format!("a cluster is a file of its name: vars/{name}.yaml"));
        Err(problem.hint(hint).into())
    }

    /// A layer that `windlass.yaml` names and that is not there.
    pub(super) fn missing_layer<'a>(&self, name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
        let problem = Problem::error(format!("there is no layer vars/{name}"));
        let source = &self.settings_source;
        let line = (1..=source.line_count()).find_map(|line| Some((line, source.line(line).find(name)?)));
        let problem = match line {
            Some((line, at)) => {
                let column = source.line(line)[..at].chars().count() + 1;
                problem.at(source.place(Span::new(line, column, name.chars().count()), "named here"))
            }
            None => problem,
        };
        let layers: Vec<&str> = known.filter(|known| known.contains('/') || *known == settings::COMMON).collect();
        match did_you_mean(name, layers) {
            Some(hint) => problem.hint(hint),
            None => problem.hint(format!("write vars/{name}, or remove it from `layers`")),
        }
    }

    /// Templates, snippets and vars.
    pub(super) fn files(&self) -> Result<&Files, Problems> {
        self.files.get_or_init(|| self.load()).as_ref().map_err(Problems::clone)
    }

    fn load(&self) -> Result<Files, Problems> {
        let mut problems = Vec::new();
        let mut sources = |directory: &str, wanted: fn(&Path) -> bool| {
            files::beneath(&self.root, directory, wanted).unwrap_or_else(|found| {
                problems.extend(found.0);
                Vec::new()
            })
        };
        let templates = sources("templates", is_template);
        let addons = sources("addons", is_template_or_yaml);
        let snippets = sources("snippets", |_| true);
        let vars = sources("vars", is_yaml);
        for source in addons.iter().filter(|source| !source.name().ends_with(ADDON_END)) {
            let stem = source.name().trim_end_matches(".j2");
            let stem = stem.strip_suffix(".yml").or_else(|| stem.strip_suffix(".yaml")).unwrap_or(stem);
            problems.push(
                Problem::error(format!("{} is not read", source.name()))
                    .hint(format!("rename it to {stem}{ADDON_END}; text that has `{{{{` in it goes between `{{% raw %}}` and `{{% endraw %}}`")),
            );
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let engine = Arc::new(Engine::new(templates, addons, snippets)?);
        let vars = vars
            .into_iter()
            .map(|source| {
                let path = source.name().strip_prefix("vars/").unwrap_or(source.name()).to_owned();
                let node = yaml::mapping(&source);
                (path, node.map(|node| (source, node)))
            })
            .collect();
        Ok(Files { engine, vars })
    }
}

fn is_template(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "j2")
}

/// What a person may put into `addons/`: a file of another name is said to be ignored, rather than ignored.
fn is_template_or_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["j2", "yaml", "yml", "json"].iter().any(|known| extension == *known))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml")
}

fn clusters(root: &Path) -> Result<Vec<ClusterName>, Problems> {
    let mut clusters = Vec::new();
    let mut problems = Vec::new();
    for file in files::names(root, "vars")? {
        if file == settings::COMMON {
            continue;
        }
        let Some(stem) = file.strip_suffix(".yaml") else {
            if let Some(stem) = file.strip_suffix(".yml") {
                problems.push(
                    Problem::error(format!("vars/{file} is not read")).hint(format!("rename it to vars/{stem}.yaml")),
                );
            }
            continue;
        };
        match stem.parse() {
            Ok(name) => clusters.push(name),
            Err(error) => problems.push(
                Problem::error(format!("vars/{file} is no cluster's file: {error}"))
                    .hint("name it after its cluster, or move a layer into a directory such as vars/env/"),
            ),
        }
    }
    clusters.sort();
    if problems.is_empty() { Ok(clusters) } else { Err(Problems(problems)) }
}
