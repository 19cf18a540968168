//! The example fleet, rendered and read.

use std::path::Path;

use super::*;
use crate::render::{Project, render};

fn project() -> Project {
    Project::open(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the example project")
}

fn specification(cluster: &str) -> Specification {
    let project = project();
    let name = project.cluster(cluster).expect("a cluster of the example");
    let rendered = render(&project, &name).expect("the example renders");
    read(&rendered).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn the_example_fleet_is_clean() {
    let clusters = project();
    let names: Vec<&str> = clusters.clusters().iter().map(crate::name::ClusterName::as_str).collect();
    assert_eq!(names, ["prod-customer.k8s.foo.bar", "prod-video.k8s.foo.bar", "staging-customer.k8s.foo.bar"]);
    for name in names {
        assert_eq!(specification(name).warnings, [], "{name}");
    }
}

#[test]
fn production_has_spot_groups_with_fallbacks_and_staging_is_smaller() {
    let prod = specification("prod-customer.k8s.foo.bar");
    let names: Vec<&str> = prod.node_groups.iter().map(|group| group.metadata.name.as_str()).collect();
    let expected = [
        "admin",
        "metrics-store-on-demand",
        "on-demand-nodes-4x-32gb",
        "on-demand-nodes-8x",
        "spot-nodes-4x-32gb",
        "spot-nodes-8x",
    ];
    assert_eq!(names, expected);
    let spot = prod.node_groups.iter().find(|group| group.metadata.name.as_str() == "spot-nodes-4x-32gb");
    let spot = &spot.expect("the spot group").spec;
    assert_eq!((spot.min_size, spot.max_size, spot.machine_types.len()), (1, 100, 14));
    assert!(spot.buys_spot());
    assert_eq!(spot.fallback.as_ref().map(value::GroupName::as_str), Some("on-demand-nodes-4x-32gb"));
    assert_eq!(prod.cluster.spec.network.nat(), Nat::PerZone);

    let staging = specification("staging-customer.k8s.foo.bar");
    assert!(staging.node_groups.iter().all(|group| group.spec.max_size <= 10));
    assert_eq!(staging.node_groups.iter().filter(|group| group.spec.buys_spot()).count(), 3);
    // An on-demand twin that stayed up at night would take over from its spot group.
    let awake = staging.node_groups.iter().filter(|group| group.spec.schedules.is_empty());
    let awake: Vec<&str> = awake.map(|group| group.metadata.name.as_str()).collect();
    assert_eq!(awake, ["admin"]);
    assert!(!staging.cluster.spec.protection.deletion);
}

#[test]
fn the_existing_network_of_the_example_is_the_one_in_the_sandbox() {
    let video = specification("prod-video.k8s.foo.bar");
    let seed = crate::sandbox::seed::Seed::example();
    let vpc = video.cluster.spec.network.existing_vpc().expect("an existing VPC");
    let there = seed.vpcs.iter().find(|seeded| &seeded.id == vpc).expect("the VPC is in the seed");
    for subnet in &video.cluster.spec.network.subnets {
        let id = subnet.id.as_ref().expect("an existing subnet");
        let seeded = there.subnets.iter().find(|seeded| &seeded.id == id).expect("the subnet is in the seed");
        assert_eq!(seeded.zone, subnet.zone);
    }
    let Image::Ssm(parameter) = &video.cluster.spec.control_plane.image else { panic!("an image by parameter") };
    assert!(seed.parameters.contains_key(parameter.as_str()), "{parameter}");
    assert_eq!(seed.account, video.cluster.spec.aws.account);
}

#[test]
fn a_mistake_in_vars_is_shown_in_the_manifest_the_template_and_the_vars() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = minimal().replace("maxSize: 10", "maxSize: {{ most }}");
    for (path, text) in [
        ("windlass.yaml", ""),
        ("vars/common.yaml", "most: 10\n"),
        ("vars/test.k8s.foo.bar.yaml", "# Ten nodes.\nmost: ten\n"),
        ("templates/1_all.yaml.j2", template.as_str()),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let project = Project::open(folder.path()).expect("a project");
    let cluster = project.cluster("test.k8s.foo.bar").expect("a cluster");
    let rendered = render(&project, &cluster).expect("it renders");
    let problems = read(&rendered).expect_err("a word is no number");
    let [problem] = problems.0.as_slice() else { panic!("{problems:#?}") };
    assert_eq!(
        problem.message,
        "NodeGroup.spec.maxSize: expected a whole number, at least 0, found the string \"ten\""
    );
    let places: Vec<(&str, &str)> =
        problem.places.iter().map(|place| (place.file.as_str(), place.text.trim())).collect();
    let expected = [
        ("rendered 1_all.yaml", "maxSize: ten"),
        ("templates/1_all.yaml.j2", "maxSize: {{ most }}"),
        ("vars/test.k8s.foo.bar.yaml", "most: ten"),
    ];
    assert_eq!(places, expected);
}
