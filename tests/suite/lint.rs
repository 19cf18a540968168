//! Add-ons on the command line: lint, render, explain, and charts by a helm of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::support::Fleet;

const CLUSTER: &str = "prod-customer.k8s.foo.bar";

const TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: hello
data:
  version: {{ cluster.minor | quote }}
";

/// The example fleet with add-ons of the test only.
fn fleet(listed: &str, template: &str) -> Fleet {
    let fleet = Fleet::with_add_ons();
    let cluster = fleet.read("templates/1_cluster.yaml.j2");
    let (before, after) = cluster.split_once("\n  rolling:").expect("the example says how it rolls");
    let before = before.split("\n  addons:").next().unwrap_or_default();
    fleet.write("templates/1_cluster.yaml.j2", &format!("{before}\n  addons:\n{listed}\n  rolling:{after}"));
    fleet.write("addons/hello.yaml.j2", template);
    fleet
}

#[test]
fn addons_are_linted_rendered_and_explained() {
    let fleet = fleet("    - name: hello\n", TEMPLATE);
    fleet.windlass(&["lint", CLUSTER]).exits(0);
    let all = fleet.windlass(&["render", CLUSTER]).exits(0).stdout;
    assert!(all.contains("kind: NodeGroup") && all.contains("# addons/hello.yaml"), "{all}");
    let one = fleet.windlass(&["render", CLUSTER, "--addon", "hello"]).exits(0).stdout;
    assert_eq!(
        one,
        format!("---\n# addons/hello.yaml\n{}", TEMPLATE.replace("{{ cluster.minor | quote }}", "\"1.34\""))
    );
    fleet.windlass(&["render", CLUSTER, "--addon", "helo"]).exits(10).warns("did you mean `hello`?");
    fleet
        .windlass(&["explain", CLUSTER, "ConfigMap/hello:data.version"])
        .exits(0)
        .says("what the manifests of prod-customer.k8s.foo.bar say");
}

#[test]
fn a_mistake_in_an_addon_is_a_mistake_of_the_cluster() {
    let fleet = fleet("    - name: hello\n", &TEMPLATE.replace("\ndata:", "\ndta:"));
    fleet
        .windlass(&["lint", CLUSTER])
        .exits(10)
        .says("unknown field \"dta\" in ConfigMap")
        .says("addons/hello.yaml.j2:5:1");
}

#[test]
fn charts_are_rendered_by_helm() {
    let chart =
        "    - name: hello\n      chart: { repository: 'https://charts.foo.bar', name: hello, version: 1.2.3 }\n";
    let fleet = fleet(chart, TEMPLATE);
    let absent = fleet.path().join("nothing");
    let git = std::env::var("PATH").unwrap_or_default();
    let folder = fleet.path().join("bin");
    fleet.write(
        "bin/helm",
        "#!/bin/sh\nprintf 'apiVersion: v1\\nkind: ServiceAccount\\nmetadata:\\n  name: %s\\n' \"${5#https://}\"\n",
    );
    fs::set_permissions(folder.join("helm"), fs::Permissions::from_mode(0o755)).expect("permissions can be set");
    let with = fleet.with_env("PATH", &format!("{}:{git}", folder.display()));
    with.windlass(&["lint", CLUSTER]).exits(0);
    with.windlass(&["render", CLUSTER, "--addon", "hello"]).exits(0).says("name: charts.foo.bar");
    let without = with.with_env("PATH", &absent.display().to_string());
    without
        .windlass(&["lint", CLUSTER])
        .exits(10)
        .says("the command `helm` is not there")
        .says("install Helm 3 or newer");
}
