//! Discovery: everything that exists of one cluster, all kinds at the same time, then one pass that names what is ours.
//!
//! Each kind reports its objects with plain AWS ids in their references. Only when all are there can an id be told to be
//! one of ours; [`name_references`] replaces those by addresses. No kind calls once per object.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::connect::Aws;
use super::error::Error;
use super::settle::WINDOW;
use super::{
    auto_scaling_group, balancing, elastic_ip, internet_gateway, launch_template, nat_gateway, network_interface,
    parameter, record_set, role, route_table, scheduled_action, security_group, subnet, volume, vpc,
};
use crate::name::ClusterName;
use crate::resource::{
    Address, Attributes, Kind, LaunchNetwork, Observed, Peer, Placement, Reference, Resource, RouteTarget, Rule,
    attribute,
};

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The cluster: everything that carries its name in the tag `windlass.dev/cluster`.
    pub cluster: ClusterName,
    /// Its id; `None` before the first apply, and when the state is lost. What carries another one is a clash.
    pub uid: Option<String>,
    /// What is desired, recorded or intended, by address: kinds without tags are found by what is said here, and names
    /// that we need are looked up for clashes.
    pub resources: BTreeMap<Address, Resource>,
    /// AWS ids from the records, by address: they save a look-up, and are never believed without one.
    pub ids: BTreeMap<Address, String>,
    /// What was last applied, by address: it stands in for what AWS does not show of an object.
    pub applied: BTreeMap<Address, Resource>,
    /// The recorded facts, by address: the version of a parameter tells whether it is still what was applied.
    pub attributes: BTreeMap<Address, Attributes>,
    /// What runs that died may have made of an address.
    pub begun: BTreeMap<Address, Vec<Resource>>,
    /// What was made not long ago, by address, and when: for a minute it may not be seen, and that says nothing.
    pub young: BTreeMap<Address, Timestamp>,
    /// Whether it is asked how the machines were bought.
    pub instances: Instances,
}

/// Whether discovery asks how the machines of the groups were bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instances {
    /// Not: it costs a call.
    #[default]
    Ignored,
    /// Yes: [`crate::resource::Instance::spot`].
    Listed,
}

impl Scope {
    /// Everything that carries the name of `cluster`, and nothing else.
    #[must_use]
    pub fn new(cluster: ClusterName) -> Self {
        Self {
            cluster,
            uid: None,
            resources: BTreeMap::new(),
            ids: BTreeMap::new(),
            applied: BTreeMap::new(),
            attributes: BTreeMap::new(),
            begun: BTreeMap::new(),
            young: BTreeMap::new(),
            instances: Instances::Ignored,
        }
    }

    /// The recorded AWS ids of one kind.
    pub(super) fn ids_of(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.ids.iter().filter(move |(address, _)| address.kind() == kind).map(|(_, id)| id.as_str())
    }

    /// The known resources of one kind, with their addresses.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = (&Address, &Resource)> {
        self.resources.iter().filter(move |(address, _)| address.kind() == kind)
    }
}

/// How soon it is looked again for what must be there: a look takes twenty calls.
const INTERVAL: Duration = Duration::from_secs(5);

/// What one kind sees.
type Part<'a> = Pin<Box<dyn Future<Output = Result<Observed, Error>> + Send + 'a>>;

/// Finds everything that exists of a cluster. What was made within the last minute is looked for until that is over: taken
/// for gone, it would be made again.
///
/// # Errors
/// The first failed call: a part is worth nothing, because what was not seen would be made again.
pub async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let begun = aws.clock().now();
    let mut is_told = false;
    loop {
        let now = aws.clock().now();
        let observed = look(aws, scope).await?;
        let seen: BTreeSet<&Address> = observed.found.iter().map(|found| &found.address).collect();
        // Whoever's clock it is from: nothing was made after this look began.
        let may_hide = |made: &Timestamp| now.duration_since(*made.min(&begun)) < WINDOW;
        let hidden = scope.young.iter().find(|(address, made)| may_hide(made) && !seen.contains(address));
        let Some((address, _)) = hidden else { return Ok(observed) };
        if !std::mem::replace(&mut is_told, true) {
            tracing::warn!(%address, "made a moment ago and not seen yet, looking again for a minute");
        }
        aws.clock().sleep(INTERVAL).await;
    }
}

/// One look. At most two calls of a kind depend on each other.
async fn look(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let kinds: [Part<'_>; 16] = [
        Box::pin(vpc::discover(aws, scope)),
        Box::pin(subnet::discover(aws, scope)),
        Box::pin(internet_gateway::discover(aws, scope)),
        Box::pin(elastic_ip::discover(aws, scope)),
        Box::pin(nat_gateway::discover(aws, scope)),
        Box::pin(route_table::discover(aws, scope)),
        // With the rules: one describe gives both.
        Box::pin(security_group::discover(aws, scope)),
        Box::pin(network_interface::discover(aws, scope)),
        Box::pin(volume::discover(aws, scope)),
        // With the instance profiles: one call gives both.
        Box::pin(role::discover(aws, scope)),
        Box::pin(launch_template::discover(aws, scope)),
        Box::pin(auto_scaling_group::discover(aws, scope)),
        Box::pin(scheduled_action::discover(aws, scope)),
        // With target groups and listeners: one call tells the tags of all.
        Box::pin(balancing::discover(aws, scope)),
        Box::pin(record_set::discover(aws, scope)),
        Box::pin(parameter::discover(aws, scope)),
    ];
    let mut observed = Observed::default();
    for part in try_join_all(kinds).await? {
        observed.found.extend(part.found);
        observed.clashes.extend(part.clashes);
        observed.instances.extend(part.instances);
    }
    name_references(&mut observed);
    record_set::name_addresses(&mut observed, scope);
    observed.found.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    observed.clashes.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    observed.instances.sort_by(|a, b| a.id.cmp(&b.id));
    observed.outdated = launch_template::outdated(aws, &observed).await?;
    Ok(observed)
}

/// Replaces every id in a reference by the address of what was found under it, and sorts what is documented as sorted.
fn name_references(observed: &mut Observed) {
    let mut names: BTreeMap<(Kind, String), Address> = BTreeMap::new();
    for found in &observed.found {
        names.insert((found.address.kind(), found.id.clone()), found.address.clone());
        // Aliases show the DNS name of what they follow.
        if let Some(dns_name) = found.attributes.get(attribute::DNS_NAME) {
            names.insert((found.address.kind(), dns_name.to_ascii_lowercase()), found.address.clone());
        }
    }
    let name = |reference: &mut Reference, kind: Kind| {
        if let Reference::Id(id) = reference
            && let Some(address) = names.get(&(kind, id.clone()))
        {
            *reference = Reference::Address(address.clone());
        }
    };
    for found in &mut observed.found {
        for_each_reference(&mut found.resource, &name);
    }
}

/// Calls `visit` with every reference of a resource and the kind that it refers to, then restores the documented order.
fn for_each_reference(resource: &mut Resource, visit: &impl Fn(&mut Reference, Kind)) {
    let list = |references: &mut Vec<Reference>, kind: Kind| {
        references.iter_mut().for_each(|reference| visit(reference, kind));
        references.sort();
    };
    match resource {
        Resource::Vpc(_)
        | Resource::ElasticIp(_)
        | Resource::Role(_)
        | Resource::Volume(_)
        | Resource::Parameter(_) => {}
        Resource::Subnet(it) => visit(&mut it.vpc, Kind::Vpc),
        Resource::InternetGateway(it) => visit(&mut it.vpc, Kind::Vpc),
        Resource::NatGateway(it) => {
            visit(&mut it.subnet, Kind::Subnet);
            visit(&mut it.elastic_ip, Kind::ElasticIp);
        }
        Resource::RouteTable(it) => {
            visit(&mut it.vpc, Kind::Vpc);
            for route in &mut it.routes {
                match &mut route.target {
                    RouteTarget::InternetGateway(gateway) => visit(gateway, Kind::InternetGateway),
                    RouteTarget::NatGateway(gateway) => visit(gateway, Kind::NatGateway),
                    RouteTarget::Other(_) => {}
                }
            }
            it.routes.sort();
            list(&mut it.subnets, Kind::Subnet);
        }
        Resource::SecurityGroup(it) => visit(&mut it.vpc, Kind::Vpc),
        Resource::SecurityGroupRules(it) => {
            visit(&mut it.group, Kind::SecurityGroup);
            for rules in [&mut it.ingress, &mut it.egress] {
                let named = |mut rule: Rule| {
                    if let Peer::Group(group) = &mut rule.peer {
                        visit(group, Kind::SecurityGroup);
                    }
                    rule
                };
                *rules = std::mem::take(rules).into_iter().map(named).collect();
            }
        }
        Resource::InstanceProfile(it) => it.role.iter_mut().for_each(|role| visit(role, Kind::Role)),
        Resource::NetworkInterface(it) => {
            visit(&mut it.subnet, Kind::Subnet);
            list(&mut it.security_groups, Kind::SecurityGroup);
        }
        Resource::LoadBalancer(it) => {
            list(&mut it.subnets, Kind::Subnet);
            list(&mut it.security_groups, Kind::SecurityGroup);
        }
        Resource::TargetGroup(it) => visit(&mut it.vpc, Kind::Vpc),
        Resource::Listener(it) => {
            visit(&mut it.load_balancer, Kind::LoadBalancer);
            visit(&mut it.target_group, Kind::TargetGroup);
        }
        Resource::LaunchTemplate(it) => {
            visit(&mut it.instance_profile, Kind::InstanceProfile);
            match &mut it.network {
                LaunchNetwork::Interface(interface) => visit(interface, Kind::NetworkInterface),
                LaunchNetwork::New { security_groups, .. } => list(security_groups, Kind::SecurityGroup),
            }
        }
        Resource::AutoScalingGroup(it) => {
            visit(&mut it.launch_template, Kind::LaunchTemplate);
            if let Placement::Subnets(subnets) = &mut it.placement {
                list(subnets, Kind::Subnet);
            }
            list(&mut it.target_groups, Kind::TargetGroup);
        }
        Resource::ScheduledAction(it) => visit(&mut it.group, Kind::AutoScalingGroup),
        Resource::RecordSet(it) => {
            if let Some(alias) = &mut it.alias {
                if let Reference::Id(name) = &mut alias.target {
                    // Route 53 ends names with a dot, and its console puts "dualstack." before a balancer's name.
                    let lower = name.to_ascii_lowercase();
                    let plain = lower.trim_end_matches('.');
                    *name = plain.strip_prefix("dualstack.").unwrap_or(plain).to_owned();
                }
                visit(&mut alias.target, Kind::LoadBalancer);
            }
        }
    }
}
