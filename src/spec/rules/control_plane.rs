//! Members, quorum, etcd.

use super::super::read::{nearest, steps};
use super::{Rules, repeats};

pub(super) fn check(rules: &mut Rules<'_>) {
    members(rules);
    addresses(rules);
    etcd(rules);
}

fn members(rules: &mut Rules<'_>) {
    let members = &rules.spec().control_plane.members;
    let count = members.len();
    if !matches!(count, 1 | 3 | 5) {
        let finding = rules
            .error(format!("{count} control-plane members: 1, 3 or 5 are possible"))
            .at(rules.document(), &steps!["spec", "controlPlane", "members"], "")
            .hint("etcd needs a majority: an even number tolerates no more failures than one member fewer");
        rules.push(finding);
    }
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let subnets: Vec<&str> = members.iter().map(|member| member.subnet.as_str()).collect();
    for (values, field, what) in [(&names, "name", "are called"), (&subnets, "subnet", "are in subnet")] {
        for (first, second) in repeats(values) {
            let finding = rules
                .error(format!("two control-plane members {what} {:?}", values[second]))
                .at(rules.document(), &steps!["spec", "controlPlane", "members", second, field], "again here")
                .at(rules.document(), &steps!["spec", "controlPlane", "members", first, field], "first here");
            rules.push(finding);
        }
    }
    let network = &rules.spec().network;
    let known: Vec<&str> = network.subnets.iter().map(|subnet| subnet.name.as_str()).collect();
    let mut zones = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let path = steps!["spec", "controlPlane", "members", index, "subnet"];
        let Some(subnet) = network.subnet(&member.subnet) else {
            let finding =
                unknown_subnet(rules, member.subnet.as_str(), &known).at(rules.document(), &path, "unknown subnet");
            rules.push(finding);
            continue;
        };
        if let Some(&(first, _)) = zones.iter().find(|(_, zone)| *zone == &subnet.zone)
            && subnets[first] != subnets[index]
        {
            let finding = rules
                .warning(format!("two control-plane members are in {}: its failure can take the majority", subnet.zone))
                .at(rules.document(), &path, "again here")
                .at(rules.document(), &steps!["spec", "controlPlane", "members", first, "subnet"], "first here");
            rules.push(finding);
        }
        zones.push((index, &subnet.zone));
    }
}

/// A reference to a subnet that does not exist.
pub(super) fn unknown_subnet<'a>(rules: &Rules<'a>, name: &str, known: &[&str]) -> super::Finding<'a> {
    let near = nearest(name, known).map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
    rules
        .error(format!("there is no subnet {name:?}"))
        .hint(format!("{near}subnets of the cluster: {}", known.join(", ")))
}

fn addresses(rules: &mut Rules<'_>) {
    let members = &rules.spec().control_plane.members;
    let given: Vec<_> = members.iter().map(|member| member.address).collect();
    for (first, second) in repeats(&given).filter(|&(_, second)| given[second].is_some()) {
        let finding = rules
            .error("two control-plane members have the same address")
            .at(rules.document(), &steps!["spec", "controlPlane", "members", second, "address"], "again here")
            .at(rules.document(), &steps!["spec", "controlPlane", "members", first, "address"], "first here");
        rules.push(finding);
    }
    for (index, member) in members.iter().enumerate() {
        let subnet = rules.spec().network.subnet(&member.subnet);
        let (Some(address), Some(cidr)) = (member.address, subnet.and_then(|subnet| subnet.cidr)) else { continue };
        let net = cidr.net();
        // AWS keeps the first four addresses of a subnet and the last one (VPC user guide, "Subnet CIDR blocks").
        let offset = u32::from(address).wrapping_sub(u32::from(net.network()));
        let message = if !net.contains(&address) {
            format!("{address} does not lie in subnet {} ({cidr})", member.subnet)
        } else if offset < 4 || address == net.broadcast() {
            format!("AWS keeps {address} for itself: the first four addresses of a subnet, and the last one")
        } else {
            continue;
        };
        rules.wrong(&steps!["spec", "controlPlane", "members", index, "address"], message);
    }
}

fn etcd(rules: &mut Rules<'_>) {
    let control_plane = &rules.spec().control_plane;
    let etcd = &control_plane.etcd;
    let path = |field: &str| steps!["spec", "controlPlane", "etcd", field];
    if etcd.heartbeat_interval == 0 {
        rules.wrong(&path("heartbeatInterval"), "a heartbeat needs at least one millisecond between two");
    }
    // etcd refuses to start otherwise ("--election-timeout should be at least as 5 times as --heartbeat-interval").
    if u64::from(etcd.election_timeout) < 5 * u64::from(etcd.heartbeat_interval) {
        let finding = rules
            .error(format!(
                "an election timeout of {} ms is less than 5 heartbeats of {} ms",
                etcd.election_timeout, etcd.heartbeat_interval
            ))
            .at(rules.document(), &path("electionTimeout"), "")
            .at(rules.document(), &path("heartbeatInterval"), "");
        rules.push(finding);
    }
    if !(1..=8).contains(&etcd.quota_backend_gb) {
        let quota = etcd.quota_backend_gb;
        rules.wrong(&path("quotaBackendGB"), format!("{quota} GiB is not possible: etcd takes 1 to 8"));
    }
    // The database, its write-ahead log and a snapshot beside it while it is defragmented.
    let size = control_plane.volumes.etcd.size;
    if size < 2 * etcd.quota_backend_gb {
        let finding = rules
            .error(format!("an etcd volume of {size} GiB is too small for a database of {} GiB", etcd.quota_backend_gb))
            .at(rules.document(), &steps!["spec", "controlPlane", "volumes", "etcd", "size"], "")
            .hint("it needs twice the quota: defragmentation writes the database a second time");
        rules.push(finding);
    }
}
