//! How long a fleet takes: `cargo bench --bench fleet` (in the dev profile: `cargo bench --profile dev --bench fleet`).
//!
//! The fleet is generated: the templates, snippets and layers of the repository's own example, and 1000 clusters.

mod plan;

use std::path::Path;

use divan::{Bencher, black_box};
use tempfile::TempDir;
use windlass::render::{Project, render};

/// As many clusters as nobody has.
const CLUSTERS: usize = 1000;

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
