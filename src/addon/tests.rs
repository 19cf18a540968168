//! Small projects with add-ons: what they give, and the whole message of each mistake.

mod charts;
mod facts;
mod mistakes;
mod policies;
mod rendering;

use super::{Addons, ChartCall, Charts, render};
use crate::problem::{Problem, Problems};
use crate::render::testing::{CLUSTER, Fixture, told};
use crate::spec;

/// A good cluster; its add-ons stand behind it.
const MANIFESTS: &str = r#"apiVersion: windlass/v1
kind: Cluster
metadata:
  name: {{ cluster.name }}
spec:
  aws:
    region: eu-west-3
    account: "123456789012"
  kubernetes:
    version: 1.34.2
  network:
    vpc: { cidr: 10.20.0.0/16 }
    subnets:
      - { name: public-a, zone: eu-west-3a, cidr: 10.20.0.0/24, type: public }
      - { name: public-b, zone: eu-west-3b, cidr: 10.20.1.0/24, type: public }
      - { name: public-c, zone: eu-west-3c, cidr: 10.20.2.0/24, type: public }
      - { name: private-a, zone: eu-west-3a, cidr: 10.20.32.0/19, type: private }
      - { name: private-b, zone: eu-west-3b, cidr: 10.20.64.0/19, type: private }
      - { name: private-c, zone: eu-west-3c, cidr: 10.20.96.0/19, type: private }
    cni: flannel
  controlPlane:
    members:
      - { name: a, subnet: private-a }
      - { name: b, subnet: private-b }
      - { name: c, subnet: private-c }
    machineType: m6i.large
    image: { ssm: /foo/images/kubernetes }
  dns:
    zone: k8s.foo.bar
  addons:
ADDONS
---
apiVersion: windlass/v1
kind: NodeGroup
metadata:
  name: nodes
spec:
  cluster: {{ cluster.name }}
  subnets: [private-a, private-b, private-c]
  minSize: 1
  maxSize: 10
  machineTypes: [m6i.xlarge]
  nodeLabels: { pool: apps }
  taints: ["dedicated=apps:NoSchedule"]
"#;

/// A good workload: tests change a line or two.
const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      containers:
        - name: web
          image: registry.k8s.io/web:1.2
          resources: { requests: { cpu: 10m, memory: 16Mi } }
";

/// No chart can be rendered.
struct NoCharts;

impl Charts for NoCharts {
    fn template(&self, _: &ChartCall<'_>) -> Result<String, Problem> {
        Err(Problem::error("there are no charts in this test"))
    }
}

/// The add-ons of a project; `addons` are the lines of the manifest's list.
fn of(addons: &str, files: &[(&str, &str)], charts: &dyn Charts) -> Result<Addons, Problems> {
    let manifests = MANIFESTS.replace("ADDONS\n", addons);
    let mut all = vec![("templates/1.yaml.j2", manifests.as_str())];
    all.extend(files);
    let fixture = Fixture::new(&all);
    let project = fixture.project()?;
    let rendered = crate::render::render(&project, &CLUSTER.parse().expect("a cluster name"))?;
    let specification = spec::read(&rendered)?;
    render(&project, &rendered, &specification, charts)
}

/// What is wrong with one add-on of one file.
fn wrong(template: &str) -> String {
    answer(of("    - name: x\n", &[("addons/x.yaml.j2", template)], &NoCharts))
}

/// The whole text of what was found.
fn answer(result: Result<Addons, Problems>) -> String {
    match result {
        Ok(addons) if addons.warnings.is_empty() => String::from("no mistake"),
        Ok(addons) => format!("warning: {}", told(&Problems(addons.warnings))),
        Err(problems) => told(&problems),
    }
}

/// The good workload with changes, each of which must fit.
fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(String::from(DEPLOYMENT), |text, (from, to)| {
        assert!(text.contains(from), "the good workload has no {from:?}");
        text.replacen(from, to, 1)
    })
}

/// Templates, each with what is wrong with it.
fn all_wrong(templates: &[&str]) -> String {
    let each = templates.iter().map(|template| format!("=== {}\n{}\n", template.trim_end(), wrong(template)));
    each.collect::<Vec<_>>().join("\n")
}

/// Changes of the good workload, each with what is wrong then.
fn all_changed(changes: &[&[(&str, &str)]]) -> String {
    let each = changes.iter().map(|changes| {
        let said: Vec<String> = changes.iter().map(|(from, to)| format!("{from} => {to}")).collect();
        format!("=== {}\n{}\n", said.join("; "), wrong(&changed(changes)))
    });
    each.collect::<Vec<_>>().join("\n")
}
