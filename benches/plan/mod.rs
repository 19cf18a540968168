//! How long a plan takes: one cluster with 100 node groups, from nothing and when nothing is to do.

use std::collections::BTreeMap;
use std::path::Path;

use divan::{Bencher, black_box};
use windlass::desired::{Facts, HostedZone, Image, desired};
use windlass::name::ClusterName;
use windlass::plan::{Act, Inputs, Plan, Purpose, plan};
use windlass::render::{Project, render};
use windlass::resource::{Address, Attributes, Found, Observed, Readiness, Resource};
use windlass::spec::{self, Specification};
use windlass::state::{Records, ResourceRecord};

const UID: &str = "0123456789abcdef0123456789abcdef";
const GROUPS: usize = 100;

#[divan::bench]
fn first_plan_of_100_groups(bencher: Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench_local(|| black_box(world.plan()));
}

#[divan::bench]
fn plan_without_changes_of_100_groups(bencher: Bencher<'_, '_>) {
    let world = World::new().applied();
    assert!(world.plan().is_empty(), "nothing is to do");
    bencher.bench_local(|| black_box(world.plan()));
}

#[divan::bench]
fn desired_resources_of_100_groups(bencher: Bencher<'_, '_>) {
    let specification = specification();
    let facts = facts(&specification);
    bencher.bench_local(|| black_box(desired(&specification, &facts)));
}

struct World {
    cluster: ClusterName,
    desired: BTreeMap<Address, Resource>,
    observed: Observed,
    records: Records,
}

impl World {
    fn new() -> Self {
        let specification = specification();
        let (desired, _) = desired(&specification, &facts(&specification)).expect("a good cluster");
        let cluster = specification.cluster.metadata.name;
        Self { cluster, desired, observed: Observed::default(), records: Records::default() }
    }

    fn plan(&self) -> Plan {
        plan(&Inputs {
            cluster: &self.cluster,
            account: "123456789012",
            region: "eu-west-3",
            uid: Some(UID),
            purpose: Purpose::Apply,
            desired: &self.desired,
            observed: &self.observed,
            records: &self.records,
            config: None,
        })
        .expect("a plan")
    }

    /// Everything exists and is recorded.
    fn applied(mut self) -> Self {
        for operation in self.plan().waves.into_iter().flatten() {
            let Act::Create { resource, generation } = operation.act else { continue };
            let address = operation.address;
            let found = Found {
                address: address.clone(),
                id: address.to_string(),
                uid: Some(UID.to_owned()),
                generation,
                resource: (*resource).clone(),
                attributes: Attributes::new(),
                readiness: Readiness::Ready,
            };
            let record = ResourceRecord {
                address: address.clone(),
                id: address.to_string(),
                generation,
                token: None,
                applied: *resource,
                attributes: Attributes::new(),
                run: String::from("run"),
                made: None,
                settling: false,
            };
            self.observed.found.push(found);
            self.records.resources.insert(address, record);
        }
        self
    }
}

/// The largest cluster of the example, its groups repeated under other names.
fn specification() -> Specification {
    let project = Project::find(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the example fleet");
    let cluster = "prod-customer.k8s.foo.bar".parse().expect("a cluster name");
    let rendered = render(&project, &cluster).expect("the example renders");
    let mut specification = spec::read(&rendered).expect("the example reads");
    let groups = specification.node_groups.clone();
    specification.node_groups = groups.iter().cycle().take(GROUPS).cloned().collect();
    for (number, group) in specification.node_groups.iter_mut().enumerate() {
        group.metadata.name = format!("group-{number}").parse().expect("a group name");
    }
    specification
}

fn facts(specification: &Specification) -> Facts {
    let image = |name: String| {
        let image = Image { id: String::from("ami-0a1b2c3d4e5f60718"), root_device: String::from("/dev/xvda") };
        (name, image)
    };
    let zone = specification.cluster.spec.dns.zone.to_string();
    Facts {
        account: String::from("123456789012"),
        region: String::from("eu-west-3"),
        zones: ["a", "b", "c"].map(|letter| format!("eu-west-3{letter}")).to_vec(),
        hosted_zone: Some(HostedZone { id: String::from("Z0123456789"), name: zone, private: false }),
        images: specification.node_groups.iter().map(|it| image(specification.image(it).to_string())).collect(),
        network: None,
        keys: Default::default(),
    }
}
