//! Security groups and their rules: each rule is there for one conversation, and its description says which.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::builder::Builder;
use super::{names, tags};
use crate::resource::{Kind, Peer, Reference, Rule, SecurityGroup, SecurityGroupRules, Tags};
use crate::spec::{ApiLoadBalancer, Cni, MEMBER_PORT, Role};

/// Where the members' API servers listen.
pub(super) const API_PORT: u16 = MEMBER_PORT;

/// Name of the members' group.
pub(super) const CONTROL_PLANE: &str = "control-plane";
/// Name of the nodes' group.
pub(super) const NODES: &str = "nodes";
/// Name of the load balancer's group.
pub(super) const LOAD_BALANCER: &str = "load-balancer";
/// Name of the bastions' group.
pub(super) const BASTION: &str = "bastion";

/// Everywhere.
const ANYWHERE: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::UNSPECIFIED, 0);

/// Adds the groups and, apart from them, their rules.
pub(super) fn add(builder: &mut Builder<'_>) {
    let balanced = builder.spec().api.load_balancer != ApiLoadBalancer::None;
    let bastion = builder.specification.node_groups.iter().any(|group| group.spec.role == Role::Bastion);
    // Kubernetes' cloud controller wants exactly one group of an instance to bear the cluster's tag.
    let owned = |builder: &Builder<'_>, name: &str| tags::owned(builder, name);
    let plain = |builder: &Builder<'_>, name: &str| tags::plain(builder, name);
    group(builder, CONTROL_PLANE, "control-plane members", owned);
    group(builder, NODES, "nodes", owned);
    rules(builder, CONTROL_PLANE, control_plane(builder, balanced, bastion), everything_out("control-plane members"));
    rules(builder, NODES, nodes(builder, bastion), everything_out("nodes"));
    if balanced {
        group(builder, LOAD_BALANCER, "load balancer of the Kubernetes API", plain);
        let egress = [tcp(API_PORT, API_PORT, to(CONTROL_PLANE), "to the API servers and their health checks")];
        rules(builder, LOAD_BALANCER, load_balancer(builder), egress.into());
    }
    if bastion {
        group(builder, BASTION, "bastions", plain);
        // Session Manager needs no way in; SSH does, and who may come is for an additional group to say.
        rules(builder, BASTION, BTreeSet::new(), everything_out("bastions"));
    }
}

fn group(builder: &mut Builder<'_>, name: &str, what: &str, tags: impl Fn(&Builder<'_>, &str) -> Tags) {
    let group = SecurityGroup {
        vpc: builder.vpc(),
        name: names::name(name, builder.name(), names::GROUP_LIMIT),
        description: format!("windlass: {what} of {}", builder.name()),
        tags: tags(builder, name),
    };
    builder.add(name, group);
}

fn rules(builder: &mut Builder<'_>, name: &str, ingress: BTreeSet<Rule>, egress: BTreeSet<Rule>) {
    builder.add(name, SecurityGroupRules { group: Reference::to(Kind::SecurityGroup, name), ingress, egress });
}

fn control_plane(builder: &Builder<'_>, balanced: bool, bastion: bool) -> BTreeSet<Rule> {
    let api = &builder.spec().api;
    let mut rules = BTreeSet::from([
        tcp(API_PORT, API_PORT, to(CONTROL_PLANE), "Kubernetes API, from members"),
        tcp(API_PORT, API_PORT, to(NODES), "Kubernetes API, from nodes"),
        tcp(2379, 2380, to(CONTROL_PLANE), "etcd clients and peers, from members"),
        tcp(10250, 10250, to(CONTROL_PLANE), "kubelet, from API servers"),
        tcp(10250, 10250, to(NODES), "kubelet metrics, from nodes"),
    ]);
    if balanced {
        rules.insert(tcp(API_PORT, API_PORT, to(LOAD_BALANCER), "Kubernetes API, from the load balancer"));
    } else {
        // Without a load balancer the members are the API's addresses themselves.
        rules.extend(allowed(api.allow.iter().map(|cidr| cidr.net()), API_PORT));
    }
    rules.extend(plug_in(builder.spec().network.cni));
    if bastion {
        rules.insert(tcp(22, 22, to(BASTION), "SSH, from bastions"));
    }
    rules
}

fn nodes(builder: &Builder<'_>, bastion: bool) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::from([
        tcp(10250, 10250, to(CONTROL_PLANE), "kubelet, from API servers"),
        tcp(10250, 10250, to(NODES), "kubelet metrics, from nodes"),
    ]);
    rules.extend(plug_in(builder.spec().network.cni));
    if bastion {
        rules.insert(tcp(22, 22, to(BASTION), "SSH, from bastions"));
    }
    rules
}

fn load_balancer(builder: &Builder<'_>) -> BTreeSet<Rule> {
    let api = &builder.spec().api;
    let mut rules = BTreeSet::from([
        tcp(api.port, api.port, to(CONTROL_PLANE), "Kubernetes API, from members"),
        tcp(api.port, api.port, to(NODES), "Kubernetes API, from nodes"),
    ]);
    rules.extend(allowed(api.allow.iter().map(|cidr| cidr.net()), api.port));
    rules
}

/// `spec.api.allow`.
fn allowed(ranges: impl Iterator<Item = Ipv4Net>, port: u16) -> impl Iterator<Item = Rule> {
    ranges.map(move |range| tcp(port, port, Peer::Cidr(range), "Kubernetes API, allowed by the manifest"))
}

/// What the network plug-in says between all machines of the cluster: the documented ports of each.
fn plug_in(cni: Cni) -> Vec<Rule> {
    let peers = || [to(CONTROL_PLANE), to(NODES)];
    let both = |rule: &dyn Fn(Peer) -> Rule| peers().map(rule).to_vec();
    match cni {
        Cni::Cilium => [
            both(&|peer| udp(8472, peer, "Cilium: VXLAN")),
            both(&|peer| tcp(4240, 4240, peer, "Cilium: health checks")),
        ]
        .concat(),
        Cni::Calico => [
            both(&|peer| udp(4789, peer, "Calico: VXLAN")),
            both(&|peer| tcp(179, 179, peer, "Calico: BGP")),
            both(&|peer| tcp(5473, 5473, peer, "Calico: Typha")),
        ]
        .concat(),
        Cni::Flannel => both(&|peer| udp(8472, peer, "Flannel: VXLAN")),
        Cni::AmazonVpc => both(&|peer| all(peer, "pods have addresses of the VPC: everything between them")),
        Cni::Other => both(&|peer| all(peer, "network plug-in: everything between machines of the cluster")),
    }
}

fn everything_out(who: &str) -> BTreeSet<Rule> {
    BTreeSet::from([all(Peer::Cidr(ANYWHERE), &format!("everything out, from {who}"))])
}

fn to(group: &str) -> Peer {
    Peer::Group(Reference::to(Kind::SecurityGroup, group))
}

fn tcp(first: u16, last: u16, peer: Peer, why: &str) -> Rule {
    Rule { protocol: String::from("tcp"), ports: Some((first, last)), peer, description: why.to_owned() }
}

fn udp(port: u16, peer: Peer, why: &str) -> Rule {
    Rule { protocol: String::from("udp"), ports: Some((port, port)), peer, description: why.to_owned() }
}

fn all(peer: Peer, why: &str) -> Rule {
    Rule { protocol: String::from("-1"), ports: None, peer, description: why.to_owned() }
}
