//! What the cloud controller looks up in the account: subnets for load balancers, and the group of its nodes.
//!
//! Source: cloud-provider-aws, `findELBSubnets` and `findSecurityGroupForInstance`.

use std::collections::BTreeMap;

use super::super::super::super::ec2::{self, RouteTarget, SecurityGroup, Subnet};
use super::super::super::super::world::World;

/// One subnet of each zone: those of the cluster, or with the tag of the role; where there are several, the tag of the
/// role decides, then the id. Load balancers of the internet need a way there.
pub fn subnets(world: &World, vpc: &str, cluster: &str, internal: bool) -> Vec<String> {
    let role = if internal { "kubernetes.io/role/internal-elb" } else { "kubernetes.io/role/elb" };
    let key = format!("kubernetes.io/cluster/{cluster}");
    let has_role = |it: &Subnet| it.tags.contains_key(role);
    let usable = world.ec2.subnets.values().filter(|it| {
        it.vpc == vpc && (it.tags.contains_key(&key) || has_role(it)) && (internal || is_public(world, it))
    });
    let mut best: BTreeMap<&str, (bool, &str)> = BTreeMap::new();
    for subnet in usable {
        let this = (!has_role(subnet), subnet.id.as_str());
        let found = best.entry(&subnet.zone).or_insert(this);
        *found = (*found).min(this);
    }
    best.into_values().map(|(_, id)| id.to_owned()).collect()
}

/// Whether its route table, or else the VPC's main one, leads to an internet gateway.
fn is_public(world: &World, subnet: &Subnet) -> bool {
    let of = |wanted: Option<&String>| {
        let mut tables = world.ec2.route_tables.values().filter(|it| it.vpc == subnet.vpc);
        tables.find(|table| table.associations.values().any(|it| it.as_ref() == wanted))
    };
    let table = of(Some(&subnet.id)).or_else(|| of(None));
    table.is_some_and(|it| it.routes.values().any(|target| matches!(target, RouteTarget::Gateway(_))))
}

/// The group of an instance that the controller opens: its only one, or that with the cluster's tag.
pub fn group(world: &World, instance: &str, cluster: &str) -> Option<SecurityGroup> {
    let key = format!("kubernetes.io/cluster/{cluster}");
    let groups = ec2::primary_interface(world, instance)?.groups.iter();
    let groups: Vec<&SecurityGroup> = groups.filter_map(|id| ec2::get::<SecurityGroup>(world, id).ok()).collect();
    let tagged = groups.iter().find(|it| it.tags.contains_key(&key));
    tagged.or_else(|| groups.first().filter(|_| groups.len() == 1)).map(|it| (*it).clone())
}
