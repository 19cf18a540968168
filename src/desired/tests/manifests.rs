//! Good manifests, of which each test changes a line or two, and facts that fit them.

use std::collections::BTreeMap;

use crate::desired::{ExistingNetwork, ExistingSubnet, Facts, HostedZone, Image};
use crate::name::ClusterName;
use crate::render::Rendered;
use crate::spec::{self, Specification, SubnetType, Vpc};

pub(in crate::desired) const CLUSTER: &str = r#"apiVersion: windlass/v1
kind: Cluster
metadata:
  name: test.k8s.foo.bar
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
  controlPlane:
    members:
      - { name: a, subnet: private-a }
      - { name: b, subnet: private-b }
      - { name: c, subnet: private-c }
    machineType: m6i.large
    image: { ssm: /foo/images/kubernetes }
  dns:
    zone: k8s.foo.bar
"#;

pub(in crate::desired) const GROUP: &str = r#"apiVersion: windlass/v1
kind: NodeGroup
metadata:
  name: nodes
spec:
  cluster: test.k8s.foo.bar
  subnets: [private-a, private-b, private-c]
  minSize: 1
  maxSize: 10
  machineTypes: [m6i.xlarge]
"#;

/// `from` → `to` in a text that has `from`.
pub(in crate::desired) fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the good text has no {from:?}");
    text.replacen(from, to, 1)
}

pub(in crate::desired) fn read(cluster: &str, groups: &[&str]) -> Specification {
    read_as("test.k8s.foo.bar", cluster, groups)
}

pub(in crate::desired) fn read_as(name: &str, cluster: &str, groups: &[&str]) -> Specification {
    let name: ClusterName = name.parse().expect("a cluster name");
    let names: Vec<String> = (1..=groups.len() + 1).map(|number| format!("{number}.yaml")).collect();
    let texts = names.iter().map(String::as_str).zip(std::iter::once(cluster).chain(groups.iter().copied()));
    spec::read(&Rendered::from_texts(name, texts)).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A cluster in a VPC that exists.
pub(in crate::desired) fn existing() -> Specification {
    let mut text = with(CLUSTER, "vpc: { cidr: 10.20.0.0/16 }", "vpc: { id: vpc-0a1b2c3d4e5f60718 }");
    for (number, cidr) in ["0.0/24", "1.0/24", "2.0/24", "32.0/19", "64.0/19", "96.0/19"].iter().enumerate() {
        let id = format!("id: subnet-0000000000000000{number}");
        text = with(&text, &format!("cidr: 10.20.{cidr}"), &id);
    }
    read(&text, &[])
}

/// Facts in which everything is found.
pub(in crate::desired) fn facts(specification: &Specification) -> Facts {
    let spec = &specification.cluster.spec;
    let image = |name: String| {
        let image = Image { id: String::from("ami-0a1b2c3d4e5f60718"), root_device: String::from("/dev/xvda") };
        (name, image)
    };
    let images = specification.node_groups.iter().map(|group| specification.image(group));
    let images = images.chain([&spec.control_plane.image]).map(|it| image(it.to_string())).collect();
    Facts {
        account: String::from("123456789012"),
        region: String::from("eu-west-3"),
        zones: ["a", "b", "c"].map(|letter| format!("eu-west-3{letter}")).to_vec(),
        hosted_zone: Some(HostedZone {
            id: String::from("Z0123456789ABCDEFGHIJ"),
            name: spec.dns.zone.to_string(),
            private: spec.dns.private,
        }),
        images,
        keys: super::super::Keys::default(),
        network: match &spec.network.vpc {
            Vpc::Cidr(_) => None,
            Vpc::Id(id) => Some(network(specification, id.to_string())),
        },
    }
}

fn network(specification: &Specification, vpc: String) -> ExistingNetwork {
    let mut subnets = BTreeMap::new();
    for (number, subnet) in specification.cluster.spec.network.subnets.iter().enumerate() {
        let Some(id) = &subnet.id else { continue };
        let existing = ExistingSubnet {
            zone: subnet.zone.to_string(),
            cidr: format!("10.50.{number}.0/24").parse().expect("a range"),
            free_addresses: 200,
            public: subnet.subnet_type == SubnetType::Public,
            reaches_internet: true,
            tags: BTreeMap::new(),
        };
        subnets.insert(id.to_string(), existing);
    }
    ExistingNetwork {
        vpc,
        cidrs: vec!["10.50.0.0/16".parse().expect("a range")],
        dns_support: true,
        dns_hostnames: true,
        internet_gateway: Some(String::from("igw-0a1b2c3d4e5f60718")),
        subnets,
    }
}
