//! How long a fleet takes: `cargo bench --bench fleet` (in the dev profile: `cargo bench --profile dev --bench fleet`).
//!
//! The fleet is generated: the templates, snippets and layers of the repository's own example, and 1000 clusters.

mod plan;

use std::path::Path;

use divan::{Bencher, black_box};
use tempfile::TempDir;
use windlass::addon::{self, ChartCall, Charts};
use windlass::problem::Problem;
use windlass::render::{Project, render};
use windlass::spec;

/// As many clusters as nobody has.
const CLUSTERS: usize = 1000;

/// As many as a large company has.
const COMPANY: usize = 100;

/// Add-ons of each cluster, and objects in each.
const ADDONS: usize = 10;

/// One add-on: an account, its rights, a configuration, a workload and its budget.
const ADDON: &str = include_str!("addon.yaml.j2");

fn main() {
    divan::main();
}

/// The example with more clusters, each a copy of one of its own.
fn fleet(clusters: usize) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let example = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(example.join("windlass.yaml"), directory.path().join("windlass.yaml")).expect("a file");
    for folder in ["addons", "templates", "snippets", "vars"] {
        copy(&example.join(folder), &directory.path().join(folder));
    }
    let vars = directory.path().join("vars");
    let own = vars.join("prod-customer.k8s.foo.bar.yaml");
    for number in 0..clusters {
        std::fs::copy(&own, vars.join(format!("prod-{number}.k8s.foo.bar.yaml"))).expect("a file");
    }
    directory
}

/// The same with add-ons.
fn with_addons(directory: &TempDir) {
    let template = directory.path().join("templates/1_cluster.yaml.j2");
    let text = std::fs::read_to_string(&template).expect("a file");
    let (before, after) = text.split_once("\n  rolling:").expect("the example says how it rolls");
    let before = before.split("\n  addons:").next().unwrap_or_default();
    let names: Vec<String> = (0..ADDONS).map(|number| format!("addon-{number}")).collect();
    let listed: String = names.iter().map(|name| format!("    - name: {name}\n")).collect();
    std::fs::write(&template, format!("{before}\n  addons:\n{listed}\n  rolling:{after}")).expect("a file");
    std::fs::create_dir_all(directory.path().join("addons")).expect("a directory");
    for name in names {
        std::fs::write(directory.path().join(format!("addons/{name}.yaml.j2")), ADDON).expect("a file");
    }
}

/// Charts are not measured: helm takes as long as it takes.
struct NoCharts;

impl Charts for NoCharts {
    fn template(&self, _: &ChartCall<'_>) -> Result<String, Problem> {
        Err(Problem::error("no charts here"))
    }
}

/// Reading the project, and everything that `lint` checks, add-ons and all.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn lint_100_clusters_with_addons(bencher: Bencher) {
    let directory = fleet(COMPANY);
    with_addons(&directory);
    bencher.bench(|| {
        let project = Project::find(directory.path()).expect("a project");
        let own = project.clusters().iter().filter(|name| name.as_str().starts_with("prod-customer."));
        for cluster in own.cycle().take(COMPANY) {
            let rendered = render(&project, cluster).expect("rendered");
            let specification = spec::read(&rendered).expect("good manifests");
            black_box(addon::render(&project, &rendered, &specification, &NoCharts).expect("good add-ons"));
        }
    });
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file");
        }
    }
}

/// Reading the project and rendering every cluster: what `lint --all` starts with.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn render_1000_clusters(bencher: Bencher) {
    let directory = fleet(CLUSTERS);
    bencher.bench(|| {
        let project = Project::find(directory.path()).expect("a project");
        for cluster in project.clusters() {
            black_box(render(&project, cluster).expect("rendered"));
        }
    });
}

/// One cluster of a project that has been read.
#[divan::bench]
fn render_one_cluster(bencher: Bencher) {
    let directory = fleet(1);
    let project = Project::find(directory.path()).expect("a project");
    let cluster = project.clusters().first().expect("a cluster").clone();
    render(&project, &cluster).expect("rendered");
    bencher.bench(|| black_box(render(&project, &cluster).expect("rendered")));
}

/// Reading a project and rendering its first cluster: what a command waits for.
#[divan::bench]
fn open_and_render_one_cluster(bencher: Bencher) {
    let directory = fleet(1);
    bencher.bench(|| {
        let project = Project::find(directory.path()).expect("a project");
        let cluster = project.clusters().first().expect("a cluster").clone();
        black_box(render(&project, &cluster).expect("rendered"))
    });
}

/// The first question where a line comes from; the answers to later ones are kept.
#[divan::bench]
fn first_origin_of_a_cluster(bencher: Bencher) {
    let directory = fleet(1);
    let project = Project::find(directory.path()).expect("a project");
    let cluster = project.clusters().first().expect("a cluster").clone();
    bencher
        .with_inputs(|| render(&project, &cluster).expect("rendered"))
        .bench_values(|rendered| black_box(rendered.place("3_spot-nodes.yaml", 20, 5, 3)));
}
