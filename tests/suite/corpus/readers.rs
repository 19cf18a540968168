//! Everything that reads what a user wrote, and what it says.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use windlass::addon::{self, ChartCall, Charts};
use windlass::fault::FaultPlan;
use windlass::kubernetes::Endpoint;
use windlass::pki::import::{self, Files};
use windlass::pki::kubeconfig::{Credentials, Current, Kubeconfig, Trust};
use windlass::plan::Plan;
use windlass::problem::{Problem, Problems};
use windlass::render::source::Source;
use windlass::render::{self, Project};
use windlass::sandbox::scenario::Scenario;
use windlass::sandbox::seed::Seed;
use windlass::secret::{Identities, Recipients, Secret};
use windlass::spec;

use super::case::Case;
use crate::support::hermetic;

/// What a reader said.
#[derive(Debug, Default)]
pub struct Said {
    /// Mistakes with their places.
    pub problems: Vec<Problem>,
    /// Everything, as text.
    pub text: String,
    /// How a command ended; `None`: it was no command, or died of a signal.
    pub exit: Option<i32>,
}

/// The case's reader, on the project in a directory.
pub fn read(case: &Case, directory: &TempDir) -> Said {
    let project = directory.path().join("project");
    let words: Vec<&str> = case.reader.iter().map(String::as_str).collect();
    let source = |name: &str| {
        let content = fs::read(project.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Source::from_bytes(name, content)
    };
    match words.as_slice() {
        ["lint"] => of_problems(lint(&project).err()),
        ["seed", name] => of_problem(source(name).and_then(|it| Seed::read(&it)).err()),
        ["scenario", name] => {
            let text = source(name).map_err(Problems::from);
            of_problems(text.and_then(|it| Scenario::read(it.text())).err().map(|it| it.0))
        }
        ["plan", name] => of_problem(source(name).and_then(|it| Plan::from_file(&it)).err()),
        ["kubeconfig", name] => of_problem(source(name).and_then(|it| Endpoint::from_kubeconfig(&it, None)).err()),
        ["merge", name] => of_error(merge(&project.join(name))),
        ["faults", name] => {
            of_error(source(name).map_err(Problems::from).and_then(|it| match FaultPlan::read(it.text()) {
                Ok(_) => Ok(()),
                Err(error) => Err(Problem::error(error.to_string()).into()),
            }))
        }
        ["import", folder] => of_error(import::read(&files(&project.join(folder)))),
        ["identities", name] => of_error(Identities::from_file(Path::new(&project.join(name)))),
        ["recipients", rest @ ..] => {
            of_error(Recipients::parse(&rest.iter().map(ToString::to_string).collect::<Vec<_>>()))
        }
        ["run", arguments @ ..] => run(directory, &project, arguments),
        other => panic!("{}: nothing reads {other:?}", case.name),
    }
}

/// What a chart prints comes from a program; here from a file, and without it no chart can be had.
struct Printed<'a>(&'a Path);

impl Charts for Printed<'_> {
    fn template(&self, _: &ChartCall<'_>) -> Result<String, Problem> {
        fs::read_to_string(self.0).map_err(|_| Problem::error("there are no charts in this test"))
    }
}

/// As `windlass lint`: everything that is wrong, warnings among it; nothing is wrong: `Ok`.
fn lint(directory: &Path) -> Result<(), Vec<Problem>> {
    let all = || -> Result<Vec<Problem>, Problems> {
        let project = Project::open(directory)?;
        let mut warnings = Vec::new();
        for cluster in project.clusters() {
            let rendered = render::render(&project, cluster)?;
            let specification = spec::read(&rendered)?;
            let add_ons = addon::render(&project, &rendered, &specification, &Printed(&directory.join("chart.yaml")))?;
            warnings.extend(specification.warnings);
            warnings.extend(add_ons.warnings);
        }
        Ok(warnings)
    };
    let found = all().unwrap_or_else(|problems| problems.0);
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn merge(path: &Path) -> Result<(), String> {
    let existing = Secret::new(fs::read(path).expect("the kubeconfig is there"));
    let added = Kubeconfig {
        context: String::from("test.k8s.foo.bar"),
        user: String::from("tester"),
        server: String::from("https://api.test.k8s.foo.bar"),
        tls_server_name: None,
        trust: Trust::File(String::from("ca.crt")),
        credentials: Credentials::Files { certificate: String::from("a.crt"), key: String::from("a.key") },
    };
    added.merge(&existing, Current::Switch).map(drop).map_err(|error| error.to_string())
}

fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is beneath").display().to_string();
                found.insert(name, Secret::new(fs::read(&path).expect("files can be read")));
            }
        }
    }
    found
}

/// `NAME=value` words before the arguments are variables.
fn run(directory: &TempDir, project: &Path, words: &[&str]) -> Said {
    let is_variable = |word: &&&str| word.split_once('=').is_some_and(|(name, _)| !name.contains('-'));
    let variables = words.iter().take_while(is_variable).filter_map(|word| word.split_once('='));
    let arguments = words.iter().skip_while(is_variable);
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    hermetic(&mut command, directory.path());
    let output = command.envs(variables).args(arguments).current_dir(project).output().expect("windlass runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("windlass prints UTF-8"));
    Said { problems: Vec::new(), text: text.concat(), exit: output.status.code() }
}

fn of_problem(problem: Option<Problem>) -> Said {
    of_problems(problem.map(|problem| vec![problem]))
}

fn of_problems(problems: Option<Vec<Problem>>) -> Said {
    let problems = problems.unwrap_or_default();
    let style = windlass::ui::problem::Style { color: false, width: 120 };
    Said { text: windlass::ui::problem::text(&Problems(problems.clone()), style), problems, exit: None }
}

fn of_error<T, E: std::fmt::Display>(result: Result<T, E>) -> Said {
    Said { text: result.err().map(|error| error.to_string()).unwrap_or_default(), ..Said::default() }
}
