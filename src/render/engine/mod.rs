//! Runs templates: minijinja, confined and bounded.
//!
//! Templates and snippets are compiled once; rendering is pure: it reads no file and knows no clock, environment,
//! network or randomness. What a template can spend is bounded: steps, depth of snippets, and output.

mod functions;
mod mark;
mod mistake;
mod network;
mod scan;
mod session;
#[cfg(test)]
mod tests;
mod values;
mod yaml_text;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

pub(super) use self::mark::{Origin, Provenance};
use self::session::{Session, TooLong};
use crate::problem::{Place, Problem, Problems};
use crate::render::layers::Var;
use crate::render::source::Source;
use crate::render::stack;

/// Steps (minijinja's instructions) that one cluster may take, nested snippets included. A large cluster takes some
/// ten thousand; a debug build does about two million a second (measured).
const STEPS: u64 = 1_000_000;

/// Bytes of all rendered files of one cluster together. A large cluster has some 100 kB.
const OUTPUT: usize = 10 * 1024 * 1024;

/// Blocks, macros and includes inside each other (an include counts as 10 of minijinja's units): enough for any real
/// template, little enough for a thread's 2 MB of stack in a debug build.
const DEPTH: usize = 60;

/// Compiled templates and snippets.
#[derive(Debug)]
pub(super) struct Engine {
    environment: Environment<'static>,
    /// The same with marks in the text, for telling where output comes from; made when first asked for.
    marked: OnceLock<Option<(Environment<'static>, mark::Sites)>>,
    templates: Vec<Source>,
    /// Of add-ons: all files of `addons/`.
    addons: Vec<Source>,
    snippets: Arc<Snippets>,
}

/// Snippets by every name that they can be called by.
#[derive(Debug)]
pub(super) struct Snippets {
    sources: Vec<Source>,
    names: BTreeMap<String, String>,
}

impl Snippets {
    /// The path of a snippet, from its file name or its path beneath `snippets/`.
    fn path(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    fn file_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.sources.iter().map(|source| file_name(source.name()))
    }
}

impl Engine {
    /// Compiles templates, those of add-ons (both in the order of their names) and snippets.
    ///
    /// # Errors
    /// All mistakes of syntax, one per file, and snippets of one name in two directories.
    pub(super) fn new(templates: Vec<Source>, addons: Vec<Source>, snippets: Vec<Source>) -> Result<Self, Problems> {
        stack::deep(|| Self::compile(templates, addons, snippets), |why| Err(failed(&why)))
    }

    fn compile(templates: Vec<Source>, addons: Vec<Source>, snippets: Vec<Source>) -> Result<Self, Problems> {
        let (snippets, mut problems) = index(snippets);
        let snippets = Arc::new(snippets);
        let mut environment = environment(&snippets);
        for source in templates.iter().chain(&addons).chain(&snippets.sources) {
            if let Some(problem) = scan::too_large(source) {
                problems.push(problem);
            } else if let Err(error) =
                environment.add_template_owned(source.name().to_owned(), scan::in_steps(source.text()))
            {
                problems.push(mistake::syntax(source, &error));
            }
        }
        if problems.is_empty() {
            Ok(Self { environment, marked: OnceLock::new(), templates, addons, snippets })
        } else {
            Err(Problems(problems))
        }
    }

    /// The templates, in the order of their names.
    pub(super) fn templates(&self) -> &[Source] {
        &self.templates
    }

    /// The templates of add-ons, in the order of their names.
    pub(super) fn addons(&self) -> &[Source] {
        &self.addons
    }

    /// Renders templates of this engine; gives their texts in the same order.
    ///
    /// # Errors
    /// The first mistake of each template, with its places.
    pub(super) fn render(&self, vars: &Arc<Var>, templates: &[Source]) -> Result<Vec<String>, Problems> {
        stack::deep(|| self.run(vars, templates), |why| Err(failed(&why)))
    }

    fn run(&self, vars: &Arc<Var>, templates: &[Source]) -> Result<Vec<String>, Problems> {
        let session = Session::new(Arc::clone(vars), None);
        let mut environment = self.environment.clone();
        functions::bind(&mut environment, &session, &self.snippets);
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for template in templates {
            match session.run(&mut environment, template.name()) {
                Ok(text) => files.push(text),
                Err(error) => {
                    let mut problem = mistake::problem(self, &session, &error);
                    // An error of writing says nothing of where; a second time with marks does.
                    if problem.places.is_empty() {
                        problem.places.extend(self.cut_off(vars, template.name()));
                    }
                    problems.push(problem);
                }
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(Problems(problems)) }
    }

    /// Where each part of a template's output comes from. `None` when that cannot be told.
    pub(super) fn provenance(&self, vars: &Arc<Var>, template: &str, rendered: &str) -> Option<Provenance> {
        stack::deep(|| self.trace(vars, template, rendered), |_| None)
    }

    fn trace(&self, vars: &Arc<Var>, template: &str, rendered: &str) -> Option<Provenance> {
        let (environment, sites) = self.marked.get_or_init(|| self.mark()).as_ref()?;
        let session = Session::new(Arc::clone(vars), Some(sites.clone()));
        let mut environment = environment.clone();
        functions::bind(&mut environment, &session, &self.snippets);
        let text = session.run(&mut environment, template).ok()?;
        Some(Provenance::decode(&text, rendered, sites, &session.take_emissions()))
    }

    /// The template line that printed beyond the limit.
    fn cut_off(&self, vars: &Arc<Var>, template: &str) -> Option<Place> {
        let (environment, sites) = self.marked.get_or_init(|| self.mark()).as_ref()?;
        let session = Session::new(Arc::clone(vars), Some(sites.clone()));
        let mut environment = environment.clone();
        functions::bind(&mut environment, &session, &self.snippets);
        session.run(&mut environment, template).err()?;
        let (source, span) = session.cut_off()?;
        Some(source.place(span, "prints the part that is too much"))
    }

    fn mark(&self) -> Option<(Environment<'static>, mark::Sites)> {
        let mut environment = environment(&self.snippets);
        let mut sites = mark::SitesDraft::default();
        for source in self.sources() {
            let text = mark::instrument(source, &mut sites);
            environment.add_template_owned(source.name().to_owned(), text).ok()?;
        }
        Some((environment, sites.finish()))
    }

    fn source(&self, name: &str) -> Option<&Source> {
        self.sources().find(|source| source.name() == name)
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.templates.iter().chain(&self.addons).chain(&self.snippets.sources)
    }
}

fn failed(why: &str) -> Problems {
    Problem::error(format!("cannot render: {why}")).into()
}

fn index(sources: Vec<Source>) -> (Snippets, Vec<Problem>) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut problems = Vec::new();
    for source in &sources {
        let path = source.name();
        if let Some(other) = names.insert(file_name(path).to_owned(), path.to_owned()) {
            problems.push(
                Problem::error(format!("two snippets are named {:?}: {other} and {path}", file_name(path)))
                    .hint("rename one of them: snippets are called by their file name"),
            );
        }
        names.insert(path.strip_prefix("snippets/").unwrap_or(path).to_owned(), path.to_owned());
    }
    (Snippets { sources, names }, problems)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn environment(snippets: &Arc<Snippets>) -> Environment<'static> {
    let mut environment = Environment::new();
    // A line that holds only a block leaves no line behind, and nothing else of the text is touched.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(DEPTH);
    // Needed for the byte ranges of errors; what else it knows (all vars) is never printed.
    environment.set_debug(true);
    functions::add(&mut environment);
    let snippets = Arc::clone(snippets);
    // `{% include %}` and `{% import %}` reach snippets only. A name that is none becomes one that no file can have.
    environment.set_path_join_callback(move |name, _| match snippets.path(name) {
        Some(path) => path.to_owned().into(),
        None => format!("\0{name}").into(),
    });
    environment
}

/// Collects output up to the limit.
struct Limited<'a> {
    text: Vec<u8>,
    left: &'a mut usize,
}

impl io::Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| io::Error::other(TooLong))?;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
