//! Projects for tests, from pairs of path and text.

use std::path::Path;

use tempfile::TempDir;

use crate::name::ClusterName;
use crate::problem::{Place, Problems};
use crate::render::{Project, Rendered, render};

/// The cluster of all tests.
pub(crate) const CLUSTER: &str = "prod-customer.k8s.foo.bar";

/// A project on disk that goes away with the value.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
}

impl Fixture {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let fixture = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        for (path, text) in [("windlass.yaml", ""), ("vars/prod-customer.k8s.foo.bar.yaml", "")].iter().chain(files) {
            fixture.write(path, text);
        }
        fixture
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn project(&self) -> Result<Project, Problems> {
        Project::find(self.path())
    }

    pub(crate) fn render(&self) -> Result<Rendered, Problems> {
        render(&self.project()?, &cluster())
    }
}

pub(crate) fn cluster() -> ClusterName {
    CLUSTER.parse().expect("a cluster name")
}

/// One template over one vars file.
pub(crate) fn rendered(template: &str, vars: &str) -> Rendered {
    with(template, vars, &[]).render().unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

pub(crate) fn with(template: &str, vars: &str, others: &[(&str, &str)]) -> Fixture {
    let mut files = vec![("templates/1.yaml.j2", template), ("vars/prod-customer.k8s.foo.bar.yaml", vars)];
    files.extend(others);
    Fixture::new(&files)
}

/// What a template gives.
pub(crate) fn text(template: &str, vars: &str) -> String {
    rendered(template, vars).documents[0].text().to_owned()
}

/// Problems, short: `file:line:column+length message | label … hint`.
pub(crate) fn told(problems: &Problems) -> String {
    let each = problems.0.iter().map(|problem| {
        let mut text = problem.message.clone();
        for one in &problem.places {
            text.push_str("\n  ");
            text.push_str(&place(one));
        }
        if let Some(hint) = &problem.hint {
            text.push_str(&format!("\n  hint: {hint}"));
        }
        text
    });
    each.collect::<Vec<_>>().join("\n")
}

/// A place, short, with the underlined text.
pub(crate) fn place(place: &Place) -> String {
    let marked: String = place.text.chars().skip(place.column - 1).take(place.length).collect();
    format!("{}:{}:{} `{marked}` {}", place.file, place.line, place.column, place.label)
}

/// The mistake of a template.
pub(crate) fn mistake(template: &str, vars: &str, others: &[(&str, &str)]) -> String {
    match with(template, vars, others).render() {
        Ok(rendered) => format!("no mistake: {}", rendered.documents[0].text()),
        Err(problems) => told(&problems),
    }
}
