//! Ranges, subnets, zones, ways out.

use super::super::read::steps;
use super::super::value::Cidr;
use super::super::{Cni, Nat, Subnet, SubnetType, Vpc};
use super::{Rules, repeats};

/// Prefix lengths of VPCs and subnets (EC2 API reference, CreateVpc and CreateSubnet).
const LENGTHS: std::ops::RangeInclusive<u8> = 16..=28;

pub(super) fn check(rules: &mut Rules<'_>) {
    subnets(rules);
    ranges(rules);
    room_for_pods(rules);
    nat(rules);
}

fn subnets(rules: &mut Rules<'_>) {
    let network = &rules.spec().network;
    if network.subnets.is_empty() {
        rules.wrong(&steps!["spec", "network", "subnets"], "a cluster needs at least one subnet");
    }
    let names: Vec<&str> = network.subnets.iter().map(|subnet| subnet.name.as_str()).collect();
    unique(rules, &names, "name", "two subnets are called");
    let ids: Vec<&str> = network.subnets.iter().filter_map(|subnet| Some(subnet.id.as_ref()?.as_str())).collect();
    if ids.len() == names.len() {
        unique(rules, &ids, "id", "two subnets have the id");
    }
    let existing = network.existing_vpc().is_some();
    for (index, subnet) in network.subnets.iter().enumerate() {
        let name = &subnet.name;
        let path = steps!["spec", "network", "subnets", index];
        match (existing, &subnet.cidr, &subnet.id) {
            (_, Some(_), Some(_)) => rules.wrong(&path, format!("subnet {name} has both cidr and id: one is needed")),
            (true, None, None) => {
                rules.wrong(&path, format!("subnet {name} needs the id of a subnet of the existing VPC"));
            }
            (false, None, None) => rules.wrong(&path, format!("subnet {name} needs a cidr within the VPC's")),
            (true, Some(_), None) => {
                let finding = rules
                    .error(format!("subnet {name} has a cidr, but the VPC exists already"))
                    .at(rules.document(), &steps!["spec", "network", "subnets", index, "cidr"], "a new subnet")
                    .at(rules.document(), &steps!["spec", "network", "vpc", "id"], "an existing VPC")
                    .hint("windlass makes no subnets in a VPC of others: give the id of one that exists");
                rules.push(finding);
            }
            (false, None, Some(_)) => {
                let finding = rules
                    .error(format!("subnet {name} has an id, but the VPC is a new one"))
                    .at(rules.document(), &steps!["spec", "network", "subnets", index, "id"], "an existing subnet")
                    .at(rules.document(), &steps!["spec", "network", "vpc", "cidr"], "a new VPC")
                    .hint("give the VPC's id as network.vpc.id, or the subnet a cidr");
                rules.push(finding);
            }
            (true, None, Some(_)) | (false, Some(_), None) => {}
        }
        let region = &rules.spec().aws.region;
        if subnet.zone.region() != region.as_str() {
            let finding = rules
                .error(format!("subnet {name} is in {}, which is no zone of {region}", subnet.zone))
                .at(rules.document(), &steps!["spec", "network", "subnets", index, "zone"], "this zone")
                .at(rules.document(), &steps!["spec", "aws", "region"], "this region");
            rules.push(finding);
        }
    }
}

fn unique(rules: &mut Rules<'_>, texts: &[&str], field: &str, message: &str) {
    for (first, second) in repeats(texts) {
        let finding = rules
            .error(format!("{message} {:?}", texts[second]))
            .at(rules.document(), &steps!["spec", "network", "subnets", second, field], "again here")
            .at(rules.document(), &steps!["spec", "network", "subnets", first, field], "first here");
        rules.push(finding);
    }
}

fn ranges(rules: &mut Rules<'_>) {
    let network = &rules.spec().network;
    let new: Vec<(usize, &Subnet, Cidr)> =
        network.subnets.iter().enumerate().filter_map(|(index, it)| Some((index, it, it.cidr?))).collect();
    if let Vpc::Cidr(vpc) = network.vpc {
        length(rules, "the VPC's range", vpc, &steps!["spec", "network", "vpc", "cidr"]);
        for (index, subnet, cidr) in &new {
            if !vpc.contains(*cidr) {
                let finding = rules
                    .error(format!("subnet {} ({cidr}) does not lie within the VPC ({vpc})", subnet.name))
                    .at(rules.document(), &steps!["spec", "network", "subnets", *index, "cidr"], "outside")
                    .at(rules.document(), &steps!["spec", "network", "vpc", "cidr"], "the VPC");
                rules.push(finding);
            }
        }
    }
    for (position, (index, subnet, cidr)) in new.iter().enumerate() {
        let path = steps!["spec", "network", "subnets", *index, "cidr"];
        length(rules, &format!("the range of subnet {}", subnet.name), *cidr, &path);
        for (other_index, other, other_cidr) in &new[..position] {
            if cidr.overlaps(*other_cidr) {
                let message = format!("subnets {} ({cidr}) and {} ({other_cidr}) overlap", subnet.name, other.name);
                let finding = rules.error(message).at(rules.document(), &path, "overlaps").at(
                    rules.document(),
                    &steps!["spec", "network", "subnets", *other_index, "cidr"],
                    "with this",
                );
                rules.push(finding);
            }
        }
    }
    pods_and_services(rules);
}

fn length(rules: &mut Rules<'_>, what: &str, cidr: Cidr, path: &[super::Step]) {
    if !LENGTHS.contains(&cidr.net().prefix_len()) {
        rules.wrong(path, format!("{what} ({cidr}) is /{}, and AWS takes /16 to /28", cidr.net().prefix_len()));
    }
}

/// The ranges of pods, services and the VPC may not meet.
fn pods_and_services(rules: &mut Rules<'_>) {
    let network = &rules.spec().network;
    let pods = ("the pods' range", network.pod_cidr, steps!["spec", "network", "podCIDR"].to_vec());
    let services = ("the services' range", network.service_cidr, steps!["spec", "network", "serviceCIDR"].to_vec());
    let vpc = match network.vpc {
        Vpc::Cidr(cidr) => Some(("the VPC", cidr, steps!["spec", "network", "vpc", "cidr"].to_vec())),
        Vpc::Id(_) => None,
    };
    // With the Amazon VPC plug-in pods have addresses of the VPC, and the pods' range is not used.
    let pods = (network.cni != Cni::AmazonVpc).then_some(pods);
    let mut pairs = Vec::new();
    for (one, other) in [(&pods, &vpc), (&Some(services.clone()), &vpc), (&Some(services), &pods)] {
        pairs.extend(one.clone().zip(other.clone()));
    }
    for ((one, one_cidr, one_path), (other, other_cidr, other_path)) in pairs {
        if one_cidr.overlaps(other_cidr) {
            let finding = rules
                .error(format!("{one} ({one_cidr}) overlaps with {other} ({other_cidr})"))
                .at(rules.document(), &one_path, "overlaps")
                .at(rules.document(), &other_path, "with this");
            rules.push(finding);
        }
    }
    let length = network.service_cidr.net().prefix_len();
    // kube-apiserver refuses more than 20 bits ("specified --service-cluster-ip-range is too large").
    if !(12..=28).contains(&length) {
        rules.wrong(
            &steps!["spec", "network", "serviceCIDR"],
            format!("the services' range is /{length}, and Kubernetes takes /12 to /28"),
        );
    }
}

/// Every node takes a part of the pods' range, and every pod of the node an address of that part.
fn room_for_pods(rules: &mut Rules<'_>) {
    let network = &rules.spec().network;
    if network.cni == Cni::AmazonVpc {
        return;
    }
    let mask = rules.spec().kubernetes.controller_manager.node_cidr_mask_size;
    let pods = network.pod_cidr.net().prefix_len();
    let mask_path = steps!["spec", "kubernetes", "controllerManager", "nodeCIDRMaskSize"];
    if mask > 28 || mask < pods {
        rules.wrong(&mask_path, format!("a node's part of {} cannot be /{mask}", network.pod_cidr));
        return;
    }
    let members = rules.spec().control_plane.members.len() as u64;
    let nodes = members + rules.groups.iter().map(|group| u64::from(group.manifest.spec.max_size)).sum::<u64>();
    let room = 1_u64 << (mask - pods).min(63);
    if nodes > room {
        let message = format!(
            "the pods' range {} has room for {room} nodes of a /{mask} each, and all groups together have up to {nodes}",
            network.pod_cidr
        );
        let finding = rules
            .error(message)
            .at(rules.document(), &steps!["spec", "network", "podCIDR"], "too small")
            .hint("use a larger podCIDR, or smaller groups");
        rules.push(finding);
    }
    let addresses = 1_u64 << (32 - mask);
    for group in rules.groups {
        let max_pods = group.manifest.spec.kubelet.over(&rules.spec().kubernetes.kubelet).resolve().max_pods;
        // Two addresses are the node's own.
        if u64::from(max_pods) + 2 > addresses {
            let finding = rules
                .error(format!("{max_pods} pods do not fit into a node's /{mask} of {addresses} addresses"))
                .at(&group.document, &steps!["spec", "kubelet", "maxPods"], "")
                .hint("lower kubelet.maxPods, or controllerManager.nodeCIDRMaskSize");
            rules.push(finding);
        }
    }
}

fn nat(rules: &mut Rules<'_>) {
    let network = &rules.spec().network;
    let path = steps!["spec", "network", "nat"];
    match (network.nat(), network.existing_vpc()) {
        (Nat::Existing, None) => {
            let finding = rules
                .error("nat: existing is for an existing VPC, but this one is new")
                .at(rules.document(), &path, "")
                .at(rules.document(), &steps!["spec", "network", "vpc", "cidr"], "a new VPC")
                .hint("write perZone, single or none");
            rules.push(finding);
        }
        (Nat::PerZone | Nat::Single, Some(_)) => {
            let finding = rules
                .error("windlass makes no NAT gateway in a VPC of others")
                .at(rules.document(), &path, "")
                .at(rules.document(), &steps!["spec", "network", "vpc", "id"], "an existing VPC")
                .hint("write existing, or none");
            rules.push(finding);
        }
        (Nat::PerZone, None) => {
            let public =
                |zone| network.subnets.iter().any(|it| it.subnet_type == SubnetType::Public && &it.zone == zone);
            let mut named = Vec::new();
            for subnet in network.subnets.iter().filter(|subnet| subnet.subnet_type == SubnetType::Private) {
                if !public(&subnet.zone) && !named.contains(&&subnet.zone) {
                    named.push(&subnet.zone);
                    let finding = rules
                        .error(format!("a NAT gateway in {} needs a public subnet there", subnet.zone))
                        .at(rules.document(), &path, "")
                        .hint(format!("add a subnet of type public in {}, or write nat: single", subnet.zone));
                    rules.push(finding);
                }
            }
        }
        (Nat::Single, None) if !network.subnets.iter().any(|it| it.subnet_type == SubnetType::Public) => {
            let finding = rules
                .error("a NAT gateway needs a public subnet, and there is none")
                .at(rules.document(), &path, "")
                .hint("add a subnet of type public, or write nat: none");
            rules.push(finding);
        }
        (Nat::Single | Nat::None, None) | (Nat::Existing | Nat::None, Some(_)) => {}
    }
}
