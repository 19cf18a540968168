//! What only one object at a time can have: two subnets never share addresses, two roles never a name.

use crate::resource::{Address, Kind, Reference, Resource};

/// Whether `new` cannot be made while `old` exists, though they are at different addresses.
pub(super) fn collide(old: &Resource, new: &Resource) -> bool {
    match (old, new) {
        (Resource::Subnet(old), Resource::Subnet(new)) => {
            let overlap = old.cidr.contains(&new.cidr) || new.cidr.contains(&old.cidr);
            old.vpc == new.vpc && overlap
        }
        // A subnet has one route table.
        (Resource::RouteTable(old), Resource::RouteTable(new)) => {
            old.subnets.iter().any(|subnet| new.subnets.contains(subnet))
        }
        (Resource::InternetGateway(old), Resource::InternetGateway(new)) => old.vpc == new.vpc,
        (Resource::SecurityGroup(old), Resource::SecurityGroup(new)) => old.vpc == new.vpc && old.name == new.name,
        (Resource::NetworkInterface(old), Resource::NetworkInterface(new)) => {
            old.subnet == new.subnet && old.private_address.is_some() && old.private_address == new.private_address
        }
        (Resource::Listener(old), Resource::Listener(new)) => {
            old.load_balancer == new.load_balancer && old.port == new.port
        }
        (Resource::Role(old), Resource::Role(new)) => old.name == new.name,
        (Resource::InstanceProfile(old), Resource::InstanceProfile(new)) => old.name == new.name,
        (Resource::LoadBalancer(old), Resource::LoadBalancer(new)) => old.name == new.name,
        (Resource::TargetGroup(old), Resource::TargetGroup(new)) => old.name == new.name,
        (Resource::LaunchTemplate(old), Resource::LaunchTemplate(new)) => old.name == new.name,
        (Resource::AutoScalingGroup(old), Resource::AutoScalingGroup(new)) => old.name == new.name,
        (Resource::ScheduledAction(old), Resource::ScheduledAction(new)) => {
            old.group == new.group && old.name == new.name
        }
        // A CNAME stands alone; other than that, type and weight may differ. A change of the kind of routing does not
        // mix with what is there (ChangeResourceRecordSets), so the whole name is claimed.
        (Resource::RecordSet(old), Resource::RecordSet(new)) => {
            let same_set =
                old.weight.as_ref().map(|it| &it.set_identifier) == new.weight.as_ref().map(|it| &it.set_identifier);
            let alone = old.record_type == "CNAME" || new.record_type == "CNAME";
            let mixed = old.weight.is_some() != new.weight.is_some();
            let same_type = old.record_type == new.record_type;
            old.zone == new.zone && old.name == new.name && (alone || (same_type && (same_set || mixed)))
        }
        _ => false,
    }
}

/// A subnet that a route table lets go of in place, before another takes it.
pub(super) fn takes_subnet_from(giver: (&Resource, &Resource), taker: &Resource) -> bool {
    let ((Resource::RouteTable(before), Resource::RouteTable(after)), Resource::RouteTable(taker)) = (giver, taker)
    else {
        return false;
    };
    let given = |subnet: &Reference| before.subnets.contains(subnet) && !after.subnets.contains(subnet);
    taker.subnets.iter().any(given)
}

/// Whether an address may collide with another at all: only within a kind.
pub(super) fn same_kind(one: &Address, other: &Address) -> bool {
    let kind: Kind = one.kind();
    kind == other.kind() && one != other
}
