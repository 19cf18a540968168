//! Dependencies that no field names: what must be there for a resource to be made or to work, and so must outlive it.

use std::collections::{BTreeMap, BTreeSet};

use super::cascade;
use crate::resource::{Address, Kind, LaunchNetwork, Placement, Reference, Resource, Scheme};

/// The resources of one side (desired or observed), indexed for the questions below.
pub(super) struct Implied<'a> {
    resources: BTreeMap<&'a Address, &'a Resource>,
    gateways: Vec<&'a Address>,
    tables_of: BTreeMap<&'a Reference, Vec<&'a Address>>,
    rules_of: BTreeMap<&'a Reference, Vec<&'a Address>>,
    volumes_in: BTreeMap<&'a str, Vec<&'a Address>>,
    parameters: Vec<&'a Address>,
}

impl<'a> Implied<'a> {
    pub(super) fn of(resources: BTreeMap<&'a Address, &'a Resource>) -> Self {
        let mut this = Self {
            resources: BTreeMap::new(),
            gateways: Vec::new(),
            tables_of: BTreeMap::new(),
            rules_of: BTreeMap::new(),
            volumes_in: BTreeMap::new(),
            parameters: Vec::new(),
        };
        for (address, resource) in &resources {
            match *resource {
                Resource::InternetGateway(_) => this.gateways.push(address),
                Resource::RouteTable(table) => {
                    for subnet in &table.subnets {
                        this.tables_of.entry(subnet).or_default().push(address);
                    }
                }
                Resource::SecurityGroupRules(rules) => this.rules_of.entry(&rules.group).or_default().push(address),
                Resource::Parameter(_) => this.parameters.push(address),
                Resource::Volume(volume) => this.volumes_in.entry(&volume.zone).or_default().push(address),
                _ => {}
            }
        }
        this.resources = resources;
        this
    }

    /// What `resource` depends on beside its references.
    pub(super) fn dependencies(&self, resource: &Resource) -> BTreeSet<&'a Address> {
        match resource {
            // CreateNatGateway and an internet-facing CreateLoadBalancer refuse a VPC without an internet gateway;
            // DetachInternetGateway refuses one with mapped public addresses.
            Resource::NatGateway(_) => self.gateways.iter().copied().collect(),
            Resource::LoadBalancer(balancer) if balancer.scheme == Scheme::InternetFacing => {
                self.gateways.iter().copied().collect()
            }
            Resource::AutoScalingGroup(group) => {
                let mut needed: BTreeSet<&Address> = self.gateways.iter().copied().collect();
                let template = group.launch_template.address().and_then(|address| self.resources.get(address));
                self.instances_need(template.copied(), &group.placement, &mut needed);
                needed
            }
            _ => BTreeSet::new(),
        }
    }

    /// An instance that boots needs its routes, its rules, its interface and (a member) its volume and its keys at once.
    fn instances_need(
        &self,
        template: Option<&'a Resource>,
        placement: &Placement,
        needed: &mut BTreeSet<&'a Address>,
    ) {
        let mut subnets: Vec<&Reference> = match placement {
            Placement::Subnets(subnets) => subnets.iter().collect(),
            Placement::Zones(_) => Vec::new(),
        };
        let mut groups: Vec<&Reference> = Vec::new();
        if let Some(Resource::LaunchTemplate(template)) = template {
            for reference in cascade::network(template) {
                needed.extend(reference.address());
                match reference.address().and_then(|address| self.resources.get(address)) {
                    Some(Resource::NetworkInterface(interface)) => {
                        subnets.push(&interface.subnet);
                        groups.extend(&interface.security_groups);
                    }
                    _ if reference.address().is_none_or(|it| it.kind() == Kind::SecurityGroup) => {
                        groups.push(reference);
                    }
                    _ => {}
                }
            }
            if let (LaunchNetwork::Interface(_), Placement::Zones(zones)) = (&template.network, placement) {
                needed.extend(zones.iter().filter_map(|zone| self.volumes_in.get(zone.as_str())).flatten());
                needed.extend(&self.parameters);
            }
        }
        needed.extend(subnets.into_iter().filter_map(|subnet| self.tables_of.get(subnet)).flatten());
        needed.extend(groups.into_iter().filter_map(|group| self.rules_of.get(group)).flatten());
    }
}
