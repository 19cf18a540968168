//! Where all areas put their resources and problems, and what they ask about the cluster.

use std::collections::BTreeMap;

use super::facts::{Facts, Image};
use crate::name::ClusterName;
use crate::problem::{Problem, Problems, Severity};
use crate::resource::{Address, Kind, Reference, Resource};
use crate::spec::value::SubnetName;
use crate::spec::{self, ClusterSpec, Specification, Subnet, SubnetType};

/// The resources so far.
pub(super) struct Builder<'a> {
    pub(super) specification: &'a Specification,
    pub(super) facts: &'a Facts,
    pub(super) resources: BTreeMap<Address, Resource>,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    pub(super) const fn new(specification: &'a Specification, facts: &'a Facts) -> Self {
        Self { specification, facts, resources: BTreeMap::new(), problems: Vec::new() }
    }

    /// The cluster's name.
    pub(super) const fn name(&self) -> &'a ClusterName {
        &self.specification.cluster.metadata.name
    }

    /// What the `Cluster` document says.
    pub(super) const fn spec(&self) -> &'a ClusterSpec {
        &self.specification.cluster.spec
    }

    /// Adds a resource, and refers to it. Two of one address are a problem: group and member names meet in some kinds.
    pub(super) fn add(&mut self, name: impl Into<String>, resource: impl Into<Resource>) -> Reference {
        let resource = resource.into();
        let address = Address::new(resource.kind(), name);
        if self.resources.insert(address.clone(), resource).is_some() {
            self.problem(
                Problem::error(format!("two things of the cluster would both be {address}"))
                    .hint("rename one of the groups, members or records"),
            );
        }
        Reference::Address(address)
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// What a subnet is called in AWS: new ones by address, existing ones by id. The specification's check has made
    /// sure that every name is known.
    pub(super) fn subnet(&self, name: &SubnetName) -> Reference {
        match self.spec().network.subnet(name) {
            Some(subnet) => reference(subnet),
            None => Reference::to(Kind::Subnet, name.as_str()),
        }
    }

    /// The zone of a subnet.
    pub(super) fn zone(&self, name: &SubnetName) -> String {
        self.spec().network.subnet(name).map(|subnet| subnet.zone.as_str().to_owned()).unwrap_or_default()
    }

    /// One subnet per zone of a type, by zone; of several the first by name.
    pub(super) fn subnet_per_zone(&self, wanted: SubnetType) -> BTreeMap<&'a str, &'a Subnet> {
        let mut subnets: Vec<&Subnet> =
            self.spec().network.subnets.iter().filter(|subnet| subnet.subnet_type == wanted).collect();
        subnets.sort_by(|one, other| one.name.cmp(&other.name));
        let mut zones = BTreeMap::new();
        for subnet in subnets {
            zones.entry(subnet.zone.as_str()).or_insert(subnet);
        }
        zones
    }

    /// The VPC, new or existing.
    pub(super) fn vpc(&self) -> Reference {
        match self.spec().network.existing_vpc() {
            Some(id) => Reference::Id(id.to_string()),
            None => Reference::to(Kind::Vpc, "main"),
        }
    }

    /// What an image of the manifests is; notes a problem if it was not found.
    pub(super) fn image(&mut self, image: &spec::Image) -> Option<&'a Image> {
        let found = self.facts.images.get(&image.to_string());
        if found.is_none() {
            let problem = Problem::error(format!("image {image} does not exist in {}", self.facts.region))
                .hint("check its name and owner, and that this account may use it");
            if !self.problems.contains(&problem) {
                self.problem(problem);
            }
        }
        found
    }

    /// The resources and warnings, or all problems.
    pub(super) fn finish(self) -> Result<(BTreeMap<Address, Resource>, Vec<Problem>), Problems> {
        if self.problems.iter().any(|problem| problem.severity == Severity::Error) {
            Err(Problems(self.problems))
        } else {
            Ok((self.resources, self.problems))
        }
    }
}

/// What a subnet is called in AWS.
pub(super) fn reference(subnet: &Subnet) -> Reference {
    match &subnet.id {
        Some(id) => Reference::Id(id.to_string()),
        None => Reference::to(Kind::Subnet, subnet.name.as_str()),
    }
}
