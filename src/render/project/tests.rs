use std::path::Path;

use crate::render::testing::{CLUSTER, Fixture, cluster, told};
use crate::render::{Project, render, yaml};

#[test]
fn a_project_is_found_from_any_directory_beneath_it() {
    let fixture = Fixture::new(&[("vars/env/prod.yaml", "")]);
    let project = Project::find(&fixture.path().join("vars/env")).expect("a project");
    assert_eq!(project.root(), fixture.path().canonicalize().expect("a path"));
    assert_eq!(project.clusters(), [cluster()]);
}

#[test]
fn no_project_says_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let problems = Project::find(directory.path()).expect_err("none");
    assert!(problems.0[0].message.starts_with("no windlass.yaml in "), "{problems:?}");
    assert!(problems.0[0].hint.is_some());
}

#[test]
fn a_slip_in_a_cluster_name_finds_the_cluster() {
    let fixture = Fixture::new(&[("vars/staging-customer.k8s.foo.bar.yaml", "")]);
    let project = fixture.project().expect("a project");
    for (typed, meant) in [
        ("prod-custommer.k8s.foo.bar", CLUSTER),
        ("prod", CLUSTER),
        ("staging-customer", "staging-customer.k8s.foo.bar"),
    ] {
        let problems = project.cluster(typed).expect_err("no such cluster");
        assert_eq!(problems.0[0].hint.as_deref(), Some(format!("did you mean `{meant}`?").as_str()), "{typed}");
    }
    assert!(project.cluster("").is_err());
}

#[test]
fn vars_files_that_are_no_clusters_are_told() {
    let fixture = Fixture::new(&[("vars/prod.yaml", ""), ("vars/a.b.yml", ""), ("vars/README.md", "")]);
    insta::assert_snapshot!(told(&fixture.project().expect_err("two mistakes")));
}

#[test]
fn a_missing_layer_is_told_where_it_is_named() {
    let fixture = Fixture::new(&[
        ("windlass.yaml", "layers:\n  - match: 'prod-*'\n    vars: [env/prd.yaml, other/x.yaml]\n"),
        ("vars/env/prod.yaml", ""),
        ("templates/1.yaml.j2", "a"),
    ]);
    insta::assert_snapshot!(told(&fixture.render().expect_err("two missing layers")));
}

#[test]
fn a_mistake_in_one_clusters_vars_does_not_stop_another() {
    let fixture = Fixture::new(&[
        ("vars/staging-customer.k8s.foo.bar.yaml", "a: [\n"),
        ("templates/1.yaml.j2", "{{ cluster.name }}"),
    ]);
    assert_eq!(fixture.render().expect("rendered").documents[0].text(), CLUSTER);
    let project = fixture.project().expect("a project");
    let other = project.cluster("staging-customer.k8s.foo.bar").expect("a cluster");
    assert!(render(&project, &other).is_err());
}

#[test]
fn the_name_of_the_cluster_cannot_be_set_otherwise() {
    let fixture = Fixture::new(&[("vars/common.yaml", "cluster:\n  name: other\n"), ("templates/1.yaml.j2", "a")]);
    insta::assert_snapshot!(told(&fixture.render().expect_err("set twice")));
}

#[test]
fn a_project_without_templates_says_so() {
    let problems = Fixture::new(&[]).render().expect_err("nothing to render");
    assert!(problems.0[0].message.contains("templates/"), "{problems:?}");
}

#[test]
fn the_example_fleet_renders_to_yaml_and_every_line_has_an_origin() {
    let project =
        Project::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|error| panic!("{}", told(&error)));
    for cluster in project.clusters() {
        let rendered = render(&project, cluster).unwrap_or_else(|error| panic!("{}", told(&error)));
        for file in &rendered.documents {
            yaml::documents(&file.source).unwrap_or_else(|problem| panic!("{}", told(&problem.into())));
            for line in 1..=file.source.line_count() {
                let text = file.source.line(line);
                let start = text.len() - text.trim_start().len();
                let places = rendered.place(&file.name, line, start + 1, 1);
                assert!(text.trim().is_empty() || places.len() > 1, "{}:{line} {text}", file.name);
            }
        }
    }
}
